#include "ingest/powerdns.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <new>
#include <optional>
#include <thread>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

#include "dns/presentation.h"
#include "ingest/axfr.h"
#include "ingest/byte_source.h"
#include "ingest/compile.h"
#include "ingest/denial_chain.h"
#include "ingest/dump_reader.h"
#include "ingest/import_progress.h"
#include "ingest/import_rows.h"
#include "ingest/import_zone_files.h"
#include "ingest/live_postgres.h"
#include "ingest/row_pipeline.h"
#include "ingest/row_store.h"
#include "ingest/sqlite_reader.h"
#include "ingest/zone_files.h"
#include "ingest/zone_walk.h"
#include "runtime/workers.h"

namespace zc::ingest {

namespace {

constexpr std::size_t head_octets = 4096;  // that a format is recognised by
constexpr const char* temporary_directory_default = "/var/tmp";
constexpr std::string_view utf8_mark = "\xef\xbb\xbf";  // the byte order mark

std::uint32_t threads_of(const ImportOptions& options) {
    const std::size_t wanted =
        options.threads != 0 ? options.threads : std::thread::hardware_concurrency();
    return static_cast<std::uint32_t>(
        std::clamp<std::size_t>(wanted, 1, ImportOptions::threads_limit.max));
}

/// Rows of one bucket, put together by domain: linear, for buckets hold many small domains.
class Grouping {
public:
    using Ref = RowStore::Bucket::Ref;
    struct Group {
        std::int64_t domain;
        std::uint32_t count = 0;
        std::uint32_t begin = 0;
    };

    /// Afterwards `groups()` is in order of domain ids and the rows of each are by table, then
    /// line.
    void group(const std::vector<Ref>& refs) {
        groups_.clear();
        group_of_.clear();
        std::size_t slots = 64;
        while (slots < refs.size() * 2) slots *= 2;
        table_.assign(slots, 0);
        const std::size_t mask = slots - 1;
        for (const Ref& ref : refs) {
            // Rows of one domain mostly follow each other.
            if (!group_of_.empty() && groups_[group_of_.back()].domain == ref.domain) {
                ++groups_[group_of_.back()].count;
                group_of_.push_back(group_of_.back());
                continue;
            }
            std::size_t at =
                (static_cast<std::uint64_t>(ref.domain) * 0x9e3779b97f4a7c15U >> 20) & mask;
            while (table_[at] != 0 && groups_[table_[at] - 1].domain != ref.domain)
                at = (at + 1) & mask;
            if (table_[at] == 0) {
                groups_.push_back({.domain = ref.domain});
                table_[at] = static_cast<std::uint32_t>(groups_.size());
            }
            ++groups_[table_[at] - 1].count;
            group_of_.push_back(table_[at] - 1);
        }
        std::uint32_t begin = 0;
        for (Group& group : groups_) {
            group.begin = begin;
            begin += group.count;
            group.count = 0;
        }
        rows_.resize(refs.size());
        for (std::size_t i = 0; i < refs.size(); ++i) {
            Group& group = groups_[group_of_[i]];
            rows_[group.begin + group.count++] = refs[i];
        }
        const auto by_place = [](const Ref& a, const Ref& b) {
            return a.table != b.table ? a.table < b.table : a.line < b.line;
        };
        for (const Group& group : groups_) {
            const auto rows = std::span<Ref>(rows_).subspan(group.begin, group.count);
            // Stable: rows of one INSERT may stand in one line, and come in their order.
            if (std::is_sorted(rows.begin(), rows.end(), by_place)) continue;
            if (rows.size() > rows_inserted_max) {
                std::stable_sort(rows.begin(), rows.end(), by_place);
                continue;
            }
            for (auto at = rows.begin() + 1; at != rows.end(); ++at)
                std::rotate(std::upper_bound(rows.begin(), at, *at, by_place), at, at + 1);
        }
        std::ranges::sort(groups_, {}, &Group::domain);
    }
    const std::vector<Group>& groups() const noexcept { return groups_; }
    std::span<const Ref> rows(const Group& group) const noexcept {
        return std::span<const Ref>(rows_).subspan(group.begin, group.count);
    }

private:
    static constexpr std::size_t rows_inserted_max = 64;  // stable_sort allocates

