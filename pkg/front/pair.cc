#include "front/pair.h"

#include <algorithm>
#include <new>

#include "dns/message.h"
#include "dns/name.h"

namespace zc::front {
namespace {

constexpr std::size_t kept_octets_max = 1280;  // thousands of them are kept
constexpr std::uint16_t qr_bit = 0x8000, opcode_bits = 0x7800;

bool is_transfer(std::uint16_t qtype) {
    return qtype == static_cast<std::uint16_t>(dns::RrType::axfr) ||
           qtype == static_cast<std::uint16_t>(dns::RrType::ixfr);
}

}  // namespace

bool assign(Message& to, base::Octets octets) noexcept {
    if (to.capacity() > kept_octets_max && octets.size() <= kept_octets_max) Message().swap(to);
    try {
        to.assign(octets.begin(), octets.end());
        return true;
    } catch (const std::bad_alloc&) {
        return false;
    }
}

void give_back(Message& message) noexcept {
    if (message.capacity() > kept_octets_max) Message().swap(message);
}

std::optional<Glance> glance(base::Octets message) noexcept {
    if (message.size() < dns::header_octets) return std::nullopt;
    Glance out;
    const std::uint16_t flags = base::load_u16(&message[2]);
    out.response = (flags & qr_bit) != 0;
    out.records = std::uint32_t{base::load_u16(&message[6])} + base::load_u16(&message[8]);
    if (base::load_u16(&message[4]) != 1) return out;
    std::size_t at = dns::header_octets;
    for (;;) {
        if (at >= message.size() || message[at] > dns::label_octets_max) return out;
        const std::size_t label = message[at];
        at += 1 + label;
        if (at - dns::header_octets > dns::name_octets_max) return out;
        if (label == 0) break;
    }
    if (at > message.size() || message.size() - at < 4) return out;
    out.question = message.subspan(dns::header_octets, at + 4 - dns::header_octets);
    const bool is_query = !out.response && (flags & opcode_bits) == 0;
    out.transfer = is_query && is_transfer(base::load_u16(&message[at]));
    out.compared = is_query && !out.transfer;
    return out;
}

bool same_question(base::Octets a, base::Octets b) noexcept {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(),
                      [](std::uint8_t x, std::uint8_t y) { return dns::fold(x) == dns::fold(y); });
}

bool believes(Belief belief, base::Octets query, const Glance& answer) noexcept {
    const auto asked = glance(query);
    if (!asked) return false;
    const auto begins_with = [](base::Octets octets, base::Octets what) {
        return octets.size() >= what.size() && std::equal(what.begin(), what.end(), octets.begin());
    };
    switch (belief) {
        case Belief::exact:
            if (asked->question.empty())
                return answer.records == 0 &&
                       begins_with(query.subspan(dns::header_octets), answer.question);
            return answer.question.size() == asked->question.size() &&
                   begins_with(asked->question, answer.question);
        case Belief::lenient:
            return asked->question.empty() || answer.question.empty() ||
                   same_question(answer.question, asked->question);
    }
    return false;
}

}  // namespace zc::front
