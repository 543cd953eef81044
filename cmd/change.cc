// zonectl zone create|delete|set|revert|history, record, meta, comment, change, store create: changes
// of a store, by its node or without one.
#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include "base/seed.h"
#include "control.h"
#include "edit/changes.h"
#include "edit/history.h"
#include "edit/offline.h"
#include "edit/words.h"
#include "flags.h"
#include "http/client.h"
#include "runtime/clock.h"
#include "runtime/random.h"
#include "store/log_file.h"
#include "store/store.h"
#include "verbs.h"

namespace zc::cmd {
namespace {

constexpr base::Limit<base::Duration> timeout_limit = {.name = "timeout",
                                                       .min = base::Duration::seconds(1),
                                                       .initial = base::Duration::seconds(30),
                                                       .max = base::Duration::seconds(86'400)};
constexpr base::Limit<std::uint32_t> limit_limit = {
    .name = "limit", .min = 1, .initial = 20, .max = 1'000'000};
constexpr std::size_t piece_octets_max = 1 << 16;  // of commands that are sent at a time
constexpr std::size_t text_octets_max = 1 << 24;   // of commands of one request
constexpr std::size_t records_shown_max = 100;     // of one change in the history

/// Where changes go.
struct ChangeOptions {
    std::string store;  // empty: a node is asked
    std::string control{control_path_default};
    base::Duration timeout = timeout_limit.initial;
    bool dry_run = false;
    bool each = false;
    std::string file;  // of many commands
};

struct CommandOptions : ChangeOptions {
    std::string zone, name, type, word;
    std::vector<std::string> words, servers;
};

/// 1: the answer is no; 2: there is none.
int complain(Invocation& invocation, const Error& error) {
    invocation.terminal.complain(error);
    return error.code == Errc::exists || error.code == Errc::invalid ? 1 : 2;
}

std::string user_name() {
    const passwd* const user = ::getpwuid(::geteuid());
    return user != nullptr ? user->pw_name : "uid " + std::to_string(::geteuid());
}

/// The store itself, or the node that has it open.
class Target {
public:
    static Result<Target> open(const ChangeOptions& options) {
        Target target(options);
        if (options.store.empty()) return target;
        ZC_TRY(const auto snapshot,
               store::Snapshot::open(options.store, store::Snapshot::Tail::known));
        if (options.dry_run && snapshot.format() < store::format_version)
            return fail(Errc::unsupported,
                        "a change would raise the store from format " +
                            std::to_string(snapshot.format()) + " to " +
                            std::to_string(store::format_version) + ", and a dry run must not",
                        {.source = options.store});
        ZC_TRY(const auto seed, runtime::random_value<std::uint64_t>());
        auto offline = edit::Offline::open(
            {options.store, runtime::now,
             [numbers = base::Seed(seed)]() mutable { return numbers.next(); }});
        if (offline) {
            target.offline_.emplace(*std::move(offline));
            return target;
        }
        if (offline.error().code != Errc::busy) return tl::unexpected<Error>(offline.error());
        target.why_node_ = offline.error().text();
        target.file_ = store::file_identity(options.store);
        return target;
    }

    Result<edit::Answered> ask(const std::string& lines, std::uint64_t first_line) {
        if (!offline_) return ask_node(lines, first_line);
        edit::Asked asked;
        asked.body = lines;
        asked.each = options_.each;
        asked.first_line = first_line;
        asked.source = options_.file;
        asked.asker = {user_name(), "command line", runtime::now(), options_.dry_run};
        return offline_->ask(asked);
    }

    Status close() { return offline_ ? offline_->close() : Status(); }

private:
    explicit Target(const ChangeOptions& options) : options_(options) {}

    Result<edit::Answered> ask_node(const std::string& lines, std::uint64_t first_line) {
        std::string target = "/changes?first-line=" + std::to_string(first_line);
        if (options_.each) target += "&each=1";
        if (options_.dry_run) target += "&dry-run=1";
        if (!options_.file.empty()) target += "&source=" + http::escape(options_.file);
        // Another node may answer at that socket.
        if (!file_.empty()) target += "&file=" + file_;
        auto received = http::request(options_.control, "POST", target, lines, options_.timeout);
        if (!received) {
            Error error = received.error();
            if (!why_node_.empty()) error.message += "; " + why_node_;
            if (error.code == Errc::not_found) error.code = Errc::io;  // no node is no answer
            return tl::unexpected<Error>(std::move(error));
        }
        const bool is_answer =
            options_.each ? received->status == 200 : received->body.starts_with("{\"outcome\":");
        if (!is_answer)
            return fail(Errc::io, "the node answered status " + std::to_string(received->status) +
                                      ": " + received->body);
        return edit::Answered{received->status, std::move(received->body)};
    }

    ChangeOptions options_;
    std::optional<edit::Offline> offline_;
    std::string why_node_, file_;
};

/// Prints one answer; gives its exit code.
int print(Invocation& invocation, const term::Json& answer) {
    term::Terminal& terminal = invocation.terminal;
    const std::string_view outcome = answer["outcome"].text();
    const bool is_good = answer["errors"].is_null();
    if (outcome == "applied") invocation.done = "the store has the change";
    const std::string line =
        answer["line"].is_null() ? "" : "line " + std::to_string(answer["line"].integer()) + ": ";
    if (terminal.json())
        terminal.out(answer);
    else
        for (const std::string& text : edit::lines_of(answer)) {
            if (is_good)
                terminal.line(line + text);
            else
                terminal.complain(text);
        }
    if (is_good) return 0;
    return outcome == "refused" ? 1 : 2;
}

/// Sends lines and prints what is answered; gives the exit code.
int send(Target& target, Invocation& invocation, const std::string& lines,
         std::uint64_t first_line) {
    const auto answered = target.ask(lines, first_line);
    if (!answered) {
        invocation.terminal.complain(answered.error());
        return 2;
    }
    int code = 0;
    std::string_view body = answered->body;
    while (!body.empty()) {
        const std::string_view line = body.substr(0, body.find('\n'));
        body.remove_prefix(std::min(line.size() + 1, body.size()));
        const auto answer = term::parse_json(line);
        if (!answer) {
            invocation.terminal.complain(answer.error());
            return 2;
        }
        code = std::max(code, print(invocation, *answer));
    }
    return code;
}

/// Brings changes into rows. Those that are not are durable all the same.
int close(Target& target, Invocation& invocation, int code) {
    const Status closed = target.close();
    if (closed) return code;
    invocation.terminal.complain(closed.error());
    return 2;
}

int run_words(const ChangeOptions& options, const std::vector<std::string>& words,
              Invocation& invocation) {
    const auto line = edit::join_words(words);
    if (!line) return complain(invocation, line.error());
    auto target = Target::open(options);
    if (!target) {
        invocation.terminal.complain(target.error());
        return 2;
    }
    return close(*target, invocation, send(*target, invocation, *line, 0));
}

/// A file of commands, read piece by piece.
class Input {
public:
    explicit Input(const std::string& path) : path_(path == "-" ? "stdin" : path) {
        fd_ = path == "-" ? 0 : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        open_error_ = errno;
    }
    Input(const Input&) = delete;
    Input& operator=(const Input&) = delete;
    ~Input() {
        if (fd_ > 0) ::close(fd_);
    }
    /// Appends what is there now; false at the end.
    Result<bool> read_some(std::string& to) {
        if (fd_ < 0) return base::fail_errno(open_error_, "open " + path_);
        std::array<char, piece_octets_max> octets{};
        ssize_t count = 0;
        do count = ::read(fd_, octets.data(), octets.size());
        while (count < 0 && errno == EINTR);
        if (count < 0) return base::fail_errno(errno, "read " + path_);
        to.append(octets.data(), static_cast<std::size_t>(count));
        return count > 0;
    }

private:
    std::string path_;
    int fd_ = -1;
    int open_error_ = 0;
};

/// All lines in one request.
int run_together(Target& target, Input& input, Invocation& invocation) {
    std::string lines;
    for (;;) {
        const auto more = input.read_some(lines);
        if (!more) {
            invocation.terminal.complain(more.error());
            return 2;
        }
        if (lines.size() > text_octets_max) {
            invocation.terminal.complain(Error{Errc::limit,
                                               "more than " + std::to_string(text_octets_max) +
                                                   " octets of commands, wanted --each",
                                               {}});
            return 1;
        }
        if (!*more) return send(target, invocation, lines, 1);
    }
}

/// Each line as soon as it is there.
int run_each(Target& target, Input& input, Invocation& invocation) {
    std::string lines;
    std::uint64_t first_line = 1;
    int code = 0;
    const auto send_first = [&](std::size_t octets) {
        const std::string piece = lines.substr(0, octets);
        lines.erase(0, octets);
        code = std::max(code, send(target, invocation, piece, first_line));
        first_line += static_cast<std::uint64_t>(std::ranges::count(piece, '\n'));
    };
    for (bool more = true; more && !invocation.terminal.failed();) {
        const auto read = input.read_some(lines);
        if (!read) {
            invocation.terminal.complain(read.error());
            return 2;
        }
        more = *read;
        std::size_t end = more ? lines.rfind('\n', piece_octets_max - 1) : lines.size();
        while (end != std::string::npos && !lines.empty()) {
            send_first(more ? end + 1 : end);
            end = more ? lines.rfind('\n', piece_octets_max - 1) : lines.size();
        }
        if (lines.size() >= text_octets_max) {
            invocation.terminal.complain("a line of more than " + std::to_string(text_octets_max) +
                                         " octets");
            return 2;
        }
    }
    return code;
}

int run_change(const ChangeOptions& options, Invocation& invocation) {
    if (options.each && options.dry_run) {
        invocation.terminal.complain(
            "found --each with --dry-run, wanted one of them: each line would be tried without "
            "those "
            "before it");
        return 2;
    }
    Input input(options.file);
    ChangeOptions named = options;
    if (named.file == "-") named.file = "stdin";
    auto target = Target::open(named);
    if (!target) {
        invocation.terminal.complain(target.error());
        return 2;
    }
    const int code = options.each ? run_each(*target, input, invocation)
                                  : run_together(*target, input, invocation);
    return close(*target, invocation, code);
}

// History.

struct HistoryOptions {
    std::string store, zone;
    std::uint32_t limit = limit_limit.initial;
};

Result<edit::History> history_of(const HistoryOptions& options) {
    ZC_TRY(const dns::Name zone, dns::Name::parse(options.zone));
    ZC_TRY(store::LogReader log, store::LogReader::open(options.store));
    return edit::history_of(log, zone, options.limit);
}

int run_history(const HistoryOptions& options, Invocation& invocation) {
    const auto history = history_of(options);
    if (!history) {
        // A store that is not there is no answer; a zone that was never there is one.
        const bool is_answer =
            history.error().code == Errc::not_found && history.error().where.source.empty();
        invocation.terminal.complain(history.error());
        return is_answer ? 1 : 2;
    }
    term::Terminal& terminal = invocation.terminal;
    for (const edit::HistoryItem& item : history->items) {
        if (terminal.json()) {
            terminal.out(edit::json_of(item));
            continue;
        }
        for (const std::string& line : edit::lines_of(item, records_shown_max)) terminal.line(line);
    }
    if (terminal.json() || history->oldest == 0) return 0;
    terminal.line("version " + std::to_string(history->oldest) +
                  (history->items.size() >= options.limit ? "  and before: --limit shows more"
                                                          : "  was imported, or is not kept"));
    return 0;
}

// A new store.

int run_store_create(const std::string& path, Invocation& invocation) {
    auto update = store::Update::begin(path, store::Update::Missing::create);
    if (!update) return complain(invocation, update.error());
    if (!update->is_new())
        return complain(invocation, {Errc::exists, "there is a store already", {path}});
    const auto position = update->commit(runtime::now());
    if (!position) return complain(invocation, position.error());
    invocation.done = "the store is there";
    if (const std::string& problem = update->durability_problem(); !problem.empty())
        invocation.terminal.warn(problem);
    if (invocation.terminal.json()) {
        term::Json json = term::Json::object();
        json.set("store", path).set("commit", store::to_string(*position));
        invocation.terminal.out(json);
    } else {
        invocation.terminal.line(path + ": empty store, position " + store::to_string(*position));
    }
    return 0;
}

// Flags.

void add_target(CLI::App& app, ChangeOptions& options) {
    add_text(app, "--store", options.store, "FILE",
             "Store to change; a node that has it open is asked to. Without it the node is asked");
    add_text(app, "--control", options.control, "PATH", "Control socket of the node");
    add_number(app, timeout_limit, options.timeout, "Time to wait for the node's answer");
    add_switch(app, "--dry-run", options.dry_run, "Tell what would change; change nothing");
}

void add_word(CLI::App& app, const std::string& name, std::string& word,
              const std::string& placeholder, const std::string& help) {
    add_text(app, name, word, placeholder, help)->required();
}
void add_words(CLI::App& app, const std::string& name, CommandOptions& options,
               const std::string& placeholder, const std::string& help) {
    add_list(app, name, options.words, placeholder, help);
}
void add_zone(CLI::App& app, CommandOptions& options) {
    add_word(app, "zone", options.zone, "ZONE", "Apex of the zone");
}
void add_set(CLI::App& app, CommandOptions& options) {
    add_zone(app, options);
    add_word(app, "name", options.name, "NAME",
             "Owner name, relative to ZONE; @ is the apex, a final dot makes it absolute");
    add_word(app, "type", options.type, "TYPE", "Type of the records, such as A or TYPE65280");
}

using Options = std::shared_ptr<CommandOptions>;

/// An action that sends `verb` with the words that were given, in the order of a line.
Action sends(CLI::App& app, const Options& options, std::vector<std::string> verb,
             std::vector<std::string> (*words_of)(const CommandOptions&)) {
    add_target(app, *options);
    return [options, verb = std::move(verb), words_of](Invocation& invocation) {
        std::vector<std::string> words = verb;
        for (std::string& word : words_of(*options)) words.push_back(std::move(word));
        return run_words(*options, words, invocation);
    };
}

std::vector<std::string> with_rest(std::vector<std::string> words, const CommandOptions& options) {
    words.insert(words.end(), options.words.begin(), options.words.end());
    return words;
}
std::vector<std::string> set_words(const CommandOptions& options) {
    return with_rest({options.zone, options.name, options.type}, options);
}
std::vector<std::string> zone_words(const CommandOptions& options) {
    if (options.word.empty()) return with_rest({options.zone}, options);
    return with_rest({options.zone, options.word}, options);
}

constexpr const char* record_footer =
    "Each RDATA is one argument in presentation format: '10 mail.example.', and a TXT record with "
    "its "
    "own quotes: '\"v=spf1 -all\"'. A name in it ends with a dot, or is @ for the apex. The first "
    "argument behind TYPE is a TTL when it is a number and another one follows. Without TTL that "
    "of "
    "the RRset which is there stays; a new one gets 3600. An argument that begins with - stands "
    "behind "
    "--. Exit code 0: done, or it was so already. 1: refused, and nothing has changed.";

Action define_record(CLI::App& app, const std::string& verb) {
    auto options = std::make_shared<CommandOptions>();
    add_set(app, *options);
    const bool removes = verb == "rm";
    add_words(app, "rdata", *options, removes ? "RDATA" : "[TTL] RDATA",
              removes ? "Records to remove; without any the whole RRset"
                      : "TTL in seconds, and records of the RRset");
    app.footer(record_footer);
    return sends(app, options, {"record", verb}, set_words);
}

Action define_meta(CLI::App& app, const std::string& verb, const std::string& help) {
    auto options = std::make_shared<CommandOptions>();
    add_zone(app, *options);
    add_word(app, "kind", options->word, "KIND", "Kind of the metadata, such as ALLOW-AXFR-FROM");
    add_words(app, "value", *options, "VALUE", help);
    return sends(app, options, {"meta", verb}, zone_words);
}

}  // namespace

Action define_change(CLI::App& app) {
    auto options = std::make_shared<ChangeOptions>();
    add_text(app, "-f,--file", options->file, "FILE", "Commands, one a line; - is stdin")
        ->required()
        ->configurable(false);
    add_switch(
        app, "--each", options->each,
        "Make each line a change of its own with an answer of one line, as soon as it is read")
        ->configurable(false);
    add_target(app, *options);
    app.footer(
        "A line is a command without the word zonectl and without flags: zone create|delete|set|"
        "revert, record add|set|rm, meta set|add|rm, comment set|rm. Words are quoted as in a "
        "shell: "
        "'…' takes every character as it is, within \"…\" a backslash stands before \", \\, $ and "
        "`, "
        "outside of quotes before any character; # begins a comment. Nothing is expanded. Example: "
        "record add example.org @ TXT '\"v=spf1 -all\"'. All lines are one change, of which all is "
        "done or nothing, unless --each is given. Exit code 1: refused, with --each any of them.");
    return [options](Invocation& invocation) { return run_change(*options, invocation); };
}

Action define_comment_rm(CLI::App& app) {
    auto options = std::make_shared<CommandOptions>();
    add_set(app, *options);
    return sends(app, options, {"comment", "rm"}, set_words);
}

Action define_comment_set(CLI::App& app) {
    auto options = std::make_shared<CommandOptions>();
    add_set(app, *options);
    add_words(app, "text", *options, "TEXT",
              "Comments of the RRset, in place of those that are there");
    return sends(app, options, {"comment", "set"}, set_words);
}

Action define_meta_add(CLI::App& app) {
    return define_meta(app, "add", "Values to add to those that are there");
}
Action define_meta_rm(CLI::App& app) {
    return define_meta(app, "rm", "Values to remove; without any all of this kind");
}
Action define_meta_set(CLI::App& app) {
    return define_meta(app, "set", "Values, in place of those that are there; without any none");
}

Action define_record_add(CLI::App& app) {
    return define_record(app, "add");
}
Action define_record_rm(CLI::App& app) {
    return define_record(app, "rm");
}
Action define_record_set(CLI::App& app) {
    return define_record(app, "set");
}

Action define_store_create(CLI::App& app) {
    auto path = std::make_shared<std::string>();
    add_text(app, "file", *path, "FILE", "Store to make; it must not exist")->required();
    return [path](Invocation& invocation) { return run_store_create(*path, invocation); };
}

Action define_zone_create(CLI::App& app) {
    auto options = std::make_shared<CommandOptions>();
    add_zone(app, *options);
    add_list(app, "--ns", options->servers, "NAME",
             "Name server of the zone; the first is the primary of its SOA record")
        ->configurable(false);
    app.footer(
        "Makes a zone with an SOA record (serial 1, mailbox hostmaster.ZONE) and an NS record for "
        "each "
        "--ns. Exit code 1: there is such a zone.");
    return sends(app, options, {"zone", "create"}, [](const CommandOptions& given) {
        std::vector<std::string> words{given.zone};
        for (const std::string& server : given.servers) {
            words.emplace_back("--ns");
            words.push_back(server);
        }
        return words;
    });
}

Action define_zone_delete(CLI::App& app) {
    auto options = std::make_shared<CommandOptions>();
    add_zone(app, *options);
    app.footer(
        "Exit code 1: there is no such zone. zonectl zone revert brings it back, if it has no more "
        "than 192 KiB of records and none is made under its name meanwhile.");
    return sends(app, options, {"zone", "delete"}, zone_words);
}

Action define_zone_history(CLI::App& app) {
    auto options = std::make_shared<HistoryOptions>();
    add_text(app, "--store", options->store, "FILE", "Store, also while a node has it open")
        ->required();
    add_text(app, "zone", options->zone, "ZONE", "Apex of the zone; it may be gone",
             parses<dns::Name>(dns::Name::parse))
        ->required();
    add_number(app, limit_limit, options->limit, "Changes to show, the newest first");
    app.footer(
        "Shows who changed the zone, when, from where, and which records came and went. With "
        "--json "
        "one object a line. Exit code 1: nothing is known of such a zone.");
    return [options](Invocation& invocation) { return run_history(*options, invocation); };
}

Action define_zone_revert(CLI::App& app) {
    auto options = std::make_shared<CommandOptions>();
    add_zone(app, *options);
    add_word(app, "version", options->word, "VERSION",
             "Version to go back to, as zone history tells it");
    app.footer(
        "Makes the zone what it was at VERSION, records and settings, as a new change: the serial "
        "rises. A zone that was removed comes back.");
    return sends(app, options, {"zone", "revert"}, zone_words);
}

Action define_zone_set(CLI::App& app) {
    auto options = std::make_shared<CommandOptions>();
    add_zone(app, *options);
    add_word(app, "setting", options->word, "SETTING", "kind, account or primaries");
    add_words(app, "value", *options, "VALUE",
              "native, primary, secondary, producer or consumer; a text; or ADDRESS[:PORT] of each "
              "primary");
    return sends(app, options, {"zone", "set"}, zone_words);
}

}  // namespace zc::cmd
