#include "transfer/tsig.h"

#include <algorithm>
#include <array>
#include <utility>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/check.h"
#include "dns/message.h"
#include "dns/presentation.h"
#include "dns/types.h"

namespace zc::transfer {

namespace {

constexpr std::uint16_t class_any = 255;

struct AlgorithmRow {
    TsigAlgorithm algorithm;
    const char* name;
    const char* wire_name;
    const char* digest;  // OpenSSL's name
    std::size_t mac_octets;
};
constexpr std::array<AlgorithmRow, 6> algorithms = {{
    {TsigAlgorithm::hmac_md5, "hmac-md5", "hmac-md5.sig-alg.reg.int.", "MD5", 16},
    {TsigAlgorithm::hmac_sha1, "hmac-sha1", "hmac-sha1.", "SHA1", 20},
    {TsigAlgorithm::hmac_sha224, "hmac-sha224", "hmac-sha224.", "SHA224", 28},
    {TsigAlgorithm::hmac_sha256, "hmac-sha256", "hmac-sha256.", "SHA256", 32},
    {TsigAlgorithm::hmac_sha384, "hmac-sha384", "hmac-sha384.", "SHA384", 48},
    {TsigAlgorithm::hmac_sha512, "hmac-sha512", "hmac-sha512.", "SHA512", 64},
}};

const AlgorithmRow& row_of(TsigAlgorithm algorithm) noexcept {
    return algorithms[static_cast<std::size_t>(algorithm)];
}

dns::Name wire_name_of(TsigAlgorithm algorithm) {
    return *dns::Name::parse(row_of(algorithm).wire_name);
}

struct FreeMac {
    void operator()(EVP_MAC* mac) const noexcept { EVP_MAC_free(mac); }
};
struct FreeContext {
    void operator()(EVP_MAC_CTX* context) const noexcept { EVP_MAC_CTX_free(context); }
};

/// One HMAC, over octets as they come.
class Hmac {
public:
    explicit Hmac(const TsigKey& key) {
        const std::unique_ptr<EVP_MAC, FreeMac> mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
        context_.reset(EVP_MAC_CTX_new(mac.get()));
        // OSSL_PARAM takes its text as not const, and does not write to it.
        std::string digest = row_of(key.algorithm).digest;
        const std::array<OSSL_PARAM, 2> parameters = {
            OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
            OSSL_PARAM_construct_end()};
        // An empty secret is a key too, and a null pointer would mean: the key as it was.
        static constexpr std::uint8_t nothing = 0;
        const std::uint8_t* secret = key.secret.empty() ? &nothing : key.secret.data();
        ZC_CHECK(context_ != nullptr);
        ZC_CHECK(EVP_MAC_init(context_.get(), secret, key.secret.size(), parameters.data()) == 1);
    }
    void add(base::Octets octets) {
        ZC_CHECK(EVP_MAC_update(context_.get(), octets.data(), octets.size()) == 1);
    }
    void add_u16(std::uint16_t value) {
        std::uint8_t octets[2];
        base::store_u16(octets, value);
        add(octets);
    }
    void add_u48(std::uint64_t value) {
        add_u16(static_cast<std::uint16_t>(value >> 32));
        add_u16(static_cast<std::uint16_t>(value >> 16));
        add_u16(static_cast<std::uint16_t>(value));
    }
    std::vector<std::uint8_t> finish() {
        std::vector<std::uint8_t> mac(mac_octets_max);
        std::size_t size = 0;
        ZC_CHECK(EVP_MAC_final(context_.get(), mac.data(), &size, mac.size()) == 1);
        mac.resize(size);
        return mac;
    }

private:
    std::unique_ptr<EVP_MAC_CTX, FreeContext> context_;
};

/// Passes over a name as it stands, compressed or not.
void skip_name(base::Reader& in) noexcept {
    for (;;) {
        const std::uint8_t length = in.u8();
        if (!in.ok() || length == 0) return;
        if ((length & 0xc0U) == 0xc0) return in.skip(1);
        if ((length & 0xc0U) != 0) return in.fail();
        in.skip(length);
    }
}

/// An uncompressed name (RFC 8945 section 4.2 for the algorithm's), folded.
std::optional<dns::Name> read_whole_name(base::Reader& in) {
    const std::size_t begin = in.offset();
    for (std::uint8_t length = in.u8(); in.ok() && length != 0; length = in.u8()) in.skip(length);
    if (!in.ok()) return std::nullopt;
    auto name = dns::Name::from_wire(in.whole().subspan(begin, in.offset() - begin));
    if (!name) return std::nullopt;
    name->fold_case();
    return *name;
}

}  // namespace

std::string_view to_string(TsigAlgorithm algorithm) noexcept {
    return row_of(algorithm).name;
}

std::size_t mac_octets(TsigAlgorithm algorithm) noexcept {
    return row_of(algorithm).mac_octets;
}

Result<TsigAlgorithm> parse_tsig_algorithm(std::string_view text) {
    std::string lower(text.substr(0, 64));
    for (char& c : lower) c = static_cast<char>(dns::fold(static_cast<std::uint8_t>(c)));
    if (lower.ends_with('.')) lower.pop_back();
    std::string known;
    for (const AlgorithmRow& row : algorithms) {
        if (lower == row.name || lower + '.' == row.wire_name) return row.algorithm;
        known += (known.empty() ? "" : ", ") + std::string(row.name);
    }
    return fail(Errc::malformed, "TSIG algorithm " + lower + ", wanted one of " + known);
}

std::string to_string(TsigError error) {
    switch (error) {
        case TsigError::none:
            return "NOERROR";
        case TsigError::formerr:
            return "FORMERR";
        case TsigError::badsig:
            return "BADSIG";
        case TsigError::badkey:
            return "BADKEY";
        case TsigError::badtime:
            return "BADTIME";
        case TsigError::badtrunc:
            return "BADTRUNC";
    }
    return "error " + std::to_string(static_cast<unsigned>(error));
}

namespace {

Result<TsigKey> make_key(std::string_view algorithm, std::string_view name,
                         std::string_view secret) {
    TsigKey key;
    ZC_TRY(key.algorithm, parse_tsig_algorithm(algorithm));
    auto parsed = dns::Name::parse(name);
    if (!parsed) return fail(Errc::malformed, "the name of a TSIG key: " + parsed.error().message);
    key.name = *parsed;
    key.name.fold_case();
    // The base64 of a DNSKEY's fields is the same alphabet: its parser, with a head of four octets.
    std::vector<std::uint8_t> rdata;
    if (secret.empty() || secret.size() > secret_octets_max * 4 / 3 + 4 ||
        secret.find_first_not_of(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") !=
            std::string_view::npos ||
        !dns::parse_rdata("0 0 0 " + std::string(secret), dns::RrType::dnskey, {}, rdata))
        return fail(Errc::malformed, "the secret of TSIG key " + dns::to_string(key.name) +
                                         " is not base64 of 1 to " +
                                         std::to_string(secret_octets_max) + " octets");
    key.secret.assign(rdata.begin() + 4, rdata.end());
    return key;
}

/// Words of BIND's configuration: quoted, or up to a blank, a brace or a semicolon; comments are
/// passed over.
class Words {
public:
    explicit Words(std::string_view text) : text_(text) {}
    /// Empty at the end.
    std::string_view next() {
        skip_blanks();
        if (at_ == text_.size()) return {};
        const std::size_t begin = at_;
        if (text_[at_] == '"') {
            const std::size_t end = text_.find('"', at_ + 1);
            if (end == std::string_view::npos) {
                at_ = text_.size();
                return {};
            }
            at_ = end + 1;
            return text_.substr(begin + 1, end - begin - 1);
        }
        if (is_mark(text_[at_])) return text_.substr(at_++, 1);
        while (at_ < text_.size() && !is_blank(text_[at_]) && !is_mark(text_[at_])) ++at_;
        return text_.substr(begin, at_ - begin);
    }

private:
    static bool is_blank(char c) noexcept {
        return c == ' ' || c == '\t' || c == '\n' || c == '\r';
    }
    static bool is_mark(char c) noexcept { return c == '{' || c == '}' || c == ';'; }
    void skip_blanks() noexcept {
        for (;;) {
            while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
            const std::string_view rest = text_.substr(at_);
            if (!rest.starts_with('#') && !rest.starts_with("//")) return;
            at_ = std::min(text_.find('\n', at_), text_.size());
        }
    }
    std::string_view text_;
    std::size_t at_ = 0;
};

constexpr const char* key_forms =
    "wanted [ALGORITHM:]NAME:SECRET, or key \"NAME\" { algorithm …; secret \"…\"; };";

Result<TsigKey> parse_key_statement(Words& words) {
    const std::string_view name = words.next();
    std::string_view algorithm, secret;
    if (words.next() != "{") return fail(Errc::malformed, key_forms);
    for (std::string_view word = words.next(); word != "}"; word = words.next()) {
        if (word == "algorithm")
            algorithm = words.next();
        else if (word == "secret")
            secret = words.next();
        else if (word != ";")
            return fail(Errc::malformed, key_forms);
    }
    return make_key(algorithm, name, secret);
}

}  // namespace

Result<TsigKey> parse_tsig_key(std::string_view text) {
    Words words(text);
    const std::string_view first = words.next();
    if (first == "key") return parse_key_statement(words);
    if (!words.next().empty()) return fail(Errc::malformed, key_forms);
    const std::size_t colon = first.find(':');
    if (colon == std::string_view::npos) return fail(Errc::malformed, key_forms);
    const std::size_t second = first.find(':', colon + 1);
    if (second == std::string_view::npos)
        return make_key("hmac-sha256", first.substr(0, colon), first.substr(colon + 1));
    return make_key(first.substr(0, colon), first.substr(colon + 1, second - colon - 1),
                    first.substr(second + 1));
}

Result<std::optional<Tsig>> find_tsig(base::Octets message) {
    base::Reader in(message);
    in.skip(4);
    const std::uint16_t questions = in.u16();
    std::uint32_t records = std::uint32_t{in.u16()} + in.u16();
    const std::uint16_t additional = in.u16();
    records += additional;
    for (std::uint16_t i = 0; i < questions && in.ok(); ++i) {
        skip_name(in);
        in.skip(4);
    }
    for (std::uint32_t left = records; left > 0 && in.ok(); --left) {
        const std::size_t at = in.offset();
        skip_name(in);
        const std::uint16_t type = in.u16();
        const std::uint16_t rr_class = in.u16();
        const std::uint32_t ttl = in.u32();
        const std::uint16_t octets = in.u16();
        const std::size_t rdata_at = in.offset();
        in.skip(octets);
        if (!in.ok() || type != static_cast<std::uint16_t>(dns::RrType::tsig)) continue;
        if (left != 1 || additional == 0 || !in.at_end())
            return fail(Errc::malformed, "a TSIG record that does not close its message");
        Tsig tsig;
        tsig.at = at;
        base::Reader owner(message);
        owner.seek(at);
        auto name = dns::read_name(owner);
        if (!name) return tl::unexpected<Error>(name.error());
        tsig.key = *name;
        tsig.key.fold_case();
        base::Reader rdata(message.subspan(rdata_at, octets));
        const auto algorithm = read_whole_name(rdata);
        const std::uint64_t high = rdata.u16();
        tsig.time_seconds = (high << 32) | rdata.u32();
        tsig.fudge_seconds = rdata.u16();
        tsig.mac = rdata.octets(rdata.u16());
        tsig.original_id = rdata.u16();
        tsig.error = static_cast<TsigError>(rdata.u16());
        tsig.other = rdata.octets(rdata.u16());
        if (!algorithm || !rdata.ok() || !rdata.at_end() || rr_class != class_any || ttl != 0)
            return fail(Errc::malformed, "a TSIG record that is not well-formed");
        tsig.algorithm = *algorithm;
        return std::optional<Tsig>(tsig);
    }
    if (!in.ok()) return fail(Errc::malformed, "a message that is cut short");
    return std::optional<Tsig>();
}

/// The MACs of one direction, each covering the one before.
struct TsigSigner::Chain {
    explicit Chain(TsigKey with, base::Octets prior)
        : key(std::move(with)),
          algorithm(wire_name_of(key.algorithm)),
          mac(prior.begin(), prior.end()) {}

