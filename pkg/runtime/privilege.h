// Giving up root, or the capabilities a service manager gave, once the sockets are bound.
#pragma once

#include <string>

#include "base/result.h"

namespace zc::runtime {

struct Drop {
    std::string user;   // a name or a number; empty: stay who we are, drop the capabilities
    std::string group;  // a name or a number; empty: the user's own
};

/// Becomes `drop.user` for good: supplementary groups, group, user (real, effective, saved), all
/// capabilities, and no way to gain any by exec (no_new_privs). Proves it by trying to become root
/// again.
///
/// Errors:  no such user or group; not allowed. Nothing may be served after an error: it may be
/// half done. Threads: call it before others are started; the kernel keeps capabilities per thread.
Status drop_privileges(const Drop& drop);

}  // namespace zc::runtime