    std::vector<std::uint32_t> table_;  // index of the group + 1, by hash
    std::vector<Group> groups_;
    std::vector<std::uint32_t> group_of_;
    std::vector<Ref> rows_;
};

/// From rows in the store to zones in the sink: buckets on all cores, handed over in their order.
class Compilation {
    static constexpr std::size_t delivered_at_once = 64;  // zones, for which the lock is held

public:
    Compilation(const ImportOptions& options, CompileOptions compile, RowStore& store,
                std::uint64_t rows, ImportSink& sink, ImportTotals& totals)
        : options_(options),
          compile_(std::move(compile)),
          store_(store),
          rows_(rows),
          sink_(sink),
          totals_(totals) {}

    Status run() {
        runtime::Workers workers(
            threads_of(options_), [this] { work(); },
            [this] {
                const std::lock_guard lock(mutex_);
                gave_up_ = true;
                turn_.notify_all();
            });
        const Status worked = workers.join();
        if (failure_) return tl::unexpected<Error>(std::move(*failure_));
        ZC_TRY_STATUS(worked);
        ZC_TRY_STATUS(deliver_those_of_one_name());
        return globals();
    }

private:
    void work() {
        std::optional<ZoneCompiler> compiler(std::in_place, compile_);
        RowStore::Bucket rows;
        Grouping grouping;
        std::vector<CompiledDomain> domains;
        // The last bucket has rows without a domain; its findings come last.
        for (std::size_t at = next_bucket_++; at <= buckets_count; at = next_bucket_++) {
            domains.clear();
            Status status = compile(at, rows, compiler, grouping, domains);
            std::unique_lock lock(mutex_);
            turn_.wait(lock, [&] { return failure_ || gave_up_ || turn_of_ == at; });
            if (failure_ || gave_up_) return;
            if (status) status = deliver(domains);
            if (!status) failure_ = std::make_unique<Error>(std::move(status).error());
            turn_of_.store(at + 1, std::memory_order_relaxed);
            turn_.notify_all();
            if (failure_) return;
        }
    }

    Status compile(std::size_t bucket, RowStore::Bucket& rows,
                   std::optional<ZoneCompiler>& compiler, Grouping& grouping,
                   std::vector<CompiledDomain>& domains) {
        const auto interrupted = [this] {
            return fail(Errc::interrupted, "stopped while compiling", {compile_.source, 0});
        };
        if (stopped(options_)) return interrupted();
        ZC_TRY_STATUS(store_.take(bucket, rows));
        grouping.group(rows.refs);
        for (const Grouping::Group& group : grouping.groups()) {
            if (group.domain == domain_null && bucket == buckets_count) {
                take_globals(grouping.rows(group), domains, *compiler);
            } else {
                compile_domain(grouping.rows(group), compiler, domains.emplace_back());
                // A result that comes after a stop is of no use.
                if (stopped(options_)) return interrupted();
            }
            // The thread whose turn it is hands over what the cache still has.
            if (domains.size() >= delivered_at_once &&
                turn_of_.load(std::memory_order_relaxed) == bucket) {
                const std::lock_guard lock(mutex_);
                if (failure_ || gave_up_) return {};
                ZC_TRY_STATUS(deliver(domains));
                domains.clear();
            }
        }
        return {};
    }

    void compile_domain(std::span<const RowStore::Bucket::Ref> rows,
                        std::optional<ZoneCompiler>& compiler, CompiledDomain& into) {
        try {
            return compiler->compile(rows, into);
        } catch (const std::bad_alloc&) {
            // First all is given back that was kept of the zone, so that there is memory for saying
            // it, and for the next one.
            compiler.emplace(compile_);
        }
        CompiledDomain& refused = into;
        refused = {};
        refused.rows = rows.size();
        for (const RowStore::Bucket::Ref& row : rows) {
            RowSums& count = refused.counts[static_cast<std::size_t>(row.table)];
            ++count.read;
            ++count.of(Fate::refused);
        }
        const Row first = RowStore::Bucket::read(rows[0]);
        refused.findings.push_back(
            {.acceptance = Acceptance::refused,
             .table = Table::domains,
             .line = first.line,
             .source = compile_.source,
             .zone = std::to_string(rows[0].domain),
             .record =
                 first.table == Table::domains
                     ? std::string(first.values[column::domain_name].value_or(std::string_view()))
                     : std::string(),
             .reason = "no memory for this zone, and all " + std::to_string(rows.size()) +
                       " rows that belong to it",
             .effect = "not taken over"});
    }

