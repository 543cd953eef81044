// A disk that forgets: what SQLite wrote and did not sync is lost, in part, when the power goes. For
// tests of those who keep something in SQLite.
//
// Files stay real files, so that everything reads what it wrote; beside them this keeps what a disk
// must have (what was synced) and what it may have (what was written since). At a cut each write
// since the last sync of its file is on the disk, or not, or some of its sectors are.
//
//     PowerCut disk;                       // from here on SQLite works on it
//     disk.cut_after(17);                  // the 17th write, sync or truncation is the last one
//     … use the database, until it fails …
//     disk.restore(path, seed);            // the database and its log, as the next start finds them
//
// Threads: one. SQLite has one default file system, so there is one PowerCut at a time, and nobody
// else in the process uses SQLite then.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/seed.h"

namespace zc::sqlite {

class PowerCut {
public:
    PowerCut();
    ~PowerCut();
    PowerCut(const PowerCut&) = delete;
    PowerCut& operator=(const PowerCut&) = delete;

    /// From now on: so many steps succeed; all later ones fail with an I/O error, and change nothing.
    void cut_after(std::uint64_t steps) noexcept;
    /// Syncs fail with an I/O error from now on, after so many; their data may or may not be there.
    void fail_syncs_after(std::uint64_t syncs) noexcept;
    /// Neither: everything succeeds.
    void heal() noexcept;
    /// Writes, truncations, deletions and syncs since the beginning.
    std::uint64_t steps() const noexcept;
    bool is_cut() const noexcept;

    /// Makes of `path`, and of the log beside it, what a disk may have after the cut: files that no
    /// database has open any more. The memory that processes share (FILE-shm) is gone.
    Status restore(const std::string& path, base::Seed& seed);

    struct Disk;

private:
    std::unique_ptr<Disk> disk_;
};

}  // namespace zc::sqlite
