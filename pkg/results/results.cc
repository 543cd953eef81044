#include "results/results.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <map>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "dns/name.h"
#include "net/socket.h"
#include "sqlite/sqlite.h"

namespace zc::results {
namespace {

using sqlite::Database;
using sqlite::Statement;
using sqlite::Transaction;

constexpr std::int64_t application_id = 0x7a636466;  // "zcdf", in SQLite's header
constexpr std::int64_t format_version = 1;
constexpr std::int64_t nanoseconds_a_minute = 60'000'000'000;

constexpr const char* schema = R"(
CREATE TABLE runs(id INTEGER PRIMARY KEY, started INTEGER NOT NULL, updated INTEGER NOT NULL,
  finished INTEGER NOT NULL, source TEXT NOT NULL, older TEXT NOT NULL, newer TEXT NOT NULL,
  referee TEXT NOT NULL, settings TEXT NOT NULL, position INTEGER NOT NULL, explained INTEGER NOT NULL,
  unexplained INTEGER NOT NULL, tally TEXT NOT NULL);
CREATE TABLE cases(id INTEGER PRIMARY KEY, cause TEXT NOT NULL, what TEXT NOT NULL, place TEXT NOT NULL,
  verdict TEXT NOT NULL, accepted TEXT, accepted_at INTEGER, UNIQUE(cause, what, place, verdict));
CREATE TABLE case_runs(case_id INTEGER NOT NULL, run INTEGER NOT NULL, count INTEGER NOT NULL,
  first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, PRIMARY KEY(case_id, run)) WITHOUT ROWID;
CREATE TABLE case_minutes(case_id INTEGER NOT NULL, run INTEGER NOT NULL, minute INTEGER NOT NULL,
  count INTEGER NOT NULL, PRIMARY KEY(case_id, run, minute)) WITHOUT ROWID;
CREATE TABLE minutes(run INTEGER NOT NULL, minute INTEGER NOT NULL, first_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL, compared INTEGER NOT NULL, explained INTEGER NOT NULL,
  unexplained INTEGER NOT NULL, tally TEXT NOT NULL, PRIMARY KEY(run, minute)) WITHOUT ROWID;
CREATE TABLE samples(id INTEGER PRIMARY KEY, case_id INTEGER NOT NULL, run INTEGER NOT NULL,
  position INTEGER NOT NULL, at INTEGER NOT NULL, transport TEXT NOT NULL, query BLOB NOT NULL,
  older BLOB NOT NULL, newer BLOB NOT NULL, referee BLOB NOT NULL, rule TEXT, sentence TEXT NOT NULL,
  clause TEXT NOT NULL, facets TEXT NOT NULL);
CREATE INDEX samples_of_case ON samples(case_id);
)";

constexpr const char* run_columns =
    "id, started, updated, finished, source, older, newer, referee, settings, position, explained, "
    "unexplained, tally";

std::int64_t signed_of(std::uint64_t value) noexcept {
    return static_cast<std::int64_t>(value);
}
std::uint64_t unsigned_of(std::int64_t value) noexcept {
    return static_cast<std::uint64_t>(value);
}

/// Calls `each(name, counter)` for every counter of `sums` but `explained` and `unexplained`,
/// which follow from the cases.
template <class T, class Each>
void for_each_counter(T& sums, const Each& each) {
    each("asked", sums.asked);
    each("compared", sums.compared);
    each("timed_out", sums.timed_out);
    each("dropped", sums.dropped);
    each("malformed", sums.malformed);
    each("same", sums.same);
    each("identical", sums.identical);
    const auto group = [&each](const std::string& prefix, auto& counters, const auto& name_of) {
        for (std::size_t i = 0; i < counters.size(); ++i)
            each(prefix + std::string(name_of(i)), counters[i]);
    };
    group("rule.", sums.by_rule,
          [](std::size_t i) { return compare::row_of(static_cast<compare::Rule>(i)).name; });
    group("what.", sums.by_what,
          [](std::size_t i) { return to_string(static_cast<compare::What>(i)); });
    group("where.", sums.by_where,
          [](std::size_t i) { return to_string(static_cast<compare::Where>(i)); });
    group("verdict.", sums.by_verdict,
          [](std::size_t i) { return to_string(static_cast<compare::Verdict>(i)); });
    const auto side_of = [](std::size_t i) { return to_string(static_cast<judge::Side>(i)); };
    for (std::size_t side = 0; side < judge::sides; ++side)
        group("stray." + std::string(side_of(side)) + '.', sums.stray[side],
              [](std::size_t i) { return to_string(static_cast<ask::Stray>(i)); });
    group("timeouts.", sums.timeouts, side_of);
    group("repeats.", sums.repeats, side_of);
    each("unconfirmed", sums.unconfirmed);
}

std::string text_of(const judge::Sums& sums) {
    std::string out;
    for_each_counter(sums, [&out](const std::string& name, std::uint64_t value) {
        if (value == 0) return;
        if (!out.empty()) out += ';';
        out += name + '=' + std::to_string(value);
    });
    return out;
}

Result<judge::Sums> tally_of(std::string_view text, const std::string& path) {
    const auto bad = [&](std::string_view found) {
        return fail(Errc::malformed, "sums with '" + std::string(found) + "'", {.source = path});
    };
    judge::Sums sums;
    std::map<std::string, std::uint64_t*, std::less<>> counters;
    for_each_counter(sums, [&counters](const std::string& name, std::uint64_t& counter) {
        counters.emplace(name, &counter);
    });
    while (!text.empty()) {
        const std::string_view item = text.substr(0, text.find(';'));
        text.remove_prefix(std::min(text.size(), item.size() + 1));
        const std::size_t equals = item.find('=');
        if (equals == std::string_view::npos) return bad(item);
        const auto counter = counters.find(item.substr(0, equals));
        if (counter == counters.end()) return bad(item);
        const std::string_view digits = item.substr(equals + 1);
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), *counter->second);
        if (error != std::errc() || end != digits.data() + digits.size()) return bad(item);
    }
    return sums;
}