    /// tsigkeys and supermasters lie among the rows without domain.
    void take_globals(std::span<const RowStore::Bucket::Ref> refs,
                      std::vector<CompiledDomain>& domains, ZoneCompiler& compiler) {
        const auto is_global = [](const RowStore::Bucket::Ref& ref) {
            return ref.table == Table::tsigkeys || ref.table == Table::supermasters;
        };
        // By table: the two stand behind all others.
        const auto first = std::ranges::find_if(refs, is_global);
        const auto orphans = refs.first(static_cast<std::size_t>(first - refs.begin()));
        if (!orphans.empty()) compiler.compile(orphans, domains.emplace_back());
        CompiledDomain judged;
        for (const RowStore::Bucket::Ref& ref : refs.subspan(orphans.size())) {
            const Row row = RowStore::Bucket::read(ref);
            RowSums& count = judged.counts[static_cast<std::size_t>(row.table)];
            ++count.read;
            ++judged.rows;
            const bool is_key = row.table == Table::tsigkeys;
            const std::size_t needed = is_key ? 3 : 2;
            if (std::any_of(row.values.begin(),
                            row.values.begin() + static_cast<std::ptrdiff_t>(needed),
                            [](const Value& value) { return !value; })) {
                ++count.of(Fate::refused);
                judged.findings.push_back(
                    {.acceptance = Acceptance::refused,
                     .table = row.table,
                     .line = row.line,
                     .source = compile_.source,
                     .zone = {},
                     .record = std::string(row.values[0].value_or("NULL")),
                     .reason = is_key ? "a key without name, algorithm or secret"
                                      : "a supermaster without address or name server",
                     .effect = "not taken over"});
                continue;
            }
            ++count.of(Fate::served);
            if (is_key) {
                keys_.push_back({std::string(*row.values[column::tsig_name]),
                                 std::string(*row.values[column::algorithm]),
                                 std::string(*row.values[column::secret])});
            } else {
                supermasters_.push_back(
                    {std::string(*row.values[column::ip]),
                     std::string(*row.values[column::tsig_name + 1]),
                     std::string(
                         row.values[column::supermaster_account].value_or(std::string_view()))});
            }
        }
        domains.push_back(std::move(judged));
    }

    Status deliver(std::vector<CompiledDomain>& domains) {
        for (CompiledDomain& domain : domains) {
            if (domain.shares_name) {
                of_one_name_.push_back(std::move(domain));
                continue;
            }
            ZC_TRY_STATUS(deliver(domain));
        }
        if (options_.progress && throttle_.due()) {
            options_.progress({.phase = ImportProgress::Phase::compiling,
                               .done = rows_done_,
                               .total = rows_,
                               .rows = rows_,
                               .zones = totals_.zones});
        }
        return {};
    }

    Status deliver(CompiledDomain& domain) {
        for (std::size_t i = 0; i < tables_count; ++i)
            if (domain.counts[i].read != 0) totals_.tables[i].add(domain.counts[i]);
        rows_done_ += domain.rows;
        for (Finding& finding : domain.findings) ZC_TRY_STATUS(sink_.finding(std::move(finding)));
        if (domain.unchanged) {
            ++totals_.zones;
            ++totals_.unchanged;
        }
        if (!domain.zone) return {};
        ++totals_.zones;
        if (domain.zone->hidden) {
            ++totals_.hidden;
        } else if (domain.zone->state == zone::State::serving) {
            ++totals_.serving;
        } else if (domain.zone->state == zone::State::unsigned_) {
            ++totals_.unsigned_zones;
        } else {
            ++totals_.broken;
        }
        totals_.records += domain.zone->records;
        totals_.made += domain.made;
        totals_.kept += domain.zone->kept.size();
        return sink_.zone(std::move(*domain.zone));
    }

