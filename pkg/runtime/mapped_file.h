// A file that is mapped and read for days, while any hand on the machine may shorten or overwrite
// it.
//
// A page behind a file's new end raises SIGBUS in who reads it, which ends a process. Here it ends
// the work at hand instead:
//
//     if (!runtime::guarded([&] { … reads octets() … })) …  // not all of it could be read
//
// The kernel tells of each write (`mapped_file_events`); all of the file is unreadable from then on
// until `check_blocks` has compared it with what it was. Between a write and the kernel's word of
// it the new octets are read as they are. Where it gives no word (a network's file system, no more
// inotify instances), `mapped_file_changed` finds the change.
//
// Neither F_SETLEASE nor fs-verity would do instead: a lease is for the file's owner alone and
// holds a writer up for no longer than the system's lease-break-time; verity is a feature that most
// file systems do not have, or have switched off.
#pragma once

#include <atomic>
#include <csetjmp>
#include <cstdint>
#include <functional>
#include <string>

#include "base/octets.h"
#include "base/result.h"

namespace zc::runtime {

namespace detail {
struct Mapping;
extern constinit thread_local sigjmp_buf* guard;
extern std::atomic<bool> holes;
}  // namespace detail

/// At most `mapped_files_max` at once in a process.
///
/// Threads: `octets` any; else one at a time.
class MappedFile {
public:
    static constexpr std::size_t mapped_files_max = 16;

    /// Maps the file as it is now; it is read through this mapping only. Errors: `not_found`, `io`,
    /// `limit`.
    static Result<MappedFile> open(const std::string& path);
    MappedFile(MappedFile&& other) noexcept;
    MappedFile& operator=(MappedFile&& other) noexcept;
    /// Unmaps.
    ~MappedFile();

    /// Page-aligned. Empty: of an empty file.
    base::Octets octets() const noexcept;

    /// It is not as it was: shorter, longer, or written to. One system call.
    bool changed() const noexcept;

    /// Makes those blocks of `block_octets` (a multiple of a page; the last may be shorter) from
    /// `first` on readable that are `good` as they stand in the file, and no others: to read those
    /// is as to read what is gone. Gives the number of the others; what a file has grown by counts
    /// as one. From now on `changed` compares with the file as it was at the beginning of this
    /// call.
    std::uint64_t check_blocks(
        std::uint64_t first, std::uint64_t block_octets,
        const std::function<bool(std::uint64_t block, base::Octets octets)>& good);

private:
    explicit MappedFile(detail::Mapping* mapping) noexcept : mapping_(mapping) {}
    detail::Mapping* mapping_ = nullptr;
};

/// Whether any mapped file has. A few system calls. Any thread.
bool mapped_file_changed() noexcept;

/// To be polled; readable when somebody wrote to a mapped file. -1: the system gives no such words,
/// or no file was ever mapped. Stays the same.
int mapped_file_events() noexcept;
/// Reads the events, and makes the files that were written to unreadable until `check_blocks`.
/// True: there are such. Any thread.
bool take_mapped_file_events() noexcept;

/// Runs `work`. False: it read of a mapped file what is gone, and was ended there, in the middle.
/// So it must hold nothing that a destructor has to give back. Outside of this such a read gives
/// zeros; then this is false everywhere until `check_blocks`, since any work may have read them.
///
/// A read outside of all mappings (SIGSEGV) ends the work in the same way if a mapped file has
/// changed, since lengths and places that stand in it may be anything. Cost: 5 ns.
template <class Work>
[[gnu::noinline]] bool guarded(Work&& work) noexcept {
    sigjmp_buf here;
    sigjmp_buf* const outer = detail::guard;
    // Without the mask: the handlers block nothing.
    if (sigsetjmp(here, 0) != 0) {
        detail::guard = outer;
        return false;
    }
    detail::guard = &here;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    work();
    std::atomic_signal_fence(std::memory_order_seq_cst);
    detail::guard = outer;
    return !detail::holes.load(std::memory_order_relaxed);
}

}  // namespace zc::runtime
