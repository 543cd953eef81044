// Inside of package ingest: the octets of a source, wherever they come from and however they were
// compressed.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace zc::ingest {

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

struct SourceContext {
    std::string name;  // for error locations: the path, "stdin"
    const std::atomic<bool>* stop_or_null =
        nullptr;  // looked at when a read was interrupted, and before each
};

/// The file at `path`, or stdin for "-", as it is.
Result<std::unique_ptr<ByteSource>> open_octets(const std::string& path,
                                                const SourceContext& context);

/// `inner`, with its first octets (at most `octets`) read ahead into `head`; it gives them again.
Result<std::unique_ptr<ByteSource>> peek(std::unique_ptr<ByteSource> inner, std::size_t octets,
                                         std::string& head);

/// Recognises gzip, zstd and xz by their first octets and decompresses; anything else stays as it
/// is.
Result<std::unique_ptr<ByteSource>> decompress(std::unique_ptr<ByteSource> inner,
                                               const SourceContext& context);

/// What a program writes to its standard output; `input_or_null`, if any, is fed to its standard
/// input by a thread. Errors: `not_found` when there is no such program in PATH.
Result<std::unique_ptr<ByteSource>> run_program(const std::vector<std::string>& arguments,
                                                std::unique_ptr<ByteSource> input_or_null,
                                                const SourceContext& context);

}  // namespace zc::ingest
