// The image file: a checkpoint of all images of a store in one file. A node maps it and answers
// from it.
//
// SQLite stays the truth. The file says at which position of which store it was written; changes
// since then are loaded from the store on top. A file that is missing, damaged or of another store
// or history is made anew from the store. STORE.md is the format, octet by octet.
//
// A file is never changed: a new one takes its name, and a process that has the old one mapped
// keeps it. Another program can change it all the same: see runtime/mapped_file.h.
//
// Cost: a file of 2.1 million images is opened and checked in about 0.1 s, with two cores and a
// warm page cache.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/octets.h"
#include "base/result.h"
#include "store/store.h"

namespace zc::store {

/// Where the image file of the store at `store_path` lies: beside the store itself, whatever links
/// lead to it, so that there is one.
std::string image_file_path(const std::string& store_path);

/// Writes FILE-images.new; `finish` puts it in place of the old one, durably. Destroyed without: it
/// is gone again. A process that has the old file mapped keeps it.
class ImageFileWriter {
public:
    /// Errors: `busy` when another process writes it, `io`, `full`.
    static Result<ImageFileWriter> begin(const std::string& store_path);
    ImageFileWriter(ImageFileWriter&&) noexcept;
    ImageFileWriter& operator=(ImageFileWriter&&) noexcept;
    ~ImageFileWriter();

    /// `image`: not empty, at most 2^32 - 1 octets.
    Status add(base::Octets image);
    /// `position`: of the state whose images these are.
    Status finish(const Position& position) {
        ZC_TRY_STATUS(seal(position));
        return publish();
    }
    /// The two halves of `finish`: all of the work, and the change of name. For who has to know in
    /// between that the store's own commit was good.
    Status seal(const Position& position);
    Status publish();

private:
    struct Work;
    explicit ImageFileWriter(std::unique_ptr<Work> work) noexcept;
    std::unique_ptr<Work> work_;
};

/// A mapped image file. The images are where they are until this is destroyed. When a foreign hand
/// changes the file, they have other octets or are gone, see runtime::guarded.
class ImageFile {
public:
    /// Maps the file and checks it in full, with `threads` (0: one a core).
    /// Errors: `not_found`, `malformed`, `unsupported`, `io`.
    static Result<ImageFile> open(const std::string& store_path, unsigned threads = 0);
    /// Reads the header alone, and checks that.
    struct Head {
        Position position;
        std::uint64_t images = 0;
    };
    static Result<Head> read_head(const std::string& store_path);
    ImageFile(ImageFile&&) noexcept;
    ImageFile& operator=(ImageFile&&) noexcept;
    ~ImageFile();

    const Position& position() const noexcept;
    std::uint64_t images() const noexcept;
    std::uint64_t octets() const noexcept;  // of the file

    /// A foreign hand was at the file.
    bool changed() const noexcept;
    /// Then: makes what is as it was readable and the rest not. Gives the number of blocks of the
    /// rest; 0: all is as it was.
    std::uint64_t give_up_damaged_blocks();

    /// Every image, in order. 8-octet aligned.
    void for_each(const std::function<void(base::Octets image)>& each) const;
    /// The same in parts of some thousand images, for several threads at once.
    std::size_t parts() const noexcept;
    void for_each_of(std::size_t part, const std::function<void(base::Octets image)>& each) const;

private:
    struct Work;
    explicit ImageFile(std::unique_ptr<Work> work) noexcept;
    std::unique_ptr<Work> work_;
};

}  // namespace zc::store