    TsigKey key;
    dns::Name algorithm;
    std::vector<std::uint8_t> mac;  // of the last signed message
    bool first = true;
    std::unique_ptr<Hmac> open;  // has the MAC before, and unsigned messages since
    std::uint32_t unsigned_count = 0;

    Hmac& begin() {
        if (!open) {
            open = std::make_unique<Hmac>(key);
            if (!mac.empty()) {
                open->add_u16(static_cast<std::uint16_t>(mac.size()));
                open->add(mac);
            }
        }
        return *open;
    }

    void add_unsigned(base::Octets message) {
        begin().add(message);
        ++unsigned_count;
    }

    /// `message` without its record, whose ARCOUNT does not count it and whose id is the original
    /// one (RFC 8945 section 4.3.2).
    std::vector<std::uint8_t> digest(base::Octets message, std::uint16_t id,
                                     std::uint16_t additional, const Tsig& tsig) {
        Hmac& hmac = begin();
        std::array<std::uint8_t, dns::header_octets> header;
        std::copy_n(message.begin(), dns::header_octets, header.begin());
        base::store_u16(header.data(), id);
        base::store_u16(header.data() + 10, additional);
        hmac.add(header);
        hmac.add(message.subspan(dns::header_octets));
        if (first) {  // section 4.3.3; behind the first message of a stream the timers only (5.3.1)
            hmac.add(key.name.wire());
            hmac.add_u16(class_any);
            hmac.add_u16(0);
            hmac.add_u16(0);
            hmac.add(algorithm.wire());
        }
        hmac.add_u48(tsig.time_seconds);
        hmac.add_u16(tsig.fudge_seconds);
        if (first) {
            hmac.add_u16(static_cast<std::uint16_t>(tsig.error));
            hmac.add_u16(static_cast<std::uint16_t>(tsig.other.size()));
            hmac.add(tsig.other);
        }
        std::vector<std::uint8_t> out = hmac.finish();
        open.reset();
        return out;
    }

