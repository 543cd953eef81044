#include "runtime/mapped_file.h"

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/signals.h"
#include "testkit/folder.h"

namespace {

using zc::Errc;
using zc::runtime::guarded;
using zc::runtime::mapped_file_changed;
using zc::runtime::MappedFile;
using zc::testkit::Folder;

const std::size_t page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
constexpr std::size_t pages = 8;

/// Page i is full of 'a' + i.
std::string content() {
    std::string out;
    for (std::size_t i = 0; i < pages; ++i) out.append(page, static_cast<char>('a' + i));
    return out;
}

MappedFile opened(const std::string& path) {
    auto file = MappedFile::open(path);
    REQUIRE_MESSAGE(file, file.error().text());
    return *std::move(file);
}

/// The first octet of a page as a worker reads it; 0: it cannot be read.
char read(const MappedFile& file, std::size_t at) {
    volatile std::uint8_t octet = 0;
    const bool whole = guarded([&] { octet = file.octets()[at * page]; });
    return whole ? static_cast<char>(octet) : '\0';
}

std::uint64_t check(MappedFile& file) {
    return file.check_blocks(0, page, [](std::uint64_t block, zc::base::Octets octets) {
        return octets[0] == 'a' + block && octets[page - 1] == 'a' + block;
    });
}

/// Into the file itself, as cp does.
void overwrite(const std::string& path, std::size_t at, const std::string& octets) {
    const int fd = ::open(path.c_str(), O_WRONLY);
    REQUIRE(fd >= 0);
    REQUIRE(::pwrite(fd, octets.data(), octets.size(), static_cast<off_t>(at)) ==
            static_cast<ssize_t>(octets.size()));
    ::close(fd);
}

}  // namespace

TEST_CASE("what a file has lost is not read, what it has left is") {
    const Folder folder;
    zc::testkit::write_file(folder / "f", content());
    MappedFile file = opened(folder / "f");
    CHECK(file.octets().size() == pages * page);
    CHECK_FALSE(file.changed());
    REQUIRE(::truncate((folder / "f").c_str(), static_cast<off_t>(2 * page)) == 0);
    for (int round = 0; round < 3; ++round) {
        CHECK(read(file, 1) == 'b');
        CHECK(read(file, 5) == '\0');
    }
    CHECK(file.changed());
    CHECK(mapped_file_changed());
    CHECK(check(file) == pages - 2);
    CHECK_FALSE(file.changed());
    CHECK(read(file, 1) == 'b');
    CHECK(read(file, 5) == '\0');
    // Longer again, with the same octets.
    zc::testkit::write_file(folder / "f", content());
    CHECK(read(file, 5) == '\0');
    CHECK(check(file) == 0);
    CHECK(read(file, 5) == 'f');
}

TEST_CASE("who is not guarded reads zeros, and then nobody trusts the file until it is checked") {
    const Folder folder;
    zc::testkit::write_file(folder / "f", content());
    MappedFile file = opened(folder / "f");
    REQUIRE(::truncate((folder / "f").c_str(), static_cast<off_t>(page)) == 0);
    CHECK(file.octets()[5 * page + 1] == 0);
    CHECK(read(file, 0) == '\0');
    CHECK(read(file, 5) == '\0');
    CHECK(check(file) == pages - 1);
    CHECK(read(file, 0) == 'a');
    CHECK(read(file, 5) == '\0');
}

TEST_CASE("zeros in one file are forgotten with it") {
    const Folder folder;
    zc::testkit::write_file(folder / "f", content());
    zc::testkit::write_file(folder / "g", content());
    const MappedFile other = opened(folder / "g");
    {
        const MappedFile file = opened(folder / "f");
        REQUIRE(::truncate((folder / "f").c_str(), 0) == 0);
        CHECK(file.octets()[0] == 0);
        CHECK(read(other, 0) == '\0');
    }
    CHECK(read(other, 0) == 'a');
    CHECK_FALSE(mapped_file_changed());
}

TEST_CASE("octets that were overwritten are noticed, also with the same length and time") {
    const Folder folder;
    zc::testkit::write_file(folder / "f", content());
    MappedFile file = opened(folder / "f");
    struct stat before {};
    REQUIRE(::stat((folder / "f").c_str(), &before) == 0);
    overwrite(folder / "f", 3 * page + 7, "x");
    SUBCASE("as it is") {}
    SUBCASE("with the old mtime") {
        const timespec times[2] = {before.st_atim, before.st_mtim};
        REQUIRE(::utimensat(AT_FDCWD, (folder / "f").c_str(), times, 0) == 0);
    }
    CHECK(file.changed());
    const auto good = [](std::uint64_t block, zc::base::Octets octets) {
        return octets[7] == 'a' + block;
    };
    CHECK(file.check_blocks(0, page, good) == 1);
    CHECK(read(file, 2) == 'c');
    CHECK(read(file, 3) == '\0');
    CHECK(read(file, 4) == 'e');
}

