// Zone transfers: a whole zone from its primary as a stream of records. AXFR over TCP, RFC 5936.
//
// `AxfrReader` is the protocol without a socket: messages in, records out. `AxfrConnection` is a
// blocking client around it, for a thread that has nothing else to do: each wait is a poll() with a
// deadline. (No coroutines: one connection a thread is all the concurrency that transfers need, and
// this way Ctrl-C and deadlines are two lines.)
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/octets.h"
#include "base/result.h"
#include "base/time.h"
#include "dns/name.h"
#include "dns/rrset.h"
#include "net/endpoint.h"
#include "net/stream.h"
#include "transfer/tsig.h"

namespace zc::transfer {

/// Takes one record; the view is valid during the call only. An error stops the transfer.
using RecordSink = std::function<Status(const dns::RecordView& record)>;

/// The messages of one transfer, in order, each checked (RFC 5936 sections 2.2 and 3): id and
/// question, rcode, class, the SOA that begins and ends the stream, TSIG. Pure.
class AxfrReader {
public:
    struct Options {
        dns::Name zone;
        std::uint16_t id = 0;  // of the query
        std::optional<TsigKey> key;
        std::vector<std::uint8_t> request_mac;  // when there is a key
        std::uint64_t octets_max = 0;           // of all messages together
    };
    explicit AxfrReader(Options options);

    enum class Progress : std::uint8_t { more, complete };
    /// The next message. Its records are handed over without the SOA at the end. Errors: `invalid`
    /// when the server answers with another rcode than NOERROR, and for TSIG; `malformed`; `limit`;
    /// those of `sink`.
    Result<Progress> read(base::Octets message, base::Instant now, const RecordSink& sink);

    /// The server said no, in a whole answer: the connection is good for the next zone.
    bool refused() const noexcept { return refused_; }
    std::uint64_t records() const noexcept { return records_; }
    std::uint64_t octets() const noexcept { return octets_; }

private:
    Options options_;
    std::optional<TsigVerifier> verifier_;
    std::vector<std::uint8_t> soa_;  // RDATA of the first, folded
    bool begun_ = false;
    bool refused_ = false;
    std::uint64_t records_ = 0, octets_ = 0;
};

struct AxfrOptions {
    std::optional<TsigKey> key;
    base::Duration connect_timeout = base::Duration::seconds(10);
    base::Duration message_timeout = base::Duration::seconds(30);     // for each message
    base::Duration transfer_timeout = base::Duration::seconds(7200);  // for a whole zone
    // A transfer that brings less than this is given up: in time and connection it costs as much as
    // a fast one. As BIND's min-transfer-rate-in, which wants 10240 octets in 5 minutes.
    base::Duration rate_interval = base::Duration::seconds(60);
    std::uint64_t rate_octets_min = 2048;               // in each interval
    std::uint64_t octets_max = std::uint64_t{4} << 30;  // of one transfer
    const std::atomic<bool>* stop_or_null = nullptr;    // true: end with `interrupted`, in 0.2 s
};

struct AxfrTotals {
    std::uint64_t records = 0;  // handed over
    std::uint64_t octets = 0;   // of messages
};

/// One TCP connection to a primary; zones are asked for one after the other (RFC 5936
/// section 4.1.1).
class AxfrConnection {
public:
    /// Errors: `io`, `timeout`, with the server as their place; `interrupted`.
    static Result<AxfrConnection> open(const net::Endpoint& server, AxfrOptions options);
    /// Goes on with a stream whose connection is made.
    AxfrConnection(std::unique_ptr<net::Stream> stream, AxfrOptions options) noexcept
        : stream_(std::move(stream)), options_(std::move(options)) {}

    /// Transfers `zone`. Errors: those of AxfrReader::read; `io`, `timeout`, `interrupted`. The
    /// sink may have been given records before an error: they are of no use then.
    Result<AxfrTotals> transfer(dns::NameView zone, const RecordSink& sink);
    /// The RDATA of the zone's SOA, names in lower case, by an ordinary query (signed as the
    /// transfer would be). Errors: `invalid` when the answer is another one than an authoritative
    /// SOA; else as `transfer`.
    Result<std::vector<std::uint8_t>> soa(dns::NameView zone);
    /// Whether it can be asked for another zone.
    bool usable() const noexcept { return stream_ != nullptr; }

private:
    struct Query {
        std::uint16_t id = 0;
        std::vector<std::uint8_t> octets;  // with the length before it
        std::vector<std::uint8_t> mac;     // when there is a key
    };
    Result<Query> make_query(dns::NameView zone, dns::RrType type) const;
    Result<std::vector<std::uint8_t>> ask_soa(dns::NameView zone, bool& understood);
    Status receive(base::Duration deadline);  // a message into `buffer_`
    Result<AxfrTotals> run(AxfrReader& reader, base::Octets query, const RecordSink& sink);

    std::unique_ptr<net::Stream> stream_;  // null after an error
    AxfrOptions options_;
    std::vector<std::uint8_t> buffer_;
};

}  // namespace zc::transfer
