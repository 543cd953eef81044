#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <poll.h>
#include <sys/socket.h>

#include "base/check.h"
#include "dns/message.h"
#include "dns/presentation.h"
#include "net/framing.h"
#include "runtime/clock.h"
#include "runtime/random.h"
#include "transfer/transfer.h"

namespace zc::transfer {

namespace {

constexpr int poll_milliseconds = 200;  // how soon a wait notices that it should stop

Status check_stop(const AxfrOptions& options) {
    if (options.stop_or_null != nullptr && options.stop_or_null->load(std::memory_order_relaxed))
        return fail(Errc::interrupted, "stopped during a transfer");
    return {};
}

/// Waits until `step` of the stream can be repeated.
Status wait_for(const net::Stream& stream, const net::Step& step, base::Duration deadline,
                const AxfrOptions& options, std::string_view what) {
    for (;;) {
        ZC_TRY_STATUS(check_stop(options));
        const base::Duration left = deadline - runtime::monotonic();
        if (left.nanoseconds <= 0)
            return fail(Errc::timeout, std::string(what) + " did not come in time");
        const auto milliseconds =
            std::min<std::int64_t>(left.nanoseconds / 1'000'000 + 1, poll_milliseconds);
        pollfd waiting{stream.descriptor(), static_cast<short>(net::poll_events(step, 0)), 0};
        const int ready = ::poll(&waiting, 1, static_cast<int>(milliseconds));
        if (ready > 0) return {};
        if (ready < 0 && errno != EINTR) return base::fail_errno(errno, "poll");
    }
}

/// `what` did not go well.
Status fail_step(const net::Step& step, std::string_view what) {
    if (step.is == net::Step::Is::ended)
        return fail(Errc::io, "the server closed the connection before the end of the zone");
    return fail(Errc::io, std::string(what) + ": " + std::string(step.reason.text()));
}

Status send_all(net::Stream& stream, base::Octets octets, base::Duration deadline,
                const AxfrOptions& options) {
    while (!octets.empty()) {
        const net::Step step = stream.write(octets);
        octets = octets.subspan(step.octets);
        if (step.is_over()) return fail_step(step, "send");
        if (step.wants()) ZC_TRY_STATUS(wait_for(stream, step, deadline, options, "room to send"));
    }
    return {};
}

Status receive_all(net::Stream& stream, base::MutableOctets octets, base::Duration deadline,
                   const AxfrOptions& options) {
    while (!octets.empty()) {
        const net::Step step = stream.read(octets);
        octets = octets.subspan(step.octets);
        if (step.is_over()) return fail_step(step, "receive");
        if (step.wants())
            ZC_TRY_STATUS(wait_for(stream, step, deadline, options, "the next message"));
    }
    return {};
}

/// Connects, and waits until the connection is made.
Result<std::unique_ptr<net::Stream>> connect_to(const net::Endpoint& server,
                                                const AxfrOptions& options) {
    ZC_TRY(auto stream, net::connect_stream(server));
    const net::Step made{.is = net::Step::Is::wants_write};
    ZC_TRY_STATUS(wait_for(*stream, made, runtime::monotonic() + options.connect_timeout, options,
                           "a connection"));
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(stream->descriptor(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return base::fail_errno(error, "connect");
    return stream;
}

}  // namespace

Result<AxfrConnection> AxfrConnection::open(const net::Endpoint& server, AxfrOptions options) {
    auto stream = connect_to(server, options);
    if (!stream) {
        Error error = std::move(stream).error();
        error.where = {net::to_string(server), 0};
        return tl::unexpected<Error>(std::move(error));
    }
    return AxfrConnection(*std::move(stream), std::move(options));
}

Result<AxfrConnection::Query> AxfrConnection::make_query(dns::NameView zone,
                                                         dns::RrType type) const {
    Query query;
    ZC_TRY(query.id, runtime::random_value<std::uint16_t>());
    query.octets = dns::encode_query(zone, type, dns::QueryOptions{.id = query.id});
    if (options_.key) {
        TsigSigner signer(*options_.key);
        ZC_TRY_STATUS(signer.sign(query.octets, runtime::now()));
        query.mac.assign(signer.mac().begin(), signer.mac().end());
    }
    const auto length = net::length_of(query.octets);
    query.octets.insert(query.octets.begin(), length.begin(), length.end());
    return query;
}

Status AxfrConnection::receive(base::Duration deadline) {
    std::array<std::uint8_t, net::length_octets> size{};
    ZC_TRY_STATUS(receive_all(*stream_, size, deadline, options_));
    buffer_.resize(base::load_u16(size.data()));
    return receive_all(*stream_, buffer_, deadline, options_);
}

Result<AxfrTotals> AxfrConnection::transfer(dns::NameView zone, const RecordSink& sink) {
    if (!usable()) return fail(Errc::io, "the connection was closed by an earlier error");
    ZC_TRY(const Query query, make_query(zone, dns::RrType::axfr));
    AxfrReader reader({.zone = dns::Name(zone),
                       .id = query.id,
                       .key = options_.key,
                       .request_mac = query.mac,
                       .octets_max = options_.octets_max});
    auto totals = run(reader, query.octets, sink);
    // After an answer that was understood the next one begins where it should.
    if (!totals && !reader.refused()) stream_.reset();
    return totals;
}

Result<AxfrTotals> AxfrConnection::run(AxfrReader& reader, base::Octets query,
                                       const RecordSink& sink) {
    base::Duration now = runtime::monotonic();
    const base::Duration end = now + options_.transfer_timeout;
    base::Duration interval_end = now + options_.rate_interval;
    std::uint64_t interval_octets = 0;
    ZC_TRY_STATUS(send_all(*stream_, query, now + options_.message_timeout, options_));
    for (;;) {
        // Data that never pauses is never waited for: the stop is looked at here too.
        ZC_TRY_STATUS(check_stop(options_));
        ZC_TRY_STATUS(receive(std::min(now + options_.message_timeout, end)));
        ZC_TRY(const auto progress, reader.read(buffer_, runtime::now(), sink));
        if (progress == AxfrReader::Progress::complete)
            return AxfrTotals{reader.records(), reader.octets()};
        now = runtime::monotonic();
        if (now >= end)
            return fail(Errc::timeout,
                        "the zone is not complete after " +
                            std::to_string(options_.transfer_timeout.whole_seconds()) + " s");
        interval_octets += buffer_.size();
        if (now < interval_end) continue;
        if (interval_octets < options_.rate_octets_min)
            return fail(Errc::timeout, "fewer than " + std::to_string(options_.rate_octets_min) +
                                           " octets in " +
                                           std::to_string(options_.rate_interval.whole_seconds()) +
                                           " s: given up");
        interval_octets = 0;
        interval_end = now + options_.rate_interval;
    }
}

Result<std::vector<std::uint8_t>> AxfrConnection::soa(dns::NameView zone) {
    if (!usable()) return fail(Errc::io, "the connection was closed by an earlier error");
    bool understood = false;
    auto soa = ask_soa(zone, understood);
    if (!understood) stream_.reset();
    return soa;
}

Result<std::vector<std::uint8_t>> AxfrConnection::ask_soa(dns::NameView zone, bool& understood) {
    ZC_TRY(const Query query, make_query(zone, dns::RrType::soa));
    const base::Duration deadline = runtime::monotonic() + options_.message_timeout;
    ZC_TRY_STATUS(send_all(*stream_, query.octets, deadline, options_));
    ZC_TRY_STATUS(receive(deadline));
    ZC_TRY(dns::Message message, dns::parse_message(buffer_));
    if (!message.qr || message.opcode != dns::Opcode::query || message.id != query.id)
        return fail(Errc::malformed, "a message that is no response to the query");
    understood = true;
    if (options_.key) {
        TsigVerifier verifier(*options_.key, query.mac);
        ZC_TRY_STATUS(verifier.verify(buffer_, runtime::now()));
    }
    if (message.rcode != dns::Rcode::noerror || !message.aa || message.tc ||
        message.questions.size() != 1 || !equal(message.questions[0].name, zone) ||
        message.questions[0].type != dns::RrType::soa)
        return fail(Errc::invalid, "the server does not tell the zone's SOA");
    for (dns::Record& record : message.answer) {
        if (record.type != dns::RrType::soa || record.rr_class != dns::RrClass::in ||
            !equal(record.owner, zone))
            continue;
        dns::fold_rdata(dns::RrType::soa, record.rdata);
        return std::vector<std::uint8_t>(record.rdata.begin(), record.rdata.end());
    }
    return fail(Errc::invalid, "the server does not tell the zone's SOA");
}

}  // namespace zc::transfer
