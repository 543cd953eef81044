#include "runtime/mapped_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace zc::runtime {
namespace detail {

constinit thread_local sigjmp_buf* guard = nullptr;
std::atomic<bool> holes{false};  // in any mapping: zeros stand where the file had ended

/// `start` is written last and cleared first, so that what a handler sees of a mapping is whole.
struct Mapping {
    std::atomic<std::uintptr_t> start{0};  // 0: free
    std::uint64_t octets = 0;
    int fd = -1;
    int watch = -1;  // of inotify
    struct stat before {};
    std::atomic<bool> has_holes{false};
    std::atomic<bool> taken_away{false};  // until its blocks are checked

    bool contains(std::uintptr_t at) const noexcept {
        const std::uintptr_t from = start.load(std::memory_order_acquire);
        return from != 0 && at >= from && at - from < octets;
    }
    /// For the handlers too: fstat is a system call and nothing more.
    bool changed() const noexcept {
        struct stat now {};
        if (taken_away || ::fstat(fd, &now) != 0) return true;
        const auto same = [](const timespec& a, const timespec& b) {
            return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
        };
        // The ctime tells of a writer who sets the mtime back. It also changes when another file
        // takes this one's name; then there are fewer links.
        return now.st_size != before.st_size || !same(now.st_mtim, before.st_mtim) ||
               (!same(now.st_ctim, before.st_ctim) && now.st_nlink == before.st_nlink);
    }
};

}  // namespace detail

namespace {

using detail::Mapping;

std::array<Mapping, MappedFile::mapped_files_max> mappings;
std::mutex mappings_lock;  // of all that the handlers do not do
int events = -1;           // of inotify
std::uintptr_t page_octets = 0;
struct sigaction bus_before {};
struct sigaction segv_before {};

Mapping* mapping_or_null(std::uintptr_t at) noexcept {
    for (Mapping& mapping : mappings)
        if (mapping.contains(at)) return &mapping;
    return nullptr;
}

bool any_changed() noexcept {
    return std::ranges::any_of(mappings, [](const Mapping& mapping) {
        return mapping.start.load(std::memory_order_acquire) != 0 && mapping.changed();
    });
}

void note_holes() noexcept {
    detail::holes = std::ranges::any_of(
        mappings, [](const Mapping& mapping) { return mapping.has_holes.load(); });
}

/// Nothing of it can be read until its blocks are checked.
void take_away(Mapping& mapping) noexcept {
    mapping.taken_away = true;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): an address is kept as a number here
    ::mprotect(reinterpret_cast<void*>(mapping.start.load()), mapping.octets, PROT_NONE);
}

/// SIGBUS and SIGSEGV. Only what is safe in a signal handler: system calls and atomics.
void on_fault(int number, siginfo_t* info, void* /*context*/) noexcept {
    const int error_before = errno;
    const auto at = reinterpret_cast<std::uintptr_t>(info->si_addr);
    if (info->si_code > 0) {  // this thread's own doing, not somebody's kill
        Mapping* const mapping = mapping_or_null(at);
        if (detail::guard != nullptr && (mapping != nullptr || any_changed()))
            siglongjmp(*detail::guard, 1);
        if (mapping != nullptr) {
            // Nobody is ready for it: let the thread go on with zeros, and everybody know of them.
            mapping->has_holes = true;
            detail::holes = true;
            // NOLINTNEXTLINE(performance-no-int-to-ptr): an address comes as a number here
            void* const page = reinterpret_cast<void*>(at & ~(page_octets - 1));
            if (::mmap(page, page_octets, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                       0) != MAP_FAILED) {
                errno = error_before;
                return;
            }
        }
    }
    // As if this handler were not there: the instruction, or the signal, comes again.
    ::sigaction(number, number == SIGBUS ? &bus_before : &segv_before, nullptr);
    if (info->si_code <= 0) static_cast<void>(::raise(number));
}

