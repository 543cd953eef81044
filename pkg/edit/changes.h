// Commands as requests to the writer, and its receipts as answers.
//
// An answer is a JSON object of one line:
//
//   {"outcome": "applied", "position": 42, "zones": [
//       {"zone": "a.example.", "changed": true, "removed": false, "serial_before": 7, "serial": 8, "version": 42}]}
//   {"outcome": "refused", "errors": [{"kind": "invalid", "message": "…", "source": "stdin", "line": 3}]}
//
// "outcome": "applied"; "unchanged", all of it was so already; "would apply" and "unchanged" of a dry
// run, which has neither position nor versions; "refused", with the reason; "failed", the store could
// not (full, busy, the disk). An answer to one line of many has that "line" too.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "edit/command.h"
#include "edit/past.h"
#include "term/json.h"
#include "writer/writer.h"

namespace zc::edit {

/// The one who asks, and how.
struct Asker {
    std::string who, where;  // over 255 octets they are cut
    base::Instant now;
    bool dry_run = false;  // nothing is changed; large zones are built on the control thread
};

struct ZoneOutcome {
    dns::Name apex;
    bool changed = false, removed = false;
    std::uint32_t serial_before = 0, serial = 0;
    std::uint64_t version = 0;  // 0: it is gone, or a dry run
};
struct Outcome {
    std::uint64_t position = 0;  // 0: there is no entry
    std::vector<ZoneOutcome> zones;
};

/// Submits all of `commands` as one request: all of them or none. Commands for one zone become one
/// change; later ones see the effect of earlier ones. `past` serves zone revert; it may be empty, and is
/// called on the control thread.
/// Errors: those of the commands (edit/zone_edit.h) and of writer::Request, with the line of the
/// command where that is known. `not_found` names the nearest zone above that is there.
/// Threads: the control thread; `done` as the writer calls it, or at once when there are no commands.
void submit(std::vector<Command> commands, const Asker& asker, Past past, writer::Writer& writer,
            std::function<void(Result<Outcome>)> done);

/// A text of commands that somebody sent.
struct Asked {
    std::string_view body;  // one command a line
    /// Each line is a request of its own, with an answer of one line; else all are one request.
    bool each = false;
    std::uint64_t first_line = 1;  // its number; 0: one line alone, which has none
    std::string source = {};       // what lines are counted in, for errors; may be empty
    Asker asker = {};
};
struct Answered {
    unsigned status = 200;  // of HTTP; with `each` always 200
    std::string body;       // answers, one a line
};
/// Errors of many lines that are no commands are told together. Calls `done` once, on the control
/// thread, perhaps at once. All lines are parsed and submitted before it returns, so who must not hold
/// up that thread limits the body.
void handle_changes(const Asked& asked, const Past& past, writer::Writer& writer,
                    std::function<void(Answered)> done);

/// The words of an answer for people: "a.example. serial 7 -> 8, version 42" a zone, or the errors.
std::vector<std::string> lines_of(const term::Json& answer);

/// The answer to a request that never came to the writer.
Answered answer_of(const Error& error);

/// The status of HTTP that fits an error.
unsigned status_of(Errc code) noexcept;

}  // namespace zc::edit
