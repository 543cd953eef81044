// Inside of package ingest: the octets of a source, wherever they come from.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/byte_source.h"

namespace zc::ingest {

using runtime::ByteSource;
using runtime::peek;

struct SourceContext {
    std::string name;  // for error locations: the path, "stdin"
    const std::atomic<bool>* stop_or_null =
        nullptr;  // looked at when a read was interrupted, and before each
};

/// The file at `path`, or stdin for "-", as it is.
Result<std::unique_ptr<ByteSource>> open_octets(const std::string& path,
                                                const SourceContext& context);

/// The octets that a program writes to its standard output; `input_or_null`, if any, is fed to its standard
/// input by a thread. Errors: `not_found` when there is no such program in PATH.
Result<std::unique_ptr<ByteSource>> run_program(const std::vector<std::string>& arguments,
                                                std::unique_ptr<ByteSource> input_or_null,
                                                const SourceContext& context);

}  // namespace zc::ingest