Result<RunInfo> run_of(const Statement& row, const std::string& path) {
    RunInfo run;
    run.id = unsigned_of(row.integer(0));
    run.started = {row.integer(1)};
    run.updated = {row.integer(2)};
    run.finished = row.integer(3) != 0;
    run.source = row.text(4);
    run.older = row.text(5);
    run.newer = row.text(6);
    run.referee = row.text(7);
    run.settings = row.text(8);
    run.position = unsigned_of(row.integer(9));
    ZC_TRY(run.sums, tally_of(row.text(12), path));
    run.sums.explained = unsigned_of(row.integer(10));
    run.sums.unexplained = unsigned_of(row.integer(11));
    return run;
}

Result<dns::Transport> transport_of(std::string_view text) {
    for (const dns::Transport transport :
         {dns::Transport::udp, dns::Transport::tcp, dns::Transport::dot, dns::Transport::doh})
        if (dns::to_string(transport) == text) return transport;
    return fail(Errc::malformed, "found '" + std::string(text) + "', wanted a transport");
}

std::string joined(const std::vector<std::string>& lines) {
    std::string out;
    for (const std::string& line : lines) out += (out.empty() ? "" : "\n") + line;
    return out;
}

std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        out.emplace_back(line);
    }
    return out;
}

std::vector<std::uint8_t> copy_of(base::Octets octets) {
    return {octets.begin(), octets.end()};
}

/// "www.example. A", for lists; what cannot be read is said.
std::string example_of(base::Octets query) {
    const auto facts = compare::read_query(query);
    if (!facts) return "(no question)";
    return dns::to_string(facts->qname) + ' ' + dns::to_string(facts->qtype);
}

/// `ours`: the file is one of results, of this format. False: there is nothing in it yet.
Result<bool> is_ours(Database& database) {
    const std::string& path = database.path();
    ZC_TRY(const std::int64_t application, database.integer("PRAGMA application_id"));
    if (application != application_id) {
        ZC_TRY(const std::int64_t tables, database.integer("SELECT count(*) FROM sqlite_schema"));
        if (application == 0 && tables == 0) return false;
        return fail(Errc::unsupported, "an SQLite database, but not of results of zonectl diff",
                    {.source = path});
    }
    ZC_TRY(const std::int64_t format, database.integer("PRAGMA user_version"));
    if (format != format_version)
        return fail(Errc::unsupported,
                    "results of format " + std::to_string(format) + ", this zonectl knows " +
                        std::to_string(format_version) +
                        (format > format_version ? "; a newer zonectl made them" : ""),
                    {.source = path});
    return true;
}

