// zonectl import: what a PowerDNS operator has, and zone files, into a store.
#include <cerrno>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/foreign_text.h"
#include "dns/presentation.h"
#include "flags.h"
#include "ingest/powerdns.h"
#include "merge/store_import.h"
#include "runtime/clock.h"
#include "stop.h"
#include "transfer/tsig.h"
#include "verbs.h"

namespace zc::cmd {
namespace {

constexpr std::size_t findings_shown_max = 20;  // on the terminal; the others by --report
constexpr std::size_t findings_in_json_max = 1000;

struct ImportVerbOptions {
    std::vector<std::string> sources;
    std::string store;
    std::string from;
    std::string database;
    std::string schema;
    std::string report;
    std::string temporary_directory;
    std::uint32_t threads = 0;
    std::uint32_t default_ttl = ingest::ImportOptions().default_ttl;
    std::uint64_t memory_octets = ingest::ImportOptions().memory_octets;
    std::vector<std::string> zones;
    std::string zone_list;
    std::string catalog;
    std::string tsig_key;
    std::string tsig_key_file;
    std::uint32_t connections = ingest::AxfrSource().connections;
    base::Duration timeout = ingest::AxfrSource().timeout;
    base::Duration transfer_timeout = ingest::AxfrSource().transfer_timeout;
    bool as_secondary = false;
    bool from_powerdns = false;
    bool retransfer = false;
    bool dry_run = false;
    bool repair = false;
    bool prune = false;
    std::uint32_t removed_percent_max = merge::StoreImportOptions().removed_percent_max;
    merge::Prefer prefer = merge::Prefer::undecided;
    bool serve_unsigned = false;
};

std::string place_of(const ingest::Finding& finding) {
    return finding.line == 0 ? finding.source : finding.source + ':' + std::to_string(finding.line);
}

term::Json json_of(const ingest::Finding& finding) {
    term::Json json = term::Json::object();
    json.set("file", finding.source).set("line", term::Json::number(finding.line));
    json.set("table", ingest::to_string(finding.table)).set("zone", finding.zone);
    json.set("record", finding.record).set("verdict", ingest::to_string(finding.acceptance));
    json.set("reason", finding.reason).set("effect", finding.effect);
    return json;
}

/// Every finding, as it comes: into the report file, and the first ones for the terminal.
class Findings {
public:
    /// A name that ends in .json or .jsonl gets one JSON document a line, any other tab-separated
    /// columns.
    static Result<Findings> open(const std::string& path) {
        Findings out;
        if (path.empty()) return out;
        out.path_ = path;
        out.json_ = path.ends_with(".json") || path.ends_with(".jsonl");
        out.file_ = std::make_unique<std::ofstream>(path, std::ios::binary | std::ios::trunc);
        if (!*out.file_) return base::fail_errno(errno, "create " + path);
        if (!out.json_) *out.file_ << "file\tline\ttable\tzone\trecord\tverdict\treason\teffect\n";
        return out;
    }

    Status add(ingest::Finding&& finding) {
        ++total_;
        if (file_) {
            if (json_) {
                *file_ << json_of(finding).serialize() << '\n';
            } else {
                write_columns({finding.source, std::to_string(finding.line),
                               ingest::to_string(finding.table), finding.zone, finding.record,
                               ingest::to_string(finding.acceptance), finding.reason,
                               finding.effect});
            }
            if (!*file_) return base::fail_errno(errno, "write " + path_);
        }
        if (first_.size() < findings_in_json_max) first_.push_back(std::move(finding));
        return {};
    }

    /// The file then holds all that was added so far.
    Status flush() {
        if (!file_) return {};
        file_->flush();
        if (!*file_) return base::fail_errno(errno, "write " + path_);
        return {};
    }

    std::uint64_t total() const noexcept { return total_; }
    const std::vector<ingest::Finding>& first() const noexcept { return first_; }

private:
    void write_columns(std::initializer_list<std::string_view> columns) {
        std::string line;
        for (const std::string_view column : columns) {
            base::append_foreign(line, column, base::Form::column);
            line += '\t';
        }
        line.back() = '\n';
        *file_ << line;
    }