    void signed_one(std::vector<std::uint8_t> of) {
        mac = std::move(of);
        first = false;
        unsigned_count = 0;
    }
};

TsigSigner::TsigSigner(TsigKey key, base::Octets prior_mac)
    : chain_(std::make_unique<Chain>(std::move(key), prior_mac)) {}
TsigSigner::~TsigSigner() = default;
TsigSigner::TsigSigner(TsigSigner&&) noexcept = default;
TsigSigner& TsigSigner::operator=(TsigSigner&&) noexcept = default;

base::Octets TsigSigner::mac() const noexcept {
    return chain_->mac;
}

void TsigSigner::pass_unsigned(base::Octets message) {
    chain_->add_unsigned(message);
}

Status TsigSigner::sign(std::vector<std::uint8_t>& message, base::Instant now) {
    Chain& chain = *chain_;
    ZC_CHECK(message.size() >= dns::header_octets);
    const std::size_t rdata_octets = chain.algorithm.size() + 16 + mac_octets(chain.key.algorithm);
    const std::size_t octets = chain.key.name.size() + 10 + rdata_octets;
    const std::uint16_t additional = base::load_u16(&message[10]);
    if (message.size() + octets > dns::message_octets_max || additional == 0xffff)
        return fail(Errc::limit, "a message of " + std::to_string(message.size()) +
                                     " octets has no room for a TSIG record");
    Tsig tsig;
    tsig.time_seconds = now.unix_seconds();
    tsig.fudge_seconds = tsig_fudge_seconds;
    tsig.original_id = base::load_u16(message.data());
    auto mac = chain.digest(message, tsig.original_id, additional, tsig);

    std::vector<std::uint8_t> record(octets);
    base::Writer out(record);
    out.octets(chain.key.name.wire());
    out.u16(static_cast<std::uint16_t>(dns::RrType::tsig));
    out.u16(class_any);
    out.u32(0);
    out.u16(static_cast<std::uint16_t>(rdata_octets));
    out.octets(chain.algorithm.wire());
    out.u16(static_cast<std::uint16_t>(tsig.time_seconds >> 32));
    out.u32(static_cast<std::uint32_t>(tsig.time_seconds));
    out.u16(tsig.fudge_seconds);
    out.u16(static_cast<std::uint16_t>(mac.size()));
    out.octets(mac);
    out.u16(tsig.original_id);
    out.u16(0);
    out.u16(0);
    ZC_CHECK(out.ok() && out.size() == octets);
    message.insert(message.end(), record.begin(), record.end());
    base::store_u16(&message[10], static_cast<std::uint16_t>(additional + 1));
    chain.signed_one(std::move(mac));
    return {};
}

TsigVerifier::TsigVerifier(TsigKey key, base::Octets prior_mac)
    : chain_(std::make_unique<TsigSigner::Chain>(std::move(key), prior_mac)) {}
TsigVerifier::~TsigVerifier() = default;
TsigVerifier::TsigVerifier(TsigVerifier&&) noexcept = default;
TsigVerifier& TsigVerifier::operator=(TsigVerifier&&) noexcept = default;

base::Octets TsigVerifier::mac() const noexcept {
    return chain_->mac;
}

tl::unexpected<Error> TsigVerifier::refuse(TsigError error, std::string why) {
    error_ = error;
    return fail(Errc::invalid, "TSIG " + to_string(error) + ": " + std::move(why));
}

Status TsigVerifier::verify(base::Octets message, base::Instant now) {
    TsigSigner::Chain& chain = *chain_;
    auto found = find_tsig(message);
    if (!found) return refuse(TsigError::formerr, found.error().message);
    if (!*found) {
        if (chain.first) return refuse(TsigError::formerr, "the message is not signed");
        if (chain.unsigned_count == unsigned_messages_max)
            return refuse(TsigError::formerr, "more than " + std::to_string(unsigned_messages_max) +
                                                  " messages in a row without a signature");
        chain.add_unsigned(message);
        return {};
    }
    const Tsig& tsig = **found;
    // Section 5.2: the key, then the MAC, then the time. The other side may send a complaint
    // unsigned (5.3.2).
    if (tsig.error != TsigError::none && tsig.error != TsigError::badtime) {
        error_ = tsig.error;
        return fail(Errc::invalid,
                    "the other side refuses the TSIG of the request: " + to_string(tsig.error));
    }
    if (!equal(tsig.key, chain.key.name))
        return refuse(TsigError::badkey, "signed with key " + dns::to_string(tsig.key) +
                                             ", wanted " + dns::to_string(chain.key.name));
    if (!equal(tsig.algorithm, chain.algorithm))
        return refuse(TsigError::badkey, "signed with " + dns::to_string(tsig.algorithm) +
                                             ", wanted " + dns::to_string(chain.algorithm));
    const std::size_t wanted = mac_octets(chain.key.algorithm);
    // Section 5.2.2.1: shorter than these is no MAC; what is cut short at all is not taken here.
    if (tsig.mac.size() > wanted || tsig.mac.size() < std::max<std::size_t>(10, wanted / 2))
        return refuse(TsigError::formerr, "a MAC of " + std::to_string(tsig.mac.size()) +
                                              " octets, wanted " + std::to_string(wanted));
    const std::uint16_t additional = base::load_u16(message.data() + 10);
    auto mac = chain.digest(message.first(tsig.at), tsig.original_id,
                            static_cast<std::uint16_t>(additional - 1), tsig);
    if (CRYPTO_memcmp(mac.data(), tsig.mac.data(), tsig.mac.size()) != 0)
        return refuse(TsigError::badsig,
                      "the MAC does not fit: another secret, or an altered "
                      "message");
    if (tsig.mac.size() < wanted)
        return refuse(TsigError::badtrunc, "a MAC of " + std::to_string(tsig.mac.size()) +
                                               " octets, wanted " + std::to_string(wanted));
    const std::uint64_t now_seconds = now.unix_seconds();
    const std::uint64_t apart =
        std::max(now_seconds, tsig.time_seconds) - std::min(now_seconds, tsig.time_seconds);
    if (tsig.error == TsigError::badtime || apart > tsig.fudge_seconds)
        return refuse(TsigError::badtime, "the clocks of the two sides differ by more than " +
                                              std::to_string(tsig.fudge_seconds) + " seconds");
    chain.signed_one(std::move(mac));
    return {};
}

Status TsigVerifier::finish() {
    if (chain_->first || chain_->unsigned_count != 0)
        return refuse(TsigError::formerr, "the last message is not signed");
    return {};
}

}  // namespace zc::transfer
