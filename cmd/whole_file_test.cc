#include "whole_file.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>

namespace zc::cmd {
namespace {

namespace fs = std::filesystem;

std::string content(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

TEST_CASE("a file is written whole, behind links too, and what is no file is written into") {
    std::string pattern = fs::temp_directory_path() / "zonectl-whole-XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    const fs::path folder = pattern;
    const fs::path file = folder / "file", link = folder / "link", fifo = folder / "fifo";

    REQUIRE(write_whole(file, "one"));
    CHECK(content(file) == "one");
    fs::create_symlink(file, link);
    REQUIRE(write_whole(link, "two"));
    CHECK(fs::is_symlink(link));
    CHECK(content(file) == "two");

    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    std::string came;
    std::thread reader([&] { came = content(fifo); });
    CHECK(write_whole(fifo, "three"));
    reader.join();
    CHECK(came == "three");
    CHECK(fs::is_fifo(fifo));

    CHECK_FALSE(write_whole(folder / "missing" / "file", "four"));
    CHECK_FALSE(write_whole(folder, "four"));
    fs::create_directory(folder / "file.part");  // nothing can be written beside it
    CHECK_FALSE(write_whole(file, "four"));
    CHECK(content(file) == "two");
    fs::remove_all(folder);
}

}  // namespace
}  // namespace zc::cmd