/// At every opening: somebody may have taken the signals meanwhile.
void install_handlers() noexcept {
    page_octets = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    struct sigaction action {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigemptyset(&action.sa_mask);
    for (const auto& [number, before] :
         {std::pair(SIGBUS, &bus_before), std::pair(SIGSEGV, &segv_before)}) {
        struct sigaction now {};
        ::sigaction(number, nullptr, &now);
        if ((now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == on_fault) continue;
        *before = now;
        ::sigaction(number, &action, nullptr);
    }
}

}  // namespace

Result<MappedFile> MappedFile::open(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return base::fail_errno(errno, "open " + path);
    const auto give_up = [fd](tl::unexpected<Error> error) {
        ::close(fd);
        return error;
    };
    struct stat status {};
    if (::fstat(fd, &status) != 0) return give_up(base::fail_errno(errno, "stat " + path));
    if (!S_ISREG(status.st_mode))
        return give_up(fail(Errc::malformed, "no regular file", {.source = path}));
    const std::lock_guard lock(mappings_lock);
    install_handlers();
    auto* const mapping = std::ranges::find_if(
        mappings, [](const Mapping& one) { return one.start.load() == 0 && one.fd < 0; });
    if (mapping == mappings.end())
        return give_up(fail(
            Errc::limit, std::to_string(mapped_files_max) + " files are mapped, which is the limit",
            {.source = path}));
    const auto octets = static_cast<std::uint64_t>(status.st_size);
    void* at = nullptr;
    if (octets > 0) at = ::mmap(nullptr, octets, PROT_READ, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) return give_up(base::fail_errno(errno, "map " + path));
    mapping->octets = octets;
    mapping->fd = fd;
    mapping->before = status;
    mapping->has_holes = false;
    mapping->taken_away = false;
    if (events < 0) events = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    // The file itself, whatever its name means by now.
    if (events >= 0)
        mapping->watch =
            ::inotify_add_watch(events, ("/proc/self/fd/" + std::to_string(fd)).c_str(), IN_MODIFY);
    mapping->start.store(reinterpret_cast<std::uintptr_t>(at), std::memory_order_release);
    return MappedFile(mapping);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : mapping_(std::exchange(other.mapping_, nullptr)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
    std::swap(mapping_, other.mapping_);
    return *this;
}

MappedFile::~MappedFile() {
    if (mapping_ == nullptr) return;
    const std::lock_guard lock(mappings_lock);
    const int watch = std::exchange(mapping_->watch, -1);
    if (watch >= 0 && std::ranges::none_of(
                          mappings, [watch](const Mapping& other) { return other.watch == watch; }))
        ::inotify_rm_watch(events, watch);
    // NOLINTNEXTLINE(performance-no-int-to-ptr): an address is kept as a number here
    void* const at = reinterpret_cast<void*>(mapping_->start.exchange(0));
    if (at != nullptr) ::munmap(at, mapping_->octets);
    ::close(std::exchange(mapping_->fd, -1));
    mapping_->has_holes = false;
    note_holes();
}

base::Octets MappedFile::octets() const noexcept {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): an address is kept as a number here
    return {reinterpret_cast<const std::uint8_t*>(mapping_->start.load(std::memory_order_relaxed)),
            mapping_->octets};
}

bool MappedFile::changed() const noexcept {
    const std::lock_guard lock(mappings_lock);
    return mapping_->changed();
}

std::uint64_t MappedFile::check_blocks(
    std::uint64_t first, std::uint64_t block_octets,
    const std::function<bool(std::uint64_t block, base::Octets octets)>& good) {
    const base::Octets all = octets();
    std::uint64_t others = 0;
    {
        const std::lock_guard lock(mappings_lock);
        struct stat now {};
        if (::fstat(mapping_->fd, &now) == 0) mapping_->before = now;
        if (static_cast<std::uint64_t>(now.st_size) > all.size()) ++others;
        mapping_->taken_away = false;
    }
    std::vector<std::uint8_t> block_read(std::min<std::uint64_t>(block_octets, all.size()));
    for (std::uint64_t at = first, block = 0; at < all.size(); at += block_octets, ++block) {
        const base::Octets here = all.subspan(at, std::min(block_octets, all.size() - at));
        // mmap takes the address of what it replaces, and that is not const.
        auto* const place = const_cast<std::uint8_t*>(here.data());
        const auto offset = static_cast<off_t>(at);
        const bool is_good = ::pread(mapping_->fd, block_read.data(), here.size(), offset) ==
                                 static_cast<ssize_t>(here.size()) &&
                             good(block, base::Octets(block_read).first(here.size())) &&
                             ::mmap(place, here.size(), PROT_READ, MAP_SHARED | MAP_FIXED,
                                    mapping_->fd, offset) != MAP_FAILED;
        if (is_good) continue;
        ++others;
        ::mmap(place, here.size(), PROT_NONE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
    }
    const std::lock_guard lock(mappings_lock);
    // Whoever wrote meanwhile was told of while blocks were made readable.
    if (mapping_->taken_away) take_away(*mapping_);
    mapping_->has_holes = false;
    note_holes();
    return others;
}

bool mapped_file_changed() noexcept {
    const std::lock_guard lock(mappings_lock);
    return any_changed();
}

int mapped_file_events() noexcept {
    const std::lock_guard lock(mappings_lock);
    return events;
}

bool take_mapped_file_events() noexcept {
    const std::lock_guard lock(mappings_lock);
    alignas(inotify_event) std::array<char, 4096> buffer{};
    bool any = false;
    for (;;) {
        const ssize_t octets = ::read(events, buffer.data(), buffer.size());
        if (octets <= 0) return any;
        for (std::size_t at = 0; at < static_cast<std::size_t>(octets);) {
            inotify_event event{};
            std::memcpy(&event, buffer.data() + at, sizeof event);
            at += sizeof event + event.len;
            for (Mapping& mapping : mappings) {
                const bool written = (event.mask & IN_Q_OVERFLOW) != 0 ||
                                     ((event.mask & IN_MODIFY) != 0 && mapping.watch == event.wd);
                if (!written || mapping.start.load() == 0) continue;
                take_away(mapping);
                any = true;
            }
        }
    }
}

}  // namespace zc::runtime
