#include "ingest/powerdns.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/seed.h"
#include "dns/presentation.h"
#include "ingest/import_rows.h"
#include "ingest/live_postgres.h"
#include "sqlite/sqlite.h"
#include "testkit/folder.h"
#include "testkit/limit_ends.h"
#include "testkit/script.h"

namespace zc::ingest {
namespace {

using testkit::Folder;
using testkit::testdata;
using testkit::write_file;

/// Keeps what it is given, as text.
class Recorder : public ImportSink {
public:
    std::map<std::string, std::string> zones;  // by apex
    std::vector<std::string> order;            // of the calls
    std::vector<Finding> findings;
    std::string globals;
    std::map<std::string, std::uint64_t> digests;
    std::uint64_t fail_at = ~std::uint64_t{0};

    Status zone(ImportedZone&& zone) override {
        const std::string apex = dns::to_string(zone.apex);
        if (order.size() >= fail_at) return fail(Errc::full, "the disk is full");
        order.push_back(apex);
        digests[apex] = zone.rows_digest;
        CHECK(zones.emplace(apex, text_of(zone)).second);
        std::ranges::move(zone.findings, std::back_inserter(findings));
        return {};
    }
    Status tsig_key(TsigKey&& key) override {
        globals += "tsig key " + key.name + ' ' + key.algorithm + ' ' + key.secret + '\n';
        return {};
    }
    Status supermaster(Supermaster&& supermaster) override {
        globals += "supermaster " + supermaster.ip + ' ' + supermaster.nameserver + " '" +
                   supermaster.account + "'\n";
        return {};
    }
    Status finding(Finding&& finding) override {
        order.push_back(finding.reason);
        findings.push_back(std::move(finding));
        return {};
    }

    std::string zones_text() const {
        std::string text;
        for (const auto& [apex, zone] : zones) text += zone;
        return text + globals;
    }

private:
    static std::string one_line(std::string_view text) {
        std::string out;
        for (const char c : text) {
            if (c == '\n')
                out += "\\n";
            else if (c == '\t')
                out += "\\t";
            else if (c == '\r')
                out += "\\r";
            else
                out += c;
        }
        return out;
    }
    static const char* word_of(const ImportedZone& zone) {
        if (zone.hidden) return "hidden";
        switch (zone.state) {
            case zone::State::serving:
                return "serving";
            case zone::State::pending:
                return "pending";
            case zone::State::broken:
                return "broken";
            case zone::State::unsigned_:
                return "unsigned";
        }
        return "";
    }
    static std::string text_of(const ImportedZone& zone) {
        std::string text = "zone " + dns::to_string(zone.apex) + ' ' + word_of(zone) + ' ' +
                           std::string(to_string(zone.kind));
        if (!zone.account.empty()) text += " account " + zone.account;
        for (const std::string& primary : zone.masters) text += " primary " + primary;
        if (zone.options) text += " options " + *zone.options;
        if (zone.catalog) text += " catalog " + *zone.catalog;
        if (zone.notified_serial) text += " notified " + std::to_string(*zone.notified_serial);
        if (zone.last_check) text += " checked " + std::to_string(*zone.last_check);
        text += '\n';
        std::uint64_t records = 0;
        if (!zone.image.octets().empty()) {
            CHECK(zone::validate(zone.image.octets()));
            zone::for_each_record(zone::Zone(zone.image.octets().data()),
                                  [&](const dns::RecordView& record) {
                                      dns::append_record_text(text, record);
                                      ++records;
                                  });
        }
        CHECK(records == zone.records);
        for (const KeptRecord& kept : zone.kept) {
            static constexpr const char* words[] = {"disabled", "powerdns-only", "no-image"};
            text += std::string("kept ") + words[static_cast<std::size_t>(kept.why)] + ' ' +
                    kept.name + ' ' + std::to_string(kept.ttl) + ' ' + kept.type + ' ' +
                    std::to_string(kept.prio) + ' ' + one_line(kept.content) + '\n';
        }
        for (const Metadata& metadata : zone.metadata)
            text += "metadata " + metadata.kind + ' ' + one_line(metadata.content) + '\n';
        for (const Comment& comment : zone.comments) {
            text += "comment " + comment.name + ' ' + comment.type + ' ' +
                    std::to_string(comment.modified_at) + ' ' + comment.account + ' ' +
                    one_line(comment.comment) + '\n';
        }
        for (const CryptoKey& key : zone.keys) {
            text += "key " + std::to_string(key.flags) + (key.active ? " active" : " inactive") +
                    (key.published ? " published " : " unpublished ") + one_line(key.content) +
                    '\n';
        }
        return text;
    }
};

struct Imported {
    Recorder sink;
    Result<ImportTotals> totals = fail(Errc::invalid, "not run");

