#include "sqlite/power_cut.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <sqlite3.h>
#include <unistd.h>

#include "base/check.h"

namespace zc::sqlite {
namespace {

constexpr std::size_t sector_octets = 512;
constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();

using Octets = std::vector<std::uint8_t>;

/// A write, or a truncation, that no sync has made sure of.
struct Pending {
    std::uint64_t at = 0;  // truncation: the size
    Octets octets;
    bool is_truncation = false;
};

void write_to(Octets& file, std::uint64_t at, const std::uint8_t* octets, std::size_t count) {
    if (file.size() < at + count) file.resize(at + count);
    std::copy_n(octets, count, file.begin() + static_cast<std::ptrdiff_t>(at));
}

struct File {
    std::optional<Octets> synced;  // nothing: it does not exist
    std::vector<Pending> pending;
    bool may_be_gone = false;  // deleted, and nobody knows whether for good

    void sync() {
        if (!synced) synced.emplace();
        for (const Pending& one : pending) {
            if (one.is_truncation)
                synced->resize(one.at);
            else
                write_to(*synced, one.at, one.octets.data(), one.octets.size());
        }
        pending.clear();
        may_be_gone = false;
    }
};

Octets read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace

/// The state behind the functions that SQLite calls.
struct PowerCut::Disk {
    sqlite3_vfs vfs{};
    sqlite3_vfs* real = nullptr;
    std::map<std::string, File> files;
    std::uint64_t steps = 0, steps_max = never;
    std::uint64_t syncs = 0, syncs_max = never;

