// Commands that anybody may have sent: a line that is split gives the same words when they are joined
// and split again, and a command changes a zone to one that can be built, or is refused.
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "base/check.h"
#include "dns/name.h"
#include "edit/command.h"
#include "edit/words.h"
#include "edit/zone_edit.h"
#include "fold/zone_state.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace edit = zc::edit;
    namespace zone = zc::zone;
    const std::string text(reinterpret_cast<const char*>(data), size);
    const std::string line = text.substr(0, text.find('\n'));
    if (const auto words = edit::split_line(line)) {
        const auto joined = edit::join_words(*words);
        ZC_CHECK(joined.has_value());
        const auto again = edit::split_line(*joined);
        ZC_CHECK(again.has_value() && *again == *words);
    }
    std::map<std::string, zc::fold::ZoneState> zones;
    zone::ApplyScratch scratch;
    for (const auto& command : edit::parse_lines(text, "text")) {
        if (!command) continue;
        zc::fold::ZoneState& state = zones[zc::dns::to_string(command->zone)];
        edit::ZoneEdit zone_edit(command->zone, state);
        if (!zone_edit.apply(*command, {"somebody", 1})) continue;
        const auto change = zone_edit.change();
        if (!change || !*change) continue;
        auto advanced =
            zc::fold::advance(command->zone, state, {&**change, 1}, state.version + 1, scratch);
        if (!advanced) continue;
        state = std::move(advanced->state);
        if (state.image) ZC_CHECK(zone::validate(state.image->octets()).has_value());
    }
    return 0;
}