    explicit Imported(const std::string& source, ImportOptions options = {}) {
        if (options.threads == 0) options.threads = 2;
        totals = import_zones(source, options, sink);
    }
    std::string error() const { return totals ? "" : totals.error().text(); }
    Errc code() const { return totals ? Errc::exists : totals.error().code; }
};

std::string counts_text(const ImportTotals& totals) {
    std::string text;
    for (std::size_t i = 0; i < tables_count; ++i) {
        const RowSums& sums = totals.tables[i];
        CHECK(sums.read == sums.sum());
        CHECK(sums.doubtful <= sums.read);
        if (sums.read == 0) continue;
        text += std::string(to_string(static_cast<Table>(i))) + " read " +
                std::to_string(sums.read) + ':';
        std::string separator = " ";
        for (std::size_t k = 0; k < fates_count; ++k) {
            if (sums.fates[k] == 0) continue;
            text += std::exchange(separator, ", ") + std::to_string(sums.fates[k]) + ' ' +
                    std::string(to_string(static_cast<Fate>(k)));
        }
        if (sums.doubtful != 0) text += "; doubtful " + std::to_string(sums.doubtful);
        text += '\n';
    }
    CHECK(totals.zones == totals.serving + totals.broken + totals.unsigned_zones + totals.hidden +
                              totals.unchanged);
    text += "zones " + std::to_string(totals.zones) + " serving " + std::to_string(totals.serving) +
            " broken " + std::to_string(totals.broken) + " unsigned " +
            std::to_string(totals.unsigned_zones) + " hidden " + std::to_string(totals.hidden) +
            " records " + std::to_string(totals.records) + " kept " + std::to_string(totals.kept) +
            '\n';
    return text;
}

std::string findings_text(const Recorder& sink) {
    std::string text;
    std::vector<const Finding*> sorted;
    for (const Finding& finding : sink.findings) sorted.push_back(&finding);
    std::ranges::stable_sort(sorted,
                             [](const Finding* a, const Finding* b) { return a->line < b->line; });
    for (const Finding* finding : sorted) {
        text += std::to_string(finding->line) + ' ' + std::string(to_string(finding->table)) + ' ' +
                std::string(to_string(finding->acceptance)) + " [" + finding->zone + "] " +
                finding->record + ": " + finding->reason + " -> " + finding->effect + '\n';
    }
    return text;
}

ImportOptions options_of(const std::vector<std::string>& words) {
    ImportOptions options;
    for (const std::string& word : words) {
        if (word == "repair") options.repair = Repair::yes;
        if (word == "serve-unsigned") options.unsigned_zones = UnsignedZones::serve;
        if (word.starts_with("database=")) options.dump.database = word.substr(9);
        if (word.starts_with("schema=")) options.dump.schema = word.substr(7);
        if (word.starts_with("from=")) options.format = *parse_format(word.substr(5));
    }
    return options;
}

/// import FILE [repair] [serve-unsigned]   what the report says
/// zones FILE [repair] [serve-unsigned]    what the sink gets
/// sql [OPTIONS]                           both, of the SQL in the body
/// statements first|last                   each line of the body alone, in a dump of its own with
///                                         the rows of one zone behind it, or before it
/// session OPTIONS                         how a string behind each line of the body is read
/// OPTIONS: repair serve-unsigned database=NAME schema=NAME from=FORMAT
std::string run_statements(const testkit::Step& step) {
    const std::string rows =
        "INSERT INTO domains (id, name, type) VALUES (1, 'example', 'NATIVE');\n"
        "INSERT INTO records (id, domain_id, name, type, content, ttl) VALUES (1, 1, 'example', "
        "'SOA', 'ns.example hostmaster.example 1 2 3 4 5', 60);\n";
    std::string text;
    std::string_view rest = step.body;
    while (!rest.empty()) {
        const std::size_t end = rest.find('\n');
        const std::string line(rest.substr(0, end));
        rest.remove_prefix(end + 1);
        const Folder folder;
        const bool is_first = step.args == "first";
        write_file(folder / "dump.sql", is_first ? line + '\n' + rows : rows + line + '\n');
        ImportOptions options;
        options.format = Format::pg_dump;
        if (line.find('`') != std::string::npos) options.format = Format::mysql_dump;
        const Imported imported(folder / "dump.sql", options);
        if (!imported.totals) {
            const Error& error = imported.totals.error();
            text += std::to_string(error.where.line) + ' ' + std::string(to_string(error.code)) +
                    ": " + error.message + '\n';
            continue;
        }
        text += std::to_string(imported.totals->records) + " records";
        for (const Finding& finding : imported.sink.findings)
            text += ", " + std::string(to_string(finding.acceptance)) + ": " + finding.reason;
        text += '\n';
    }
    return text;
}

/// session FORMAT   each line of the body alone, in a dump with a string behind it that has two
///                  backslashes: the TXT that it is
std::string run_session(const testkit::Step& step) {
    std::string text;
    std::string_view rest = step.body;
    while (!rest.empty()) {
        const std::size_t end = rest.find('\n');
        const std::string line(rest.substr(0, end));
        rest.remove_prefix(end + 1);
        const Folder folder;
        write_file(folder / "dump.sql",
                   line +
                       "\nINSERT INTO domains (id, name, type) VALUES (1, 'example', 'NATIVE');\n"
                       "INSERT INTO records (domain_id, name, type, content, ttl) VALUES "
                       "(1, 'example', 'SOA', 'a b 1 2 3 4 5', 60), "
                       "(1, 'example', 'TXT', '\"\\\\a\"', 60);\n");
        const Imported imported(folder / "dump.sql", options_of(step.words()));
        if (!imported.totals) {
            const Error& error = imported.totals.error();
            text += std::to_string(error.where.line) + ' ' + std::string(to_string(error.code)) +
                    ": " + error.message + '\n';
            continue;
        }
        const std::string zones = imported.sink.zones_text();
        const std::size_t at = zones.find("TXT\t");
        text += at == std::string::npos ? "nothing\n" : zones.substr(at + 4);
        for (const Finding& finding : imported.sink.findings) text += finding.reason + '\n';
    }
    return text;
}

std::string run(const testkit::Step& step) {
    if (step.directive == "statements") return run_statements(step);
    if (step.directive == "session") return run_session(step);
    const std::vector<std::string> words = step.words();
    const Folder folder;
    std::string source = words.empty() ? "" : testdata("ingest/" + words[0]);
    if (step.directive == "sql") {
        source = folder / "dump.sql";
        write_file(source, step.body);
    }
    const Imported imported(source, options_of(words));
    if (!imported.totals) {
        Error error = imported.totals.error();
        error.where.source = error.where.source.empty() ? "" : "SOURCE";
        return error.text();
    }
    std::string text;
    if (step.directive != "zones")
        text += findings_text(imported.sink) + counts_text(*imported.totals);
    if (step.directive != "import") text += imported.sink.zones_text();
    return text;
}

TEST_CASE("an import takes its numbers within their limits alone, however it gets its rows") {
    const auto error_of = [](const ImportOptions& options) {
        const Status within = check(options);
        Recorder sink;
        const auto no_rows = [](RowPipeline&, const ByteSource*&) -> Status {
            return fail(Errc::interrupted, "read");
        };
        const auto totals = import_rows("rows", no_rows, options, sink);
        REQUIRE(!totals);
        CHECK(totals.error().message == (within ? "read" : within.error().message));
        return within ? std::string() : within.error().message;
    };
    const auto try_ends = [&](const auto& limit, const auto& field) {
        testkit::try_ends(limit, [&](auto value) {
            ImportOptions options;
            field(options) = value;
            return error_of(options);
        });
    };
    using Options = ImportOptions;
    try_ends(
        dns::default_ttl_limit, [](Options & o) -> auto& { return o.default_ttl; });
    try_ends(
        Options::threads_limit, [](Options & o) -> auto& { return o.threads; });
    try_ends(
        Options::memory_octets_limit, [](Options & o) -> auto& { return o.memory_octets; });
    try_ends(
        AxfrSource::connections_limit, [](Options & o) -> auto& { return o.axfr.connections; });
    try_ends(
        AxfrSource::timeout_limit, [](Options & o) -> auto& { return o.axfr.timeout; });
    try_ends(
        AxfrSource::transfer_timeout_limit,
        [](Options & o) -> auto& { return o.axfr.transfer_timeout; });
}

TEST_CASE("an import is what the scripts say") {
    testkit::run_scripts("ingest", [] { return run; });
}

TEST_CASE("every form of one database gives the same zones") {
    const Imported expected(testdata("ingest/sample.pg_dump.sql"));
    REQUIRE(expected.totals);
    const std::string zones = expected.sink.zones_text();
    const std::string counts = counts_text(*expected.totals);
    CHECK(expected.sink.zones.size() == 17);
    for (const char* form :
         {"inserts.sql", "column_inserts.sql", "data_only.sql", "custom", "directory",
          "pg_dump.sql.gzip", "pg_dump.sql.zstd", "pg_dump.sql.xz", "sqlite3", "sqlite3.sql"}) {
        CAPTURE(form);
        const Imported imported(testdata(std::string("ingest/sample.") + form));
        REQUIRE_MESSAGE(imported.totals, imported.error());
        CHECK(imported.sink.zones_text() == zones);
        CHECK(counts_text(*imported.totals) == counts);
        CHECK(imported.sink.findings.size() == expected.sink.findings.size());
        // Digests are of the rows alone: the next import may come in another form.
        const bool is_sqlite = std::string_view(form).starts_with("sqlite");  // 1 and 0 for t and f
        if (!is_sqlite && std::string_view(form).find("inserts") == std::string_view::npos)
            CHECK(imported.sink.digests == expected.sink.digests);
    }
}

TEST_CASE("the format is found out from the source") {
    const auto format = [](const char* name) {
        return *detect(testdata(std::string("ingest/") + name));
    };
    CHECK(format("sample.pg_dump.sql") == Format::pg_dump);
    CHECK(format("sample.inserts.sql") == Format::pg_dump);
    CHECK(format("sample.pg_dump.sql.zstd") == Format::pg_dump);
    CHECK(format("sample.custom") == Format::pg_custom);
    CHECK(format("sample.directory") == Format::pg_directory);
    CHECK(format("sample.sqlite3") == Format::sqlite);
    CHECK(format("sample.sqlite3.sql") == Format::pg_dump);
    CHECK(format("sample.mysql.sql") == Format::mysql_dump);
    CHECK(format("old.example.zone") == Format::zone_files);
    CHECK(*detect("postgresql://host/pdns") == Format::postgresql);
    const Folder folder;
    write_file(folder / "list", "# zones\nexample.com\tfile\n");
    CHECK(*detect(folder / "list") == Format::zone_files);
    CHECK(*detect(std::string(folder / "")) == Format::zone_files);
    write_file(folder / "noise", "\x01\x02 nothing\n");
    CHECK(detect(folder / "noise").error().code == Errc::malformed);
    write_file(folder / "end.example", "# zones\nend.example\tfile\n");
    CHECK(*detect(folder / "end.example") == Format::zone_files);
    for (const char* text :
         {"\xef\xbb\xbfINSERT INTO domains", "# comment\n-- another\ninsert into domains",
          "WITH a AS (SELECT 1)", "\\restrict abc\n", "delete from records;\n", "-- only this"}) {
        write_file(folder / "dump", text);
        CHECK(*detect(folder / "dump") == Format::pg_dump);
    }
    using namespace std::string_literals;
    for (const std::string& text :
         {"\xff\xfe-\0-\0\n\0"s, "\xfe\xff\0-\0-\0\n"s, "-\0-\0\n\0"s, "\0-\0-\0\n"s}) {
        write_file(folder / "utf16", text);
        CHECK(detect(folder / "utf16").error().message ==
              "text in UTF-16, as PowerShell's > writes it; make UTF-8 of it: iconv -f UTF-16 -t "
              "UTF-8");
    }
    for (const std::string& text :
         {"\xff\xfe\0\0-\0\0\0"s, "\0\0\xfe\xff\0\0\0-"s, "-\0\0\0-\0\0\0"s, "\0\0\0-"s}) {
        write_file(folder / "utf32", text);
        CHECK(detect(folder / "utf32").error().message ==
              "text in UTF-32; make UTF-8 of it: iconv -f UTF-32 -t UTF-8");
    }
    write_file(folder / "empty", "");
    CHECK(detect(folder / "empty").error().code == Errc::malformed);
    CHECK(detect(folder / "missing").error().code == Errc::not_found);
    for (const char* name : {"pg-dump", "mysql-dump", "pg-custom", "pg-directory", "postgresql",
                             "sqlite", "zone-files"}) {
        CHECK(to_string(*parse_format(name)) == name);
    }
    CHECK_FALSE(parse_format("oracle"));
}

/// Runs `body` with `path` as stdin.
template <class Body>
void with_stdin(const std::string& path, const Body& body) {
    const int saved = ::dup(STDIN_FILENO);
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    REQUIRE(file >= 0);
    REQUIRE(::dup2(file, STDIN_FILENO) >= 0);
    body();
    ::close(file);
    if (saved >= 0) {
        ::dup2(saved, STDIN_FILENO);
        ::close(saved);
    }
}

TEST_CASE("stdin is a source, compressed and in pg_dump's own format too") {
    const std::string zones = Imported(testdata("ingest/sample.pg_dump.sql")).sink.zones_text();
    for (const char* form : {"pg_dump.sql", "pg_dump.sql.xz", "custom"}) {
        CAPTURE(form);
        with_stdin(testdata(std::string("ingest/sample.") + form), [&] {
            const Imported imported("-");
            REQUIRE_MESSAGE(imported.totals, imported.error());
            CHECK(imported.sink.zones_text() == zones);
            for (const Finding& finding : imported.sink.findings) CHECK(finding.source == "stdin");
        });
    }
    with_stdin(testdata("ingest/sample.sqlite3"),
               [] { CHECK(Imported("-").code() == Errc::unsupported); });
}

TEST_CASE("threads and memory change neither the zones nor the order of the calls") {
    ImportOptions one;
    one.threads = 1;
    const Imported expected(testdata("ingest/sample.pg_dump.sql"), one);
    REQUIRE(expected.totals);
    for (const std::uint32_t threads : {2U, 5U}) {
        ImportOptions options;
        options.threads = threads;
        options.memory_octets = 0;
        const Folder folder;
        options.temporary_directory = folder / "";
        const Imported imported(testdata("ingest/sample.pg_dump.sql"), options);
        REQUIRE_MESSAGE(imported.totals, imported.error());
        CHECK(imported.sink.order == expected.sink.order);
        CHECK(imported.sink.zones == expected.sink.zones);
        CHECK(folder.files() == 0);
    }
}

TEST_CASE(
    "which of two rows with one name counts depends neither on their order nor on their ids") {
    const auto soa = [](int id, int serial) {
        return std::to_string(id) + "\texample\tSOA\tns.example hostmaster.example " +
               std::to_string(serial) + " 2 3 4 5\t60\n";
    };
    const auto row = [](int id, const char* name) {
        return std::to_string(id) + '\t' + name + "\tNATIVE\n";
    };
    struct Case {
        const char* name;
        const char* other;
        bool other_has_soa;
    };
    const Folder folder;
    for (const Case& each :
         {Case{"example", "example.", true}, Case{"example", "EXAMPLE", true},
          Case{"example", "ex\\\\097mple.", false}, Case{"example", "Example.", false},
          Case{"EXAMPLE", "example", false}, Case{"example", "example", false}}) {
        // Buckets are in no order of ids.
        for (int id = 1; id <= 12; ++id) {
            CAPTURE(each.other);
            CAPTURE(id);
            const int other = 13 - id;
            for (const bool is_first : {true, false}) {
                write_file(
                    folder / "dump.sql",
                    "COPY domains (id, name, type) FROM stdin;\n" +
                        (is_first ? row(id, each.name) + row(other, each.other)
                                  : row(other, each.other) + row(id, each.name)) +
                        "\\.\nCOPY records (domain_id, name, type, content, ttl) FROM stdin;\n" +
                        soa(id, 1) + (each.other_has_soa ? soa(other, 2) : "") + "\\.\n");
                const Imported imported(folder / "dump.sql");
                REQUIRE_MESSAGE(imported.totals, imported.error());
                CHECK(imported.totals->serving == 1);
                CHECK(imported.sink.zones.at("example.").find(" 1 2 3 4 5") != std::string::npos);
                counts_text(*imported.totals);
                const auto& findings = imported.sink.findings;
                CHECK(std::ranges::count(findings, Acceptance::refused, &Finding::acceptance) == 1);
                CHECK(findings.back().effect ==
                      "the one with id " + std::to_string(id) + " is answered");
            }
        }
    }
}

/// A dump of `zones` zones of `records` records, the lines of each table in random order.
std::string shuffled_dump(std::size_t zones, std::size_t records, std::uint64_t seed_value) {
    base::Seed seed(seed_value);
    const auto shuffle = [&seed](std::vector<std::string>& lines) {
        for (std::size_t i = lines.size(); i > 1; --i)
            std::swap(lines[i - 1], lines[seed.below(i)]);
    };
    std::vector<std::string> domains;
    std::vector<std::string> rows;
    for (std::size_t i = 1; i <= zones; ++i) {
        const std::string id = std::to_string(i);
        const std::string apex = "zone" + id + ".example";
        domains.push_back(id + '\t' + apex + "\tNATIVE\n");
        rows.push_back(id + '\t' + apex + "\tSOA\tns." + apex + " hostmaster." + apex +
                       " 1 2 3 4 5\t3600\t0\tf\n");
        for (std::size_t k = 0; k < records; ++k) {
            rows.push_back(id + "\th" + std::to_string(k) + '.' + apex + "\tA\t192.0.2." +
                           std::to_string(k % 250) + "\t60\t0\tf\n");
        }
    }
    shuffle(domains);
    shuffle(rows);
    std::string text =
        "--\n-- PostgreSQL database dump\n--\n\nCOPY public.records (domain_id, name, type, "
        "content, ttl, prio, disabled) FROM stdin;\n";
    for (const std::string& row : rows) text += row;
    text += "\\.\n\nCOPY public.domains (id, name, type) FROM stdin;\n";
    for (const std::string& row : domains) text += row;
    return text + "\\.\n\n--\n-- PostgreSQL database dump complete\n--\n";
}

TEST_CASE("rows in any order, and on disk, give the same zones") {
    const Folder folder;
    std::string first;
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        write_file(folder / "dump", shuffled_dump(20, 3000, seed));  // enough to fill chunks
        ImportOptions options;
        options.temporary_directory = folder / "";
        options.memory_octets = seed % 2 == 0 ? 0 : 1 << 30;
        const Imported imported(folder / "dump", options);
        REQUIRE_MESSAGE(imported.totals, imported.error());
        CHECK(imported.totals->serving == 20);
        CHECK(imported.totals->records == 20 * 3001);
        CHECK((imported.totals->octets_spilled > 0) == (seed % 2 == 0));
        if (first.empty()) first = imported.sink.zones_text();
        CHECK(imported.sink.zones_text() == first);
    }
}

TEST_CASE("a dump that is cut off anywhere is an error") {
    const Folder folder;
    const std::string whole = shuffled_dump(2, 2, 1);
    const std::size_t complete = whole.find("-- PostgreSQL database dump complete") +
                                 std::string("-- PostgreSQL database dump complete").size();
    ImportOptions options;
    options.threads = 1;
    for (std::size_t size = 0; size < complete; ++size) {
        CAPTURE(size);
        write_file(folder / "dump.sql", whole.substr(0, size));
        options.format = Format::pg_dump;
        CHECK(Imported(folder / "dump.sql", options).code() == Errc::malformed);
    }
    write_file(folder / "dump.sql", whole);
    CHECK(Imported(folder / "dump.sql", options).totals);
}

TEST_CASE("a real dump, in any form, that is cut off is an error") {
    const Folder folder;
    for (const char* form :
         {"pg_dump.sql", "inserts.sql", "column_inserts.sql", "sqlite3.sql", "mysql.sql", "custom",
          "pg_dump.sql.gzip", "pg_dump.sql.zstd", "pg_dump.sql.xz"}) {
        CAPTURE(form);
        const std::string whole = testkit::read_testdata(std::string("ingest/sample.") + form);
        // Behind its last line there may be one blank or psql command more.
        const std::size_t tail = 110;
        const std::size_t step = std::max<std::size_t>(whole.size() / 40, 1);
        for (std::size_t size = 30; size + tail < whole.size(); size += step) {
            CAPTURE(size);
            write_file(folder / "dump", whole.substr(0, size));
            const Imported imported(folder / "dump");
            CHECK_FALSE(imported.totals);
        }
    }
}

TEST_CASE("a dump with the line ends of Windows is read") {
    const Folder folder;
    std::string text = shuffled_dump(3, 3, 1);
    for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 2)
        text.insert(at, 1, '\r');
    write_file(folder / "dump", text);
    const Imported imported(folder / "dump");
    REQUIRE_MESSAGE(imported.totals, imported.error());
    CHECK(imported.totals->records == 12);
    CHECK(imported.sink.findings.empty());
}

