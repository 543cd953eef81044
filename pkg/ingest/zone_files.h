// Zones out of master files: a directory tree, a list of files, or one file; and later changes
// there.
//
// All cores read and compile; finished images go to a sink. A later look needs 16 octets a zone
// (a hash of the apex, a hash of the result of stat()): paths are found again by walking
// the source.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/limit.h"
#include "base/result.h"
#include "base/time.h"
#include "dns/name.h"
#include "dns/presentation.h"
#include "zone/zone.h"

namespace zc::ingest {

inline constexpr std::uint32_t include_depth_max = 16;    // of $INCLUDE, and of no use beyond
inline constexpr std::uint32_t directory_depth_max = 32;  // below the directory that was named
inline constexpr std::uint32_t includes_max = 10'000;     // of one zone, each time counted
inline constexpr std::uint64_t zone_octets_max = std::uint64_t{4}
                                                 << 30;  // of its file and all includes

enum class Warnings : std::uint8_t { skip, collect };  // looking for them costs time
/// Master files of a directory with another name than ORIGIN.zone, which no zone includes: passed
/// over, or a problem each. The first octets of every other file have to be read for it.
enum class OtherNames : std::uint8_t { skip, problem };
/// How to treat a record outside of its zone, or an NSEC3 whose owner is no hash.
enum class Misplaced : std::uint8_t { leave_out, refuse_zone };

struct ZoneFileOptions {
    static constexpr base::Limit<std::uint32_t> threads_limit = {
        .name = "load-threads", .min = 0, .initial = 0, .max = 64};
    std::uint32_t threads = threads_limit.initial;  // 0: one a core
    // Seconds, when a file has neither $TTL nor an earlier TTL.
    std::uint32_t default_ttl = dns::default_ttl_limit.initial;
    std::uint32_t errors_max = 100;  // kept for one zone; then its file is given up
    Warnings warnings = Warnings::skip;
    OtherNames other_names = OtherNames::skip;  // of `load`
    Misplaced misplaced = Misplaced::leave_out;
    /// The begin of the look. A file that changed about then or later is read again at the next
    /// look, since another change in the same tick of the file system's clock would not be seen.
    /// The default has every file read again.
    base::Instant now{};
    /// Becomes true when the work should stop (Ctrl-C): the call then ends with `interrupted`. May
    /// be null.
    const std::atomic<bool>* stop_or_null = nullptr;
};

/// One zone as it came out of its file. With errors the state is `broken` and the image a
/// placeholder: names in the zone are then answered with SERVFAIL and never out of a parent zone.
struct LoadedZone {
    dns::Name apex;
    zone::State state = zone::State::serving;
    zone::Image image;
    std::uint64_t records = 0;            // read, some of them twice perhaps
    bool unreadable = false;              // the file itself could not be read
    std::vector<Error> errors;            // each with file and line
    std::vector<zone::Warning> warnings;  // only when asked for
    std::vector<Error> oddities;          // the same, of what has a file and line
    /// Records that are not in the zone because they do not belong there, with file and line; at
    /// most `errors_max` of `left_out_count`.
    std::vector<Error> left_out;
    std::uint64_t left_out_count = 0;
    std::string costly;  // zone::costly_hashing
};

struct ZoneFileTotals {
    std::uint64_t files = 0;  // looked at
    std::uint64_t zones = 0;  // handed to the sink, broken ones too
    std::uint64_t records = 0;
    std::uint64_t broken = 0;
    std::uint64_t left_out = 0;   // records, see LoadedZone
    std::uint64_t removed = 0;    // of a rescan
    std::vector<Error> problems;  // not of one zone: unreadable directory, bad line of the list,
                                  // two files for one zone; at most 1000
    std::uint64_t problems_count = 0;
};

/// Takes finished zones, some at a time, never two calls at once, from any thread. May move out of
/// them.
using ZoneSink = std::function<void(std::span<LoadedZone> zones)>;
/// Called after each hand-over, never two calls at once; throttling is the caller's.
using ZoneProgress = std::function<void(const ZoneFileTotals& so_far)>;

/// The apex that a file name means: "example.com.zone", "0\04725.2.0.192.in-addr.arpa.zone" ('/' as
/// \047), "root.zone" for the root. An error for a name that is none of these.
Result<dns::Name> apex_of_file(std::string_view file_name);

/// Whether text that begins with `head` is a master file: it has a directive or an SOA record.
bool looks_like_zone_file(std::string_view head) noexcept;

/// Reads and compiles one file, with the limits of `ZoneFiles`; "-" is stdin, of which $INCLUDE is
/// relative to the working directory. Never fails as a whole: its faults stand in `errors`.
LoadedZone load_zone_file(const std::string& path, dns::NameView apex,
                          const ZoneFileOptions& options);

/// A source of zone files. Not for two threads at once; the work inside uses its own.
///
/// A directory: every file `ORIGIN.zone` at any depth; names that begin with a dot or end in ~ and
/// all other files are passed over; links are followed. A list: lines `origin<TAB>file`, the file
/// relative to the list; blank lines and lines that begin with '#' are passed over. A single file
/// `ORIGIN.zone`. When two files give one zone, the first in order of their names (of the list's
/// lines) counts and the other is a problem.
class ZoneFiles {
public:
    /// Errors: `not_found`, `io`. Reads nothing yet.
    static Result<ZoneFiles> open(std::string path);
    ~ZoneFiles();
    ZoneFiles(ZoneFiles&&) noexcept;
    ZoneFiles& operator=(ZoneFiles&&) noexcept;

    /// Names every zone of the source without reading its file, for answering SERVFAIL until it is
    /// loaded.
    Result<ZoneFileTotals> list(const std::function<void(dns::NameView apex)>& each) const;

    /// Loads everything and remembers what it saw. A zone for which there is no memory is broken
    /// and the others are loaded. Errors: `interrupted`, `io` when the source itself cannot be
    /// read, `limit` when memory is short beyond a zone. Cost: 10 us of CPU a file of 9 records,
    /// half of it open, read and close.
    Result<ZoneFileTotals> load(const ZoneFileOptions& options, const ZoneSink& sink,
                                const ZoneProgress& progress = nullptr);

    /// Looks at every file's stat and loads those that are new or changed (they, or a file they
    /// include). Then names what is gone: `each_known` calls back with every apex served now, and
    /// `removed` gets those that no file gives any longer. A source that cannot be listed
    /// completely (a directory that cannot be read) removes nothing.
    Result<ZoneFileTotals> rescan(
        const ZoneFileOptions& options, const ZoneSink& sink,
        const std::function<void(const std::function<void(dns::NameView)>&)>& each_known,
        const std::function<void(dns::NameView)>& removed, const ZoneProgress& progress = nullptr);

    /// The zones that were handed over could not be taken: the next `rescan` reads every file.
    void forget() noexcept;

    const std::string& path() const noexcept;
    bool is_list() const noexcept;
    /// Octets kept for `rescan`.
    std::uint64_t octets() const noexcept;

private:
    struct State;
    explicit ZoneFiles(std::unique_ptr<State> state) noexcept;
    std::unique_ptr<State> state_;
};

}  // namespace zc::ingest
