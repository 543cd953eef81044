#include "settings.h"

#include <doctest/doctest.h>

#include "verbs.h"

namespace zc::cmd {
namespace {

/// "zonectl run" and "zonectl zone check" with a few flags, as a small stand-in for the real tree.
struct Sample {
    static constexpr base::Limit<std::uint32_t> workers_limit = {
        .name = "workers", .min = 0, .initial = 0, .max = 64};
    static constexpr base::Limit<std::uint32_t> other_workers_limit = {
        .name = "workers", .min = 1, .initial = 1, .max = 4};
    std::uint32_t workers = 0;
    std::uint32_t other_workers = 0;
    std::vector<std::string> listen = {"0.0.0.0:53"};
    std::string nsid;
    bool strict = false;
    bool cookies = true;
    Globals globals;
    CLI::App root{"", "zonectl"};
    CLI::App* run = nullptr;

    Sample() {
        add_globals(root, globals);
        run = root.add_subcommand("run");
        run->fallthrough();
        add_number(*run, workers_limit, workers, "Workers");
        add_list(*run, "--listen", listen, "ADDR:PORT", "Where", [](const std::string& text) {
            return text.find(':') == std::string::npos ? "found no colon" : std::string();
        });
        add_text(*run, "--nsid", nsid, "TEXT", "Identifier");
        add_switch(*run, "--strict", strict, "Strict");
        add_switch(*run, "--cookies", cookies, "Cookies", "no-cookies");
        CLI::App* check = root.add_subcommand("zone")->add_subcommand("check");
        add_number(*check, other_workers_limit, other_workers, "Workers");
    }
};

ConfigFile file_of(std::string_view text) {
    auto file = ConfigFile::parse(text, "z.toml");
    REQUIRE(file.has_value());
    return *file;
}

std::vector<std::string> mistakes_in(std::string_view text) {
    Sample sample;
    std::vector<std::string> out;
    for (const Error& error : check(file_of(text), sample.root)) out.push_back(error.text());
    return out;
}

const Setting& find(const std::vector<Setting>& settings, std::string_view key) {
    for (const Setting& setting : settings)
        if (setting.key == key) return setting;
    FAIL("no setting " << key);
    return settings.front();
}

}  // namespace

TEST_CASE("a flag goes before the environment, that before the file, that before the default") {
    struct Row {
        bool flag, environment, own_table, top;
        std::uint32_t workers;
        Origin origin;
        std::string where;
    };
    const Row rows[] = {
        {true, true, true, true, 1, Origin::flag, "--workers"},
        {true, false, true, true, 1, Origin::flag, "--workers"},
        {true, true, false, false, 1, Origin::flag, "--workers"},
        {false, true, true, true, 2, Origin::environment, "ZONECTL_WORKERS"},
        {false, true, false, true, 2, Origin::environment, "ZONECTL_WORKERS"},
        {false, true, false, false, 2, Origin::environment, "ZONECTL_WORKERS"},
        {false, false, true, true, 3, Origin::file, "z.toml:3"},
        {false, false, true, false, 3, Origin::file, "z.toml:3"},
        {false, false, false, true, 4, Origin::file, "z.toml:1"},
        {false, false, false, false, 0, Origin::built_in, ""},
    };
    for (const Row& row : rows) {
        CAPTURE(row.where);
        Sample sample;
        std::vector<std::string> arguments = {"run"};
        if (row.flag) arguments.insert(arguments.end(), {"--workers", "1"});
        REQUIRE(parse(sample.root, arguments).has_value());
        Environment environment;
        if (row.environment) environment["ZONECTL_WORKERS"] = "2";
        const ConfigFile file = file_of(std::string(row.top ? "workers = 4" : "") + "\n[run]\n" +
                                        (row.own_table ? "workers = 3" : ""));
        const auto settings = resolve(*sample.run, environment, &file);
        REQUIRE(settings.has_value());
        CHECK(sample.workers == row.workers);
        CHECK(find(*settings, "workers").origin == row.origin);
        CHECK(find(*settings, "workers").where == row.where);
        CHECK(find(*settings, "workers").values ==
              std::vector<std::string>{std::to_string(row.workers)});
    }
}

TEST_CASE("the same order holds for lists, texts and switches in both directions") {
    const ConfigFile file = file_of(
        "listen = [\"1:1\", \"2:2\"]\nnsid = \"file\"\nstrict = true\ncookies = false\n"
        "json = true\ncolor = \"never\"\n");
    {
        Sample sample;
        REQUIRE(parse(sample.root, {"run"}).has_value());
        REQUIRE(resolve(*sample.run, {}, &file).has_value());
        CHECK(sample.listen == std::vector<std::string>{"1:1", "2:2"});
        CHECK(sample.nsid == "file");
        CHECK(sample.strict);
        CHECK_FALSE(sample.cookies);
        CHECK(sample.globals.terminal.output == term::Output::json);
        CHECK(sample.globals.terminal.colour == term::Colour::never);
    }
    const Environment environment = {{"ZONECTL_LISTEN", "3:3,4:4"},
                                     {"ZONECTL_NSID", "environment"},
                                     {"ZONECTL_STRICT", "no"},
                                     {"ZONECTL_COOKIES", "1"},
                                     {"ZONECTL_COLOR", "always"}};
    {
        Sample sample;
        REQUIRE(parse(sample.root, {"run"}).has_value());
        REQUIRE(resolve(*sample.run, environment, &file).has_value());
        CHECK(sample.listen == std::vector<std::string>{"3:3", "4:4"});
        CHECK(sample.nsid == "environment");
        CHECK_FALSE(sample.strict);
        CHECK(sample.cookies);
        CHECK(sample.globals.terminal.colour == term::Colour::always);
    }
    {
        Sample sample;
        REQUIRE(parse(sample.root, {"run", "--listen", "5:5", "--nsid", "", "--strict",
                                    "--no-cookies", "--color", "auto"})
                    .has_value());
        REQUIRE(resolve(*sample.run, environment, &file).has_value());
        CHECK(sample.listen == std::vector<std::string>{"5:5"});
        CHECK(sample.nsid.empty());
        CHECK(sample.strict);
        CHECK_FALSE(sample.cookies);
        CHECK(sample.globals.terminal.colour == term::Colour::automatic);
    }
}

TEST_CASE("a bad variable is an error that names it, unless a flag goes before it") {
    const Environment rows[] = {{{"ZONECTL_WORKERS", "many"}},
                                {{"ZONECTL_STRICT", "maybe"}},
                                {{"ZONECTL_LISTEN", "1:1,x"}}};
    for (const Environment& environment : rows) {
        Sample sample;
        REQUIRE(parse(sample.root, {"run"}).has_value());
        const auto settings = resolve(*sample.run, environment, nullptr);
        REQUIRE_FALSE(settings.has_value());
        CHECK(settings.error().where.source == environment.begin()->first);
    }
    Sample sample;
    REQUIRE(parse(sample.root, {"run", "--workers", "5"}).has_value());
    CHECK(resolve(*sample.run, rows[0], nullptr).has_value());
    CHECK(sample.workers == 5);
}

TEST_CASE("every mistake in a file is told with its line") {
    const std::pair<std::string_view, std::string_view> rows[] = {
        {"workers = 65", "z.toml:1: malformed: workers: found '65', wanted a whole number, 0..64"},
        {"\n\nworkers = -1",
         "z.toml:3: malformed: workers: found '-1', wanted a whole number, 0..64"},
        {"workers = \"4\"", "z.toml:1: malformed: workers: found a string, wanted a whole number"},
        {"workers = 4.5",
         "z.toml:1: malformed: workers: found a number with a fraction, wanted a whole number"},
        {"workers = [4]", "z.toml:1: malformed: workers: found an array, wanted a whole number"},
        {"nsid = 5", "z.toml:1: malformed: nsid: found a whole number, wanted a string"},
        {"nsid = 2026-01-01", "z.toml:1: malformed: nsid: found a date or time, wanted a string"},
        {"strict = 1", "z.toml:1: malformed: strict: found a whole number, wanted true or false"},
        {"strict = \"yes\"", "z.toml:1: malformed: strict: found a string, wanted true or false"},
        {"listen = [\n  \"1:1\",\n  \"x\",\n]", "z.toml:3: malformed: listen: found no colon"},
        {"listen = [[\"1:1\"]]", "z.toml:1: malformed: listen: found an array, wanted a string"},
        {"color = \"red\"",
         "z.toml:1: malformed: color: found 'red', wanted one of auto, always, never"},
        {"worker = 4",
         "z.toml:1: invalid: no flag of any verb is called 'worker'; did you mean 'workers'?"},
        {"[run]\nlisten = \"1\"", "z.toml:2: malformed: listen: found no colon"},
        {"[run]\nlissen = \"1:1\"",
         "z.toml:2: invalid: no flag of zonectl run is called 'lissen'; did you mean 'listen'?"},
        {"[zone.check]\nlisten = \"1:1\"",
         "z.toml:2: invalid: no flag of zonectl zone check is called 'listen'"},
        {"[zone.check]\nworkers = 9",
         "z.toml:2: malformed: workers: found '9', wanted a whole number, 1..4"},
        {"[jump]\nhigh = 1",
         "z.toml:2: invalid: found the table [jump], and there is no such verb"},
        {"[jump]", "z.toml:1: invalid: found the table [jump], and there is no such verb"},
        {"config = \"x\"", "z.toml:1: invalid: no flag of any verb is called 'config'"},
        {"no-cookies = true", "z.toml:1: invalid: no flag of any verb is called 'no-cookies'"},
        {"help = true", "z.toml:1: invalid: no flag of any verb is called 'help'"},
    };
    for (const auto& [text, message] : rows) {
        CAPTURE(text);
        const auto mistakes = mistakes_in(text);
        REQUIRE(mistakes.size() == 1);
        CHECK(mistakes.front() == message);
    }
    CHECK(mistakes_in("a = 1\nworkers = 99\n[run]\nb = 2\n").size() == 3);
    CHECK(mistakes_in("workers = 4\nlisten = \"1:1\"\n[zone.check]\nworkers = 2\n[run]\n").empty());
}

TEST_CASE("a text that is no TOML is an error with its line") {
    for (const char* text : {"a = ", "\na b", "a = 1\na = 2", "[x", "a = \"\xff\""}) {
        CAPTURE(text);
        const auto file = ConfigFile::parse(text, "z.toml");
        REQUIRE_FALSE(file.has_value());
        CHECK(file.error().code == Errc::malformed);
        CHECK(file.error().where.source == "z.toml");
        CHECK(file.error().where.line >= 1);
    }
}

TEST_CASE("a file that is not there, a directory and one too big are errors") {
    CHECK(ConfigFile::read("/nonexistent/z.toml").error().code == Errc::not_found);
    CHECK_FALSE(ConfigFile::read("/tmp").has_value());
    CHECK(ConfigFile::read("/dev/zero").error().code == Errc::limit);
    CHECK(ConfigFile::read("/dev/null")->entries.empty());
}

TEST_CASE("a mistake that does not concern a verb does not stop it") {
    const ConfigFile file = file_of("listen = 5\nnonsense = 1\n[other]\nx = 1\n");
    Sample sample;
    REQUIRE(parse(sample.root, {"zone", "check"}).has_value());
    CLI::App* check = sample.root.get_subcommand("zone")->get_subcommand("check");
    CHECK(resolve(*check, {}, &file).has_value());
    const ConfigFile own = file_of("[zone.check]\nnonsense = 1\n");
    CHECK_FALSE(resolve(*check, {}, &own).has_value());
}

}  // namespace zc::cmd
