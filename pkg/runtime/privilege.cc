#include "runtime/privilege.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <limits>
#include <optional>
#include <vector>

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace zc::runtime {
namespace {

constexpr std::size_t entry_octets_max = 1 << 16;  // of a line in the user or group database

std::optional<unsigned> parse_number(const std::string& text) {
    unsigned number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() ||
        number == std::numeric_limits<unsigned>::max())  // -1 means "leave as it is" to the kernel
        return std::nullopt;
    return number;
}

struct User {
    uid_t uid = 0;
    gid_t gid = 0;
    std::string name;  // empty: a number that the database does not know
};

Result<User> find_user(const std::string& text) {
    std::vector<char> buffer(entry_octets_max);
    passwd entry{};
    passwd* found = nullptr;
    const auto number = parse_number(text);
    const int error_number =
        number ? getpwuid_r(*number, &entry, buffer.data(), buffer.size(), &found)
               : getpwnam_r(text.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found != nullptr) return User{entry.pw_uid, entry.pw_gid, entry.pw_name};
    if (number) return User{*number, *number, {}};
    if (error_number != 0) return base::fail_errno(error_number, "user '" + text + "'");
    return fail(Errc::not_found, "no user '" + text + "'");
}

Result<gid_t> find_group(const std::string& text) {
    if (const auto number = parse_number(text)) return gid_t{*number};
    std::vector<char> buffer(entry_octets_max);
    group entry{};
    group* found = nullptr;
    const int error_number = getgrnam_r(text.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found != nullptr) return gid_t{entry.gr_gid};
    if (error_number != 0) return base::fail_errno(error_number, "group '" + text + "'");
    return fail(Errc::not_found, "no group '" + text + "'");
}

Status drop_capabilities() {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    const std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
    if (syscall(SYS_capset, &header, none.data()) != 0) return base::fail_errno(errno, "capset");
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
        return base::fail_errno(errno, "clear ambient capabilities");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return base::fail_errno(errno, "set no_new_privs");
    return {};
}

}  // namespace

Status drop_privileges(const Drop& drop) {
    if (!drop.user.empty() || !drop.group.empty()) {
        User user{geteuid(), getegid(), {}};
        if (!drop.user.empty()) {
            ZC_TRY(user, find_user(drop.user));
        }
        gid_t gid = user.gid;
        if (!drop.group.empty()) {
            ZC_TRY(gid, find_group(drop.group));
        }
        // Groups first: without root's capabilities they can no longer be changed.
        const int grouped =
            user.name.empty() ? setgroups(1, &gid) : initgroups(user.name.c_str(), gid);
        if (grouped != 0) return base::fail_errno(errno, "set supplementary groups");
        if (setresgid(gid, gid, gid) != 0)
            return base::fail_errno(errno, "become group " + std::to_string(gid));
        if (setresuid(user.uid, user.uid, user.uid) != 0)
            return base::fail_errno(errno, "become user " + std::to_string(user.uid));
    }
    ZC_TRY_STATUS(drop_capabilities());
    if (geteuid() != 0 && (setuid(0) == 0 || seteuid(0) == 0))
        return fail(Errc::invalid, "root could be had back after it was given up");
    return {};
}

}  // namespace zc::runtime
