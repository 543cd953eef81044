// The zones that a node knows and does not serve, with the reason for each: the only place that
// counts and names them. Status, health, log, metrics and reports read it; what an answer says of
// such a zone (EDE) has its words from here too.
//
// A zone that is served, even with older data than its source has by now, is not in it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "dns/name.h"
#include "zone/zone.h"

namespace zc::catalogue {

/// A closed set: names of it are labels of metrics and keys of JSON.
enum class Reason : std::uint8_t {
    withheld,    // PowerDNS signs it as it answers, which is not done here
    broken,      // what was imported makes no zone that could be served
    refused,     // its zone file was refused
    damaged,     // what the store has of it does not fit its digest
    not_loaded,  // it is known, and its data is still to be read
};
inline constexpr std::size_t reasons = 5;

/// "withheld", "broken", "refused", "damaged", "not_loaded".
std::string_view to_string(Reason reason) noexcept;
/// The reason for people: "signed by PowerDNS: …".
std::string_view sentence_of(Reason reason) noexcept;
/// The text of the EDE option of an answer for a zone in this state; empty for `serving`. It tells
/// no more than the state does: an image keeps no reason.
// Here, since it is on the path of a query.
constexpr std::string_view ede_text_of(zone::State state) noexcept {
    switch (state) {
        case zone::State::serving:
            return "";
        case zone::State::pending:
            return "zone not loaded yet";
        case zone::State::broken:
            return "zone data refused";
        case zone::State::unsigned_:
            return "zone withheld: it should be signed";
    }
    return "";
}
inline constexpr std::size_t ede_text_octets_max = 40;

/// Memory: about 150 octets a zone in it; zones that are served take none. Zones still to be loaded
/// are a number alone, since they may be millions for the seconds of a start.
///
/// Threads: an object belongs to one thread at a time.
class NotServed {
public:
    /// `apex` is not served from now on; what was said of it before is forgotten. `detail` says
    /// more than the reason does, such as the first error of its file; may be empty.
    void put(dns::NameView apex, Reason reason, std::string detail = {});
    /// Something in the store whose apex cannot be read: counted, and named by `detail`.
    void put_nameless(Reason reason, std::string detail);
    /// `apex` is served now, or gone. Cost when nothing is here: none.
    void erase(dns::NameView apex);
    void set_not_loaded(std::uint64_t zones) noexcept { count(Reason::not_loaded) = zones; }
    void clear();

    std::uint64_t of(Reason reason) const noexcept {
        return counts_[static_cast<std::size_t>(reason)];
    }
    std::uint64_t total() const noexcept;
    using Counts = std::array<std::uint64_t, reasons>;
    const Counts& counts() const noexcept { return counts_; }

    struct Item {
        std::string zone;  // in presentation format; empty: nameless
        Reason reason;
        std::string detail;
    };
    /// By name; false ends it.
    void for_each(const std::function<bool(const Item&)>& each) const;

private:
    std::uint64_t& count(Reason reason) noexcept {
        return counts_[static_cast<std::size_t>(reason)];
    }
    void put_under(std::string key, Item item);

    std::map<std::string, Item> items_;  // by the name in lower case
    Counts counts_{};
    std::uint64_t nameless_ = 0;
};

/// How many zones may be not served until the answer to "is it fit" becomes no.
class NotServedLimit {
public:
    /// "12", or "5%" of all zones. Errors: `malformed`.
    static Result<NotServedLimit> parse(std::string_view text);
    bool exceeded(std::uint64_t not_served, std::uint64_t zones) const noexcept;

private:
    std::uint64_t number_ = 0;
    bool percent_ = false;
};

}  // namespace zc::catalogue
