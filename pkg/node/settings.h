// The settings that a reload can change: flags, environment and file as they stand then.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "answer/answer.h"
#include "base/result.h"
#include "base/time.h"
#include "ingest/zone_files.h"
#include "server/server.h"
#include "stats/report.h"

namespace zc::node {

/// One flag, for telling whether it has changed. `values` are compared and never shown: those of a
/// flag that names a file of secrets hold what the file says.
struct SettingValue {
    std::string key;
    std::vector<std::string> values;
    bool reloadable = false;  // false: a change needs a restart
};

struct Settings {
    server::Settings server;
    std::shared_ptr<const answer::Identity> identity;  // shared with the workers
    ingest::ZoneFileOptions zone_files;
    base::Duration drain;  // how long a node may answer what has arrived when it ends
    stats::Names metric_names = stats::Names::zonectl;
    std::vector<SettingValue> values;
};

/// Reads them anew. Errors: all that is wrong; then nothing changes. It is called on the loading
/// thread, since a disk may hang.
using ReadSettings = std::function<tl::expected<Settings, std::vector<Error>>()>;

/// A flag that says something else than before.
struct SettingChange {
    std::string key;
    bool applied = false;  // false: a restart is needed
};
/// The flags that differ: reloadable ones from `last`, all others from `at_start`.
std::vector<SettingChange> changes_of(const std::vector<SettingValue>& now,
                                      const std::vector<SettingValue>& last,
                                      const std::vector<SettingValue>& at_start);

}  // namespace zc::node