TEST_CASE("lines that are longer than a block come through") {
    const Folder folder;
    std::string text = shuffled_dump(1, 1, 1);
    const std::string row =
        "1\tlong.zone1.example\tTXT\t" + std::string(5 << 20, 'x') + "\t60\t0\tf\n";
    text.insert(text.find("1\tzone1.example\tSOA"), row);
    write_file(folder / "dump", text);
    const Imported imported(folder / "dump");
    REQUIRE_MESSAGE(imported.totals, imported.error());
    CHECK(imported.totals->of(Table::records).of(Fate::refused) == 1);
    CHECK(imported.totals->records == 2);
}

TEST_CASE("an error of the sink ends the import and is what it returns") {
    Recorder sink;
    sink.fail_at = 3;
    const auto totals = import_zones(testdata("ingest/sample.pg_dump.sql"), {}, sink);
    REQUIRE_FALSE(totals);
    CHECK(totals.error().code == Errc::full);
}

TEST_CASE("an import that is asked to stop ends with interrupted") {
    const std::atomic<bool> stop = true;
    ImportOptions options;
    options.stop_or_null = &stop;
    for (const char* form : {"pg_dump.sql", "sqlite3", "custom"}) {
        CHECK(Imported(testdata(std::string("ingest/sample.") + form), options).code() ==
              Errc::interrupted);
    }
}

