#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <string_view>
#include <utility>

#include "capture/sources.h"
#include "dns/name_text.h"

namespace zc::capture {

namespace {

constexpr std::size_t block_octets = std::size_t{256} << 10;
constexpr std::size_t line_octets_max = 4096;  // a name of 255 octets written as \DDD is 1020
constexpr std::uint64_t lines_judged = 100;
constexpr std::uint16_t edns_octets_usual = 1232;

bool is_blank(char c) noexcept {
    return c == ' ' || c == '\t' || c == '\r';
}

/// Takes the first word off `line`.
std::string_view next_word(std::string_view& line) noexcept {
    std::size_t begin = 0;
    while (begin < line.size() && is_blank(line[begin])) ++begin;
    std::size_t end = begin;
    while (end < line.size() && !is_blank(line[end])) ++end;
    const std::string_view word = line.substr(begin, end - begin);
    line.remove_prefix(end);
    return word;
}

class Text final : public Source {
public:
    Text(std::unique_ptr<Input> input, const SourceOptions& options)
        : input_(std::move(input)), block_(block_octets) {
        usual_.dnssec_ok = options.dnssec_ok;
        usual_.edns_octets = options.edns || options.dnssec_ok ? edns_octets_usual : 0;
    }

    /// Reads up to the first good line, which the first `read` then gives.
    Status open() {
        std::string_view line;
        while (lines_seen_ < lines_judged) {
            ZC_TRY(const Got got, next_line(line, Wait::yes));
            if (got != Got::line) break;
            if (!meaningful(line)) continue;
            ++lines_seen_;
            if (parse(line)) {
                first_ = true;
                return {};
            }
            bad_line();
        }
        if (lines_seen_ == 0) return {};  // an empty file has no queries
        return fail(Errc::malformed,
                    "no line of the first " + std::to_string(lines_seen_) +
                        " is a name and a type, nor is it a capture",
                    {input_->name(), 0});
    }

    Status read(Batch& batch) override {
        batch.clear();
        std::string_view line;
        if (std::exchange(first_, false)) give(batch);
        while (!batch.full() && !ended_) {
            // A pipe may be slow, and somebody wait for the answers to what is there.
            const auto got = next_line(line, batch.size() == 0 ? Wait::yes : Wait::no);
            if (!got) {
                if (batch.size() == 0) {
                    ended_ = true;
                    return tl::unexpected<Error>(got.error());
                }
                return {};  // the error comes again
            }
            if (*got == Got::nothing_yet) return {};
            if (*got == Got::end) {
                at_end_ = true;
                break;
            }
            if (line_ <= resume_ || !meaningful(line)) continue;
            if (parse(line))
                give(batch);
            else
                bad_line();
        }
        ended_ = at_end_ && batch.size() == 0;
        return {};
    }
    bool ended() const noexcept override { return ended_; }
    Status resume_behind(std::uint64_t position) override {
        resume_ = position;
        if (position != 0) counts_ = {};
        if (first_ && line_ <= position) first_ = false;
        return {};
    }
    const SourceCounts& counts() const noexcept override { return counts_; }
    std::uint64_t expected() const noexcept override {
        const auto* const at = block_.data();
        const auto waiting = std::count(at + at_, at + filled_, '\n');
        return extrapolate(line_ + static_cast<std::uint64_t>(waiting), *input_);
    }
    bool resumable() const noexcept override { return input_->repeats(); }

private:
    void bad_line() noexcept {
        std::uint64_t& count = counts_.skipped[static_cast<std::size_t>(Skipped::bad_line)];
        if (count < counts_.bad_lines.size()) counts_.bad_lines[count] = line_;
        ++count;
    }

