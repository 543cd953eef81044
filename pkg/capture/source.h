// Questions, from wherever an operator has them: text, captures, dnstap, the zones themselves.
//
// Every source gives the same: queries as DNS messages, with all that is known of how they were
// asked, and the answer if the recording has it. Anything unreadable is counted by its reason and
// passed over. A file that is no source at all (wrong format, wrong link type) is an error at once.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/octets.h"
#include "base/result.h"
#include "base/time.h"
#include "catalogue/catalogue.h"
#include "dns/types.h"

namespace zc::capture {

/// One question. The octets are the batch's.
struct Query {
    base::Octets message;   // a DNS message with whatever ID it had; 12..65535 octets
    base::Octets recorded;  // the response in the recording; empty: it has none
    /// The new server's answer. With it nobody is asked again unless the two answers differ. Only
    /// together with `recorded`; no recording has it.
    base::Octets recorded_newer{};
    dns::Transport transport = dns::Transport::udp;
    dns::Address client{};  // size 0: not known
    std::uint16_t client_port = 0;
    base::Instant at{};  // 1970: the source has no times
    /// Place in the source, from 1, unique and ascending: of a text the line, else the running
    /// number of the query in the order of arrival (those without a wanted answer included). Not
    /// the packet: one TCP segment may bring many queries.
    std::uint64_t position = 0;
};

/// Queries and the octets they stand in. Reusable; one producer fills it, one consumer reads it.
/// May be moved, also between threads: the views in its queries stay valid.
class Batch {
public:
    static constexpr std::size_t queries_max = 256;

    Batch();
    Batch(Batch&&) noexcept = default;
    Batch& operator=(Batch&&) noexcept = default;
    ~Batch() = default;
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

    void clear() noexcept;
    bool full() const noexcept { return queries_.size() == queries_max; }
    /// Copies the messages; the rest of `query` as it is. Not when full.
    void add(const Query& query);
    std::size_t size() const noexcept { return queries_.size(); }
    /// Valid until `add` or `clear`.
    std::span<const Query> queries() const noexcept { return queries_; }

private:
    base::Octets keep(base::Octets octets);