TEST_CASE("what cannot be read is an error that says what") {
    const Folder folder;
    CHECK(Imported(folder / "missing").code() == Errc::not_found);
    write_file(folder / "custom", "PGDMP and then nothing of it");
    CHECK(Imported(folder / "custom").error().find("pg_restore") != std::string::npos);
    write_file(folder / "sqlite", std::string("SQLite format 3\0", 16) + std::string(5000, 'x'));
    CHECK_FALSE(Imported(folder / "sqlite").totals);
    write_file(folder / "other.sql",
               "CREATE TABLE accounts (id int);\nINSERT INTO accounts VALUES (1);\n");
    CHECK(Imported(folder / "other.sql").error().find("table domains does not occur") !=
          std::string::npos);
    write_file(folder / "damaged.gz",
               testkit::read_testdata("ingest/sample.pg_dump.sql.gzip").replace(3000, 4, "oops"));
    CHECK(Imported(folder / "damaged.gz").error().find("damaged gzip data") != std::string::npos);
    ImportOptions options;
    options.temporary_directory = folder / "no/such/directory";
    options.memory_octets = 0;
    write_file(folder / "dump", shuffled_dump(20, 3000, 1));
    CHECK(Imported(folder / "dump", options).code() == Errc::not_found);
}

TEST_CASE("without pg_restore its formats are an error that names it") {
    const std::string path = std::getenv("PATH");
    REQUIRE(::setenv("PATH", "/nonexistent", 1) == 0);
    const Imported imported(testdata("ingest/sample.custom"));
    REQUIRE(::setenv("PATH", path.c_str(), 1) == 0);
    CHECK(imported.code() == Errc::not_found);
    CHECK(imported.error().find("pg_restore") != std::string::npos);
}

