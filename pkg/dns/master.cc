// Master files: RFC 1035 section 5, RFC 2308 section 4, and BIND's $GENERATE.
#include <algorithm>
#include <charconv>
#include <optional>

#include "dns/lexer.h"
#include "dns/presentation.h"
#include "dns/rdata_parser.h"

namespace zc::dns {

namespace {

// Each level borrows the text of the one above; a caller that forgets to refuse cycles ends here.
constexpr std::uint32_t include_depth_max = 32;

constexpr std::uint32_t steps_per_question = 4096;  // whether to stop: some milliseconds

constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

/// TTL and type in front of RDATA, class in either place.
struct Head {
    RrType type{};
    std::optional<std::uint32_t> ttl;
};

/// The numbers of $GENERATE: start-stop[/step].
struct Range {
    std::uint32_t start = 0;
    std::uint32_t stop = 0;
    std::uint32_t step = 1;
};

constexpr std::uint32_t generate_value_max = 0x7fffffff;  // BIND's

bool parse_number(std::string_view text, std::uint32_t& value) noexcept {
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    return fault == std::errc() && end == text.data() + text.size() && value <= generate_value_max;
}

bool parse_range(std::string_view text, Range& range) noexcept {
    const std::size_t dash = text.find('-');
    const std::size_t slash = text.find('/');
    if (dash == std::string_view::npos || (slash != std::string_view::npos && slash < dash))
        return false;
    const std::string_view stop =
        text.substr(dash + 1, slash == std::string_view::npos ? slash : slash - dash - 1);
    if (!parse_number(text.substr(0, dash), range.start) || !parse_number(stop, range.stop))
        return false;
    if (slash != std::string_view::npos && !parse_number(text.substr(slash + 1), range.step))
        return false;
    return range.start <= range.stop && range.step > 0;
}

/// How ${offset,width,base} writes the number.
struct Placeholder {
    std::int32_t offset = 0;
    std::uint32_t width = 0;
    char base = 'd';  // d, o, x, X; n, N: reversed nibbles with dots, as in ip6.arpa
};

constexpr std::uint32_t placeholder_width_max = 255;

/// Takes "{offset[,width[,base]]}" from the front of `text`.
bool take_placeholder(std::string_view& text, Placeholder& placeholder) noexcept {
    const std::size_t close = text.find('}');
    if (close == std::string_view::npos) return false;
    const std::string_view inside = text.substr(1, close - 1);
    text.remove_prefix(close + 1);
    std::array<std::string_view, 3> parts;
    std::size_t count = 0;
    for (std::size_t at = 0; at <= inside.size(); ++count) {
        if (count == parts.size()) return false;
        parts[count] = inside.substr(at, inside.find(',', at) - at);
        at += parts[count].size() + 1;
    }
    std::string_view offset = parts[0];
    if (offset.starts_with('+') && offset.size() > 1 && is_digit(offset[1]))
        offset.remove_prefix(1);
    const char* const end = offset.data() + offset.size();
    const auto parsed = std::from_chars(offset.data(), end, placeholder.offset);
    if (parsed.ec != std::errc() || parsed.ptr != end) return false;
    if (count > 1 &&
        (!parse_number(parts[1], placeholder.width) || placeholder.width > placeholder_width_max))
        return false;
    if (count > 2 && (parts[2].size() != 1 ||
                      std::string_view("doxXnN").find(parts[2][0]) == std::string_view::npos))
        return false;
    if (count > 2) placeholder.base = parts[2][0];
    return true;
}

/// As BIND: below 0 a decimal number has its sign, which counts for the width, and the other bases
/// show 32 bits of two's complement.
void append_number(std::string& out, std::int32_t value, const Placeholder& placeholder) {
    const bool capitals = placeholder.base == 'X' || placeholder.base == 'N';
    std::uint32_t width = placeholder.width;
    auto bits = static_cast<std::uint32_t>(value);
    if (placeholder.base == 'n' || placeholder.base == 'N') {
        const std::string_view digits = capitals ? "0123456789ABCDEF" : "0123456789abcdef";
        do {  // the width counts the dots too
            out += digits[bits & 0xfU];
            bits >>= 4U;
            if (width > 0) --width;
            if (width == 0 && bits == 0) break;
            out += '.';
            if (width > 0) --width;
        } while (width > 0 || bits > 0);
        return;
    }
    if (placeholder.base == 'd' && value < 0) {
        out += '-';
        bits = 0 - bits;
        if (width > 0) --width;
    }
    std::array<char, 16> digits{};
    const int base = placeholder.base == 'd' ? 10 : placeholder.base == 'o' ? 8 : 16;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), bits, base).ptr;
    const auto count = static_cast<std::size_t>(end - digits.data());
    if (count < width) out.append(width - count, '0');
    for (const char c : std::string_view(digits.data(), count))
        out += capitals && c >= 'a' ? static_cast<char>(c - 0x20) : c;
}

