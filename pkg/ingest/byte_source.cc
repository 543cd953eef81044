#include "ingest/byte_source.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <lzma.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "ingest/zone_walk.h"

namespace zc::ingest {

namespace {

constexpr std::size_t compressed_block_octets = std::size_t{256} << 10;
constexpr std::uint64_t xz_memory_octets_max = std::uint64_t{1} << 30;
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

/// What hands on another source's place.
class Filter : public ByteSource {
public:
    explicit Filter(std::unique_ptr<ByteSource> inner) : inner_(std::move(inner)) {}
    std::uint64_t position() const noexcept override { return inner_->position(); }
    std::uint64_t total() const noexcept override { return inner_->total(); }

protected:
    ByteSource& inner() noexcept { return *inner_; }

private:
    std::unique_ptr<ByteSource> inner_;
};

class PeekedSource final : public Filter {
public:
    PeekedSource(std::unique_ptr<ByteSource> inner, std::string head)
        : Filter(std::move(inner)), head_(std::move(head)) {}

    Result<std::size_t> read(std::span<char> out) override {
        if (at_ == head_.size()) return inner().read(out);
        const std::size_t count = std::min(out.size(), head_.size() - at_);
        std::memcpy(out.data(), head_.data() + at_, count);
        at_ += count;
        return count;
    }

private:
    std::string head_;
    std::size_t at_ = 0;
};

/// The loop that all three formats have in common; what differs is `step`.
class Decompressor : public Filter {
public:
    Decompressor(std::unique_ptr<ByteSource> inner, std::string name, const char* format)
        : Filter(std::move(inner)), name_(std::move(name)), format_(format) {}

    Result<std::size_t> read(std::span<char> out) final {
        while (!ended_) {
            if (in_.empty() && !inner_ended_) {
                ZC_TRY(const std::size_t count, inner().read(block_));
                in_ = std::span<const char>(block_).first(count);
                inner_ended_ = count == 0;
            }
            std::size_t written = 0;
            const std::size_t before = in_.size();
            const Step step = this->step(in_, out, written, inner_ended_);
            if (step == Step::damaged) {
                return fail(Errc::malformed, std::string("damaged ") + format_ + " data",
                            {name_, 0});
            }
            if (step == Step::end_of_stream && in_.empty() && inner_ended_) ended_ = true;
            if (written != 0) return written;
            if (ended_) break;
            if (inner_ended_ && in_.size() == before) {
                if (step == Step::end_of_stream) break;
                return fail(Errc::malformed, std::string("the ") + format_ + " data is cut off",
                            {name_, 0});
            }
        }
        ended_ = true;
        return std::size_t{0};
    }

protected:
    enum class Step : std::uint8_t { more, end_of_stream, damaged };
    /// Takes from the front of `in`, writes to the front of `out`. `end_of_stream`: at the end of a
    /// member, and nothing of the next one was taken yet.
    virtual Step step(std::span<const char>& in, std::span<char> out, std::size_t& written,
                      bool last) = 0;

private:
    const std::string name_;
    const char* const format_;
    std::vector<char> block_ = std::vector<char>(compressed_block_octets);
    std::span<const char> in_;
    bool inner_ended_ = false;
    bool ended_ = false;
};

class GzipSource final : public Decompressor {
public:
    GzipSource(std::unique_ptr<ByteSource> inner, const std::string& name)
        : Decompressor(std::move(inner), name, "gzip") {
        usable_ = inflateInit2(&stream_, 15 + 16) == Z_OK;  // largest window, gzip header
    }
    ~GzipSource() override { inflateEnd(&stream_); }
    GzipSource(const GzipSource&) = delete;
    GzipSource& operator=(const GzipSource&) = delete;

private:
    Step step(std::span<const char>& in, std::span<char> out, std::size_t& written, bool) override {
        if (!usable_) return Step::damaged;
        if (at_end_) {
            if (in.empty()) return Step::end_of_stream;
            if (inflateReset(&stream_) != Z_OK) return Step::damaged;
            at_end_ = false;
        }
        const auto room =
            static_cast<uInt>(std::min<std::size_t>(out.size(), std::size_t{1} << 30));
        stream_.next_in =
            reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));  // zlib only reads there
        stream_.avail_in = static_cast<uInt>(in.size());
        stream_.next_out = reinterpret_cast<Bytef*>(out.data());
        stream_.avail_out = room;
        const int code = inflate(&stream_, Z_NO_FLUSH);
        in = in.last(stream_.avail_in);
        written = room - stream_.avail_out;
        if (code == Z_STREAM_END) {
            at_end_ = true;
            return Step::end_of_stream;
        }
        return code == Z_OK || code == Z_BUF_ERROR ? Step::more : Step::damaged;
    }