TEST_CASE("zones whose rows are the same as before are passed over") {
    const std::string source = testdata("ingest/sample.pg_dump.sql");
    Imported first(source);
    REQUIRE(first.totals);
    ImportOptions options;
    options.is_unchanged = [&](dns::NameView apex, std::uint64_t digest) {
        const auto at = first.sink.digests.find(dns::to_string(apex));
        return at != first.sink.digests.end() && at->second == digest;
    };
    const Imported second(source, options);
    REQUIRE(second.totals);
    CHECK(second.totals->zones == first.totals->zones);
    CHECK(second.totals->unchanged + second.sink.zones.size() == second.totals->zones);
    CHECK(second.totals->unchanged == 8);
    // A zone with findings is made again, so that they are named again.
    CHECK(findings_text(second.sink) == findings_text(first.sink));
    // Another option may come to another result.
    options.repair = Repair::yes;
    CHECK(Imported(source, options).totals->unchanged == 0);
}

TEST_CASE("zone files are a source like any other") {
    const Folder folder;
    write_file(folder / "good.example.zone",
               "@ 3600 SOA ns hostmaster 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n");
    write_file(folder / "bad.example.zone",
               "@ 3600 SOA ns hostmaster 1 2 3 4 5\nwww A 192.0.2.256\n");
    const Imported imported(std::string(folder / ""));
    REQUIRE(imported.totals);
    CHECK(imported.totals->serving == 1);
    CHECK(imported.totals->broken == 1);
    CHECK(imported.totals->of(Table::domains).of(Fate::refused) == 1);
    REQUIRE(imported.sink.findings.size() == 1);
    CHECK(imported.sink.findings[0].line == 2);
    CHECK(imported.sink.findings[0].source == folder / "bad.example.zone");
}