    /// Which of several rows of `domains` with one name counts does not depend on their order: one
    /// with an SOA goes first, since PowerDNS answers from whichever has it, then one in PowerDNS's
    /// spelling, then the first. The unique index of the schema is missing, or the names differ in
    /// case or a final dot.
    Status deliver_those_of_one_name() {
        const auto goes_before = [](const CompiledDomain& a, const CompiledDomain& b) {
            if (!equal(a.apex, b.apex))
                return std::ranges::lexicographical_compare(a.apex.wire(), b.apex.wire());
            if (a.has_soa != b.has_soa) return a.has_soa;
            if (a.written_as_powerdns != b.written_as_powerdns) return a.written_as_powerdns;
            return std::pair(a.line, a.id) < std::pair(b.line, b.id);
        };
        std::ranges::sort(of_one_name_, goes_before);
        for (auto first = of_one_name_.begin(); first != of_one_name_.end();) {
            const auto end = std::find_if(first + 1, of_one_name_.end(), [&](const auto& one) {
                return !equal(one.apex, first->apex);
            });
            for (auto other = first + 1; other != end; ++other) refuse_for(*other, *first);
            for (auto& one : std::span(first, end)) ZC_TRY_STATUS(deliver(one));
            first = end;
        }
        return {};
    }

    void refuse_for(CompiledDomain& domain, const CompiledDomain& other) const {
        const bool is_served =
            other.zone && other.zone->state == zone::State::serving && !other.zone->hidden;
        domain.findings.push_back(
            {.acceptance = Acceptance::refused,
             .table = Table::domains,
             .line = domain.line,
             .source = compile_.source,
             .zone = dns::to_string(domain.apex),
             .record = dns::to_string(domain.apex),
             .reason = "id " + std::to_string(domain.id) +
                       ", a second row of domains with this name, and all " +
                       std::to_string(domain.rows) + " rows that belong to it",
             .effect = "the one with id " + std::to_string(other.id) +
                       (is_served ? " is answered" : " counts, which is not served")});
        domain.zone.reset();
        for (RowSums& count : domain.counts) count.all(Fate::refused);
    }

    Status globals() {
        for (TsigKey& key : keys_) ZC_TRY_STATUS(sink_.tsig_key(std::move(key)));
        for (Supermaster& supermaster : supermasters_)
            ZC_TRY_STATUS(sink_.supermaster(std::move(supermaster)));
        return {};
    }

    const ImportOptions& options_;
    const CompileOptions compile_;
    RowStore& store_;
    const std::uint64_t rows_;
    ImportSink& sink_;
    std::atomic<std::size_t> next_bucket_ = 0;

