// main() for a fuzzer that is built without libFuzzer: gives it each file of the named folders and
// files once, so that what fuzzing has found is tested by every build.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

bool replay(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    const std::vector<char> octets{std::istreambuf_iterator<char>(in),
                                   std::istreambuf_iterator<char>()};
    if (!in) {
        std::fprintf(stderr, "%s: cannot be read\n", path.c_str());
        return false;
    }
    // A copy of exactly this size, so that a sanitizer sees a read past its end.
    const std::vector<std::uint8_t> exact(octets.begin(), octets.end());
    LLVMFuzzerTestOneInput(exact.data(), exact.size());
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    std::size_t files = 0;
    for (int i = 1; i < argc; ++i) {
        std::error_code error;
        if (std::filesystem::is_regular_file(argv[i])) {
            if (!replay(argv[i])) return 2;
            ++files;
            continue;
        }
        for (const auto& entry : std::filesystem::directory_iterator(argv[i], error)) {
            if (!entry.is_regular_file()) continue;
            if (!replay(entry.path())) return 2;
            ++files;
        }
    }
    if (files == 0) {
        std::fprintf(stderr, "no corpus: give this fuzzer at least one file to replay\n");
        return 2;
    }
    std::printf("%zu inputs replayed\n", files);
    return 0;
}