TEST_CASE("a record outside of its zone is a refused record, and the zone is imported") {
    const Folder folder;
    std::string text =
        "@ 3600 SOA ns hm 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nwww.other. A 192.0.2.1\n"
        "x NSEC3 1 0 0 - 00000000000000000000000000000000 A\n";
    for (int i = 0; i < 200; ++i) text += "n" + std::to_string(i) + ".other. A 192.0.2.1\n";
    write_file(folder / "a.example.zone", text);
    Recorder sink;
    const auto totals = import_zones(std::string(folder / ""), {}, sink);
    REQUIRE(totals);
    CHECK(totals->serving == 1);
    const RowSums& records = totals->of(Table::records);
    CHECK(records.read == 205);
    CHECK(records.of(Fate::served) == 3);
    CHECK(records.of(Fate::refused) == 202);
    REQUIRE(sink.findings.size() == 101);
    CHECK(sink.findings[0].acceptance == Acceptance::refused);
    CHECK(sink.findings[0].table == Table::records);
    CHECK(sink.findings[0].line == 4);
    CHECK(sink.findings[1].line == 5);
    CHECK(sink.findings[100].reason == "102 more records that do not belong into the zone");
}

TEST_CASE("a zone with many iterations of NSEC3 is imported, and doubtful") {
    const Folder folder;
    const auto dump = [&](const std::string& iterations, const std::string& hash) {
        const auto signature = [](const std::string& owner, const std::string& covered) {
            return "INSERT INTO records VALUES (1, '" + owner + "', 'RRSIG', '" + covered +
                   " 20300101000000 20200101000000 1 a. AAAA', 60);\n";
        };
        return "CREATE TABLE domains (id int, name text, type text);\n"
               "CREATE TABLE records (domain_id int, name text, type text, content text, ttl "
               "int);\n"
               "CREATE TABLE domainmetadata (domain_id int, kind text, content text);\n"
               "INSERT INTO domains VALUES (1, 'a', 'SLAVE');\n"
               "INSERT INTO records VALUES (1, 'a', 'SOA', 'ns.a hm.a 1 2 3 4 60', 60);\n" +
               signature("a", "SOA 13 1 60") + signature("a", "NSEC3PARAM 13 1 60") +
               signature(hash + ".a", "NSEC3 13 2 60") +
               "INSERT INTO domainmetadata VALUES (1, 'PRESIGNED', '1');\n"
               "INSERT INTO domainmetadata VALUES (1, 'NSEC3PARAM', '1 0 " +
               iterations + " -');\n";
    };
    const auto costly = [&](const std::string& file, const std::string& text) {
        write_file(folder / file, text);
        Recorder sink;
        const auto totals = import_zones(folder / file, {}, sink);
        REQUIRE(totals);
        CHECK(totals->serving == 1);
        std::uint64_t told = 0;
        for (const Finding& finding : sink.findings)
            if (finding.table == Table::domains && finding.acceptance == Acceptance::doubtful &&
                finding.reason.starts_with("NSEC3 with 151 iterations"))
                ++told;
        CHECK(totals->of(Table::domains).doubtful == told);
        return told == 1;
    };
    CHECK_FALSE(costly("ordinary.sql", dump("150", "ah2hinpsa2984kbonrpc6c0du08sjo7v")));
    CHECK(costly("costly.sql", dump("151", "qs0a4denb6rlvebgeas9mt8ii2uk1bdf")));
    const auto zone = [](const std::string& iterations) {
        return "@ 60 SOA ns hm 1 2 3 4 5\n@ NSEC3PARAM 1 0 " + iterations +
               " -\n00000000000000000000000000000000 NSEC3 1 0 " + iterations +
               " - 00000000000000000000000000000000 SOA\n";
    };
    CHECK_FALSE(costly("ordinary.zone", zone("150")));
    CHECK(costly("costly.zone", zone("151")));
}

TEST_CASE("a zone file's records are each in one sum, also when none is in the zone") {
    const Folder folder;
    write_file(folder / "a.test.zone",
               "@ 60 SOA ns hm 1 2 3 4 5\nx 60 A 192.0.2.1\ny.b.test. 60 A 192.0.2.1\n");
    write_file(folder / "b.test.zone",
               "$ORIGIN a.test.\n@ 60 SOA ns hm 1 2 3 4 5\nx 60 A 192.0.2.1\n");
    write_file(folder / "c.test.zone",
               "x 60 A 192.0.2.1\nx 60 A 192.0.2.1\ny.b.test. 60 A 192.0.2.1\n");
    std::string many = "$ORIGIN a.test.\n";
    for (int i = 0; i < 150; ++i) many += "x" + std::to_string(i) + " 60 A 192.0.2.1\n";
    write_file(folder / "d.test.zone", many);
    const Imported imported(std::string(folder / ""));
    REQUIRE_MESSAGE(imported.totals, imported.error());
    CHECK(counts_text(*imported.totals) ==
          "domains read 4: 1 served as they are, 3 refused\n"
          "records read 158: 2 served as they are, 2 of zones not served, 154 refused\n"
          "zones 4 serving 1 broken 3 unsigned 0 hidden 0 records 2 kept 0\n");
    const auto of_records = [](const Finding& finding) {
        return finding.table == Table::records && finding.acceptance == Acceptance::refused;
    };
    CHECK(std::ranges::count_if(imported.sink.findings, of_records) == 1 + 2 + 1 + 100 + 1);
}

TEST_CASE("a column that a database generates is a column") {
    for (const char* kind : {"VIRTUAL", "STORED"}) {
        const Folder folder;
        {
            auto database = sqlite::Database::open(folder / "generated.sqlite3",
                                                   sqlite::Database::Mode::create);
            REQUIRE(database);
            REQUIRE(database->execute(
                "CREATE TABLE domains (id INTEGER PRIMARY KEY, raw TEXT, name TEXT AS "
                "(lower(raw)) " +
                std::string(kind) +
                ");"
                "CREATE TABLE records (id INTEGER PRIMARY KEY, domain_id INTEGER, name TEXT, type "
                "TEXT, raw TEXT, content TEXT GENERATED ALWAYS AS (raw) " +
                kind +
                ", ttl INTEGER);"
                "INSERT INTO domains (id, raw) VALUES (1, 'Example');"
                "INSERT INTO records (domain_id, name, type, raw, ttl) VALUES"
                " (1, 'example', 'SOA', 'a b 1 2 3 4 5', 60);"));
        }
        const Imported imported(folder / "generated.sqlite3");
        REQUIRE_MESSAGE(imported.totals, imported.error());
        CHECK(imported.sink.zones_text() ==
              "zone example. serving Native\nexample.\t60\tIN\tSOA\ta. b. 1 2 3 4 5\n");
        REQUIRE(imported.sink.findings.size() == 2);
        CHECK(imported.sink.findings[0].reason == "column raw is none of PowerDNS's schema");
    }
}