/// `pattern` with each $ and ${…} replaced by what `value` makes of it, $$ by a dollar; \$ stays as
/// it is.
bool substitute(std::string_view pattern, std::uint32_t value, std::string& out) {
    out.clear();
    while (!pattern.empty()) {
        const char c = pattern[0];
        pattern.remove_prefix(1);
        if (c == '\\' && !pattern.empty()) {
            out += c;
            out += pattern[0];
            pattern.remove_prefix(1);
        } else if (c != '$') {
            out += c;
        } else if (pattern.starts_with('$')) {
            out += '$';
            pattern.remove_prefix(1);
        } else {
            Placeholder placeholder;
            if (pattern.starts_with('{') && !take_placeholder(pattern, placeholder)) return false;
            const std::int64_t shifted = std::int64_t{value} + placeholder.offset;
            if (shifted > generate_value_max) return false;
            append_number(out, static_cast<std::int32_t>(shifted), placeholder);
        }
    }
    return true;
}

class MasterReader {
public:
    MasterReader(const MasterOptions& options,
                 const std::function<Status(const RecordView&, std::uint64_t)>& record)
        : options_(options), record_(record) {}

    /// Reads one file; `origin` holds in it until a $ORIGIN.
    struct File;  // below
    /// `includer_or_null`: whose $INCLUDE it is.
    void read(std::string_view text, std::string_view source, const Name& origin,
              const File* includer_or_null);

    MasterReport take_report() { return std::move(report_); }

    /// $INCLUDE leaves this as it was in the including file.
    struct File {
        std::string_view source;
        Lexer lexer;
        Name origin;
        NameBuffer owner{};
        std::uint16_t owner_octets = 0;  // 0: no owner yet, or the last one was not valid
        std::uint64_t line = 0;          // of the entry's beginning
        std::uint32_t depth = 0;

        NameView owner_view() const noexcept {
            return NameView(base::Octets(owner).first(owner_octets));
        }
    };

private:
    bool gave_up() const noexcept {
        return interrupted_ || report_.errors.size() > options_.errors_max;
    }
    /// Called for each entry and each generated record. True: reading has to end.
    bool stop_wanted(const File& file);
    void report(const File& file, Error error);
    void malformed(const File& file, std::string message) {
        report(file, {Errc::malformed, std::move(message), {}});
    }
    /// The next token must be there; `what` goes into the error.
    bool take(File& file, Token& token, std::string_view what);
    bool entry_ends(File& file);

    void entry(File& file);
    bool take_owner(File& file, const Token& token);
    bool take_head(File& file, Token& token, Head& head);
    void take_record(File& file, const Head& head);
    std::uint32_t ttl_of(const Head& head, const File& file);
    static void note(MasterReport::Oddity& oddity, std::uint64_t count, const File& file,
                     std::uint64_t line) {
        if (oddity.count == 0) oddity.first = {std::string(file.source), line};
        oddity.count += count;
    }
    void emit(const File& file, NameView owner, const Head& head, base::Octets rdata);

    void directive(File& file, std::string_view word);
    void directive_origin(File& file);
    void directive_ttl(File& file);
    void directive_include(File& file);
    void directive_generate(File& file);
    bool generate_one(File& file, const Head& head, std::string_view owner_text,
                      std::string_view rdata_text);

    const MasterOptions& options_;
    const std::function<Status(const RecordView&, std::uint64_t)>& record_;
    MasterReport report_;
    RdataParser parser_;
    std::optional<std::uint32_t> ttl_directive_;  // $TTL, also of an included file
    std::optional<std::uint32_t> ttl_last_;       // of an earlier record that had one
    std::optional<std::uint32_t> ttl_soa_;        // the SOA's minimum
    std::uint64_t generated_ = 0, generated_octets_ = 0;
    std::uint32_t steps_ = 0;  // since `stopped` was asked
    bool interrupted_ = false;
};

