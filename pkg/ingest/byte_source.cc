#include "ingest/byte_source.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ingest/zone_walk.h"
#include "runtime/workers.h"

namespace zc::ingest {

namespace {

constexpr std::size_t block_octets = std::size_t{256} << 10;
constexpr std::size_t program_words_max = 2000;  // octets of its standard error that an error shows

bool stopped(const SourceContext& context) noexcept {
    return context.stop_or_null != nullptr && context.stop_or_null->load(std::memory_order_relaxed);
}

class FileSource final : public ByteSource {
public:
    FileSource(Descriptor descriptor, std::uint64_t total, SourceContext context)
        : descriptor_(std::move(descriptor)), total_(total), context_(std::move(context)) {}

    Result<std::size_t> read(std::span<char> out) override {
        for (;;) {
            if (stopped(context_))
                return fail(Errc::interrupted, "stopped while reading", {context_.name, 0});
            const ssize_t count = ::read(descriptor_.get(), out.data(), out.size());
            if (count >= 0) {
                position_ += static_cast<std::uint64_t>(count);
                return static_cast<std::size_t>(count);
            }
            if (errno != EINTR) return base::fail_errno(errno, "read " + context_.name);
        }
    }
    std::uint64_t position() const noexcept override { return position_; }
    std::uint64_t total() const noexcept override { return total_; }

private:
    Descriptor descriptor_;
    std::uint64_t position_ = 0;
    const std::uint64_t total_;
    const SourceContext context_;
};

class ProgramSource final : public ByteSource {
public:
    ProgramSource(std::string program, pid_t process, Descriptor output, Descriptor words,
                  std::unique_ptr<ByteSource> input, Descriptor feed, SourceContext context)
        : program_(std::move(program)),
          process_(process),
          output_(std::move(output)),
          words_(std::move(words)),
          input_(std::move(input)),
          context_(std::move(context)) {
        if (input_)
            feeder_ = std::thread([this, pipe = std::move(feed)]() mutable {
                // The pipe ends with it, whatever happened: the program is not left waiting.
                fed_ = runtime::caught([&] { this->feed(std::move(pipe)); });
            });
    }
    ~ProgramSource() override {
        output_ = Descriptor();  // a program that still writes ends by it
        if (process_ > 0) {
            ::kill(process_, SIGTERM);
            wait();
        }
        if (feeder_.joinable()) feeder_.join();
    }
    ProgramSource(const ProgramSource&) = delete;
    ProgramSource& operator=(const ProgramSource&) = delete;

    Result<std::size_t> read(std::span<char> out) override {
        for (;;) {
            if (stopped(context_))
                return fail(Errc::interrupted, "stopped while reading", {context_.name, 0});
            const ssize_t count = ::read(output_.get(), out.data(), out.size());
            if (count > 0) return static_cast<std::size_t>(count);
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) return base::fail_errno(errno, "read from " + program_);
            break;
        }
        if (feeder_.joinable()) feeder_.join();
        const int status = process_ > 0 ? wait() : 0;
        ZC_TRY_STATUS(fed_);
        if (input_failed_) return tl::unexpected<Error>(std::move(*input_failed_));
        if (status == 0) return std::size_t{0};
        std::string words(program_words_max, '\0');
        const ssize_t count = ::pread(words_.get(), words.data(), words.size(), 0);
        words.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
        while (!words.empty() && words.back() == '\n') words.pop_back();
        return fail(Errc::malformed,
                    program_ + " gave up: " + (words.empty() ? "no reason given" : words),
                    {context_.name, 0});
    }
    std::uint64_t position() const noexcept override { return 0; }
    std::uint64_t total() const noexcept override { return 0; }

private:
    int wait() {
        int status = 0;
        while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
        }
        process_ = 0;
        return status;
    }
    void feed(Descriptor pipe) {
        std::vector<char> block(block_octets);
        for (;;) {
            const auto count = input_->read(block);
            if (!count) {
                input_failed_ = std::make_unique<Error>(count.error());
                return;
            }
            if (*count == 0) return;
            for (std::size_t done = 0; done < *count;) {
                // A socket and not a pipe: without MSG_NOSIGNAL a program that ends early would end
                // us.
                const ssize_t sent =
                    ::send(pipe.get(), block.data() + done, *count - done, MSG_NOSIGNAL);
                if (sent < 0 && errno == EINTR) continue;
                if (sent <= 0) return;  // its exit status tells why
                done += static_cast<std::size_t>(sent);
            }
        }
    }

    const std::string program_;
    pid_t process_;
    Descriptor output_, words_;
    std::unique_ptr<ByteSource> input_;
    std::unique_ptr<Error> input_failed_;  // written by the feeder, read after it was joined
    Status fed_;                           // likewise
    std::thread feeder_;
    const SourceContext context_;
};

}  // namespace

Result<std::unique_ptr<ByteSource>> open_octets(const std::string& path,
                                                const SourceContext& context) {
    Descriptor descriptor(path == "-" ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                                      : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!descriptor.is_open()) return base::fail_errno(errno, "open " + context.name);
    struct stat status {};
    if (::fstat(descriptor.get(), &status) != 0)
        return base::fail_errno(errno, "stat " + context.name);
    if (S_ISDIR(status.st_mode)) return base::fail_errno(EISDIR, "open " + context.name);
    const std::uint64_t total =
        S_ISREG(status.st_mode) ? static_cast<std::uint64_t>(status.st_size) : 0;
    return std::unique_ptr<ByteSource>(
        std::make_unique<FileSource>(std::move(descriptor), total, context));
}

Result<std::unique_ptr<ByteSource>> run_program(const std::vector<std::string>& arguments,
                                                std::unique_ptr<ByteSource> input_or_null,
                                                const SourceContext& context) {
    std::array<int, 2> out{-1, -1};
    if (::pipe2(out.data(), O_CLOEXEC) != 0) return base::fail_errno(errno, "pipe");
    Descriptor read_end(out[0]);
    const Descriptor write_end(out[1]);
    Descriptor feed_end;
    Descriptor stdin_end;
    if (input_or_null) {
        std::array<int, 2> in{-1, -1};
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in.data()) != 0) {
            return base::fail_errno(errno, "socketpair");
        }
        feed_end = Descriptor(in[0]);
        stdin_end = Descriptor(in[1]);
    } else {
        stdin_end = Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    }
    // Its complaints go where they cannot block it; they are shown only when it fails.
    Descriptor words(::memfd_create("stderr", MFD_CLOEXEC));
    if (!stdin_end.is_open() || !words.is_open())
        return base::fail_errno(errno, "start " + arguments[0]);

    std::vector<char*> argv;
    argv.reserve(arguments.size() + 1);
    for (const std::string& argument : arguments)
        argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, stdin_end.get(), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, write_end.get(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, words.get(), STDERR_FILENO);
    pid_t process = 0;
    const int error_number =
        ::posix_spawnp(&process, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error_number == ENOENT) {
        return fail(Errc::not_found,
                    "no program " + arguments[0] +
                        " in PATH, which this format needs (Debian package postgresql-client)",
                    {context.name, 0});
    }
    if (error_number != 0) return base::fail_errno(error_number, "start " + arguments[0]);
    return std::unique_ptr<ByteSource>(std::make_unique<ProgramSource>(
        arguments[0], process, std::move(read_end), std::move(words), std::move(input_or_null),
        std::move(feed_end), context));
}

}  // namespace zc::ingest