    std::string path_;
    bool json_ = false;
    std::unique_ptr<std::ofstream> file_;
    std::uint64_t total_ = 0;
    std::vector<ingest::Finding> first_;
};

void add_totals(ingest::ImportTotals& sum, const ingest::ImportTotals& more) {
    for (std::size_t i = 0; i < sum.tables.size(); ++i) sum.tables[i].add(more.tables[i]);
    sum.zones += more.zones;
    sum.serving += more.serving;
    sum.broken += more.broken;
    sum.unsigned_zones += more.unsigned_zones;
    sum.hidden += more.hidden;
    sum.unchanged += more.unchanged;
    sum.not_transferred += more.not_transferred;
    sum.records += more.records;
    sum.made += more.made;
    sum.kept += more.kept;
    sum.octets_spilled += more.octets_spilled;
}

/// Zones that the source gave as good, and the store does not serve.
void add_withheld(ingest::ImportTotals& sum, const merge::Withheld& withheld) {
    using ingest::Fate;
    sum.serving -= withheld.zones;
    sum.unsigned_zones += withheld.zones;
    sum.of(ingest::Table::domains).move(Fate::served, Fate::refused, withheld.zones);
    ingest::RowSums& records = sum.of(ingest::Table::records);
    records.move(Fate::powerdns_only, Fate::not_served, withheld.powerdns_only);
    records.move(Fate::served, Fate::not_served, withheld.records - withheld.powerdns_only);
}

/// A zone that is not served is a row of `domains` that is refused.
std::uint64_t refused(const ingest::ImportTotals& totals) {
    std::uint64_t sum = 0;
    for (const ingest::RowSums& table : totals.tables) sum += table.of(ingest::Fate::refused);
    return sum;
}

/// Rows of records that are in the store as records of a zone, served or not.
std::uint64_t taken_over(const ingest::ImportTotals& totals) {
    using ingest::Fate;
    const ingest::RowSums& records = totals.of(ingest::Table::records);
    return records.read - records.of(Fate::refused) - records.of(Fate::without_type) -
           records.of(Fate::same_twice);
}

template <class Each>
void for_each_fate(const Each& each) {
    for (std::size_t i = 0; i < ingest::fates_count; ++i) each(static_cast<ingest::Fate>(i));
}

/// One bar for each phase of each source.
class ImportProgressBar {
public:
    explicit ImportProgressBar(term::Terminal& terminal) : terminal_(terminal) {}

    void update(const ingest::ImportProgress& progress) {
        const std::lock_guard lock(mutex_);
        const base::Instant now = runtime::now();
        if (!bar_ || progress.phase != phase_) {
            bar_.reset();
            phase_ = progress.phase;
            bar_ = std::make_unique<term::Progress>(terminal_, name_of(phase_), now);
        }
        bar_->update(progress.done, progress.total, now);
    }
    void finish() {
        const std::lock_guard lock(mutex_);
        bar_.reset();
    }

private:
    static const char* name_of(ingest::ImportProgress::Phase phase) {
        switch (phase) {
            case ingest::ImportProgress::Phase::reading:
                return "reading, octets";
            case ingest::ImportProgress::Phase::compiling:
                return "compiling, rows";
            case ingest::ImportProgress::Phase::transferring:
                return "transferring, zones";
        }
        return "";
    }