void MasterReader::report(const File& file, Error error) {
    if (gave_up()) return;
    if (report_.errors.size() == options_.errors_max)
        error = {
            Errc::limit,
            "more than " + std::to_string(options_.errors_max) + " errors, the rest is not read",
            {}};
    if (error.where.line == 0) error.where = {std::string(file.source), file.line};
    report_.errors.push_back(std::move(error));
}

bool MasterReader::stop_wanted(const File& file) {
    if (++steps_ < steps_per_question) return gave_up();
    steps_ = 0;
    if (!gave_up() && options_.stopped && options_.stopped()) {
        interrupted_ = true;
        report_.errors.push_back(
            {Errc::interrupted, "stopped while reading", {std::string(file.source), file.line}});
    }
    return gave_up();
}

bool MasterReader::take(File& file, Token& token, std::string_view what) {
    if (file.lexer.next(token)) return true;
    malformed(file, file.lexer.fault() != Lexer::Fault::none ? fault_text(file.lexer)
                                                             : "missing " + std::string(what));
    return false;
}

bool MasterReader::entry_ends(File& file) {
    Token token;
    const bool more = file.lexer.next(token);
    if (!more && file.lexer.fault() == Lexer::Fault::none) return true;
    malformed(file, more ? "found " + quoted_excerpt(token.text) + ", wanted the end of the line"
                         : fault_text(file.lexer));
    return false;
}

void MasterReader::read(std::string_view text, std::string_view source, const Name& origin,
                        const File* includer_or_null) {
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";  // some editors put it first
    if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
    File file{.source = source, .lexer = Lexer(text), .origin = origin};
    if (includer_or_null != nullptr) {
        // The last stated owner is still the last one (BIND and PowerDNS read it so).
        file.owner = includer_or_null->owner;
        file.owner_octets = includer_or_null->owner_octets;
        file.depth = includer_or_null->depth + 1;
    }
    while (!file.lexer.at_end() && !stop_wanted(file)) {
        entry(file);
        file.lexer.skip_entry();
    }
    if (const std::uint64_t strings = file.lexer.strings_over_lines(); strings != 0)
        note(report_.string_over_lines, strings, file, file.lexer.string_over_lines_line());
}

void MasterReader::entry(File& file) {
    file.line = file.lexer.line();
    const bool owner_left_out = file.lexer.at_blank();
    Token token;
    if (!file.lexer.next(token)) {
        if (file.lexer.fault() != Lexer::Fault::none) malformed(file, fault_text(file.lexer));
        return;
    }
    if (!owner_left_out) {
        if (!token.quoted && token.text[0] == '$') return directive(file, token.text);
        if (!take_owner(file, token) || !take(file, token, "type")) return;
    } else if (file.owner_octets == 0) {
        return malformed(file, "owner left out, and there is no valid one before");
    }
    Head head;
    if (take_head(file, token, head)) take_record(file, head);
}

bool MasterReader::take_owner(File& file, const Token& token) {
    file.owner_octets = 0;  // what follows without owner must not go to the one before
    if (token.quoted) {
        malformed(file,
                  "owner: found quoted string " + quoted_excerpt(token.text) + ", wanted a name");
        return false;
    }
    const NameScan scan = scan_name(token.text, file.origin, file.owner);
    if (scan.fault != NameFault::none) {
        malformed(file, "owner: " + name_error(scan, token.text).message);
        return false;
    }
    file.owner_octets = scan.octets;
    return true;
}

