#include "fold/stored_zone.h"

#include <array>
#include <vector>

namespace zc::fold {
namespace {

constexpr std::uint8_t label_end = 0;
constexpr std::uint8_t escape = 1;  // before 1 for an octet 0, before 2 for an octet 1
constexpr std::string_view root_key("\0\0", 2);

}  // namespace

std::string key_of(dns::NameView apex) {
    if (apex.is_root()) return std::string(root_key);
    std::array<base::Octets, dns::name_labels_max> labels;
    std::size_t count = 0;
    for (dns::NameView name = apex; !name.is_root(); name = name.parent())
        labels[count++] = name.label();
    std::string key;
    key.reserve(apex.size());
    while (count > 0) {
        for (const std::uint8_t octet : labels[--count]) {
            if (octet <= escape) {
                key.push_back(escape);
                key.push_back(static_cast<char>(octet + 1));
            } else {
                key.push_back(static_cast<char>(dns::fold(octet)));
            }
        }
        key.push_back(label_end);
    }
    return key;
}

Result<dns::Name> apex_of(base::Octets key) {
    const auto malformed = [] { return fail(Errc::malformed, "octets that are no zone's key"); };
    if (std::string_view(reinterpret_cast<const char*>(key.data()), key.size()) == root_key)
        return dns::Name();
    dns::Name name;
    std::vector<std::uint8_t> label;
    bool in_label = false;
    for (std::size_t at = 0; at < key.size(); ++at) {
        std::uint8_t octet = key[at];
        if (octet == label_end) {
            if (label.empty()) return malformed();
            ZC_TRY(name, dns::Name::join(label, name));
            label.clear();
            in_label = false;
            continue;
        }
        if (octet == escape) {
            if (++at == key.size() || (key[at] != 1 && key[at] != 2)) return malformed();
            octet = static_cast<std::uint8_t>(key[at] - 1);
        } else if (octet != dns::fold(octet)) {
            return malformed();
        }
        label.push_back(octet);
        in_label = true;
    }
    if (in_label || key.empty()) return malformed();
    return name;
}

std::uint8_t encode_state(zone::State state, bool hidden) noexcept {
    return static_cast<std::uint8_t>(static_cast<std::uint8_t>(state) | (hidden ? hidden_bit : 0));
}

Result<StoredState> decode_state(std::uint8_t octet) {
    const auto number = static_cast<std::uint8_t>(octet & ~hidden_bit);
    if (number > static_cast<std::uint8_t>(zone::State::unsigned_))
        return fail(Errc::malformed, "zone of state " + std::to_string(number) + ", unknown here");
    return StoredState{static_cast<zone::State>(number), (octet & hidden_bit) != 0};
}

}  // namespace zc::fold