/// A file that is no database is of something else, too.
Error as_unsupported(Error error) {
    if (error.code == Errc::malformed) error.code = Errc::unsupported;
    return error;
}

}  // namespace

struct Results::Work {
    net::Descriptor claimed;  // of the same file: closed behind the database, whose locks of
                              // it would go with it
    std::string path;
    Database database;
};

Results::Results(std::unique_ptr<Work> work) noexcept : work_(std::move(work)) {}
Results::Results(Results&&) noexcept = default;
Results& Results::operator=(Results&&) noexcept = default;
Results::~Results() = default;

Result<Results> Results::open(const std::string& path) {
    ZC_TRY(Database database, Database::open(path, Database::Mode::create));
    auto ours = is_ours(database);
    if (!ours) return tl::unexpected<Error>(as_unsupported(std::move(ours).error()));
    ZC_TRY_STATUS(database.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL"));
    if (!*ours) {
        ZC_TRY(auto making, Transaction::begin(database, Transaction::Kind::immediate));
        // Another process may have been quicker.
        ZC_TRY(const bool made, is_ours(database));
        if (!made)
            ZC_TRY_STATUS(database.execute(
                std::string(schema) + "PRAGMA application_id=" + std::to_string(application_id) +
                ";PRAGMA user_version=" + std::to_string(format_version)));
        ZC_TRY_STATUS(making.commit());
    }
    auto work = std::make_unique<Work>();
    work->path = path;
    work->database = std::move(database);
    return Results(std::move(work));
}

Result<Results> Results::open_read_only(const std::string& path) {
    ZC_TRY(Database database, Database::open(path, Database::Mode::read_only));
    auto ours = is_ours(database);
    if (!ours) return tl::unexpected<Error>(as_unsupported(std::move(ours).error()));
    if (!*ours)
        return fail(Errc::unsupported, "an empty file, and no results of zonectl diff",
                    {.source = path});
    auto work = std::make_unique<Work>();
    work->database = std::move(database);
    return Results(std::move(work));
}

// ------------------------------------------------------------------------------------------
// writing

Status Results::claim(std::string_view older, std::string_view newer) {
    work_->claimed = net::Descriptor(::open(work_->path.c_str(), O_RDONLY | O_CLOEXEC));
    if (work_->claimed.get() < 0) return base::fail_errno(errno, work_->path);
    // Another kind of lock than SQLite's own, which it does not touch.
    if (::flock(work_->claimed.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return base::fail_errno(errno, work_->path);
        return fail(Errc::busy, "another zonectl writes its results here", {.source = work_->path});
    }
    ZC_TRY(const std::vector<RunInfo> before, runs());
    if (!before.empty() && (before.back().older != older || before.back().newer != newer))
        return fail(Errc::exists,
                    "results of " + before.back().older + " and " + before.back().newer +
                        "; another pair wants a file of its own (--results)",
                    {.source = work_->path});
    return {};
}

Result<std::uint64_t> Results::begin(const RunInfo& run) {
    Database& database = work_->database;
    ZC_TRY(Statement insert,
           database.prepare("INSERT INTO runs(started, updated, finished, source, older, newer, "
                            "referee, settings, position, explained, unexplained, tally) "
                            "VALUES(?, ?, 0, ?, ?, ?, ?, ?, 0, 0, 0, '') RETURNING id"));
    insert.bind(1, run.started.nanoseconds).bind(2, run.started.nanoseconds);
    insert.bind(3, std::string_view(run.source)).bind(4, std::string_view(run.older));
    insert.bind(5, std::string_view(run.newer)).bind(6, std::string_view(run.referee));
    insert.bind(7, std::string_view(run.settings));
    ZC_TRY(const bool row, insert.step());
    if (!row) return fail(Errc::io, "a run without its number", {.source = database.path()});
    const std::uint64_t id = unsigned_of(insert.integer(0));
    ZC_TRY_STATUS(insert.run());  // to its end: then it is committed
    return id;
}

namespace {

/// The statements of one `Results::add`, and what it has gathered.
class Adding {
public:
    Adding(Database& database, std::uint64_t run, base::Instant now)
        : database_(database), run_(signed_of(run)), now_(now) {}

    Status prepare() {
        const auto make = [this](Statement& statement, const char* sql) -> Status {
            ZC_TRY(statement, database_.prepare(sql));
            return {};
        };
        ZC_TRY_STATUS(make(find_case_,
                           "INSERT INTO cases(cause, what, place, verdict) VALUES(?, ?, ?, ?) "
                           "ON CONFLICT DO UPDATE SET cause = cause "
                           "RETURNING id, accepted IS NOT NULL"));
        ZC_TRY_STATUS(make(count_run_,
                           "INSERT INTO case_runs VALUES(?1, ?2, ?3, ?4, ?4) ON CONFLICT DO UPDATE "
                           "SET count = count + ?3, last_seen = max(last_seen, ?4)"));
        ZC_TRY_STATUS(make(count_minute_,
                           "INSERT INTO case_minutes VALUES(?1, ?2, ?3, ?4) "
                           "ON CONFLICT DO UPDATE SET count = count + ?4"));
        ZC_TRY_STATUS(make(kept_, "SELECT count(*) FROM samples WHERE case_id = ?"));
        ZC_TRY_STATUS(make(keep_,
                           "INSERT INTO samples(case_id, run, position, at, transport, query, "
                           "older, newer, referee, rule, sentence, clause, facets) "
                           "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"));
        return {};
    }

    std::int64_t minute() const noexcept {
        const std::int64_t whole = now_.nanoseconds / nanoseconds_a_minute;
        return (now_.nanoseconds < 0 && whole * nanoseconds_a_minute != now_.nanoseconds ? whole - 1
                                                                                         : whole) *
               nanoseconds_a_minute;
    }

    Status count(const judge::CaseCount& one, judge::Sums& sums) {
        ZC_TRY(const Known known, find(one.cause, one.what, one.where, one.verdict));
        (known.accepted || compare::is_explained(one.verdict, one.what) ? sums.explained
                                                                        : sums.unexplained) +=
            one.count;
        count_run_.bind(1, known.id).bind(2, run_).bind(3, signed_of(one.count));
        count_run_.bind(4, now_.nanoseconds);
        ZC_TRY_STATUS(count_run_.run());
        count_minute_.bind(1, known.id).bind(2, run_).bind(3, minute());
        count_minute_.bind(4, signed_of(one.count));
        return count_minute_.run();
    }

    Status keep(const judge::Sample& sample) {
        const compare::Judgement& judgement = sample.judgement;
        ZC_TRY(const Known known,
               find(sample.cause, judgement.what, judgement.where, judgement.verdict));
        kept_.bind(1, known.id);
        ZC_TRY(const bool row, kept_.step());
        const bool full = row && unsigned_of(kept_.integer(0)) >= Results::samples_kept_max;
        kept_.reset();
        if (full) return {};
        const std::string facets = joined(sample.facets);
        keep_.bind(1, known.id).bind(2, run_).bind(3, signed_of(sample.position));
        keep_.bind(4, sample.at.nanoseconds).bind(5, dns::to_string(sample.transport));
        keep_.bind(6, base::Octets(sample.query)).bind(7, base::Octets(sample.older));
        keep_.bind(8, base::Octets(sample.newer)).bind(9, base::Octets(sample.referee));
        if (judgement.rule)
            keep_.bind(10, compare::row_of(*judgement.rule).name);
        else
            keep_.bind_null(10);
        keep_.bind(11, std::string_view(judgement.sentence));
        keep_.bind(12, std::string_view(judgement.clause)).bind(13, std::string_view(facets));
        return keep_.run();
    }

private:
    struct Known {
        std::int64_t id = 0;
        bool accepted = false;
    };

    Result<Known> find(const std::string& cause, compare::What what, compare::Where where,
                       compare::Verdict verdict) {
        find_case_.bind(1, std::string_view(cause)).bind(2, to_string(what));
        find_case_.bind(3, to_string(where)).bind(4, to_string(verdict));
        ZC_TRY(const bool row, find_case_.step());
        if (!row) return fail(Errc::io, "a case without its number", {.source = database_.path()});
        const Known known = {find_case_.integer(0), find_case_.integer(1) != 0};
        ZC_TRY_STATUS(find_case_.run());
        return known;
    }

    Database& database_;
    std::int64_t run_;
    base::Instant now_;
    Statement find_case_, count_run_, count_minute_, kept_, keep_;
};

}  // namespace

Status Results::add(std::uint64_t run, std::vector<judge::Stretch> stretches, base::Instant now) {
    if (stretches.empty()) return {};
    Database& database = work_->database;
    const std::string& path = database.path();
    ZC_TRY(auto change, Transaction::begin(database, Transaction::Kind::immediate));
    ZC_TRY(RunInfo info, one_run(run));
    Adding adding(database, run, now);
    ZC_TRY_STATUS(adding.prepare());

    judge::Sums sums;
    for (const judge::Stretch& stretch : stretches) {
        const auto bad = [&](const std::string& why) {
            return fail(Errc::invalid,
                        "questions " + std::to_string(stretch.first) + " to " +
                            std::to_string(stretch.last) + ": " + why,
                        {.source = path});
        };
        if (!stretch.sums.balanced())
            return bad("asked is not compared, timed out, dropped and malformed together");
        if (stretch.sums.asked != 0) {
            if (stretch.first <= info.position || stretch.last < stretch.first)
                return bad("they do not follow " + std::to_string(info.position));
            info.position = stretch.last;
        }
        judge::Sums counted = stretch.sums;
        counted.explained = counted.unexplained = 0;
        for (const judge::CaseCount& one : stretch.cases) ZC_TRY_STATUS(adding.count(one, counted));
        if (counted.differences() > counted.asked) return bad("more differences than questions");
        for (const judge::Sample& sample : stretch.samples) ZC_TRY_STATUS(adding.keep(sample));
        sums.add(counted);
    }

    // The minute: what it had, and these.
    const std::int64_t minute = adding.minute();
    judge::Sums in_minute = sums;
    std::int64_t first_at = std::clamp(info.updated.nanoseconds, minute, now.nanoseconds);
    std::int64_t last_at = now.nanoseconds;
    ZC_TRY(Statement before,
           database.prepare("SELECT first_at, explained, unexplained, tally, last_at FROM minutes "
                            "WHERE run = ? AND minute = ?"));
    before.bind(1, signed_of(run)).bind(2, minute);
    ZC_TRY(const bool row, before.step());
    if (row) {
        first_at = std::min(first_at, before.integer(0));
        last_at = std::max(last_at, before.integer(4));
        ZC_TRY(judge::Sums had, tally_of(before.text(3), path));
        had.explained = unsigned_of(before.integer(1));
        had.unexplained = unsigned_of(before.integer(2));
        in_minute.add(had);
    }
    before.reset();
    const std::string minute_text = text_of(in_minute);
    ZC_TRY(Statement put,
           database.prepare("INSERT OR REPLACE INTO minutes VALUES(?, ?, ?, ?, ?, ?, ?, ?)"));
    put.bind(1, signed_of(run)).bind(2, minute).bind(3, first_at).bind(4, last_at);
    put.bind(5, signed_of(in_minute.compared)).bind(6, signed_of(in_minute.explained));
    put.bind(7, signed_of(in_minute.unexplained)).bind(8, std::string_view(minute_text));
    ZC_TRY_STATUS(put.run());

    info.sums.add(sums);
    const std::string run_text = text_of(info.sums);
    ZC_TRY(Statement update,
           database.prepare("UPDATE runs SET updated = max(updated, ?), position = ?, explained = "
                            "?, unexplained = ?, tally = ? WHERE id = ?"));
    update.bind(1, now.nanoseconds).bind(2, signed_of(info.position));
    update.bind(3, signed_of(info.sums.explained)).bind(4, signed_of(info.sums.unexplained));
    update.bind(5, std::string_view(run_text)).bind(6, signed_of(run));
    ZC_TRY_STATUS(update.run());
    return change.commit();
}

Status Results::finish(std::uint64_t run, base::Instant now) {
    Database& database = work_->database;
    ZC_TRY(
        Statement update,
        database.prepare("UPDATE runs SET finished = 1, updated = max(updated, ?) WHERE id = ?"));
    update.bind(1, now.nanoseconds).bind(2, signed_of(run));
    ZC_TRY_STATUS(update.run());
    if (database.changes() == 0)
        return fail(Errc::not_found, "no run " + std::to_string(run), {.source = database.path()});
    return {};
}

namespace {

/// Moves what a case has counted from unexplained to explained, or back.
Status move_counts(Database& database, std::uint64_t case_id, bool to_explained) {
    const std::string sign = to_explained ? " + " : " - ";
    const std::string back = to_explained ? " - " : " + ";
    const auto sum = [](const std::string& of, const std::string& match) {
        return "(SELECT sum(count) FROM " + of + " WHERE case_id = ?1 AND " + match + ")";
    };
    const auto sql = [&](const std::string& table, const std::string& total,
                         const std::string& rows) {
        return "UPDATE " + table + " SET explained = explained" + sign + total +
               ", unexplained = unexplained" + back + total + " WHERE " + rows;
    };
    const std::array<std::string, 2> statements = {
        sql("minutes",
            sum("case_minutes",
                "case_minutes.run = minutes.run AND case_minutes.minute = minutes.minute"),
            "(run, minute) IN (SELECT run, minute FROM case_minutes WHERE case_id = ?1)"),
        sql("runs", sum("case_runs", "case_runs.run = runs.id"),
            "id IN (SELECT run FROM case_runs WHERE case_id = ?1)")};
    for (const std::string& text : statements) {
        ZC_TRY(Statement update, database.prepare(text));
        update.bind(1, signed_of(case_id));
        ZC_TRY_STATUS(update.run());
    }
    return {};
}

}  // namespace

Status Results::accept(std::uint64_t case_id, std::string_view why, base::Instant now) {
    Database& database = work_->database;
    ZC_TRY(auto change, Transaction::begin(database, Transaction::Kind::immediate));
    ZC_TRY(const CaseInfo info, one_case(case_id));
    if (!info.explained()) ZC_TRY_STATUS(move_counts(database, case_id, true));
    ZC_TRY(Statement update,
           database.prepare("UPDATE cases SET accepted = ?, accepted_at = ? WHERE id = ?"));
    update.bind(1, why).bind(2, now.nanoseconds).bind(3, signed_of(case_id));
    ZC_TRY_STATUS(update.run());
    return change.commit();
}

Status Results::unaccept(std::uint64_t case_id) {
    Database& database = work_->database;
    ZC_TRY(auto change, Transaction::begin(database, Transaction::Kind::immediate));
    ZC_TRY(CaseInfo info, one_case(case_id));
    if (!info.accepted)
        return fail(Errc::invalid, "case " + std::to_string(case_id) + " was not accepted",
                    {.source = database.path()});
    if (!compare::is_explained(info.verdict, info.what))
        ZC_TRY_STATUS(move_counts(database, case_id, false));
    ZC_TRY(Statement update,
           database.prepare("UPDATE cases SET accepted = NULL, accepted_at = NULL WHERE id = ?"));
    update.bind(1, signed_of(case_id));
    ZC_TRY_STATUS(update.run());
    return change.commit();
}

// ------------------------------------------------------------------------------------------
// reading

Result<std::optional<RunInfo>> Results::unfinished(const RunInfo& like) {
    Database& database = work_->database;
    ZC_TRY(Statement rows,
           database.prepare(std::string("SELECT ") + run_columns +
                            " FROM runs WHERE finished = 0 AND source = ? AND older = ? AND newer "
                            "= ? AND referee = ? AND settings = ? ORDER BY id DESC LIMIT 1"));
    rows.bind(1, std::string_view(like.source)).bind(2, std::string_view(like.older));
    rows.bind(3, std::string_view(like.newer)).bind(4, std::string_view(like.referee));
    rows.bind(5, std::string_view(like.settings));
    ZC_TRY(const bool row, rows.step());
    if (!row) return std::optional<RunInfo>();
    ZC_TRY(RunInfo run, run_of(rows, database.path()));
    return std::optional<RunInfo>(std::move(run));
}

Result<std::vector<RunInfo>> Results::runs() {
    Database& database = work_->database;
    ZC_TRY(Statement rows,
           database.prepare(std::string("SELECT ") + run_columns + " FROM runs ORDER BY id"));
    std::vector<RunInfo> out;
    for (;;) {
        ZC_TRY(const bool row, rows.step());
        if (!row) return out;
        ZC_TRY(RunInfo run, run_of(rows, database.path()));
        out.push_back(std::move(run));
    }
}

Result<RunInfo> Results::one_run(std::uint64_t id) {
    Database& database = work_->database;
    ZC_TRY(Statement rows,
           database.prepare(std::string("SELECT ") + run_columns + " FROM runs WHERE id = ?"));
    rows.bind(1, signed_of(id));
    ZC_TRY(const bool row, rows.step());
    if (!row)
        return fail(Errc::not_found, "no run " + std::to_string(id), {.source = database.path()});
    return run_of(rows, database.path());
}

namespace {

/// Cases with what their runs and samples add. `?1` a run, or null for all; `?2` a case, or null.
constexpr const char* select_cases =
    "SELECT c.id, c.cause, c.what, c.place, c.verdict, c.accepted, c.accepted_at, sum(r.count), "
    "min(r.run), max(r.run), min(r.first_seen), max(r.last_seen), "
    "(SELECT count(*) FROM samples s WHERE s.case_id = c.id), "
    "s.rule, s.sentence, s.clause, s.query "
    "FROM cases c JOIN case_runs r ON r.case_id = c.id "
    "LEFT JOIN samples s ON s.id = (SELECT min(id) FROM samples WHERE case_id = c.id) "
    "WHERE (?1 IS NULL OR r.run = ?1) AND (?2 IS NULL OR c.id = ?2) GROUP BY c.id";

Result<CaseInfo> case_of(const Statement& row) {
    CaseInfo out;
    out.id = unsigned_of(row.integer(0));
    out.cause = row.text(1);
    ZC_TRY(out.what, compare::parse_what(row.text(2)));
    ZC_TRY(out.where, compare::parse_where(row.text(3)));
    ZC_TRY(out.verdict, compare::parse_verdict(row.text(4)));
    out.accepted = row.optional_text(5);
    if (!row.is_null(6)) out.accepted_at = base::Instant{row.integer(6)};
    out.count = unsigned_of(row.integer(7));
    out.first_run = unsigned_of(row.integer(8));
    out.last_run = unsigned_of(row.integer(9));
    out.first_seen = {row.integer(10)};
    out.last_seen = {row.integer(11)};
    out.samples = unsigned_of(row.integer(12));
    if (!row.is_null(13)) {
        ZC_TRY(out.rule, compare::parse_rule(row.text(13)));
    }
    out.sentence = row.text(14);
    out.clause = row.text(15);
    if (out.samples > 0) out.example = example_of(row.octets(16));
    return out;
}

Result<std::vector<CaseInfo>> read_cases(Database& database, std::optional<std::uint64_t> run,
                                         std::optional<std::uint64_t> id) {
    ZC_TRY(Statement rows, database.prepare(select_cases));
    const auto bind = [&rows](int parameter, std::optional<std::uint64_t> value) {
        if (value)
            rows.bind(parameter, signed_of(*value));
        else
            rows.bind_null(parameter);
    };
    bind(1, run);
    bind(2, id);
    std::vector<CaseInfo> out;
    for (;;) {
        ZC_TRY(const bool row, rows.step());
        if (!row) return out;
        ZC_TRY(CaseInfo one, case_of(rows));
        out.push_back(std::move(one));
    }
}

}  // namespace

Result<std::vector<CaseInfo>> Results::cases(std::optional<std::uint64_t> run) {
    ZC_TRY(std::vector<CaseInfo> out, read_cases(work_->database, run, std::nullopt));
    std::ranges::sort(out, [](const CaseInfo& a, const CaseInfo& b) {
        if (a.explained() != b.explained()) return b.explained();
        return a.count != b.count ? a.count > b.count : a.id < b.id;
    });
    return out;
}

Result<CaseInfo> Results::one_case(std::uint64_t id) {
    ZC_TRY(std::vector<CaseInfo> out, read_cases(work_->database, std::nullopt, id));
    if (out.empty())
        return fail(Errc::not_found, "no case " + std::to_string(id),
                    {.source = work_->database.path()});
    return std::move(out.front());
}

Result<std::vector<judge::Sample>> Results::samples(std::uint64_t case_id) {
    ZC_TRY(const CaseInfo info, one_case(case_id));
    ZC_TRY(Statement rows,
           work_->database.prepare(
               "SELECT position, at, transport, query, older, newer, referee, rule, "
               "sentence, clause, facets FROM samples WHERE case_id = ? ORDER BY id"));
    rows.bind(1, signed_of(case_id));
    std::vector<judge::Sample> out;
    for (;;) {
        ZC_TRY(const bool row, rows.step());
        if (!row) return out;
        judge::Sample sample;
        sample.position = unsigned_of(rows.integer(0));
        sample.at = {rows.integer(1)};
        ZC_TRY(sample.transport, transport_of(rows.text(2)));
        sample.query = copy_of(rows.octets(3));
        sample.older = copy_of(rows.octets(4));
        sample.newer = copy_of(rows.octets(5));
        sample.referee = copy_of(rows.octets(6));
        sample.judgement.verdict = info.verdict;
        sample.judgement.what = info.what;
        sample.judgement.where = info.where;
        if (!rows.is_null(7)) {
            ZC_TRY(sample.judgement.rule, compare::parse_rule(rows.text(7)));
        }
        sample.judgement.sentence = rows.text(8);
        sample.judgement.clause = rows.text(9);
        sample.cause = info.cause;
        sample.facets = split(rows.text(10));
        out.push_back(std::move(sample));
    }
}

Result<std::vector<Minute>> Results::minutes(std::optional<std::uint64_t> run) {
    Database& database = work_->database;
    ZC_TRY(Statement rows,
           database.prepare("SELECT minute, run, first_at, last_at, explained, unexplained, tally "
                            "FROM minutes WHERE ?1 IS NULL OR run = ?1 ORDER BY minute, run"));
    if (run)
        rows.bind(1, signed_of(*run));
    else
        rows.bind_null(1);
    std::vector<Minute> out;
    for (;;) {
        ZC_TRY(const bool row, rows.step());
        if (!row) return out;
        Minute minute;
        minute.begin = {rows.integer(0)};
        minute.run = unsigned_of(rows.integer(1));
        minute.first = {rows.integer(2)};
        minute.last = {rows.integer(3)};
        ZC_TRY(minute.sums, tally_of(rows.text(6), database.path()));
        minute.sums.explained = unsigned_of(rows.integer(4));
        minute.sums.unexplained = unsigned_of(rows.integer(5));
        out.push_back(std::move(minute));
    }
}

Result<Summary> Results::summary(std::optional<std::uint64_t> run) {
    Database& database = work_->database;
    // One state of the file, also while a run goes on.
    ZC_TRY(auto reading, Transaction::begin(database, Transaction::Kind::deferred));
    Summary out;
    if (run) {
        ZC_TRY(const RunInfo info, one_run(*run));
        out.sums = info.sums;
    } else {
        ZC_TRY(const std::vector<RunInfo> all, runs());
        for (const RunInfo& info : all) out.sums.add(info.sums);
    }
    ZC_TRY(const std::vector<CaseInfo> all_cases, cases(run));
    out.cases = all_cases.size();
    for (const CaseInfo& one : all_cases) {
        if (one.explained()) continue;
        ++out.unexplained_cases;
        out.last_unexplained =
            std::max(out.last_unexplained.value_or(one.last_seen), one.last_seen);
    }

    ZC_TRY(Statement rows,
           database.prepare("SELECT first_at, last_at FROM minutes WHERE compared > 0 AND "
                            "(?1 IS NULL OR run = ?1) ORDER BY first_at"));
    if (run)
        rows.bind(1, signed_of(*run));
    else
        rows.bind_null(1);
    base::Instant clean_until{INT64_MIN};
    if (out.last_unexplained) clean_until = *out.last_unexplained;
    for (;;) {
        ZC_TRY(const bool row, rows.step());
        if (!row) break;
        const base::Instant first{rows.integer(0)};
        const base::Instant last{rows.integer(1)};
        if (!out.first_compared) out.first_compared = first;
        out.last_compared = std::max(out.last_compared.value_or(last), last);
        if (last <= clean_until) continue;
        const bool counts_pause =
            clean_until.nanoseconds != INT64_MIN && first - clean_until <= Summary::pause_max;
        const base::Instant from = counts_pause ? clean_until : std::max(first, clean_until);
        out.clean = out.clean + (last - from);
        clean_until = last;
    }
    ZC_TRY_STATUS(reading.commit());
    return out;
}

}  // namespace zc::results