TEST_CASE("a file that was written to is taken away until it is checked, and no other") {
    const Folder folder;
    zc::testkit::write_file(folder / "f", content());
    zc::testkit::write_file(folder / "g", content());
    MappedFile file = opened(folder / "f");
    MappedFile same = opened(folder / "f");
    const MappedFile other = opened(folder / "g");
    static_cast<void>(zc::runtime::take_mapped_file_events());  // of files that are gone
    pollfd events{.fd = zc::runtime::mapped_file_events(), .events = POLLIN, .revents = 0};
    REQUIRE(events.fd >= 0);
    CHECK(::poll(&events, 1, 0) == 0);
    overwrite(folder / "f", 3 * page, std::string(page, 'x'));
    CHECK(::poll(&events, 1, 0) == 1);
    CHECK(zc::runtime::take_mapped_file_events());
    CHECK_FALSE(zc::runtime::take_mapped_file_events());
    CHECK(::poll(&events, 1, 0) == 0);
    CHECK(read(file, 0) == '\0');
    CHECK(read(same, 0) == '\0');
    CHECK(read(other, 0) == 'a');
    CHECK(check(file) == 1);
    CHECK(read(file, 0) == 'a');
    CHECK(read(file, 3) == '\0');
    CHECK_FALSE(file.changed());
    CHECK(same.changed());
    { const MappedFile gone = std::move(same); }
    overwrite(folder / "f", 3 * page, std::string(page, 'd'));
    CHECK(zc::runtime::take_mapped_file_events());
    CHECK(check(file) == 0);
    CHECK(read(file, 3) == 'd');
    zc::testkit::write_file(folder / "new", "other");
    std::filesystem::rename(folder / "new", folder / "f");
    CHECK_FALSE(zc::runtime::take_mapped_file_events());
}

TEST_CASE("another file under its name is no change, another time is none once it was checked") {
    const Folder folder;
    zc::testkit::write_file(folder / "f", content());
    MappedFile file = opened(folder / "f");
    zc::testkit::write_file(folder / "new", "other");
    std::filesystem::rename(folder / "new", folder / "f");
    CHECK_FALSE(file.changed());
    CHECK(read(file, 5) == 'f');

    zc::testkit::write_file(folder / "g", content());
    MappedFile touched = opened(folder / "g");
    const timespec times[2] = {{1, 0}, {1, 0}};
    REQUIRE(::utimensat(AT_FDCWD, (folder / "g").c_str(), times, 0) == 0);
    CHECK(touched.changed());
    CHECK(check(touched) == 0);
    CHECK_FALSE(touched.changed());
    CHECK(read(touched, 5) == 'f');
}

TEST_CASE("guards stand inside of each other, on any thread") {
    const Folder folder;
    zc::testkit::write_file(folder / "f", content());
    const MappedFile file = opened(folder / "f");
    REQUIRE(::truncate((folder / "f").c_str(), static_cast<off_t>(page)) == 0);
    volatile bool went_on = false;
    CHECK(guarded([&] {
        if (read(file, 6) == '\0') went_on = read(file, 0) == 'a';
    }));
    CHECK(went_on);
    std::vector<std::thread> threads;
    std::atomic<int> ended{0};
    for (int i = 0; i < 4; ++i) {
        const zc::runtime::SignalsBlocked blocked;
        threads.emplace_back([&] {
            for (int round = 0; round < 100; ++round)
                if (read(file, 7) == '\0' && read(file, 0) == 'a') ++ended;
        });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(ended == 400);
}

TEST_CASE("a place that changed octets lead to ends the work; without such a file it is a crash") {
    const Folder folder;
    zc::testkit::write_file(folder / "f", content());
    const MappedFile file = opened(folder / "f");
    void* const nothing = ::mmap(nullptr, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(nothing != MAP_FAILED);
    const auto* const wild = static_cast<const volatile std::uint8_t*>(nothing);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        std::signal(SIGSEGV, SIG_DFL);  // not the test's own
        const auto again = MappedFile::open(folder / "f");
        static_cast<void>(guarded([&] { static_cast<void>(*wild); }));
        ::_exit(again ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    // A sanitizer ends it by a report of its own.
    CHECK(((WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV) ||
           (WIFEXITED(status) && WEXITSTATUS(status) > 1)));
    overwrite(folder / "f", 0, "x");
    CHECK_FALSE(guarded([&] { static_cast<void>(*wild); }));
    CHECK(guarded([] {}));
    ::munmap(nothing, page);
}

TEST_CASE("what is no file is not mapped, and no more than the limit") {
    const Folder folder;
    CHECK(MappedFile::open(folder / "f").error().code == Errc::not_found);
    CHECK(MappedFile::open(folder / ".").error().code == Errc::malformed);
    REQUIRE(::mkfifo((folder / "fifo").c_str(), 0600) == 0);
    CHECK(MappedFile::open(folder / "fifo").error().code == Errc::malformed);
    zc::testkit::write_file(folder / "empty", "");
    CHECK(opened(folder / "empty").octets().empty());
    zc::testkit::write_file(folder / "f", content());
    std::vector<MappedFile> files;
    while (files.size() < MappedFile::mapped_files_max) files.push_back(opened(folder / "f"));
    CHECK(MappedFile::open(folder / "f").error().code == Errc::limit);
    files.pop_back();
    CHECK(opened(folder / "f").octets().size() == pages * page);
}