TEST_CASE("a database of SQLite and its dump give the same zones, whatever its columns hold") {
    const Folder folder;
    const std::string statements =
        "CREATE TABLE domains (id INTEGER PRIMARY KEY, name VARCHAR(255), type VARCHAR(8));\n"
        "CREATE TABLE records (id INTEGER PRIMARY KEY, domain_id INTEGER, name VARCHAR(255), type "
        "VARCHAR(10), content VARCHAR(65535), ttl INTEGER, disabled BOOLEAN DEFAULT 0);\n"
        "INSERT INTO domains VALUES(1,'example','NATIVE');\n"
        "INSERT INTO records VALUES(1,1,'example','SOA','a b 1 2 3 4 5',60,0);\n"
        "INSERT INTO records VALUES(2,1,'a.example','A','192.0.2.1',60,'f');\n"
        "INSERT INTO records VALUES(3,1,'b.example','A','192.0.2.1',60,'false');\n"
        "INSERT INTO records VALUES(4,1,'c.example','A','192.0.2.1',60,'0');\n"
        "INSERT INTO records VALUES(5,1,'d.example','A','192.0.2.1',60,0.0);\n"
        "INSERT INTO records VALUES(6,1,'e.example','A','192.0.2.1',60,'');\n"
        "INSERT INTO records VALUES(7,1,'f.example','A',X'3139322e302e322e31',60,' 0 ');\n"
        "INSERT INTO records VALUES(8,1,'g.example','A','192.0.2.1',60,X'30');\n"
        "INSERT INTO records VALUES(9,1,'h.example','A','192.0.2.1',60,-1);\n"
        "INSERT INTO records VALUES(10,1,'i.example','A','192.0.2.1',60,0.25);\n"
        "INSERT INTO records VALUES(11,1,X'6a2e6578616d706c65','A','192.0.2.1',60,'1');\n"
        "INSERT INTO records VALUES(12,1,'k.example','A','192.0.2.1',60,NULL);\n"
        "INSERT INTO records VALUES(13,1,'l.example','A','192.0.2.1',60,'0x0');\n"
        "INSERT INTO records(id,domain_id,name,type,content,ttl) VALUES(14,1,'m.example','A',"
        "'192.0.2.1',60);\n";
    {
        auto database =
            sqlite::Database::open(folder / "db.sqlite3", sqlite::Database::Mode::create);
        REQUIRE(database);
        REQUIRE(database->execute(statements));
    }
    write_file(folder / "dump.sql",
               "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n" + statements + "COMMIT;\n");
    const Imported expected(folder / "db.sqlite3");
    const Imported imported(folder / "dump.sql");
    REQUIRE_MESSAGE(expected.totals, expected.error());
    REQUIRE_MESSAGE(imported.totals, imported.error());
    CHECK(expected.totals->records == 5);
    CHECK(imported.sink.zones_text() == expected.sink.zones_text());
    CHECK(counts_text(*imported.totals) == counts_text(*expected.totals));
}

/// A PowerDNS database of one zone, `example`, in a file of SQLite's.
sqlite::Database small_database(const std::string& path) {
    auto database = sqlite::Database::open(path, sqlite::Database::Mode::create);
    REQUIRE(database);
    REQUIRE(database->execute(
        "CREATE TABLE domains (id INTEGER PRIMARY KEY, name TEXT);"
        "CREATE TABLE records (id INTEGER PRIMARY KEY, domain_id INTEGER, name TEXT, type TEXT,"
        " content TEXT, ttl INTEGER);"
        "INSERT INTO domains VALUES (1, 'example');"
        "INSERT INTO records VALUES (1, 1, 'example', 'SOA', 'a b 1 2 3 4 5', 60);"));
    return *std::move(database);
}

TEST_CASE("an import leaves a database as it is, and nothing beside it") {
    const Folder folder;
    const std::string path = folder / "wal.sqlite3";
    REQUIRE(small_database(path).execute(
        "PRAGMA journal_mode = WAL; DELETE FROM records WHERE id = 9"));
    CHECK(folder.files() == 1);
    const std::string before = testkit::read_file(path);
    CHECK(before[18] == 2);
    const Imported imported(path);
    REQUIRE_MESSAGE(imported.totals, imported.error());
    CHECK(imported.totals->serving == 1);
    CHECK(folder.files() == 1);
    CHECK(testkit::read_file(path) == before);

    // A log that is there is of someone who has the database open.
    auto other = sqlite::Database::open(path, sqlite::Database::Mode::read_write);
    REQUIRE(other);
    REQUIRE(other->execute("INSERT INTO records VALUES (2, 1, 'a.example', 'A', '192.0.2.1', 60)"));
    CHECK(folder.files() == 3);
    CHECK(Imported(path).totals->records == 2);
    CHECK(folder.files() == 3);
    CHECK(testkit::read_file(path) == before);
}

TEST_CASE("a database that was not closed cleanly is an error that says what to do") {
    const Folder folder;
    sqlite::Database database = small_database(folder / "open.sqlite3");
    REQUIRE(database.execute(
        "CREATE TABLE large (a TEXT);"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000)"
        " INSERT INTO large SELECT hex(zeroblob(200)) FROM n;"
        "PRAGMA cache_size = 5; BEGIN; UPDATE large SET a = hex(zeroblob(201))"));
    // As a loss of power leaves them.
    write_file(folder / "hot.sqlite3", testkit::read_file(folder / "open.sqlite3"));
    write_file(folder / "hot.sqlite3-journal", testkit::read_file(folder / "open.sqlite3-journal"));
    const Imported imported(folder / "hot.sqlite3");
    CHECK(imported.code() == Errc::io);
    CHECK(imported.error().find("not closed cleanly") != std::string::npos);
    {
        auto opened =
            sqlite::Database::open(folder / "hot.sqlite3", sqlite::Database::Mode::read_write);
        REQUIRE(opened);
        CHECK(opened->integer("SELECT count(*) FROM large") == 2000);
    }
    CHECK(Imported(folder / "hot.sqlite3").totals);
}

