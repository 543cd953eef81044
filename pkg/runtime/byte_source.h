// The octets of a source, in order and once, however they were compressed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace zc::runtime {

/// Octets in order, once.
class ByteSource {
public:
    virtual ~ByteSource() = default;
    /// At least one octet, or 0 at the end. Errors: `io`, `malformed` when compressed data is
    /// damaged or cut off, `interrupted`. At the end of a process its exit status counts: an
    /// unsuccessful one is an error.
    virtual Result<std::size_t> read(std::span<char> out) = 0;
    /// How far along, in octets as they lie on disk; `total` is 0 when that is not known.
    virtual std::uint64_t position() const noexcept = 0;
    virtual std::uint64_t total() const noexcept = 0;
};

/// `inner`, with its first octets (at most `octets`) read ahead into `head`; it gives them again.
Result<std::unique_ptr<ByteSource>> peek(std::unique_ptr<ByteSource> inner, std::size_t octets,
                                         std::string& head);

/// How octets that begin like this were compressed: "gzip", "zstd", "xz", which `decompress` reads;
/// "bzip2", "lz4", "compress", which it refuses by name; empty for all else. Tells it from four
/// octets, except bzip2 from ten, which begins with letters.
std::string_view compression_of(std::string_view head) noexcept;
inline constexpr std::size_t compression_head_octets = 10;

/// Recognises compressed octets by the first of them and decompresses; anything else stays as it
/// is. Error: `unsupported`, for a compression that is known by name alone.
Result<std::unique_ptr<ByteSource>> decompress(std::unique_ptr<ByteSource> inner,
                                               const std::string& name);

}  // namespace zc::runtime
