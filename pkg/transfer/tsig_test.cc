#include "transfer/tsig.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>

#include <doctest/doctest.h>
#include <ldns/ldns.h>

#include "dns/message.h"

namespace zc::transfer {
namespace {

using Octets = std::vector<std::uint8_t>;

constexpr TsigAlgorithm all_algorithms[] = {TsigAlgorithm::hmac_md5,    TsigAlgorithm::hmac_sha1,
                                            TsigAlgorithm::hmac_sha224, TsigAlgorithm::hmac_sha256,
                                            TsigAlgorithm::hmac_sha384, TsigAlgorithm::hmac_sha512};
constexpr base::Instant now{1'700'000'000'000'000'000};
constexpr const char* secret_text = "MTIzNDU2Nzg5MGFiY2RlZmdoaWprbG1ub3BxcnN0dXY=";

TsigKey make_key(TsigAlgorithm algorithm, const std::string& name = "Key.Example.") {
    auto key = parse_tsig_key(std::string(to_string(algorithm)) + ':' + name + ':' + secret_text);
    REQUIRE(key.has_value());
    return *std::move(key);
}

Octets make_message(std::uint16_t id, std::string_view name = "example.") {
    return dns::encode_query(*dns::Name::parse(name), dns::RrType::soa, {.id = id});
}

struct FreePacket {
    void operator()(ldns_pkt* packet) const { ldns_pkt_free(packet); }
};
using Packet = std::unique_ptr<ldns_pkt, FreePacket>;
struct FreeRdf {
    void operator()(ldns_rdf* rdf) const { ldns_rdf_deep_free(rdf); }
};
using Rdf = std::unique_ptr<ldns_rdf, FreeRdf>;

Packet packet_of(const Octets& octets) {
    ldns_pkt* packet = nullptr;
    REQUIRE(ldns_wire2pkt(&packet, octets.data(), octets.size()) == LDNS_STATUS_OK);
    return Packet(packet);
}

/// A MAC as ldns keeps it: with its length in front.
Rdf mac_rdf(base::Octets mac) {
    Octets octets(2 + mac.size());
    base::store_u16(octets.data(), static_cast<std::uint16_t>(mac.size()));
    std::copy(mac.begin(), mac.end(), octets.begin() + 2);
    return Rdf(ldns_rdf_new_frm_data(LDNS_RDF_TYPE_INT16_DATA, octets.size(), octets.data()));
}

/// The algorithms of ldns 1.8. The end-to-end test asks Knot and BIND about the others.
bool is_known_to_ldns(TsigAlgorithm algorithm) {
    return algorithm != TsigAlgorithm::hmac_sha224 && algorithm != TsigAlgorithm::hmac_sha384;
}

TEST_CASE("ldns verifies what is signed here, request and stream") {
    for (const TsigAlgorithm algorithm : all_algorithms) {
        if (!is_known_to_ldns(algorithm)) continue;
        CAPTURE(to_string(algorithm));
        const TsigKey key = make_key(algorithm);
        const auto verifies = [&](const Octets& message, const ldns_rdf* mac, int timers_only) {
            const Packet packet = packet_of(message);
            return ldns_pkt_tsig_verify_next(packet.get(), message.data(), message.size(),
                                             "key.example.", secret_text, mac, timers_only);
        };
        TsigSigner client(key);
        Octets request = make_message(77);
        REQUIRE(client.sign(request, now));
        CHECK(verifies(request, nullptr, 0));

        TsigSigner server(key, client.mac());
        Octets first = make_message(77, "first.example.");
        Rdf prior = mac_rdf(client.mac());
        REQUIRE(server.sign(first, now));
        CHECK(verifies(first, prior.get(), 0));
        CHECK_FALSE(verifies(first, nullptr, 0));

        Octets second = make_message(77, "second.example.");
        prior = mac_rdf(server.mac());
        REQUIRE(server.sign(second, now));
        CHECK(verifies(second, prior.get(), 1));
    }
}

TEST_CASE("what ldns signs is verified here") {
    for (const TsigAlgorithm algorithm : all_algorithms) {
        if (!is_known_to_ldns(algorithm)) continue;
        CAPTURE(to_string(algorithm));
        const TsigKey key = make_key(algorithm);
        const std::string wire_name = algorithm == TsigAlgorithm::hmac_md5
                                          ? "hmac-md5.sig-alg.reg.int."
                                          : std::string(to_string(algorithm)) + '.';
        const Octets plain = make_message(99);
        const Packet packet = packet_of(plain);
        REQUIRE(ldns_pkt_tsig_sign(packet.get(), "key.example.", secret_text, 300,
                                   wire_name.c_str(), nullptr) == LDNS_STATUS_OK);
        std::uint8_t* wire = nullptr;
        std::size_t size = 0;
        REQUIRE(ldns_pkt2wire(&wire, packet.get(), &size) == LDNS_STATUS_OK);
        const Octets octets(wire, wire + size);
        std::free(wire);
        const auto found = find_tsig(octets);
        REQUIRE(found.has_value());
        REQUIRE(found->has_value());
        const base::Instant then{static_cast<std::int64_t>((*found)->time_seconds) * 1'000'000'000};
        TsigVerifier verifier(key);
        CHECK(verifier.verify(octets, then));
        CHECK(verifier.finish());
    }
}

/// A request and a verifier for the responses to it.
struct Exchange {
    TsigKey key = make_key(TsigAlgorithm::hmac_sha256);
    TsigSigner client{key};
    Octets request = make_message(5);
    std::optional<TsigSigner> server;
    std::optional<TsigVerifier> verifier;

    Exchange() {
        REQUIRE(client.sign(request, now));
        server.emplace(key, client.mac());
        verifier.emplace(key, client.mac());
    }
    Octets signed_message() {
        Octets message = make_message(5);
        REQUIRE(server->sign(message, now));
        return message;
    }
};

TEST_CASE("a stream may leave out 99 signatures in a row, not one more, and not the last") {
    for (const std::uint32_t left_out : {0U, 1U, 99U, 100U}) {
        CAPTURE(left_out);
        Exchange exchange;
        REQUIRE(exchange.verifier->verify(exchange.signed_message(), now));
        CHECK(exchange.verifier->finish());
        Status status;
        for (std::uint32_t i = 0; i < left_out && status; ++i) {
            const Octets message = make_message(5, "m" + std::to_string(i) + ".example.");
            exchange.server->pass_unsigned(message);
            status = exchange.verifier->verify(message, now);
        }
        CHECK(status.has_value() == (left_out <= unsigned_messages_max));
        if (!status) continue;
        if (left_out > 0) {
            TsigVerifier cut_off = std::move(*exchange.verifier);
            CHECK_FALSE(cut_off.finish());
            exchange.verifier.emplace(std::move(cut_off));
        }
        CHECK(exchange.verifier->verify(exchange.signed_message(), now));
        CHECK(exchange.verifier->finish());
    }
}

TEST_CASE("an unsigned message that was altered, lost or doubled breaks the next signature") {
    for (const int fault : {0, 1, 2, 3}) {
        CAPTURE(fault);
        Exchange exchange;
        REQUIRE(exchange.verifier->verify(exchange.signed_message(), now));
        Octets message = make_message(5, "unsigned.example.");
        exchange.server->pass_unsigned(message);
        if (fault == 1) message[13] ^= 1U;
        if (fault != 2) REQUIRE(exchange.verifier->verify(message, now));
        if (fault == 3) REQUIRE(exchange.verifier->verify(message, now));
        CHECK(exchange.verifier->verify(exchange.signed_message(), now).has_value() ==
              (fault == 0));
        CHECK((exchange.verifier->error() == TsigError::badsig) == (fault != 0));
    }
}

TEST_CASE("no octet of a signed message can be another") {
    Exchange exchange;
    const Octets message = exchange.signed_message();
    for (std::size_t at = 0; at < message.size(); ++at) {
        for (const unsigned bit : {0x01U, 0x80U}) {
            Octets altered = message;
            altered[at] = static_cast<std::uint8_t>(altered[at] ^ bit);
            TsigVerifier verifier(exchange.key, exchange.client.mac());
            const bool passes = verifier.verify(altered, now).has_value();
            // The id is replaced by the original id, and names are signed in lower case; neither
            // bit here is that of a case.
            CHECK(passes == (at < 2));
            if (passes != (at < 2)) MESSAGE("octet ", at);
        }
    }
}

TEST_CASE("each error of RFC 8945 section 5.2 is told") {
    const auto error_of = [](const Octets& message, const TsigKey& key, base::Octets mac,
                             base::Instant time = now) {
        TsigVerifier verifier(key, mac);
        CHECK_FALSE(verifier.verify(message, time));
        return verifier.error();
    };
    Exchange exchange;
    const Octets message = exchange.signed_message();
    const base::Octets mac = exchange.client.mac();

    CHECK(error_of(message, make_key(TsigAlgorithm::hmac_sha256, "other."), mac) ==
          TsigError::badkey);
    CHECK(error_of(message, make_key(TsigAlgorithm::hmac_sha512), mac) == TsigError::badkey);
    TsigKey other_secret = exchange.key;
    other_secret.secret[0] ^= 1U;
    CHECK(error_of(message, other_secret, mac) == TsigError::badsig);
    CHECK(error_of(message, exchange.key, {}) == TsigError::badsig);

    const base::Duration edge = base::Duration::seconds(tsig_fudge_seconds);
    const base::Duration second = base::Duration::seconds(1);
    CHECK(error_of(message, exchange.key, mac, now + edge + second) == TsigError::badtime);
    CHECK(error_of(message, exchange.key, mac, now - edge - second) == TsigError::badtime);
    for (const base::Instant time : {now + edge, now - edge}) {
        TsigVerifier verifier(exchange.key, mac);
        CHECK(verifier.verify(message, time));
    }

    // A MAC cut to `octets`: the field, its length and that of the RDATA.
    const auto cut = [&message](std::size_t octets) {
        const auto tsig = find_tsig(message);
        REQUIRE(tsig.has_value());
        Octets out = message;
        const std::size_t mac_at = message.size() - 6 - 32;
        out.erase(out.begin() + static_cast<std::ptrdiff_t>(mac_at + octets),
                  out.begin() + static_cast<std::ptrdiff_t>(mac_at + 32));
        base::store_u16(&out[mac_at - 2], static_cast<std::uint16_t>(octets));
        const std::size_t length_at = (*tsig)->at + (*tsig)->key.size() + 8;
        base::store_u16(&out[length_at], static_cast<std::uint16_t>(
                                             base::load_u16(&out[length_at]) - (32 - octets)));
        return out;
    };
    CHECK(error_of(cut(16), exchange.key, mac) == TsigError::badtrunc);
    CHECK(error_of(cut(15), exchange.key, mac) == TsigError::formerr);
    CHECK(error_of(cut(0), exchange.key, mac) == TsigError::formerr);
    CHECK(error_of(make_message(5), exchange.key, mac) == TsigError::formerr);
}

TEST_CASE("a TSIG record that is not the last of its message is none") {
    Exchange exchange;
    Octets message = exchange.signed_message();
    const auto tsig = find_tsig(message);
    REQUIRE((tsig.has_value() && tsig->has_value()));
    const Octets record(message.begin() + static_cast<std::ptrdiff_t>((*tsig)->at), message.end());
    Octets twice = message;
    twice.insert(twice.end(), record.begin(), record.end());
    base::store_u16(&twice[10], 2);
    CHECK_FALSE(find_tsig(twice));
    Octets trailing = message;
    trailing.push_back(0);
    CHECK_FALSE(find_tsig(trailing));
    Octets in_answer = message;
    base::store_u16(&in_answer[6], 1);
    base::store_u16(&in_answer[10], 0);
    CHECK_FALSE(find_tsig(in_answer));
    for (std::size_t size = 0; size < message.size(); ++size)
        CHECK_FALSE(find_tsig(base::Octets(message).first(size)));
    const auto none = find_tsig(make_message(1));
    REQUIRE(none.has_value());
    CHECK_FALSE(none->has_value());
}

TEST_CASE("keys are read in the forms of dig and BIND") {
    static constexpr struct {
        const char* text;
        const char* name;  // null: an error
        TsigAlgorithm algorithm;
    } rows[] = {
        {"hmac-sha512:K1.Example:c2VjcmV0", "k1.example.", TsigAlgorithm::hmac_sha512},
        {"  k1:c2VjcmV0\n", "k1.", TsigAlgorithm::hmac_sha256},
        {"HMAC-MD5.sig-alg.reg.int.:k:c2VjcmV0", "k.", TsigAlgorithm::hmac_md5},
        {"# a key\nkey \"k1\" {\n\talgorithm hmac-sha1;\n\tsecret \"c2VjcmV0\";\n};\n", "k1.",
         TsigAlgorithm::hmac_sha1},
        {"key k1 { secret c2VjcmV0; algorithm hmac-sha384; };", "k1.", TsigAlgorithm::hmac_sha384},
        {"", nullptr, {}},
        {"k1", nullptr, {}},
        {"k1:", nullptr, {}},
        {"k1:c2Vj!mV0", nullptr, {}},
        {"k1:c2VjcmV", nullptr, {}},
        {"hmac-sha3:k1:c2VjcmV0", nullptr, {}},
        {"hmac-sha256:k..1:c2VjcmV0", nullptr, {}},
        {"k1:c2VjcmV0 more", nullptr, {}},
        {"key \"k1", nullptr, {}},
        {"key k1 { algorithm hmac-sha1; secret c2VjcmV0;", nullptr, {}},
        {"key k1 { secret c2VjcmV0; };", nullptr, {}},
    };
    for (const auto& row : rows) {
        CAPTURE(row.text);
        const auto key = parse_tsig_key(row.text);
        REQUIRE(key.has_value() == (row.name != nullptr));
        if (!key) {
            CHECK(key.error().message.find("c2V") == std::string::npos);
            continue;
        }
        CHECK(dns::to_string(key->name) == row.name);
        CHECK(key->algorithm == row.algorithm);
        CHECK(key->secret == Octets{'s', 'e', 'c', 'r', 'e', 't'});
    }
}

}  // namespace
}  // namespace zc::transfer