TEST_CASE("tables of a database that look like PowerDNS's and are not are named") {
    const Folder folder;
    REQUIRE(
        small_database(folder / "a.sqlite3")
            .execute(
                "CREATE TABLE records_old AS SELECT * FROM records;"
                "CREATE TABLE \"Domains \"\"2\"\"\" AS SELECT *, NULL AS master, NULL AS "
                "last_check, 'NATIVE' AS type, 7 AS notified_serial FROM domains;"
                "CREATE TABLE records_empty AS SELECT * FROM records WHERE id = 7;"
                "CREATE TABLE invoices (id INTEGER, name TEXT, type TEXT);"
                "CREATE TABLE posts (id INTEGER, title TEXT);"
                "INSERT INTO posts VALUES (1, 'x'); INSERT INTO invoices VALUES (1, 'x', 'y')"));
    const Imported imported(folder / "a.sqlite3");
    REQUIRE_MESSAGE(imported.totals, imported.error());
    CHECK(imported.totals->records == 1);
    CHECK(
        findings_text(imported.sink) ==
        "0 other doubtful [] : table Domains \"2\" is none of PowerDNS's schema: 1 rows, which "
        "have the columns of domains -> not taken over; PowerDNS does not read it\n"
        "0 other doubtful [] : table records_old is none of PowerDNS's schema: 1 rows, which have "
        "the columns of records -> not taken over; PowerDNS does not read it\n");
    // A view has its rows from a table like it.
    REQUIRE(
        small_database(folder / "b.sqlite3")
            .execute("ALTER TABLE records RENAME TO r; CREATE VIEW records AS SELECT * FROM r"));
    const Imported viewed(folder / "b.sqlite3");
    REQUIRE_MESSAGE(viewed.totals, viewed.error());
    CHECK(viewed.totals->records == 1);
    CHECK(viewed.sink.findings.empty());
}

TEST_CASE("a database's table of another program's with one of our names stops nothing") {
    const Folder folder;
    {
        auto database =
            sqlite::Database::open(folder / "shared.sqlite3", sqlite::Database::Mode::create);
        REQUIRE(database);
        REQUIRE(database->execute(
            "CREATE TABLE domains (id INTEGER PRIMARY KEY, name TEXT);"
            "CREATE TABLE records (id INTEGER PRIMARY KEY, domain_id INTEGER, name TEXT, type TEXT,"
            " content TEXT, ttl INTEGER);"
            "CREATE TABLE comments (id INTEGER PRIMARY KEY, post_id INTEGER, body TEXT);"
            "INSERT INTO domains VALUES (1, 'example');"
            "INSERT INTO records VALUES (1, 1, 'example', 'SOA', 'a b 1 2 3 4 5', 60);"
            "INSERT INTO comments VALUES (1, 1, 'first');"));
    }
    const Imported imported(folder / "shared.sqlite3");
    REQUIRE_MESSAGE(imported.totals, imported.error());
    CHECK(imported.totals->serving == 1);
    REQUIRE(imported.sink.findings.size() == 1);
    CHECK(imported.sink.findings[0].reason ==
          "table comments without a column domain_id is none of PowerDNS's");
}

TEST_CASE("a password does not get into a report") {
    CHECK(shown_uri("postgresql://pdns:secret@db.example/pdns") ==
          "postgresql://pdns@db.example/pdns");
    CHECK(shown_uri("postgres://pdns:p%40ss@[2001:db8::1]:5432/pdns") ==
          "postgres://pdns@[2001:db8::1]:5432/pdns");
    CHECK(shown_uri("postgresql://db.example/pdns?user=pdns&password=secret&sslmode=require") ==
          "postgresql://db.example/pdns?user=pdns&password=&sslmode=require");
    CHECK(shown_uri("postgresql://db.example:5432/pdns") == "postgresql://db.example:5432/pdns");
    CHECK(shown_uri("postgresql:///pdns?host=/run/pg") == "postgresql:///pdns?host=/run/pg");
}

/// A PostgreSQL of this test's own, with the sample database; see
/// testdata/ingest/private_postgres.sh.
class PrivatePostgres {
public:
    PrivatePostgres() { REQUIRE(std::system(command("start").c_str()) == 0); }
    PrivatePostgres(const PrivatePostgres&) = delete;
    PrivatePostgres& operator=(const PrivatePostgres&) = delete;
    ~PrivatePostgres() { CHECK(std::system(command("stop").c_str()) == 0); }

    std::string uri(const std::string& user, const std::string& database) const {
        return "postgresql://" + user + "@/" + database + "?host=" + (folder_ / "sock");
    }

private:
    std::string command(const std::string& verb) const {
        return "sh '" + testdata("ingest/private_postgres.sh") + "' " + verb + " '" +
               (folder_ / "") + "' >/dev/null";
    }
    Folder folder_;
};

TEST_CASE("a running PostgreSQL gives what its dump gives") {
    const PrivatePostgres server;
    const Imported expected(testdata("ingest/sample.pg_dump.sql"));
    const std::string uri = server.uri("postgres", "pdns");
    const Imported imported(uri);
    REQUIRE_MESSAGE(imported.totals, imported.error());
    CHECK(imported.sink.zones_text() == expected.sink.zones_text());
    CHECK(counts_text(*imported.totals) == counts_text(*expected.totals));
    CHECK(imported.sink.digests == expected.sink.digests);

    const Imported empty(server.uri("postgres", "postgres"));
    CHECK(empty.code() == Errc::malformed);
    CHECK(empty.error().find("no table domains") != std::string::npos);
    const Imported missing(server.uri("postgres", "missing"));
    CHECK(missing.code() == Errc::io);
    CHECK(missing.error().find("\"missing\" does not exist") != std::string::npos);
    const Imported denied(server.uri("pdns:wrong-password", "pdns"));
    CHECK(denied.code() == Errc::io);
    CHECK(denied.error().find("password authentication failed") != std::string::npos);
    CHECK(denied.error().find("wrong-password") == std::string::npos);
}

TEST_CASE("a server that is not there is an error without its password") {
    const Folder folder;
    const Imported imported("postgresql://pdns:secret@/pdns?host=" + (folder / ""));
    CHECK(imported.code() == Errc::io);
    CHECK(imported.error().find("secret") == std::string::npos);
}

}  // namespace
}  // namespace zc::ingest