    std::vector<Query> queries_;
    std::vector<std::uint8_t> octets_;  // moves when it grows, and the views with it
};

/// Why something in the source was passed over. The names are in reports and metrics.
enum class Skipped : std::uint8_t {
    not_dns,          // another protocol or port, no UDP or TCP
    other_operation,  // NOTIFY, UPDATE, a zone transfer; dnstap: what a resolver asks others. To
                      // ask it again would be another thing, or change something
    malformed,        // meant to be a DNS message, and is none, or has not one question
    cut_short,        // the capture has less of the packet than was on the wire
    fragment,         // of an IP datagram whose rest never came
    tcp_gap,          // of a TCP stream that has a hole
    unanswered,       // a recorded answer was wanted and there is none
    orphan,           // a response to no query of the recording
    garbage_frame,    // dnstap: no protobuf, or not this one
    bad_line,         // text: no name and type
    overrun,          // live: came faster than it was taken; the kernel's count of packets
};
inline constexpr std::size_t skipped_count = static_cast<std::size_t>(Skipped::overrun) + 1;
std::string_view to_string(Skipped why) noexcept;

/// Numbers of queries given and of things passed over so far. A source that goes on behind a
/// position counts from there.
struct SourceCounts {
    std::uint64_t queries = 0;
    std::uint64_t from_answers = 0;  // of them, made of an answer that stands alone
    std::array<std::uint64_t, skipped_count> skipped{};
    std::array<std::uint64_t, 3> bad_lines{};  // the numbers of the first
};

/// A source. A virtual class because there are five of them.
/// Threads: one at a time.
class Source {
public:
    virtual ~Source() = default;
    /// Fills `batch` (cleared first) with at least one query, or none at the end; text from a pipe
    /// with no more than what has come. A live source
    /// gives what has come within a tenth of a second, which may be none: `ended` tells. An error
    /// in the middle of a source (`io`, `malformed`, `unsupported`) comes when all that was before
    /// it has been given; then it has ended.
    virtual Status read(Batch& batch) = 0;
    virtual bool ended() const noexcept = 0;
    /// Goes on behind `position`, of a query that an earlier run had (0: from the start): before
    /// the first `read`. Gives exactly what that run had still to come, if the source and its
    /// options are the same. A live source ignores it.
    virtual Status resume_behind(std::uint64_t position) = 0;
    virtual const SourceCounts& counts() const noexcept = 0;
    /// About how many queries there are in all; 0: not known.
    virtual std::uint64_t expected() const noexcept { return 0; }
    virtual bool live() const noexcept { return false; }
    /// Another process can open it again and go on behind a position: not a pipe, nor stdin or
    /// /dev/fd/N, whatever stands behind them now.
    virtual bool resumable() const noexcept { return !live(); }
};

struct SourceOptions {
    /// `wanted`: only queries whose answer is in the recording. It is looked for by addresses,
    /// port, transport, ID and question (case ignored), never by what a frame calls it, 5 s of the
    /// recording's time before and behind the query; a query that is asked twice gets the answers
    /// in order. Queries come in the order in which they arrived.
    ///
    /// If a recording has no queries (its first five seconds tell), each answer gives the question
    /// in it, wanted or not: with its RD and CD, with EDNS and DO if it has them, and for as many
    /// octets as it has.
    enum class Answers : std::uint8_t { ignored, wanted };
    Answers answers = Answers::ignored;
    std::uint16_t port = 53;  // captures: the server's
    /// Text: lines have no EDNS unless they say so; what dnsperf -e and -D would add.
    bool edns = false, dnssec_ok = false;
    /// Files that are pipes: `read` fails with `interrupted` soon after it is set, even when
    /// nothing comes. Outlives the source.
    const std::atomic<bool>* stop_or_null = nullptr;
};

/// Opens a file by what is in it: pcap or pcapng, a dnstap frame stream, else dnsperf text
/// ("NAME TYPE" a line; behind them may stand words: do, edns, noedns, size=N, tcp, rd, cd; lines
/// that begin with # or ; are comments). A pipe is good, too; "-" is stdin. Each may be compressed
/// by gzip, zstd or xz. A file that is cut off is read to its end, and counted as `cut_short`;
/// where compressed octets are cut off or damaged, `read` ends with `malformed` behind what was
/// before. Memory: bounded, 128 MiB at the very worst and what the compression wants; 2 MiB as a
/// rule. Errors: `not_found`, `io`, `unsupported` (link type, another compression), `malformed` (a
/// header that is broken; a text without a single good line in its first hundred).
Result<std::unique_ptr<Source>> open_file(const std::string& path, const SourceOptions& options);

/// dnstap over a Unix socket: listens there as a receiver (frame stream with handshake), for a
/// server that writes its queries and answers (BIND: `dnstap { auth; client; }`, for it calls the
/// answer to a query with RD a client's). The socket is made with mode 0660, and removed at
/// the end. Errors: `busy` when another process listens there, `exists` when something else than a
/// socket is there, `io`.
Result<std::unique_ptr<Source>> listen_dnstap(const std::string& socket_path,
                                              const SourceOptions& options);

/// A copy of the traffic at a network interface (libpcap, no promiscuous mode): needs CAP_NET_RAW.
/// Errors: `not_found`, `io` (no permission, interface down), `unsupported` (link type).
Result<std::unique_ptr<Source>> listen_interface(const std::string& interface,
                                                 const SourceOptions& options);

/// Questions that zones themselves suggest, in a fixed order (zones in canonical order of their
/// apexes, names as in the zone): for each zone every name with every type it has; a type that it
/// has not; a missing name; each empty non-terminal; a name below each wildcard, at it, and two
/// labels below; at, below and DS of each cut, its glue; below each DNAME; and variants (DO,
/// another case, over TCP) in turn. `zones` outlives the source.
struct FromZones {
    std::uint64_t queries_max = UINT64_MAX;
    std::uint64_t seed = 1;  // of the variants and missing names
};
std::unique_ptr<Source> from_zones(const catalogue::Catalogue& zones, const FromZones& options);

}  // namespace zc::capture