    std::mutex mutex_;  // guards what follows, but for the globals: one thread has that bucket
    std::condition_variable turn_;
    std::atomic<std::size_t> turn_of_ = 0;  // a bucket; written under the mutex
    std::unique_ptr<Error> failure_;
    bool gave_up_ = false;  // a thread threw: `Workers` has the error
    ImportTotals& totals_;
    std::vector<CompiledDomain> of_one_name_;  // kept until all rows are judged
    Throttle throttle_;
    std::uint64_t rows_done_ = 0;
    std::vector<TsigKey> keys_;
    std::vector<Supermaster> supermasters_;
};

/// A source that was opened far enough to know what it is.
struct Opened {
    Format format = Format::pg_dump;
    std::unique_ptr<ByteSource> octets;  // absent for what is read by name
    bool compressed = false;
};

bool is_uri(const std::string& source) {
    return source.starts_with("postgresql://") || source.starts_with("postgres://");
}

std::optional<Format> format_of_text(std::string_view head) {
    if (head.find("MySQL dump") != std::string_view::npos ||
        head.find("MariaDB dump") != std::string_view::npos) {
        return Format::mysql_dump;
    }
    // Past blanks and comments of one line, a dump starts with a statement or a command of psql.
    if (head.starts_with(utf8_mark)) head.remove_prefix(utf8_mark.size());
    bool is_in_comment = false;  // of two dashes, which no list of zone files has
    for (;;) {
        const std::size_t start = head.find_first_not_of(" \t\r\n");
        if (start == std::string_view::npos) return std::nullopt;
        head.remove_prefix(start);
        if (!head.starts_with("--") && !head.starts_with('#')) break;
        is_in_comment = head.starts_with("--");
        const std::size_t end = head.find('\n');
        if (end == std::string_view::npos) break;
        head.remove_prefix(end);
    }
    if (head.starts_with("--"))
        return is_in_comment ? std::optional(Format::pg_dump) : std::nullopt;
    if (head.starts_with('\\') || head.starts_with("/*")) return Format::pg_dump;
    const std::size_t size =
        std::min(head.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"),
                 head.size());
    // "end.example" is a zone.
    const bool is_alone = size == head.size() ||
                          std::string_view(" \t\r\n;").find(head[size]) != std::string_view::npos;
    if (is_alone && begins_statement(head.substr(0, size))) return Format::pg_dump;
    return std::nullopt;
}

/// PowerShell's ">" makes such text.
/// "UTF-16" or "UTF-32", with a byte order mark or one of ASCII's characters at the start; or
/// empty.
std::string_view wide_text(std::string_view head) noexcept {
    using namespace std::string_view_literals;
    if (head.starts_with("\xff\xfe\0\0"sv) || head.starts_with("\0\0\xfe\xff"sv)) return "UTF-32";
    if (head.starts_with("\xff\xfe") || head.starts_with("\xfe\xff")) return "UTF-16";
    if (head.size() < 4) return {};
    const auto is_zero = [&head](std::size_t at) { return head[at] == '\0'; };
    if (is_zero(1) && is_zero(2) && is_zero(0) != is_zero(3)) return "UTF-32";
    if (is_zero(0) == is_zero(2) && is_zero(1) == is_zero(3) && is_zero(0) != is_zero(1))
        return "UTF-16";
    return {};
}

bool is_zone_list(std::string_view head) {
    for (;;) {
        const std::size_t end = head.find('\n');
        std::string_view line = head.substr(0, end);
        if (line.find_first_not_of(" \t\r") != std::string_view::npos && line.front() != '#') {
            const std::size_t tab = line.find('\t');
            return tab != std::string_view::npos && tab != 0 &&
                   dns::Name::parse(line.substr(0, tab)).has_value() &&
                   line.find('\t', tab + 1) == std::string_view::npos;
        }
        if (end == std::string_view::npos) return false;
        head.remove_prefix(end + 1);
    }
}

Result<Opened> open_source(const std::string& source, std::optional<Format> wanted,
                           const SourceContext& context) {
    Opened opened;
    if (wanted) opened.format = *wanted;
    if (is_axfr_uri(source) || wanted == Format::axfr) {
        opened.format = Format::axfr;
        return opened;
    }
    if (is_uri(source) || wanted == Format::postgresql) {
        opened.format = Format::postgresql;
        return opened;
    }
    struct stat status {};
    if (source != "-") {
        if (::stat(source.c_str(), &status) != 0) return base::fail_errno(errno, "open " + source);
        if (S_ISDIR(status.st_mode)) {
            const bool has_toc = ::access((source + "/toc.dat").c_str(), F_OK) == 0;
            if (!wanted) opened.format = has_toc ? Format::pg_directory : Format::zone_files;
            return opened;
        }
        if (wanted == Format::zone_files || wanted == Format::sqlite ||
            wanted == Format::pg_directory)
            return opened;
        if (!wanted && source.ends_with(".zone")) {
            opened.format = Format::zone_files;
            return opened;
        }
    }
    ZC_TRY(auto octets, open_octets(source, context));
    std::string raw;
    ZC_TRY(octets, peek(std::move(octets), 4, raw));
    ZC_TRY(octets, runtime::decompress(std::move(octets), context.name));
    std::string head;
    ZC_TRY(opened.octets, peek(std::move(octets), head_octets, head));
    opened.compressed = !head.starts_with(raw);
    if (const std::string wide(wide_text(head)); !wide.empty()) {
        return fail(Errc::malformed,
                    "text in " + wide + (wide == "UTF-16" ? ", as PowerShell's > writes it" : "") +
                        "; make UTF-8 of it: iconv -f " + wide + " -t UTF-8",
                    {context.name, 0});
    }
    if (wanted) return opened;
    using namespace std::string_view_literals;
    if (head.starts_with("PGDMP") ||
        (head.size() > 262 && std::string_view(head).substr(257, 5) == "ustar")) {
        opened.format = Format::pg_custom;
    } else if (head.starts_with("SQLite format 3\0"sv)) {
        opened.format = Format::sqlite;
    } else if (const auto text = format_of_text(head)) {
        opened.format = *text;
    } else if (looks_like_zone_file(head)) {
        return fail(Errc::malformed,
                    "a zone file whose name does not tell its zone: name it ORIGIN.zone, as "
                    "example.com.zone is, or give a list of lines ORIGIN<TAB>FILE",
                    {context.name, 0});
    } else if (is_zone_list(head)) {
        opened.format = Format::zone_files;
    } else if (head.empty()) {
        return fail(Errc::malformed, "empty; wanted a dump, a database or zone files",
                    {context.name, 0});
    } else {
        return fail(
            Errc::malformed,
            "neither an SQL dump nor a pg_dump archive, an SQLite file, or a list of zone files",
            {context.name, 0});
    }
    if ((opened.format == Format::sqlite || opened.format == Format::zone_files) &&
        (source == "-" || opened.compressed)) {
        return fail(Errc::unsupported,
                    "a source of format " + std::string(to_string(opened.format)) +
                        " has to be a file that is not compressed",
                    {context.name, 0});
    }
    return opened;
}

Status read_rows(const std::string& source, Opened& opened, const SourceContext& context,
                 const ImportOptions& options, RowPipeline& pipeline,
                 const ByteSource*& place_or_null) {
    switch (opened.format) {
        case Format::postgresql:
            return read_live_postgres(source, options.stop_or_null, pipeline);
        case Format::sqlite:
            return read_sqlite(source, options.stop_or_null, pipeline);
        case Format::pg_custom:
        case Format::pg_directory: {
            std::vector<std::string> arguments = {"pg_restore", "--file=-"};
            const bool by_name =
                opened.format == Format::pg_directory || (source != "-" && !opened.compressed);
            if (by_name) {
                arguments.emplace_back("--");
                arguments.push_back(source);
                opened.octets.reset();
            }
            ZC_TRY(opened.octets, run_program(arguments, std::move(opened.octets), context));
            break;
        }
        case Format::pg_dump:
        case Format::mysql_dump:
            break;
        case Format::zone_files:
        case Format::axfr:
            return {};  // not by rows
    }
    place_or_null = opened.octets.get();
    DumpOptions dump{.choice = options.dump};
    if (options.format == Format::mysql_dump) dump.strings = DumpOptions::Strings::mysql;
    if (options.format == Format::pg_dump) dump.strings = DumpOptions::Strings::standard;
    return read_dump(*opened.octets, context.name, dump, pipeline);
}

}  // namespace

std::string_view to_string(Acceptance acceptance) noexcept {
    switch (acceptance) {
        case Acceptance::taken:
            return "taken";
        case Acceptance::repaired:
            return "repaired";
        case Acceptance::refused:
            return "refused";
        case Acceptance::doubtful:
            return "doubtful";
    }
    return "taken";
}

std::string_view to_string(Format format) noexcept {
    switch (format) {
        case Format::pg_dump:
            return "pg-dump";
        case Format::mysql_dump:
            return "mysql-dump";
        case Format::pg_custom:
            return "pg-custom";
        case Format::pg_directory:
            return "pg-directory";
        case Format::postgresql:
            return "postgresql";
        case Format::sqlite:
            return "sqlite";
        case Format::zone_files:
            return "zone-files";
        case Format::axfr:
            return "axfr";
    }
    return "pg-dump";
}

Result<Format> parse_format(std::string_view text) {
    std::string known;
    for (const Format format :
         {Format::pg_dump, Format::mysql_dump, Format::pg_custom, Format::pg_directory,
          Format::postgresql, Format::sqlite, Format::zone_files, Format::axfr}) {
        if (text == to_string(format)) return format;
        known += (known.empty() ? "" : ", ") + std::string(to_string(format));
    }
    return fail(Errc::malformed, "format " + std::string(text) + ", wanted one of " + known);
}

Result<Format> detect(const std::string& source) {
    if (source == "-") return fail(Errc::unsupported, "what stdin holds is seen while importing");
    ZC_TRY(const Opened opened,
           open_source(source, std::nullopt, {.name = source, .stop_or_null = nullptr}));
    return opened.format;
}

Status check(const ImportOptions& options) {
    const AxfrSource& axfr = options.axfr;
    ZC_TRY_STATUS(check(dns::default_ttl_limit, options.default_ttl));
    ZC_TRY_STATUS(check(options.threads_limit, options.threads));
    ZC_TRY_STATUS(check(options.memory_octets_limit, options.memory_octets));
    ZC_TRY_STATUS(check(axfr.connections_limit, axfr.connections));
    ZC_TRY_STATUS(check(axfr.timeout_limit, axfr.timeout));
    return check(axfr.transfer_timeout_limit, axfr.transfer_timeout);
}

Result<ImportTotals> import_rows(const std::string& name, const RowReader& read,
                                 const ImportOptions& options, ImportSink& sink) {
    ZC_TRY_STATUS(check(options));
    RowStore store({.memory_octets = options.memory_octets,
                    .temporary_directory = options.temporary_directory.empty()
                                               ? temporary_directory_default
                                               : options.temporary_directory});
    ImportTotals totals;
    std::uint64_t rows = 0;
    bool finds_capitals = false;
    std::vector<std::uint64_t> repeated_names;
    DoubtfulOctets octets;
    {
        Throttle throttle;
        const ByteSource* place = nullptr;
        const RowPipeline* running = nullptr;
        const auto tick = [&] {
            if (!options.progress || !throttle.due()) return;
            options.progress({.phase = ImportProgress::Phase::reading,
                              .done = place == nullptr ? 0 : place->position(),
                              .total = place == nullptr ? 0 : place->total(),
                              .rows = running->rows(),
                              .zones = 0});
        };
        RowPipeline pipeline({.source = name, .threads = threads_of(options), .tick = tick}, store);
        running = &pipeline;
        ZC_TRY_STATUS(read(pipeline, place));
        ZC_TRY_STATUS(pipeline.finish());
        rows = pipeline.rows();
        finds_capitals = pipeline.finds_capitals();
        repeated_names = pipeline.repeated_names();
        octets = pipeline.doubtful_octets();
        for (std::size_t i = 0; i < tables_count; ++i) {
            totals.tables[i].read += pipeline.refused()[i];
            totals.tables[i].of(Fate::refused) += pipeline.refused()[i];
        }
        for (Finding& finding : pipeline.findings())
            ZC_TRY_STATUS(sink.finding(std::move(finding)));
    }
    CompileOptions compile{.source = name,
                           .repair = options.repair,
                           .unsigned_zones = options.unsigned_zones,
                           .default_ttl = options.default_ttl,
                           .finds_capitals = finds_capitals,
                           .repeated_names = std::move(repeated_names),
                           .octets = std::move(octets),
                           .is_unchanged = options.is_unchanged,
                           .stopped = [&options] { return stopped(options); }};
    ZC_TRY_STATUS(Compilation(options, std::move(compile), store, rows, sink, totals).run());
    totals.octets_spilled = store.octets_spilled();
    return totals;
}

Result<ImportTotals> import_zones(const std::string& source, const ImportOptions& options,
                                  ImportSink& sink) {
    ZC_TRY_STATUS(check(options));
    const SourceContext context{.name = source == "-"    ? "stdin"
                                        : is_uri(source) ? shown_uri(source)
                                                         : source,
                                .stop_or_null = options.stop_or_null};
    ZC_TRY(Opened opened, open_source(source, options.format, context));
    const bool is_dump = opened.format == Format::pg_dump || opened.format == Format::mysql_dump ||
                         opened.format == Format::pg_custom ||
                         opened.format == Format::pg_directory;
    if (!is_dump && !(options.dump.database.empty() && options.dump.schema.empty())) {
        return fail(Errc::invalid,
                    "a database or schema is chosen out of a dump, and this source is of format " +
                        std::string(to_string(opened.format)) +
                        "; the URI of a live PostgreSQL names its database, and a schema by "
                        "?options=-csearch_path=NAME",
                    {context.name, 0});
    }
    if (opened.format == Format::zone_files) return import_zone_files(source, options, sink);
    if (opened.format == Format::axfr) {
        ImportOptions seldom = options;
        Throttle throttle;
        if (options.progress) {
            seldom.progress = [&](const ImportProgress& progress) {
                if (throttle.due() || progress.done == progress.total) options.progress(progress);
            };
        }
        return import_axfr(source, seldom, sink);
    }
    const auto read = [&](RowPipeline& pipeline, const ByteSource*& place) {
        return read_rows(source, opened, context, options, pipeline, place);
    };
    return import_rows(context.name, read, options, sink);
}

}  // namespace zc::ingest