    enum class Wait : std::uint8_t { no, yes };
    enum class Got : std::uint8_t { line, nothing_yet, end };
    /// A line that is too long comes cut off.
    Result<Got> next_line(std::string_view& line, Wait wait) {
        for (;;) {
            const char* const begin = block_.data() + at_;
            const auto* const end =
                static_cast<const char*>(std::memchr(begin, '\n', filled_ - at_));
            if (end != nullptr) {
                line = {begin, static_cast<std::size_t>(end - begin)};
                at_ += line.size() + 1;
            } else if (filled_ - at_ > line_octets_max || (input_ended_ && filled_ != at_)) {
                line = {begin, filled_ - at_};
                at_ = filled_;
            } else if (input_ended_) {
                return Got::end;
            } else if (wait == Wait::no && !input_->ready()) {
                return Got::nothing_yet;
            } else {
                std::memmove(block_.data(), begin, filled_ - at_);
                filled_ -= std::exchange(at_, 0);
                ZC_TRY(const std::size_t count,
                       input_->read({reinterpret_cast<std::uint8_t*>(block_.data()) + filled_,
                                     block_.size() - filled_}));
                filled_ += count;
                input_ended_ = count == 0;
                continue;
            }
            const bool rest = std::exchange(in_long_line_, end == nullptr && !input_ended_);
            if (rest) continue;  // of a line that was too long, and is counted
            ++line_;
            return Got::line;
        }
    }
    static bool meaningful(std::string_view& line) noexcept {
        while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
        return !line.empty() && line.front() != '#' && line.front() != ';';
    }

    /// Writes the query into `query_`.
    bool parse(std::string_view line) {
        if (line.size() > line_octets_max) return false;
        const std::string_view name = next_word(line), type = next_word(line);
        if (type.empty()) return false;
        const auto number = cached_type(type);
        if (!number) return false;
        dns::NameBuffer octets;
        const dns::NameScan scan = dns::scan_name(name, dns::NameView(), octets);
        if (scan.fault != dns::NameFault::none) return false;

        Asking asking = usual_;
        transport_ = dns::Transport::udp;
        for (std::string_view word = next_word(line); !word.empty(); word = next_word(line)) {
            if (word == "do") {
                asking.dnssec_ok = true;
                if (asking.edns_octets == 0) asking.edns_octets = edns_octets_usual;
            } else if (word == "edns") {
                if (asking.edns_octets == 0) asking.edns_octets = edns_octets_usual;
            } else if (word == "noedns") {
                asking.edns_octets = 0;
            } else if (word == "tcp") {
                transport_ = dns::Transport::tcp;
            } else if (word == "rd") {
                asking.rd = true;
            } else if (word == "cd") {
                asking.cd = true;
            } else if (word.substr(0, 5) == "size=") {
                const char* const end = word.data() + word.size();
                std::uint16_t size = 0;
                const auto read = std::from_chars(word.data() + 5, end, size);
                if (read.ec != std::errc() || read.ptr != end || size == 0) return false;
                asking.edns_octets = size;
            } else {
                return false;
            }
        }
        base::Writer out(query_);
        write_query(out, dns::NameView(base::Octets(octets).first(scan.octets)), *number, asking);
        query_octets_ = out.size();
        return true;
    }
    /// Most lines have the type of the one before.
    std::optional<dns::RrType> cached_type(std::string_view text) {
        if (text == type_text_) return type_;
        const auto type = dns::parse_type(text);
        if (!type) return std::nullopt;
        type_text_ = text;
        return type_ = *type;
    }
    void give(Batch& batch) {
        batch.add({.message = base::Octets(query_).first(query_octets_),
                   .recorded = {},
                   .transport = transport_,
                   .position = line_});
        ++counts_.queries;
    }

    std::unique_ptr<Input> input_;
    std::vector<char> block_;
    std::size_t at_ = 0, filled_ = 0;
    bool input_ended_ = false, in_long_line_ = false, at_end_ = false, ended_ = false;
    bool first_ = false;  // `query_` has not been given yet
    std::uint64_t line_ = 0, lines_seen_ = 0, resume_ = 0;
    Asking usual_;
    std::array<std::uint8_t, query_octets_max> query_{};
    std::size_t query_octets_ = 0;
    dns::Transport transport_{};
    std::string type_text_;
    dns::RrType type_{};
    SourceCounts counts_;
};

}  // namespace

Result<std::unique_ptr<Source>> open_text(std::unique_ptr<Input> input,
                                          const SourceOptions& options) {
    auto text = std::make_unique<Text>(std::move(input), options);
    ZC_TRY_STATUS(text->open());
    return std::unique_ptr<Source>(std::move(text));
}

}  // namespace zc::capture
