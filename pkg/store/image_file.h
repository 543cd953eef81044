// The image file: a checkpoint of all images of a store in one file, to be mapped and answered from
// as it is.
//
// SQLite stays the truth. The file says at which position of which store it was taken; what changed
// since is loaded from the store on top. A file that is missing, damaged or of another store or
// history is made anew from the store.
//
//   header    4096 octets: magic, format, store id, position, number of images, lengths, digest of
//             the digests, digest of the header
//   images    each 8-octet aligned, one after the other
//   sizes     u32 an image, in the order of the images
//   digests   XXH3-128 of each block of `block_octets` of images and sizes
//
// A file is never changed: a new one takes its name (mode 0440), and who has the old one mapped
// keeps it. A foreign hand can change it all the same: runtime/mapped_file.h.
//
// Blocks and not single images are digested: a digest an image would cost 34 MB and another cache
// miss each, and nothing is won by it, since a damaged file is made anew as a whole. Numbers are
// little-endian: a file of a machine with the other order is refused (and made anew).
//
// Sketch: 2.1 million images: 690 MB, sizes 8.4 MB, digests 43 kB. Opened and checked, with both
// cores and a warm page cache, in about 0.1 s.
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
