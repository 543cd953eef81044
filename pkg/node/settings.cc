#include "node/settings.h"

#include <algorithm>

namespace zc::node {

std::vector<SettingChange> changes_of(const std::vector<SettingValue>& now,
                                      const std::vector<SettingValue>& last,
                                      const std::vector<SettingValue>& at_start) {
    std::vector<SettingChange> out;
    for (const SettingValue& value : now) {
        const std::vector<SettingValue>& before = value.reloadable ? last : at_start;
        const auto at = std::ranges::find(before, value.key, &SettingValue::key);
        if (at == before.end() || at->values != value.values)
            out.push_back({value.key, value.reloadable});
    }
    return out;
}

}  // namespace zc::node