    z_stream stream_{};
    bool usable_ = false;
    bool at_end_ = false;
};

class ZstdSource final : public Decompressor {
public:
    ZstdSource(std::unique_ptr<ByteSource> inner, const std::string& name)
        : Decompressor(std::move(inner), name, "zstd"), stream_(ZSTD_createDStream()) {}
    ~ZstdSource() override { ZSTD_freeDStream(stream_); }
    ZstdSource(const ZstdSource&) = delete;
    ZstdSource& operator=(const ZstdSource&) = delete;

private:
    Step step(std::span<const char>& in, std::span<char> out, std::size_t& written, bool) override {
        if (stream_ == nullptr) return Step::damaged;
        if (at_end_ && in.empty()) return Step::end_of_stream;
        ZSTD_inBuffer source{in.data(), in.size(), 0};
        ZSTD_outBuffer target{out.data(), out.size(), 0};
        const std::size_t code = ZSTD_decompressStream(stream_, &target, &source);
        if (ZSTD_isError(code) != 0) return Step::damaged;
        in = in.subspan(source.pos);
        written = target.pos;
        at_end_ = code == 0;
        return at_end_ ? Step::end_of_stream : Step::more;
    }

    ZSTD_DStream* const stream_;
    bool at_end_ = false;
};

class XzSource final : public Decompressor {
public:
    XzSource(std::unique_ptr<ByteSource> inner, const std::string& name)
        : Decompressor(std::move(inner), name, "xz") {
        usable_ = lzma_stream_decoder(&stream_, xz_memory_octets_max, LZMA_CONCATENATED) == LZMA_OK;
    }
    ~XzSource() override { lzma_end(&stream_); }
    XzSource(const XzSource&) = delete;
    XzSource& operator=(const XzSource&) = delete;

private:
    Step step(std::span<const char>& in, std::span<char> out, std::size_t& written,
              bool last) override {
        if (!usable_) return Step::damaged;
        if (at_end_) return Step::end_of_stream;
        stream_.next_in = reinterpret_cast<const std::uint8_t*>(in.data());
        stream_.avail_in = in.size();
        stream_.next_out = reinterpret_cast<std::uint8_t*>(out.data());
        stream_.avail_out = out.size();
        const lzma_ret code = lzma_code(&stream_, last ? LZMA_FINISH : LZMA_RUN);
        in = in.last(stream_.avail_in);
        written = out.size() - stream_.avail_out;
        if (code == LZMA_STREAM_END) {
            at_end_ = true;
            return Step::end_of_stream;
        }
        return code == LZMA_OK || code == LZMA_BUF_ERROR ? Step::more : Step::damaged;
    }

    lzma_stream stream_ = LZMA_STREAM_INIT;
    bool usable_ = false;
    bool at_end_ = false;
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
            feeder_ = std::thread(
                [this, pipe = std::move(feed)]() mutable { this->feed(std::move(pipe)); });
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
        std::vector<char> block(compressed_block_octets);
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

Result<std::unique_ptr<ByteSource>> peek(std::unique_ptr<ByteSource> inner, std::size_t octets,
                                         std::string& head) {
    head.resize(octets);
    std::size_t size = 0;
    while (size < octets) {
        ZC_TRY(const std::size_t count, inner->read(std::span<char>(head).subspan(size)));
        if (count == 0) break;
        size += count;
    }
    head.resize(size);
    return std::unique_ptr<ByteSource>(std::make_unique<PeekedSource>(std::move(inner), head));
}

Result<std::unique_ptr<ByteSource>> decompress(std::unique_ptr<ByteSource> inner,
                                               const SourceContext& context) {
    using namespace std::string_view_literals;
    std::string head;
    ZC_TRY(auto source, peek(std::move(inner), 6, head));
    if (head.starts_with("\x1f\x8b"sv)) {
        source = std::make_unique<GzipSource>(std::move(source), context.name);
    } else if (head.starts_with("\x28\xb5\x2f\xfd"sv)) {
        source = std::make_unique<ZstdSource>(std::move(source), context.name);
    } else if (head.starts_with("\xfd\x37zXZ\0"sv)) {
        source = std::make_unique<XzSource>(std::move(source), context.name);
    }
    return source;
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
    // What it complains of goes where it cannot block it; shown only when it fails.
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
