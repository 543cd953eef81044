#include "catalogue/not_served.h"

#include <charconv>
#include <numeric>
#include <utility>

namespace zc::catalogue {

std::string_view to_string(Reason reason) noexcept {
    switch (reason) {
        case Reason::withheld:
            return "withheld";
        case Reason::broken:
            return "broken";
        case Reason::refused:
            return "refused";
        case Reason::damaged:
            return "damaged";
        case Reason::not_loaded:
            return "not_loaded";
    }
    return "";
}

std::string_view sentence_of(Reason reason) noexcept {
    switch (reason) {
        case Reason::withheld:
            return "signed by PowerDNS as it answers; unsigned answers would be bogus";
        case Reason::broken:
            return "the imported rows make no zone; the report of the import tells why";
        case Reason::refused:
            return "its zone file was refused";
        case Reason::damaged:
            return "its data in the store is damaged; zonectl store check tells more";
        case Reason::not_loaded:
            return "its data is still to be read";
    }
    return "";
}

void NotServed::put_under(std::string key, Item item) {
    const auto [at, is_new] = items_.try_emplace(std::move(key));
    if (!is_new) --count(at->second.reason);
    ++count(item.reason);
    at->second = std::move(item);
}

namespace {
std::string key_of(dns::NameView apex) {
    dns::Name folded(apex);
    folded.fold_case();
    return dns::to_string(folded);
}
}  // namespace

void NotServed::put(dns::NameView apex, Reason reason, std::string detail) {
    put_under(key_of(apex), {dns::to_string(apex), reason, std::move(detail)});
}

void NotServed::put_nameless(Reason reason, std::string detail) {
    // No name in presentation format begins with a blank.
    put_under(' ' + std::to_string(nameless_++), {{}, reason, std::move(detail)});
}

void NotServed::erase(dns::NameView apex) {
    if (items_.empty()) return;
    const auto at = items_.find(key_of(apex));
    if (at == items_.end()) return;
    --count(at->second.reason);
    items_.erase(at);
}

void NotServed::clear() {
    *this = NotServed();
}

std::uint64_t NotServed::total() const noexcept {
    return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
}

void NotServed::for_each(const std::function<bool(const Item&)>& each) const {
    for (const auto& [key, item] : items_)
        if (!each(item)) return;
}

Result<NotServedLimit> NotServedLimit::parse(std::string_view text) {
    NotServedLimit out;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out.number_);
    const std::string_view rest = text.substr(static_cast<std::size_t>(end - text.data()));
    out.percent_ = rest == "%";
    if (error != std::errc() || (!rest.empty() && !out.percent_) ||
        (out.percent_ && out.number_ > 100))
        return fail(Errc::malformed,
                    "found '" + std::string(text) + "', wanted a number of zones, or 0% to 100%");
    return out;
}

bool NotServedLimit::exceeded(std::uint64_t not_served, std::uint64_t zones) const noexcept {
    if (!percent_) return not_served > number_;
    return not_served * 100 > number_ * zones;
}

}  // namespace zc::catalogue
