// Inside of package ingest: which zone files a source names, in a fixed order.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dns/name.h"
#include "net/descriptor.h"

namespace zc::ingest {

using net::Descriptor;

struct Directory {
    Descriptor descriptor;
    std::string path;  // with a final '/'; empty is the working directory
};

/// Some zone files of one directory (or of a list beside which they lie). Their texts share two
/// buffers.
struct ZoneFileBatch {
    struct Item {
        std::uint64_t key;  // of the apex
        std::uint32_t apex_offset;
        std::uint32_t file_offset;  // NUL-terminated, relative to the directory, or absolute
    };
    /// Shared by the walk, which may still be in this directory, and by the batches of its files in
    /// other threads.
    std::shared_ptr<const Directory> directory;
    std::vector<Item> items;
    std::vector<std::uint8_t> apexes;
    std::string files;

    dns::NameView apex(const Item& item) const noexcept;
    const char* file(const Item& item) const noexcept { return files.data() + item.file_offset; }
    std::string path(const Item& item) const;
};

/// A hash of an apex, case ignored: 64 bits, so two of ten million zones collide with a probability
/// of 3e-6.
std::uint64_t zone_key(dns::NameView apex) noexcept;

enum class SourceKind : std::uint8_t { directory, list, file };

struct Walk {
    /// Something of the source itself was wrong; `incomplete` says whether zones may be missing
    /// because of it.
    std::function<void(Error error)> problem;
    std::function<void(ZoneFileBatch&& batch)> batch;  // not empty
    /// A regular file of a directory whose name is not ORIGIN.zone; may be empty.
    std::function<void(std::string path)> passed_over;
    std::function<bool()> stopped;
    bool incomplete = false;  // out: a directory or the list could not be read to its end
};

/// Walks the source and hands out each zone once: of two files for one zone the first counts, in
/// order of directories (files by name, then subdirectories by name) or of lines; the other is a
/// problem.
Status walk_zone_files(const std::string& path, SourceKind kind, Walk& walk);

/// The path of a file named in `directory`.
std::string join_path(std::string_view directory, std::string_view file);
/// Everything up to the last '/', with it; empty when there is none.
std::string_view directory_of(std::string_view path) noexcept;

}  // namespace zc::ingest