    term::Terminal& terminal_;
    std::mutex mutex_;
    ingest::ImportProgress::Phase phase_{};
    std::unique_ptr<term::Progress> bar_;
};

struct Report {
    ingest::ImportTotals totals;
    merge::StoreImportOutcome outcome;
    base::Duration took;
};

term::Json json_of(const ImportVerbOptions& options, const Report& report,
                   const Findings& findings) {
    const auto number = [](std::uint64_t value) { return term::Json::number(value); };
    const store::Counts& counts = report.outcome.counts;
    term::Json zones = term::Json::object();
    zones.set("read", number(report.totals.zones)).set("added", number(counts.added));
    zones.set("changed", number(counts.changed)).set("removed", number(counts.removed));
    zones.set("unchanged", number(counts.unchanged)).set("stayed", number(counts.stayed));
    zones.set("broken", number(report.totals.broken));
    zones.set("not_transferred", number(report.totals.not_transferred));
    zones.set("withheld", number(report.totals.unsigned_zones));
    zones.set("hidden", number(report.totals.hidden));
    term::Json tables = term::Json::object();
    for (std::size_t i = 0; i < report.totals.tables.size(); ++i) {
        const ingest::RowSums& sums = report.totals.tables[i];
        term::Json table = term::Json::object();
        table.set("read", number(sums.read));
        for_each_fate(
            [&](ingest::Fate fate) { table.set(ingest::key_of(fate), number(sums.of(fate))); });
        table.set("doubtful", number(sums.doubtful));
        tables.set(ingest::to_string(static_cast<ingest::Table>(i)), std::move(table));
    }
    term::Json list = term::Json::array();
    for (const ingest::Finding& finding : findings.first()) list.add(json_of(finding));
    term::Json json = term::Json::object();
    json.set("store", options.store);
    json.set("dry_run", term::Json::boolean(options.dry_run));
    json.set("new", term::Json::boolean(report.outcome.is_new));
    json.set("position", number(report.outcome.position.number));
    json.set("zones", std::move(zones)).set("records", number(report.totals.records));
    json.set("made", number(report.totals.made));
    json.set("kept", number(report.totals.kept)).set("tables", std::move(tables));
    json.set("findings_total", number(findings.total())).set("findings", std::move(list));
    json.set("seconds", term::Json::number(report.took.as_seconds()));
    return json;
}

std::string counted(std::uint64_t count, std::string_view one, std::string_view many) {
    return term::grouped(count) + ' ' + std::string(count == 1 ? one : many);
}

/// The first findings, and how many more there are, a line each.
std::vector<term::Text> lines_of(const ImportVerbOptions& options, const Findings& findings) {
    std::vector<term::Text> lines;
    for (const ingest::Finding& finding : findings.first()) {
        if (lines.size() == findings_shown_max) break;
        const bool bad = finding.acceptance == ingest::Acceptance::refused;
        lines.push_back(place_of(finding) + ": " +
                        term::Text(bad ? term::Style::red : term::Style::yellow,
                                   ingest::to_string(finding.acceptance)) +
                        ": " + (finding.zone.empty() ? "" : finding.zone + ": ") +
                        (finding.record.empty() ? "" : finding.record + ": ") + finding.reason +
                        "; " + finding.effect);
    }
    if (findings.total() > findings_shown_max)
        lines.emplace_back(
            "and " + term::grouped(findings.total() - findings_shown_max) + " more" +
            (options.report.empty() ? "; --report FILE lists all" : ", all in " + options.report));
    return lines;
}

/// A line for each fate that some row had, a column for each table that has rows: each column adds
/// up to its first line.
std::string sums_text(const ingest::ImportTotals& totals) {
    std::vector<term::Table::Column> columns = {{"rows", term::Table::Align::left}};
    std::vector<const ingest::RowSums*> tables;
    for (std::size_t i = 0; i < totals.tables.size(); ++i) {
        if (totals.tables[i].read == 0) continue;
        columns.push_back({std::string(ingest::to_string(static_cast<ingest::Table>(i))),
                           term::Table::Align::right});
        tables.push_back(&totals.tables[i]);
    }
    term::Table table(columns);
    const auto line = [&](std::string_view name, const auto& count_of) {
        std::vector<std::string> cells = {std::string(name)};
        bool any = false;
        for (const ingest::RowSums* const sums : tables) {
            const std::uint64_t count = count_of(*sums);
            any = any || count > 0;
            cells.push_back(count == 0 ? "" : term::grouped(count));
        }
        if (any) table.row(std::move(cells));
    };
    line("read", [](const ingest::RowSums& sums) { return sums.read; });
    for_each_fate([&](ingest::Fate fate) {
        line("  " + std::string(ingest::to_string(fate)),
             [fate](const ingest::RowSums& sums) { return sums.of(fate); });
    });
    line("doubtful among them", [](const ingest::RowSums& sums) { return sums.doubtful; });
    return table.text();
}

void print(term::Terminal& terminal, const ImportVerbOptions& options, const Report& report,
           const Findings& findings) {
    for (const term::Text& line : lines_of(options, findings)) terminal.line(line);
    terminal.out(sums_text(report.totals));

    const store::Counts& counts = report.outcome.counts;
    // Counts the records in the store. The sums above have the rows that are not there.
    std::string line = counted(report.totals.zones, "zone", "zones") + ", " +
                       counted(taken_over(report.totals), "record", "records") + " in " +
                       term::in_words(report.took) + ": " + term::grouped(counts.added) +
                       " added, " + term::grouped(counts.changed) + " changed, " +
                       term::grouped(counts.removed) + " removed, " +
                       term::grouped(counts.unchanged) + " unchanged\n";
    if (counts.stayed > 0)
        line +=
            counted(counts.stayed, "zone was", "zones were") +
            " made or changed in the store, and the source has something else: the store keeps " +
            (counts.stayed == 1 ? "it" : "them") +
            (options.prefer == merge::Prefer::undecided ? " (--prefer decides)\n" : "\n");
    if (report.totals.not_transferred > 0)
        line += counted(report.totals.not_transferred, "zone", "zones") +
                " could not be transferred: the store keeps what it has of them" +
                (options.prune ? ", and --prune removed nothing\n" : "\n");
    if (report.totals.broken > 0)
        line +=
            counted(report.totals.broken, "zone is broken", "zones are broken") + ": SERVFAIL\n";
    if (report.totals.unsigned_zones > 0)
        line += counted(report.totals.unsigned_zones, "zone is", "zones are") +
                " signed by PowerDNS as it answers, which zonectl does not do yet: SERVFAIL "
                "(--serve-unsigned overrides)\n";
    if (report.totals.hidden > 0)
        line += counted(report.totals.hidden, "zone has", "zones have") +
                " a disabled SOA: stored, and not served\n";
    if (options.dry_run) line += "dry run: nothing was changed\n";
    terminal.out(line);
}

bool is_records_only(ingest::Format format) {
    return format == ingest::Format::zone_files || format == ingest::Format::axfr;
}

/// A name a line; what stands behind it, blank lines and lines that begin with # are passed over.
Status read_zone_list(const std::string& path, std::vector<dns::Name>& zones) {
    std::ifstream file(path);
    if (!file) return base::fail_errno(errno, "open " + path);
    std::string line;
    for (std::uint64_t number = 1; std::getline(file, line); ++number) {
        const std::size_t begin = line.find_first_not_of(" \t\r");
        if (begin == std::string::npos || line[begin] == '#') continue;
        const std::size_t end = line.find_first_of(" \t\r", begin);
        auto name = dns::Name::parse(line.substr(begin, end - begin));
        if (!name) return fail(name.error().code, name.error().message, {path, number});
        zones.push_back(*name);
    }
    if (file.bad()) return base::fail_errno(errno, "read " + path);
    return {};
}

constexpr std::size_t key_file_octets_max = 65536;

Result<transfer::TsigKey> read_tsig_key(const ImportVerbOptions& options) {
    if (options.tsig_key_file.empty()) return transfer::parse_tsig_key(options.tsig_key);
    std::ifstream file(options.tsig_key_file, std::ios::binary);
    if (!file) return base::fail_errno(errno, "open " + options.tsig_key_file);
    std::string text(key_file_octets_max, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (file.bad()) return base::fail_errno(errno, "read " + options.tsig_key_file);
    text.resize(static_cast<std::size_t>(file.gcount()));
    auto key = transfer::parse_tsig_key(text);
    if (!key) return fail(key.error().code, key.error().message, {options.tsig_key_file, 0});
    return key;
}

/// The transfers to ask of a source that is a server.
Result<ingest::AxfrSource> axfr_source(const ImportVerbOptions& options) {
    ingest::AxfrSource axfr;
    for (const std::string& zone : options.zones) {
        ZC_TRY(dns::Name name, dns::Name::parse(zone));
        axfr.zones.push_back(name);
    }
    if (!options.zone_list.empty()) ZC_TRY_STATUS(read_zone_list(options.zone_list, axfr.zones));
    if (!options.catalog.empty()) {
        ZC_TRY(axfr.catalog, dns::Name::parse(options.catalog));
    }
    if (!options.tsig_key.empty() || !options.tsig_key_file.empty()) {
        ZC_TRY(axfr.key, read_tsig_key(options));
    }
    axfr.connections = options.connections;
    axfr.retransfer = options.retransfer;
    axfr.timeout = options.timeout;
    axfr.transfer_timeout = options.transfer_timeout;
    if (options.as_secondary) axfr.kind = ingest::AxfrSource::Kept::secondary;
    if (options.from_powerdns) axfr.server = ingest::AxfrSource::Server::powerdns;
    return axfr;
}

merge::StoreImportOptions store_options_of(const ImportVerbOptions& options, Findings& findings) {
    merge::StoreImportOptions out;
    out.prune = options.prune ? merge::Prune::yes : merge::Prune::no;
    out.removed_percent_max = options.removed_percent_max;
    out.dry_run = options.dry_run ? merge::DryRun::yes : merge::DryRun::no;
    out.prefer = options.prefer;
    out.several_sources = options.sources.size() > 1;
    out.unsigned_zones =
        options.serve_unsigned ? ingest::UnsignedZones::serve : ingest::UnsignedZones::servfail;
    out.on_finding = [&findings](ingest::Finding&& finding) {
        return findings.add(std::move(finding));
    };
    return out;
}

Result<ingest::ImportOptions> import_options_of(const ImportVerbOptions& options,
                                                const std::atomic<bool>& stop) {
    ingest::ImportOptions out;
    out.repair = options.repair ? ingest::Repair::yes : ingest::Repair::no;
    out.unsigned_zones =
        options.serve_unsigned ? ingest::UnsignedZones::serve : ingest::UnsignedZones::servfail;
    out.default_ttl = options.default_ttl;
    out.dump = {.database = options.database, .schema = options.schema};
    out.threads = options.threads;
    out.temporary_directory = options.temporary_directory;
    out.memory_octets = options.memory_octets;
    out.stop_or_null = &stop;
    ZC_TRY(out.axfr, axfr_source(options));
    return out;
}

/// The kind of a source, as far as it is known before the source is read. With --from it sets the
/// format.
Result<merge::Source> kind_of(const std::string& source, const ImportVerbOptions& options,
                              ingest::ImportOptions& import_options) {
    // The format of stdin is known only while importing, and is none of records only.
    if (options.from.empty() && source == "-") return merge::Source::whole;
    ZC_TRY(const ingest::Format format,
           options.from.empty() ? ingest::detect(source) : ingest::parse_format(options.from));
    if (!options.from.empty()) import_options.format = format;
    return is_records_only(format) ? merge::Source::records_only : merge::Source::whole;
}

void warn_of_findings(term::Terminal& terminal, const ImportVerbOptions& options,
                      const Findings& findings) {
    for (const term::Text& line : lines_of(options, findings)) {
        std::string plain;
        for (const term::Text::Piece& piece : line.pieces()) plain += piece.text;
        terminal.warn(plain);
    }
}

/// All sources, one after the other, into the import.
Status read_sources(const ImportVerbOptions& options, ingest::ImportOptions import_options,
                    merge::StoreImport& import, const Findings& findings, term::Terminal& terminal,
                    ingest::ImportTotals& sum) {
    ImportProgressBar bar(terminal);
    import_options.progress = [&bar](const ingest::ImportProgress& progress) {
        bar.update(progress);
    };
    for (const std::string& source : options.sources) {
        ZC_TRY(const merge::Source kind, kind_of(source, options, import_options));
        import.set_source(kind);
        const auto totals = ingest::import_zones(source, import_options, import);
        bar.finish();
        if (!totals) return tl::unexpected<Error>(totals.error());
        // Zones that a server did not give are there, and stay as the store has them.
        if (totals->zones == 0 && totals->not_transferred == 0) {
            warn_of_findings(terminal, options, findings);
            return fail(Errc::not_found, "no zone in it; the store is as it was", {source});
        }
        add_totals(sum, *totals);
    }
    if (sum.not_transferred > 0) import.keep_all();
    return {};
}

/// The store has the import. False: something about it could not be written or made safe.
bool tell_problems(term::Terminal& terminal, Findings& findings,
                   const merge::StoreImportOutcome& outcome, const std::string& done) {
    bool all_told = true;
    if (const Status written = findings.flush(); !written) {
        terminal.complain(written.error().text() + "; " + done);
        all_told = false;
    }
    if (!outcome.durability_problem.empty()) {
        terminal.complain(outcome.durability_problem + "; " + done);
        all_told = false;
    }
    if (!outcome.image_file_problem.empty())
        terminal.warn("the store is whole, its image file is not: " + outcome.image_file_problem);
    return all_told;
}

int run_import(const ImportVerbOptions& options, Invocation& invocation) {
    term::Terminal& terminal = invocation.terminal;
    const base::Duration start = runtime::monotonic();
    const auto give_up = [&](const Error& error) {
        if (error.code == Errc::interrupted)
            terminal.complain("interrupted; the store is as it was");
        else
            terminal.complain(error);
        return 2;
    };

    auto findings = Findings::open(options.report);
    if (!findings) return give_up(findings.error());
    const StopOnSignals stop;
    auto import_options = import_options_of(options, stop.flag());
    if (!import_options) return give_up(import_options.error());
    auto import = merge::StoreImport::begin(options.store, store_options_of(options, *findings));
    if (!import) return give_up(import.error());
    import_options->is_unchanged = import->unchanged();

    Report report;
    if (const Status read = read_sources(options, *std::move(import_options), *import, *findings,
                                         terminal, report.totals);
        !read)
        return give_up(read.error());
    if (const Status written = findings->flush(); !written) return give_up(written.error());
    auto outcome = import->finish(runtime::now());
    if (!outcome) return give_up(outcome.error());
    report.outcome = *std::move(outcome);
    // From here on the store is not as it was, whatever becomes of the words about it.
    if (!options.dry_run)
        invocation.done = "the store has all of this import, at position " +
                          store::to_string(report.outcome.position);
    add_withheld(report.totals, report.outcome.withheld);
    report.took = runtime::monotonic() - start;
    const bool all_told = tell_problems(terminal, *findings, report.outcome, invocation.done);
    if (terminal.json())
        terminal.out(json_of(options, report, *findings));
    else
        print(terminal, options, report, *findings);
    const bool is_undecided =
        report.outcome.counts.stayed > 0 && options.prefer == merge::Prefer::undecided;
    return refused(report.totals) > 0 || is_undecided || !all_told ? 1 : 0;
}

void add_source_flags(CLI::App& app, ImportVerbOptions& options) {
    add_list(
        app, "source", options.sources, "SOURCE",
        "Dump (pg_dump, mysqldump, also compressed), gsqlite3 file, directory or list of zone "
        "files, one ORIGIN.zone file, postgresql://… for a live database, or axfr://ADDRESS[:PORT] "
        "for zones of a running server; - is stdin")
        ->required();
    add_text(app, "--store", options.store, "FILE",
             "Store for the zones; created if it does not exist")
        ->required();
    add_text(app, "--from", options.from, "FORMAT",
             "Format of the source, if the source does not tell: pg-dump, mysql-dump, pg-custom, "
             "pg-directory, postgresql, sqlite, zone-files, axfr",
             parses(ingest::parse_format));
    add_text(app, "--database", options.database, "NAME",
             "Database to read, if a dump has several (pg_dumpall, mysqldump --databases)");
    add_text(app, "--schema", options.schema, "NAME",
             "Schema to read, if a dump has PowerDNS's tables in several");
}

void add_transfer_flags(CLI::App& app, ImportVerbOptions& options) {
    add_list(app, "--zone", options.zones, "NAME", "With axfr://: transfer this zone",
             parses<dns::Name>(dns::Name::parse))
        ->configurable(false);  // a key `zone` in the file would hide the table [zone]

    add_text(app, "--zone-list", options.zone_list, "FILE",
             "With axfr://: transfer the zones that FILE names, one a line");
    add_text(app, "--catalog", options.catalog, "NAME",
             "With axfr://: transfer the members of this catalog zone (RFC 9432); their groups and "
             "changes of ownership are kept",
             parses<dns::Name>(dns::Name::parse));
    CLI::Option* key = add_text(app, "--tsig-key", options.tsig_key, "[ALGORITHM:]NAME:SECRET",
                                "With axfr://: sign and verify transfers (TSIG). The secret is in "
                                "base64, the default algorithm is hmac-sha256. Other users see the "
                                "secret in the list of processes; --tsig-key-file hides it",
                                parses(transfer::parse_tsig_key));
    add_text(app, "--tsig-key-file", options.tsig_key_file, "FILE",
             "The same from a file, also in the form of BIND's tsig-keygen")
        ->excludes(key);
    add_number(app, ingest::AxfrSource::connections_limit, options.connections,
               "With axfr://: zones transferred at once");
    add_number(app, ingest::AxfrSource::timeout_limit, options.timeout,
               "With axfr://: time for a connection, and for each message of a transfer");
    add_number(app, ingest::AxfrSource::transfer_timeout_limit, options.transfer_timeout,
               "With axfr://: time for a whole zone. A transfer that brings fewer than 2048 "
               "octets a minute is given up too");
    add_switch(app, "--as-secondary", options.as_secondary,
               "With axfr://: zones that are new in the store become secondaries of that server");
    add_switch(app, "--from-powerdns", options.from_powerdns,
               "With axfr://: the server is PowerDNS, so types 65401 and 65402 are ALIAS and LUA. "
               "From any other server they are opaque data");
    add_switch(app, "--retransfer", options.retransfer,
               "With axfr://: also transfer zones whose SOA has not changed since the last "
               "transfer from that server");
}

void add_merge_flags(CLI::App& app, ImportVerbOptions& options) {
    add_text(app, "--report", options.report, "FILE",
             "File for every refused or doubtful row, with its place. JSON lines if FILE ends in "
             ".json or .jsonl, else columns separated by tabs");
    add_switch(app, "--dry-run", options.dry_run, "Read, compare and report; change nothing");
    add_switch(app, "--repair", options.repair,
               "Repair rows that PowerDNS does not answer as they stand, and report each");
    add_switch(app, "--prune", options.prune, "Remove zones from the store that no source has");
    add_number(app, merge::StoreImportOptions::removed_percent_limit, options.removed_percent_max,
               "With --prune: percent of the store's zones that may be removed. If more would be, "
               "nothing is changed and the exit code is 2. One of 5 zones is 20 percent");
    add_choice<merge::Prefer>(
        app, "--prefer", options.prefer,
        {{"source", merge::Prefer::source}, {"store", merge::Prefer::store}},
        "Which one counts, if a zone was made or changed in the store and the source has something "
        "else. Without it the store keeps its zone, and the exit code is 1");
    add_switch(app, "--serve-unsigned", options.serve_unsigned,
               "Serve zones that PowerDNS signs itself, without signatures");
    add_number(app, dns::default_ttl_limit, options.default_ttl, "TTL of records that have none");
    add_number(app, ingest::ImportOptions::threads_limit, options.threads,
               "Threads that check and compile zones; 0 is one a core");
    add_number(app, ingest::ImportOptions::memory_octets_limit, options.memory_octets,
               "Memory for rows that wait to be grouped by zone; further rows go to disk");
    add_text(app, "--temporary-directory", options.temporary_directory, "DIR",
             "Folder for rows that do not fit into memory; default: /var/tmp");
}

}  // namespace

Action define_import(CLI::App& app) {
    auto options = std::make_shared<ImportVerbOptions>();
    add_source_flags(app, *options);
    add_transfer_flags(app, *options);
    add_merge_flags(app, *options);
    app.footer(
        "Merges the source into the store: zones that differ are changed, all of them or none. A "
        "running node takes the changes over with zonectl reload. If a server refuses a zone, cuts "
        "it off or does not sign it as asked, the zone is reported and the store keeps what it has "
        "of it. Zones that arrive signed are served as they are. A zone whose SOA has not changed "
        "since the last transfer from that server is not transferred again, unless it is signed "
        "(signatures are renewed without another serial) or the last import reported something in "
        "it: --retransfer transfers all. Every row that was read is counted once: served as it is, "
        "repaired, disabled, PowerDNS only (ALIAS, LUA), made anew (NSEC, NSEC3), without type, "
        "same twice, of a zone that is not served, of an unchanged zone, or refused. A zone that "
        "was made or changed in the store since it was imported is replaced or removed only with "
        "--prefer source; its rows are counted as the source has them. Exit code 1: rows or zones "
        "were refused, a zone is not served because it is broken or PowerDNS signs it, or zones "
        "stay as the store has them without --prefer; the rest is in the store. Or all is in the "
        "store, but the report could not be written. 2: the source could not be read to its end or "
        "has no zone, two sources have one "
        "zone, --prune would remove more zones than --max-removed allows, or the disk is full; the "
        "store is as it was. zonectl-migrate(7) tells more.");
    return [options](Invocation& invocation) { return run_import(*options, invocation); };
}

}  // namespace zc::cmd