    /// Whether one more step succeeds.
    bool step() noexcept {
        if (steps >= steps_max) return false;
        ++steps;
        return true;
    }
};

namespace {

/// SQLite sees this as a file; the real one stands behind it.
struct Handle {
    sqlite3_file base;
    PowerCut::Disk* disk;
    File* file_or_null;  // of a database or its log; else nobody asks for it after a cut
    sqlite3_file* real;
};

Handle& of(sqlite3_file* file) noexcept {
    return *reinterpret_cast<Handle*>(file);
}
PowerCut::Disk& disk_of(sqlite3_vfs* vfs) noexcept {
    return *static_cast<PowerCut::Disk*>(vfs->pAppData);
}
const sqlite3_io_methods& methods_of(sqlite3_file* file) noexcept {
    return *of(file).real->pMethods;
}

int close(sqlite3_file* file) {
    return methods_of(file).xClose(of(file).real);
}
int read(sqlite3_file* file, void* octets, int count, sqlite3_int64 at) {
    return methods_of(file).xRead(of(file).real, octets, count, at);
}
int write(sqlite3_file* file, const void* octets, int count, sqlite3_int64 at) {
    Handle& handle = of(file);
    if (handle.file_or_null != nullptr) {
        if (!handle.disk->step()) return SQLITE_IOERR_WRITE;
        const auto* from = static_cast<const std::uint8_t*>(octets);
        handle.file_or_null->pending.push_back(
            {static_cast<std::uint64_t>(at), Octets(from, from + count), false});
    }
    return methods_of(file).xWrite(handle.real, octets, count, at);
}
int truncate(sqlite3_file* file, sqlite3_int64 size) {
    Handle& handle = of(file);
    if (handle.file_or_null != nullptr) {
        if (!handle.disk->step()) return SQLITE_IOERR_TRUNCATE;
        handle.file_or_null->pending.push_back({static_cast<std::uint64_t>(size), {}, true});
    }
    return methods_of(file).xTruncate(handle.real, size);
}
int sync(sqlite3_file* file, int) {
    Handle& handle = of(file);
    if (handle.file_or_null == nullptr) return SQLITE_OK;
    if (!handle.disk->step()) return SQLITE_IOERR_FSYNC;
    if (handle.disk->syncs >= handle.disk->syncs_max) return SQLITE_IOERR_FSYNC;
    ++handle.disk->syncs;
    handle.file_or_null->sync();
    return SQLITE_OK;  // the real disk need not be waited for
}
int file_size(sqlite3_file* file, sqlite3_int64* size) {
    return methods_of(file).xFileSize(of(file).real, size);
}
int lock(sqlite3_file* file, int level) {
    return methods_of(file).xLock(of(file).real, level);
}
int unlock(sqlite3_file* file, int level) {
    return methods_of(file).xUnlock(of(file).real, level);
}
int check_reserved_lock(sqlite3_file* file, int* out) {
    return methods_of(file).xCheckReservedLock(of(file).real, out);
}
int file_control(sqlite3_file* file, int op, void* arg) {
    return methods_of(file).xFileControl(of(file).real, op, arg);
}
int sector_size(sqlite3_file* file) {
    return methods_of(file).xSectorSize(of(file).real);
}
int device_characteristics(sqlite3_file* file) {
    return methods_of(file).xDeviceCharacteristics(of(file).real);
}
int shm_map(sqlite3_file* file, int page, int octets, int extend, void volatile** out) {
    return methods_of(file).xShmMap(of(file).real, page, octets, extend, out);
}
int shm_lock(sqlite3_file* file, int offset, int count, int flags) {
    return methods_of(file).xShmLock(of(file).real, offset, count, flags);
}
void shm_barrier(sqlite3_file* file) {
    methods_of(file).xShmBarrier(of(file).real);
}
int shm_unmap(sqlite3_file* file, int remove) {
    return methods_of(file).xShmUnmap(of(file).real, remove);
}
// Mapped pages would be written past this: there are none.
int fetch(sqlite3_file*, sqlite3_int64, int, void** out) {
    *out = nullptr;
    return SQLITE_OK;
}
int unfetch(sqlite3_file*, sqlite3_int64, void*) {
    return SQLITE_OK;
}

constexpr sqlite3_io_methods methods = {
    .iVersion = 3,
    .xClose = close,
    .xRead = read,
    .xWrite = write,
    .xTruncate = truncate,
    .xSync = sync,
    .xFileSize = file_size,
    .xLock = lock,
    .xUnlock = unlock,
    .xCheckReservedLock = check_reserved_lock,
    .xFileControl = file_control,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = device_characteristics,
    .xShmMap = shm_map,
    .xShmLock = shm_lock,
    .xShmBarrier = shm_barrier,
    .xShmUnmap = shm_unmap,
    .xFetch = fetch,
    .xUnfetch = unfetch,
};

int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* flags_out) {
    PowerCut::Disk& disk = disk_of(vfs);
    Handle& handle = of(file);
    handle = {.base = {.pMethods = nullptr},
              .disk = &disk,
              .file_or_null = nullptr,
              .real = reinterpret_cast<sqlite3_file*>(&handle + 1)};
    constexpr int kept = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL;
    if (name != nullptr && (flags & kept) != 0) {
        const bool is_there = ::access(name, F_OK) == 0;
        if (!is_there && (flags & SQLITE_OPEN_CREATE) != 0 && disk.steps >= disk.steps_max)
            return SQLITE_CANTOPEN;
        const auto [found, is_new] = disk.files.try_emplace(name);
        if (is_new && is_there) found->second.synced = read_file(name);
        handle.file_or_null = &found->second;
    }
    const int code = disk.real->xOpen(disk.real, name, handle.real, flags, flags_out);
    if (handle.real->pMethods != nullptr) handle.base.pMethods = &methods;
    return code;
}
int remove(sqlite3_vfs* vfs, const char* name, int sync_folder) {
    PowerCut::Disk& disk = disk_of(vfs);
    if (const auto found = disk.files.find(name); found != disk.files.end()) {
        if (!disk.step()) return SQLITE_IOERR_DELETE;
        found->second.pending.clear();
        if (sync_folder != 0)
            found->second.synced.reset();
        else
            found->second.may_be_gone = true;
    }
    return disk.real->xDelete(disk.real, name, 0);
}
int access(sqlite3_vfs* vfs, const char* name, int flags, int* out) {
    PowerCut::Disk& disk = disk_of(vfs);
    return disk.real->xAccess(disk.real, name, flags, out);
}
int full_pathname(sqlite3_vfs* vfs, const char* name, int octets, char* out) {
    PowerCut::Disk& disk = disk_of(vfs);
    return disk.real->xFullPathname(disk.real, name, octets, out);
}
int randomness(sqlite3_vfs* vfs, int octets, char* out) {
    PowerCut::Disk& disk = disk_of(vfs);
    return disk.real->xRandomness(disk.real, octets, out);
}
int sleep(sqlite3_vfs*, int microseconds) {
    return microseconds;  // one thread: nobody would give a lock back meanwhile
}
int current_time(sqlite3_vfs* vfs, double* out) {
    PowerCut::Disk& disk = disk_of(vfs);
    return disk.real->xCurrentTime(disk.real, out);
}
int last_error(sqlite3_vfs* vfs, int octets, char* out) {
    PowerCut::Disk& disk = disk_of(vfs);
    return disk.real->xGetLastError(disk.real, octets, out);
}

}  // namespace

PowerCut::PowerCut() : disk_(std::make_unique<Disk>()) {
    disk_->real = sqlite3_vfs_find(nullptr);
    ZC_CHECK(disk_->real != nullptr);
    sqlite3_vfs& vfs = disk_->vfs;
    vfs.iVersion = 1;
    vfs.szOsFile = static_cast<int>(sizeof(Handle)) + disk_->real->szOsFile;
    vfs.mxPathname = disk_->real->mxPathname;
    vfs.zName = "power_cut";
    vfs.pAppData = disk_.get();
    vfs.xOpen = open;
    vfs.xDelete = remove;
    vfs.xAccess = access;
    vfs.xFullPathname = full_pathname;
    vfs.xRandomness = randomness;
    vfs.xSleep = sleep;
    vfs.xCurrentTime = current_time;
    vfs.xGetLastError = last_error;
    ZC_CHECK(sqlite3_vfs_register(&vfs, 1) == SQLITE_OK);
}

PowerCut::~PowerCut() {
    sqlite3_vfs_unregister(&disk_->vfs);
    sqlite3_vfs_register(disk_->real, 1);
}

void PowerCut::cut_after(std::uint64_t steps) noexcept {
    disk_->steps_max = disk_->steps + steps;
}
void PowerCut::fail_syncs_after(std::uint64_t syncs) noexcept {
    disk_->syncs_max = disk_->syncs + syncs;
}
void PowerCut::heal() noexcept {
    disk_->steps_max = never;
    disk_->syncs_max = never;
}
std::uint64_t PowerCut::steps() const noexcept {
    return disk_->steps;
}
bool PowerCut::is_cut() const noexcept {
    return disk_->steps >= disk_->steps_max;
}

Status PowerCut::restore(const std::string& path, base::Seed& seed) {
    for (const char* suffix : {"", "-wal", "-journal"}) {
        const std::string name = path + suffix;
        const auto found = disk_->files.find(name);
        if (found == disk_->files.end()) continue;
        File& file = found->second;
        std::optional<Octets> left = file.synced;
        if (file.may_be_gone && seed.below(2) == 0) left.reset();
        // A file that was made and never synced may be there without anything in it, or not at all.
        if (!left && !file.pending.empty() && seed.below(2) == 0) left.emplace();
        for (const Pending& one : file.pending) {
            if (!left || seed.below(2) == 0) continue;
            if (one.is_truncation) {
                left->resize(one.at);
                continue;
            }
            const bool is_torn = seed.below(3) == 0;
            for (std::size_t at = 0; at < one.octets.size(); at += sector_octets) {
                if (is_torn && seed.below(2) == 0) continue;
                write_to(*left, one.at + at, one.octets.data() + at,
                         std::min(sector_octets, one.octets.size() - at));
            }
        }
        if (::unlink(name.c_str()) != 0 && errno != ENOENT) return base::fail_errno(errno, name);
        if (left) {
            std::ofstream out(name, std::ios::binary);
            out.write(reinterpret_cast<const char*>(left->data()),
                      static_cast<std::streamsize>(left->size()));
            if (!out.flush()) return fail(Errc::io, "cannot write " + name);
        }
        disk_->files.erase(found);
    }
    ::unlink((path + "-shm").c_str());
    return {};
}

}  // namespace zc::sqlite
