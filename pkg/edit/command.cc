#include "edit/command.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include "dns/presentation.h"
#include "edit/words.h"

namespace zc::edit {
namespace {

using dns::RrType;
using settings::SettingsChange;
using Verb = Command::Verb;

constexpr std::size_t meta_kind_octets_max = 32;  // of PowerDNS's column

struct Kind {
    std::string_view word;
    settings::Kind kind;
};
// PowerDNS's own words are taken too.
constexpr std::array kinds = {
    Kind{"native", settings::Kind::native},       Kind{"primary", settings::Kind::primary},
    Kind{"secondary", settings::Kind::secondary}, Kind{"producer", settings::Kind::producer},
    Kind{"consumer", settings::Kind::consumer},   Kind{"master", settings::Kind::primary},
    Kind{"slave", settings::Kind::secondary},
};

tl::unexpected<Error> wanted(std::string_view word, std::string_view what) {
    return fail(Errc::malformed, "found '" + std::string(word) + "', wanted " + std::string(what));
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = static_cast<char>(dns::fold(static_cast<std::uint8_t>(c)));
    return out;
}

template <class T>
std::optional<T> number_of(std::string_view text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}
bool is_number(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// The words behind a verb, one after the other.
class Words {
public:
    Words(std::string_view verb, std::span<const std::string> words) : verb_(verb), words_(words) {}

    std::size_t left() const noexcept { return words_.size() - at_; }
    const std::string& peek() const noexcept { return words_[at_]; }
    const std::string& take() noexcept { return words_[at_++]; }
    Result<std::string> next(std::string_view what) {
        if (left() == 0)
            return fail(Errc::malformed, "found nothing more behind '" + std::string(verb_) +
                                             "', wanted " + std::string(what));
        return take();
    }
    std::vector<std::string> rest() {
        std::vector<std::string> out(words_.begin() + static_cast<std::ptrdiff_t>(at_),
                                     words_.end());
        at_ = words_.size();
        return out;
    }
    Status end() const {
        if (left() == 0) return {};
        return wanted(peek(), "nothing more behind '" + std::string(verb_) + "'");
    }

private:
    std::string_view verb_;
    std::span<const std::string> words_;
    std::size_t at_ = 0;
};

Result<dns::Name> parse_absolute(const std::string& text, std::string_view what) {
    auto name = dns::Name::parse(text);
    if (!name) return wanted(text, std::string(what) + ": " + name.error().message);
    return name;
}

/// NAME of a record or comment.
Result<dns::Name> parse_owner(const std::string& text, const dns::Name& zone) {
    auto owner = dns::Name::parse(text, zone);
    if (!owner) return wanted(text, "NAME: " + owner.error().message);
    if (!owner->view().is_within(zone))
        return fail(Errc::invalid, dns::to_string(*owner) + " is not within zone " +
                                       dns::to_string(zone) + ", wanted a name that is");
    owner->fold_case();
    return owner;
}

Result<RrType> parse_type(const std::string& text) {
    const auto type = dns::parse_record_type(text);
    if (!type) return wanted(text, "TYPE, such as A or TYPE65280");
    return type;
}

/// A type of which records may be changed by a command.
Status check_type(RrType type) {
    const std::string text = dns::record_type_text(type);
    if (dns::is_powerdns_only(type))
        return fail(Errc::unsupported,
                    text + " records cannot be answered, and are not changed here");
    if (!dns::is_data_type(type)) return fail(Errc::invalid, "type " + text + " is no zone data");
    if (type == RrType::rrsig || type == RrType::nsec || type == RrType::nsec3)
        return fail(Errc::unsupported,
                    text + " records are made by who signs the zone, and are not changed by hand");
    return {};
}

Result<dns::Rdata> parse_at(const std::string& text, RrType type, dns::NameView origin) {
    dns::Rdata rdata;
    const Status status = dns::parse_rdata(text, type, origin, rdata);
    if (!status)
        return fail(status.error().code, dns::record_type_text(type) + " '" + text + "': " +
                                             status.error().message + " (each RDATA is one word)");
    return rdata;
}

std::vector<dns::NameView> names_of(RrType type, const dns::Rdata& rdata) {
    std::array<dns::NamePlace, dns::rdata_names_max> places{};
    const std::size_t count = dns::names_in(type, rdata, places);
    std::vector<dns::NameView> names;
    for (std::size_t i = 0; i < count; ++i)
        names.emplace_back(base::Octets(rdata).subspan(places[i].offset, places[i].octets));
    return names;
}

/// In a zone file `;` begins a comment unless it is quoted: all behind it would be lost here. And text
/// without quotes would become a string for each of its words.
Status check_quotes(const std::string& text, RrType type) {
    bool is_quoted = false, has_blank = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\')
            ++i;
        else if (text[i] == '"')
            is_quoted = !is_quoted;
        else if (!is_quoted && text[i] == ';')
            return fail(Errc::invalid, dns::record_type_text(type) + " '" + text +
                                           "': a ; outside of quotes, wanted it inside of \"…\", "
                                           "or \\;");
        else
            has_blank = has_blank || (!is_quoted && (text[i] == ' ' || text[i] == '\t'));
    }
    const bool is_text = type == RrType::txt || type == RrType::spf;
    if (is_text && has_blank && text.front() != '"')
        return fail(Errc::invalid, dns::record_type_text(type) + " '" + text +
                                       "': several words without quotes, wanted \"" + text + "\"");
    return {};
}

/// RDATA whose names end with a dot, or are @.
Result<dns::Rdata> parse_rdata(const std::string& text, RrType type, const dns::Name& zone) {
    ZC_TRY_STATUS(check_quotes(text, type));
    ZC_TRY(dns::Rdata relative, parse_at(text, type, zone));
    // A name that is not absolute is another one with another origin.
    ZC_TRY(const dns::Rdata absolute, parse_at(text, type, dns::NameView()));
    const auto ambiguous = [&](const std::string& which) {
        return fail(Errc::invalid, dns::record_type_text(type) + " '" + text +
                                       "': a name without its final dot, wanted " + which);
    };
    if (relative != absolute) {
        const auto in_zone = names_of(type, relative), at_root = names_of(type, absolute);
        if (in_zone.empty() || in_zone.size() != at_root.size()) return ambiguous("one with it");
        for (std::size_t i = 0; i < in_zone.size(); ++i) {
            const bool is_apex = at_root[i].is_root() && dns::equal(in_zone[i], zone);
            if (dns::equal(in_zone[i], at_root[i]) || is_apex) continue;
            return ambiguous(dns::to_string(at_root[i]) + " or " + dns::to_string(in_zone[i]));
        }
    }
    dns::fold_rdata(type, relative);
    return relative;
}

Status take_rdatas(Command& command, Words& words) {
    while (words.left() > 0) {
        ZC_TRY(dns::Rdata rdata, parse_rdata(words.take(), command.type, command.zone));
        command.rdatas.push_back(std::move(rdata));
    }
    std::ranges::sort(command.rdatas);
    command.rdatas.erase(std::unique(command.rdatas.begin(), command.rdatas.end()),
                         command.rdatas.end());
    return {};
}

Status take_owner_and_type(Command& command, Words& words) {
    ZC_TRY(const std::string owner, words.next("NAME"));
    ZC_TRY(command.owner, parse_owner(owner, command.zone));
    ZC_TRY(const std::string type, words.next("TYPE"));
    ZC_TRY(command.type, parse_type(type));
    return {};
}

// One function a verb: it takes what stands behind ZONE.

Status take_create(Command& command, Words& words) {
    while (words.left() > 0) {
        std::string word = words.take();
        if (word == "--ns") {
            ZC_TRY(word, words.next("NAME of a name server behind --ns"));
        } else if (word.starts_with("--ns=")) {
            word.erase(0, 5);
        } else {
            return wanted(word, "--ns NAME");
        }
        ZC_TRY(dns::Name name, parse_absolute(word, "NAME of a name server"));
        if (name.view().labels() < 2 && !word.ends_with('.'))
            return fail(Errc::invalid, "name server '" + word +
                                           "' has one label, wanted a whole name such as " + word +
                                           '.' + dns::to_string(command.zone));
        name.fold_case();
        command.servers.push_back(name);
    }
    return {};
}

Status take_nothing(Command&, Words&) {
    return {};
}

Status take_version(Command& command, Words& words) {
    ZC_TRY(const std::string text, words.next("VERSION, as zone history tells it"));
    const auto version = number_of<std::uint64_t>(text);
    if (!version || *version == 0) return wanted(text, "VERSION, as zone history tells it");
    command.version = *version;
    return {};
}

Result<settings::Kind> parse_kind(const std::string& text) {
    const std::string word = lower(text);
    const auto* const found = std::ranges::find(kinds, word, &Kind::word);
    if (found == kinds.end())
        return wanted(text, "native, primary, secondary, producer or consumer");
    return found->kind;
}

/// "192.0.2.1", "192.0.2.1:5300", "2001:db8::1" or "[2001:db8::1]:5300".
Status check_primary(const std::string& text) {
    std::string address = text;
    std::optional<std::string> port;
    if (const std::size_t end = text.find(']'); text.starts_with('[') && end != std::string::npos) {
        address = text.substr(1, end - 1);
        if (end + 1 < text.size()) {
            if (text[end + 1] != ':') return wanted(text, "ADDRESS or ADDRESS:PORT");
            port = text.substr(end + 2);
        }
    } else if (std::ranges::count(text, ':') == 1) {
        address = text.substr(0, text.find(':'));
        port = text.substr(text.find(':') + 1);
    }
    const auto number = number_of<std::uint16_t>(port.value_or("53"));
    if (!dns::parse_address(address) || !number || *number == 0)
        return wanted(text, "ADDRESS or ADDRESS:PORT of a primary");
    return {};
}

Status take_setting(Command& command, Words& words) {
    ZC_TRY(const std::string what, words.next("kind, account or primaries"));
    if (what == "kind") {
        ZC_TRY(const std::string kind,
               words.next("native, primary, secondary, producer or consumer"));
        ZC_TRY(command.settings.kind, parse_kind(kind));
    } else if (what == "account") {
        command.settings.account = words.left() > 0 ? words.take() : std::string();
    } else if (what == "primaries") {
        command.settings.masters = words.rest();
        for (const std::string& primary : *command.settings.masters)
            ZC_TRY_STATUS(check_primary(primary));
    } else {
        return wanted(what, "kind, account or primaries");
    }
    return {};
}

Status take_set_of_records(Command& command, Words& words) {
    ZC_TRY_STATUS(take_owner_and_type(command, words));
    ZC_TRY_STATUS(check_type(command.type));
    if (words.left() > 1 && is_number(words.peek())) {
        const std::string& text = words.take();
        const auto ttl = number_of<std::uint32_t>(text);
        if (!ttl || *ttl > dns::ttl_seconds_max)
            return fail(Errc::limit,
                        "TTL of " + text + " s, limit is " + std::to_string(dns::ttl_seconds_max));
        command.ttl = *ttl;
    }
    if (words.left() == 0) ZC_TRY_STATUS(words.next("RDATA"));
    return take_rdatas(command, words);
}

Status take_removal_of_records(Command& command, Words& words) {
    ZC_TRY_STATUS(take_owner_and_type(command, words));
    ZC_TRY_STATUS(check_type(command.type));
    return take_rdatas(command, words);
}

Status take_metadata(Command& command, Words& words) {
    ZC_TRY(command.kind, words.next("KIND of metadata"));
    const bool is_word = std::ranges::all_of(command.kind, [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
    });
    if (!is_word || command.kind.empty() || command.kind.size() > meta_kind_octets_max)
        return wanted(command.kind, "KIND of metadata: letters, digits and '-', at most " +
                                        std::to_string(meta_kind_octets_max));
    if (command.verb == Verb::meta_add && words.left() == 0) ZC_TRY_STATUS(words.next("VALUE"));
    command.values = words.rest();
    std::ranges::sort(command.values);
    command.values.erase(std::unique(command.values.begin(), command.values.end()),
                         command.values.end());
    return {};
}

Status take_comment(Command& command, Words& words) {
    ZC_TRY_STATUS(take_owner_and_type(command, words));
    if (command.verb == Verb::comment_set && words.left() == 0) ZC_TRY_STATUS(words.next("TEXT"));
    if (command.verb == Verb::comment_set) command.values = words.rest();
    return {};
}

struct Row {
    std::string_view group, word;
    Verb verb;
    Status (*take)(Command& command, Words& words);
};
constexpr std::array table = {
    Row{"zone", "create", Verb::zone_create, take_create},
    Row{"zone", "delete", Verb::zone_delete, take_nothing},
    Row{"zone", "set", Verb::zone_set, take_setting},
    Row{"zone", "revert", Verb::zone_revert, take_version},
    Row{"record", "add", Verb::record_add, take_set_of_records},
    Row{"record", "set", Verb::record_set, take_set_of_records},
    Row{"record", "rm", Verb::record_rm, take_removal_of_records},
    Row{"meta", "set", Verb::meta_set, take_metadata},
    Row{"meta", "add", Verb::meta_add, take_metadata},
    Row{"meta", "rm", Verb::meta_rm, take_metadata},
    Row{"comment", "set", Verb::comment_set, take_comment},
    Row{"comment", "rm", Verb::comment_rm, take_comment},
};

/// "create, delete, set or revert": the verbs of a group; without one, the groups.
std::string known(std::string_view group) {
    std::vector<std::string_view> words;
    for (const Row& row : table) {
        const std::string_view word = group.empty() ? row.group : row.word;
        if ((group.empty() || row.group == group) && std::ranges::find(words, word) == words.end())
            words.push_back(word);
    }
    std::string out;
    for (std::size_t i = 0; i < words.size(); ++i)
        out += std::string(i == 0                  ? ""
                           : i + 1 == words.size() ? " or "
                                                   : ", ") +
               std::string(words[i]);
    return out;
}

Result<const Row*> row_of(std::span<const std::string> words) {
    if (words.empty()) return fail(Errc::malformed, "found no command, wanted " + known(""));
    if (std::ranges::find(table, words[0], &Row::group) == table.end())
        return wanted(words[0], known(""));
    if (words.size() == 1)
        return fail(Errc::malformed,
                    "found nothing more behind '" + words[0] + "', wanted " + known(words[0]));
    const auto* const row = std::ranges::find_if(
        table, [&](const Row& one) { return one.group == words[0] && one.word == words[1]; });
    if (row == table.end()) return wanted(words[0] + ' ' + words[1], known(words[0]));
    return row;
}

Result<Command> parse_words(std::span<const std::string> all) {
    ZC_TRY(const Row* const row, row_of(all));
    const std::string verb = std::string(row->group) + ' ' + std::string(row->word);
    Words words(verb, all.subspan(2));
    Command command;
    command.verb = row->verb;
    ZC_TRY(const std::string zone, words.next("ZONE"));
    ZC_TRY(command.zone, parse_absolute(zone, "ZONE"));
    command.zone.fold_case();
    ZC_TRY_STATUS(row->take(command, words));
    ZC_TRY_STATUS(words.end());
    return command;
}

}  // namespace

Result<Command> parse(std::span<const std::string> words, const base::Location& where) {
    auto command = parse_words(words);
    if (command)
        command->where = where;
    else
        command.error().where = where;
    return command;
}

std::vector<Result<Command>> parse_lines(std::string_view text, const std::string& source,
                                         std::uint64_t first_line) {
    std::vector<Result<Command>> out;
    for (std::uint64_t number = first_line; !text.empty(); ++number) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        const base::Location where{source, number};
        const auto words = split_line(line);
        if (!words)
            out.emplace_back(fail(words.error().code, words.error().message, where));
        else if (!words->empty())
            out.push_back(parse(*words, where));
    }
    return out;
}

}  // namespace zc::edit
