#include "runtime/byte_source.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

namespace zc::runtime {

namespace {

constexpr std::size_t compressed_block_octets = std::size_t{256} << 10;
constexpr int zstd_window_bits_max = 30;
constexpr std::uint64_t xz_memory_octets_max = std::uint64_t{1} << zstd_window_bits_max;

/// A source that tells another source's place.
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

/// The loop that all three formats have in common; they differ in `decode`.
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
            const Decoded decoded = this->decode(in_, out, written, inner_ended_);
            if (decoded == Decoded::damaged) {
                return fail(Errc::malformed,
                            std::string("damaged ") + format_ + " data" +
                                (problem_.empty() ? "" : ": " + problem_),
                            {name_, 0});
            }
            if (decoded == Decoded::end_of_stream && in_.empty() && inner_ended_) ended_ = true;
            if (written != 0) return written;
            if (ended_) break;
            if (inner_ended_ && in_.size() == before) {
                if (decoded == Decoded::end_of_stream) break;
                return fail(Errc::malformed, std::string("the ") + format_ + " data is cut off",
                            {name_, 0});
            }
        }
        ended_ = true;
        return std::size_t{0};
    }

protected:
    enum class Decoded : std::uint8_t { more, end_of_stream, damaged };
    /// Takes from the front of `in`, writes to the front of `out`. `end_of_stream`: at the end of a
    /// member, and nothing of the next one was taken yet.
    virtual Decoded decode(std::span<const char>& in, std::span<char> out, std::size_t& written,
                           bool last) = 0;
    /// The library's words on the damage, if it has any.
    void set_problem(std::string problem) { problem_ = std::move(problem); }

private:
    const std::string name_;
    const char* const format_;
    std::string problem_;
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
    Decoded decode(std::span<const char>& in, std::span<char> out, std::size_t& written,
                   bool) override {
        if (!usable_) return Decoded::damaged;
        if (at_end_) {
            if (in.empty()) return Decoded::end_of_stream;
            if (inflateReset(&stream_) != Z_OK) return Decoded::damaged;
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
            return Decoded::end_of_stream;
        }
        return code == Z_OK || code == Z_BUF_ERROR ? Decoded::more : Decoded::damaged;
    }

    z_stream stream_{};
    bool usable_ = false;
    bool at_end_ = false;
};

class ZstdSource final : public Decompressor {
public:
    ZstdSource(std::unique_ptr<ByteSource> inner, const std::string& name)
        : Decompressor(std::move(inner), name, "zstd"), stream_(ZSTD_createDStream()) {
        // Its own limit is what `zstd` without --long writes. Memory that is not touched costs nothing.
        if (stream_ != nullptr)
            ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, zstd_window_bits_max);
    }
    ~ZstdSource() override { ZSTD_freeDStream(stream_); }
    ZstdSource(const ZstdSource&) = delete;
    ZstdSource& operator=(const ZstdSource&) = delete;

private:
    Decoded decode(std::span<const char>& in, std::span<char> out, std::size_t& written,
                   bool) override {
        if (stream_ == nullptr) return Decoded::damaged;
        if (at_end_ && in.empty()) return Decoded::end_of_stream;
        ZSTD_inBuffer source{in.data(), in.size(), 0};
        ZSTD_outBuffer target{out.data(), out.size(), 0};
        const std::size_t code = ZSTD_decompressStream(stream_, &target, &source);
        if (ZSTD_isError(code) != 0) {
            set_problem(ZSTD_getErrorName(code));
            return Decoded::damaged;
        }
        in = in.subspan(source.pos);
        written = target.pos;
        at_end_ = code == 0;
        return at_end_ ? Decoded::end_of_stream : Decoded::more;
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
    Decoded decode(std::span<const char>& in, std::span<char> out, std::size_t& written,
                   bool last) override {
        if (!usable_) return Decoded::damaged;
        if (at_end_) return Decoded::end_of_stream;
        stream_.next_in = reinterpret_cast<const std::uint8_t*>(in.data());
        stream_.avail_in = in.size();
        stream_.next_out = reinterpret_cast<std::uint8_t*>(out.data());
        stream_.avail_out = out.size();
        const lzma_ret code = lzma_code(&stream_, last ? LZMA_FINISH : LZMA_RUN);
        in = in.last(stream_.avail_in);
        written = out.size() - stream_.avail_out;
        if (code == LZMA_STREAM_END) {
            at_end_ = true;
            return Decoded::end_of_stream;
        }
        if (code == LZMA_OK || code == LZMA_BUF_ERROR) return Decoded::more;
        if (code == LZMA_MEMLIMIT_ERROR || code == LZMA_MEM_ERROR)
            set_problem("needs too much memory for decompressing");
        return Decoded::damaged;
    }

    lzma_stream stream_ = LZMA_STREAM_INIT;
    bool usable_ = false;
    bool at_end_ = false;
};

}  // namespace

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

std::string_view compression_of(std::string_view head) noexcept {
    struct Known {
        std::string_view begins, name;
    };
    using namespace std::string_view_literals;
    static constexpr std::array<Known, 6> known = {{{"\x1f\x8b"sv, "gzip"sv},
                                                    {"\x28\xb5\x2f\xfd"sv, "zstd"sv},
                                                    {"\xfd\x37zX"sv, "xz"sv},
                                                    {"\x04\x22\x4d\x18"sv, "lz4"sv},
                                                    {"\x1f\x9d"sv, "compress"sv},
                                                    {"BZh"sv, "bzip2"sv}}};
    // A frame to be skipped (RFC 8878 section 3.1.2), as pzstd puts before the others.
    if (head.size() >= 4 && (head[0] & '\xf0') == '\x50' && head.substr(1, 3) == "\x2a\x4d\x18"sv)
        return "zstd";
    for (const Known& one : known) {
        if (!head.starts_with(one.begins)) continue;
        if (one.name == "bzip2"sv &&
            head.substr(std::min<std::size_t>(4, head.size())) != "\x31\x41\x59\x26\x53\x59"sv)
            return {};
        return one.name;
    }
    return {};
}

Result<std::unique_ptr<ByteSource>> decompress(std::unique_ptr<ByteSource> inner,
                                               const std::string& name) {
    std::string head;
    ZC_TRY(auto source, peek(std::move(inner), compression_head_octets, head));
    const std::string_view format = compression_of(head);
    if (format == "gzip") {
        source = std::make_unique<GzipSource>(std::move(source), name);
    } else if (format == "zstd") {
        source = std::make_unique<ZstdSource>(std::move(source), name);
    } else if (format == "xz") {
        source = std::make_unique<XzSource>(std::move(source), name);
    } else if (!format.empty()) {
        return fail(Errc::unsupported,
                    "compressed by " + std::string(format) + ", wanted gzip, zstd or xz",
                    {name, 0});
    }
    return source;
}

}  // namespace zc::runtime