// [TTL] [class] type or [class] [TTL] type. `token` is the first of them.
bool MasterReader::take_head(File& file, Token& token, Head& head) {
    bool has_class = false;
    while (true) {
        if (token.quoted) {
            malformed(file, "found quoted string " + quoted_excerpt(token.text) +
                                ", wanted TTL, class or type");
            return false;
        }
        if (is_digit(token.text[0]) && !head.ttl) {
            std::uint64_t seconds = 0;
            if (!parse_seconds(token.text, seconds) || seconds > ttl_seconds_max) {
                malformed(file, "TTL " + quoted_excerpt(token.text) +
                                    ", wanted seconds 0..2147483647, or with units as in 1h30m");
                return false;
            }
            head.ttl = static_cast<std::uint32_t>(seconds);
        } else if (!has_class && equals_folded(token.text, "in")) {
            has_class = true;
        } else {
            const std::uint32_t number = find_type(token.text);
            if (number != type_unknown) {
                head.type = static_cast<RrType>(number);
                if (from_powerdns(head.type) != head.type && !is_generic_type(token.text)) {
                    head.type = from_powerdns(head.type);  // ALIAS or LUA, by name
                } else if (!is_data_type(head.type)) {
                    malformed(file, "type " + quoted_excerpt(token.text) + " is no zone data");
                    return false;
                }
                break;
            }
            const auto rr_class = parse_class(token.text);
            if (!rr_class || has_class) {
                malformed(file,
                          "found " + quoted_excerpt(token.text) + ", wanted TTL, class or type");
                return false;
            }
            if (*rr_class != RrClass::in) {
                malformed(file, "class " + to_string(*rr_class) + ", wanted IN");
                return false;
            }
            has_class = true;
        }
        if (!take(file, token, "type")) return false;
    }
    return true;
}

void MasterReader::take_record(File& file, const Head& head) {
    if (!parser_.parse(file.lexer, head.type, file.origin))
        return report(file, parser_.take_error());
    if (head.ttl) ttl_last_ = head.ttl;
    if (head.type == RrType::soa && !ttl_soa_) {
        const base::Octets rdata = parser_.rdata();
        const std::uint32_t minimum = base::load_u32(rdata.data() + rdata.size() - 4);
        if (minimum <= ttl_seconds_max) ttl_soa_ = minimum;
    }
    emit(file, file.owner_view(), head, parser_.rdata());
}

std::uint32_t MasterReader::ttl_of(const Head& head, const File& file) {
    if (head.ttl) return *head.ttl;
    if (ttl_directive_) return *ttl_directive_;
    if (ttl_last_) {
        note(report_.ttl_from_above, 1, file, file.line);
        return *ttl_last_;
    }
    return ttl_soa_.value_or(options_.default_ttl);
}

void MasterReader::emit(const File& file, NameView owner, const Head& head, base::Octets rdata) {
    const RecordView view{
        .owner = owner, .type = head.type, .ttl = ttl_of(head, file), .rdata = rdata};
    ++report_.records;
    auto taken = record_(view, file.line);
    if (taken) return;
    if (!options_.leaves_out || !options_.leaves_out(view))
        return report(file, std::move(taken).error());
    --report_.records;
    if (report_.left_out_count++ >= options_.errors_max) return;
    report_.left_out.push_back(std::move(taken).error());
    report_.left_out.back().where = {std::string(file.source), file.line};
}

void MasterReader::directive(File& file, std::string_view word) {
    if (equals_folded(word, "$origin")) return directive_origin(file);
    if (equals_folded(word, "$ttl")) return directive_ttl(file);
    if (equals_folded(word, "$include")) return directive_include(file);
    if (equals_folded(word, "$generate")) return directive_generate(file);
    malformed(file, "unknown directive " + quoted_excerpt(word) +
                        ", wanted $ORIGIN, $TTL, $INCLUDE or $GENERATE");
}

void MasterReader::directive_origin(File& file) {
    Token token;
    if (!take(file, token, "name behind $ORIGIN")) return;
    auto origin = Name::parse(token.text, file.origin);
    if (!origin) return malformed(file, "$ORIGIN: " + origin.error().message);
    if (entry_ends(file)) file.origin = *origin;
}

void MasterReader::directive_ttl(File& file) {
    Token token;
    std::uint64_t seconds = 0;
    if (!take(file, token, "seconds behind $TTL")) return;
    if (!parse_seconds(token.text, seconds) || seconds > ttl_seconds_max)
        return malformed(file, "$TTL " + quoted_excerpt(token.text) +
                                   ", wanted seconds 0..2147483647, or with units as in 1h30m");
    if (entry_ends(file)) ttl_directive_ = static_cast<std::uint32_t>(seconds);
}

// $INCLUDE path [origin]: origin and last owner are afterwards what they were (RFC 1035
// section 5.1).
void MasterReader::directive_include(File& file) {
    Token path;
    if (!take(file, path, "file name behind $INCLUDE")) return;
    Name origin = file.origin;
    Token token;
    if (file.lexer.next(token)) {
        auto given = Name::parse(token.text, file.origin);
        if (!given) return malformed(file, "$INCLUDE: " + given.error().message);
        origin = *given;
    }
    if (!entry_ends(file)) return;
    if (!options_.include)
        return report(file, {Errc::unsupported,
                             "$INCLUDE " + quoted_excerpt(path.text) + " is not allowed here",
                             {}});
    if (file.depth == include_depth_max)
        return report(
            file,
            {Errc::limit, "$INCLUDE more than " + std::to_string(include_depth_max) + " deep", {}});
    auto contents = options_.include(path.text, file.depth);
    if (!contents) {
        Error error = std::move(contents).error();
        error.message = "$INCLUDE " + quoted_excerpt(path.text) + ": " + error.message;
        return report(file, std::move(error));
    }
    read(contents->text, contents->source, origin, &file);
}

// $GENERATE range owner [TTL] [class] type rdata. RDATA of more than one word may stand in quotes,
// as BIND wants it, or go on to the end of the line, as PowerDNS has it.
void MasterReader::directive_generate(File& file) {
    Token token;
    Range range;
    if (!take(file, token, "range behind $GENERATE")) return;
    if (!parse_range(token.text, range))
        return malformed(file, "$GENERATE: found " + quoted_excerpt(token.text) +
                                   ", wanted a range as in 1-100 or 1-100/2");
    if (!take(file, token, "owner of $GENERATE")) return;
    const std::string_view owner_pattern = token.text;
    Head head;
    if (!take(file, token, "type of $GENERATE") || !take_head(file, token, head) ||
        !take(file, token, "RDATA of $GENERATE"))
        return;
    std::string_view rdata_pattern = token.text;
    const bool first_quoted = token.quoted;
    bool alone = true;
    while (file.lexer.next(token)) {
        const char* const start = rdata_pattern.data() - (alone && first_quoted ? 1 : 0);
        const char* const end = token.text.data() + token.text.size() + (token.quoted ? 1 : 0);
        rdata_pattern = {start, static_cast<std::size_t>(end - start)};
        alone = false;
    }
    if (file.lexer.fault() != Lexer::Fault::none) return malformed(file, fault_text(file.lexer));
    if (file.lexer.line() != file.line) return malformed(file, "$GENERATE over several lines");
    if (head.ttl) ttl_last_ = head.ttl;

    std::string owner_text;
    std::string rdata_text;
    for (std::uint64_t value = range.start; value <= range.stop; value += range.step) {
        if (generated_ == options_.generated_max)
            return report(file, {Errc::limit,
                                 "$GENERATE makes more than " +
                                     std::to_string(options_.generated_max) + " records",
                                 {}});
        ++generated_;
        if (stop_wanted(file)) return;
        const auto number = static_cast<std::uint32_t>(value);
        if (!substitute(owner_pattern, number, owner_text) ||
            !substitute(rdata_pattern, number, rdata_text))
            return malformed(file,
                             "$GENERATE: wanted $ or ${offset,width,base} with a result up to "
                             "2147483647, width up to 255 and base d, o, x, X, n or N");
        if (!generate_one(file, head, owner_text, rdata_text)) return;
    }
}

bool MasterReader::generate_one(File& file, const Head& head, std::string_view owner_text,
                                std::string_view rdata_text) {
    NameBuffer owner;
    const NameScan scan = scan_name(owner_text, file.origin, owner);
    if (scan.fault != NameFault::none) {
        malformed(file, "$GENERATE: owner: " + name_error(scan, owner_text).message);
        return false;
    }
    Lexer lexer(rdata_text);
    if (!parser_.parse(lexer, head.type, file.origin)) {
        Error error = parser_.take_error();
        error.message.insert(0, "$GENERATE: ");
        report(file, std::move(error));
        return false;
    }
    generated_octets_ += scan.octets + parser_.rdata().size();
    if (generated_octets_ > options_.generated_octets_max) {
        report(file, {Errc::limit,
                      "$GENERATE makes more than " + std::to_string(options_.generated_octets_max) +
                          " octets",
                      {}});
        return false;
    }
    emit(file, NameView(base::Octets(owner).first(scan.octets)), head, parser_.rdata());
    return !gave_up();
}

}  // namespace

MasterReport read_master(
    std::string_view text, const MasterOptions& options,
    const std::function<Status(const RecordView& record, std::uint64_t line)>& record) {
    MasterReader reader(options, record);
    reader.read(text, options.source, options.origin, nullptr);
    return reader.take_report();
}

}  // namespace zc::dns
