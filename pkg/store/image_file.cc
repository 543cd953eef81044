#include "store/image_file.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "runtime/mapped_file.h"
#include "runtime/workers.h"
#include "store/file.h"

namespace zc::store {
namespace {

constexpr std::array<char, 8> magic = {'z', 'c', 'i', 'm', 'a', 'g', 'e', 's'};
// 2: with the value of the position. One of format 1 may be of an undone past: it is refused.
constexpr std::uint32_t format = 2;
constexpr std::uint32_t byte_order_mark =
    0x01020304;                                // reads otherwise on the other kind of machine
constexpr std::uint64_t header_octets = 4096;  // a page: the images behind it are page-aligned
constexpr std::uint64_t block_octets = std::uint64_t{1} << 20;
constexpr unsigned threads_max = 64;
constexpr std::uint64_t octets_ahead = 2048;  // some images of usual size
constexpr std::uint64_t part_images = 2048;  // 0.7 MB of small ones: a thread takes so many at once

/// As it stands in the file.
struct Header {
    std::array<char, 8> magic;
    std::uint32_t format;
    std::uint32_t byte_order;
    std::array<std::uint8_t, 16> store;
    std::uint64_t position;  // its number
    std::uint64_t images;
    std::uint64_t image_octets;  // with padding; the sizes follow, then the digests
    std::uint64_t value;         // of the position
    XXH128_hash_t digests;       // of the digests
    XXH128_hash_t header;        // of all before it
};
static_assert(sizeof(Header) == 96 && std::is_trivially_copyable_v<Header>);
static_assert(sizeof(XXH128_hash_t) == 16);

constexpr std::uint64_t padded(std::uint64_t octets) {
    return (octets + 7) & ~std::uint64_t{7};
}
constexpr std::uint64_t blocks_of(std::uint64_t octets) {
    return (octets + block_octets - 1) / block_octets;
}

XXH128_hash_t digest_of_header(const Header& header) {
    return XXH3_128bits(&header, offsetof(Header, header));
}

Result<Header> header_of(base::Octets octets, const std::string& path) {
    const auto malformed = [&path](const char* message) {
        return fail(Errc::malformed, message, {.source = path});
    };
    Header header{};
    if (octets.size() < sizeof(header)) return malformed("file without a whole header");
    std::memcpy(&header, octets.data(), sizeof(header));
    if (header.magic != magic || header.byte_order != byte_order_mark)
        return malformed("no image file of this kind of machine");
    if (header.format != format)
        return fail(Errc::unsupported,
                    "image file of format " + std::to_string(header.format) + ", wanted " +
                        std::to_string(format),
                    {.source = path});
    if (!XXH128_isEqual(header.header, digest_of_header(header)))
        return malformed("header does not fit its digest");
    return header;
}

template <class T>
base::Octets octets_of(const std::vector<T>& values) {
    return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * sizeof(T)};
}

}  // namespace

std::string image_file_path(const std::string& store_path) {
    std::error_code error;
    if (std::filesystem::is_symlink(store_path, error))
        if (const auto real = std::filesystem::canonical(store_path, error); !error)
            return real.string() + "-images";
    return store_path + "-images";
}

struct ImageFileWriter::Work {
    std::string target;
    LockedFile file;
    std::vector<std::uint8_t> block;
    std::vector<std::uint32_t> sizes;
    std::vector<XXH128_hash_t> digests;
    std::uint64_t image_octets = 0;

    Status append(base::Octets octets) {
        while (!octets.empty()) {
            const std::size_t room = block_octets - block.size();
            const base::Octets now = octets.first(std::min(room, octets.size()));
            block.insert(block.end(), now.begin(), now.end());
            octets = octets.subspan(now.size());
            if (block.size() == block_octets) ZC_TRY_STATUS(flush());
        }
        return {};
    }

    Status flush() {
        if (block.empty()) return {};
        digests.push_back(XXH3_128bits(block.data(), block.size()));
        ZC_TRY_STATUS(file.write(block));
        block.clear();
        if (digests.size() % (LockedFile::write_back_octets / block_octets) == 0)
            file.start_writing_back();
        return {};
    }
};

ImageFileWriter::ImageFileWriter(std::unique_ptr<Work> work) noexcept : work_(std::move(work)) {}
ImageFileWriter::ImageFileWriter(ImageFileWriter&&) noexcept = default;
ImageFileWriter& ImageFileWriter::operator=(ImageFileWriter&&) noexcept = default;
ImageFileWriter::~ImageFileWriter() = default;

Result<ImageFileWriter> ImageFileWriter::begin(const std::string& store_path) {
    auto work = std::make_unique<Work>();
    work->target = image_file_path(store_path);
    ZC_TRY(work->file, LockedFile::create(work->target + ".new"));
    work->block.reserve(block_octets);
    const std::vector<std::uint8_t> room_for_header(header_octets);
    ZC_TRY_STATUS(work->file.write(room_for_header));
    return ImageFileWriter(std::move(work));
}

Status ImageFileWriter::add(base::Octets image) {
    if (image.empty() || image.size() > UINT32_MAX)
        return fail(Errc::limit,
                    "image of " + std::to_string(image.size()) + " octets, wanted 1 to 4294967295");
    static constexpr std::array<std::uint8_t, 8> zeros{};
    work_->sizes.push_back(static_cast<std::uint32_t>(image.size()));
    ZC_TRY_STATUS(work_->append(image));
    const std::uint64_t padding = padded(image.size()) - image.size();
    ZC_TRY_STATUS(work_->append(base::Octets(zeros).first(padding)));
    work_->image_octets += padded(image.size());
    return {};
}

Status ImageFileWriter::seal(const Position& position) {
    Work& work = *work_;
    ZC_TRY_STATUS(work.append(octets_of(work.sizes)));
    ZC_TRY_STATUS(work.flush());
    const base::Octets digests = octets_of(work.digests);
    ZC_TRY_STATUS(work.file.write(digests));
    Header header{};
    header.magic = magic;
    header.format = format;
    header.byte_order = byte_order_mark;
    header.store = position.store;
    header.position = position.number;
    header.value = position.value;
    header.images = work.sizes.size();
    header.image_octets = work.image_octets;
    header.digests = XXH3_128bits(digests.data(), digests.size());
    header.header = digest_of_header(header);
    std::array<std::uint8_t, sizeof(Header)> octets{};
    std::memcpy(octets.data(), &header, sizeof(header));
    ZC_TRY_STATUS(work.file.write_at(0, octets));
    ZC_TRY_STATUS(work.file.make_read_only());
    return work.file.sync();
}

Status ImageFileWriter::publish() {
    // If its new name is lost with the power, the old file is there, and is told by its position.
    ZC_TRY(const std::string problem,
           work_->file.publish(work_->target, LockedFile::Target::may_exist));
    static_cast<void>(problem);
    return {};
}

struct ImageFile::Work {
    runtime::MappedFile file;
    Position position;
    std::uint64_t images = 0;
    std::uint64_t body = 0;  // octets of images and sizes
    const std::uint8_t* sizes = nullptr;
    std::vector<XXH128_hash_t> digests;  // as they were when the file was opened
    std::vector<std::uint64_t> parts;    // where the first image of each lies, in the file

    explicit Work(runtime::MappedFile mapped) noexcept : file(std::move(mapped)) {}
    std::uint32_t size_of(std::uint64_t image) const noexcept {
        std::uint32_t size = 0;
        std::memcpy(&size, sizes + 4 * image, 4);
        return size;
    }
};

ImageFile::ImageFile(std::unique_ptr<Work> work) noexcept : work_(std::move(work)) {}
ImageFile::ImageFile(ImageFile&&) noexcept = default;
ImageFile& ImageFile::operator=(ImageFile&&) noexcept = default;
ImageFile::~ImageFile() = default;

Result<ImageFile::Head> ImageFile::read_head(const std::string& store_path) {
    const std::string path = image_file_path(store_path);
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return base::fail_errno(errno, "open " + path);
    std::array<std::uint8_t, sizeof(Header)> octets{};
    const ssize_t done = ::pread(fd, octets.data(), octets.size(), 0);
    const int read_error = errno;
    struct stat status {};
    const auto file_octets =
        ::fstat(fd, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
    ::close(fd);
    if (done < 0) return base::fail_errno(read_error, "read " + path);
    ZC_TRY(const Header header,
           header_of(base::Octets(octets).first(static_cast<std::size_t>(done)), path));
    if (header.images > file_octets / 4)
        return fail(Errc::malformed, "header speaks of more images than the file has",
                    {.source = path});
    return Head{{header.store, header.position, header.value}, header.images};
}

Result<ImageFile> ImageFile::open(const std::string& store_path, unsigned threads) {
    const std::string path = image_file_path(store_path);
    const auto malformed = [&path](std::string message) {
        return fail(Errc::malformed, std::move(message), {.source = path});
    };
    ZC_TRY(runtime::MappedFile mapped, runtime::MappedFile::open(path));
    auto work = std::make_unique<Work>(std::move(mapped));
    const base::Octets all = work->file.octets();
    if (all.size() < header_octets)
        return malformed("file of " + std::to_string(all.size()) + " octets, its header alone is " +
                         std::to_string(header_octets));

    ZC_TRY(const Header header, header_of(all.first(sizeof(Header)), path));
    // From here on the header is as it was written; but sizes are compared before they are used all
    // the same.
    const std::uint64_t body_max = all.size() - header_octets;
    if (header.image_octets > body_max || header.images > body_max / 4)
        return malformed("header speaks of more octets than the file has");
    const std::uint64_t body = header.image_octets + 4 * header.images;
    const std::uint64_t blocks = blocks_of(body);
    if (body + blocks * sizeof(XXH128_hash_t) != body_max)
        return malformed("file of " + std::to_string(all.size()) +
                         " octets, its header speaks of " +
                         std::to_string(header_octets + body + blocks * sizeof(XXH128_hash_t)));
    const std::uint8_t* const first = all.data() + header_octets;
    std::vector<XXH128_hash_t>& digests = work->digests;
    digests.resize(blocks);
    const std::uint64_t digests_octets = blocks * sizeof(XXH128_hash_t);
    if (blocks > 0) std::memcpy(digests.data(), first + body, digests_octets);
    if (!XXH128_isEqual(header.digests, XXH3_128bits(digests.data(), digests_octets)))
        return malformed("digests do not fit their digest");

    if (threads == 0) threads = std::max(1U, std::thread::hardware_concurrency());
    threads = std::min(threads, threads_max);
    std::atomic<std::uint64_t> next{0};
    std::atomic<std::uint64_t> damaged{blocks};
    const auto check_blocks = [&] {
        for (;;) {
            const std::uint64_t block = next.fetch_add(1);
            if (block >= blocks) return;
            const std::uint64_t at = block * block_octets;
            const std::uint64_t size = std::min(block_octets, body - at);
            // Mapped at once instead of a page fault for every 64 KiB. A hint: an old kernel does
            // not know it.
            ::madvise(const_cast<std::uint8_t*>(first) + at, size, MADV_POPULATE_READ);
            if (!XXH128_isEqual(digests[block], XXH3_128bits(first + at, size))) {
                damaged = block;
                return;
            }
        }
    };
    {
        // Without helpers this thread checks all.
        std::optional<runtime::Workers> helpers;
        if (threads > 1) helpers.emplace(threads - 1, check_blocks, [] {});
        check_blocks();
    }
    if (damaged != blocks)
        return malformed("octets from " + std::to_string(header_octets + damaged * block_octets) +
                         " on do not fit their digest");

    work->position = {header.store, header.position, header.value};
    work->images = header.images;
    work->body = body;
    work->sizes = first + header.image_octets;
    std::uint64_t sum = 0;
    for (std::uint64_t image = 0; image < work->images; ++image) {
        if (image % part_images == 0) work->parts.push_back(header_octets + sum);
        sum += padded(work->size_of(image));
    }
    if (sum != header.image_octets) return malformed("sizes of images do not give their sum");
    return ImageFile(std::move(work));
}

const Position& ImageFile::position() const noexcept {
    return work_->position;
}
std::uint64_t ImageFile::images() const noexcept {
    return work_->images;
}
std::uint64_t ImageFile::octets() const noexcept {
    return work_->file.octets().size();
}

bool ImageFile::changed() const noexcept {
    return work_->file.changed();
}

std::uint64_t ImageFile::give_up_damaged_blocks() {
    Work& work = *work_;
    return work.file.check_blocks(
        header_octets, block_octets, [&work](std::uint64_t block, base::Octets octets) {
            // The last one holds the digests too, which are not needed any more.
            const std::uint64_t at = block * block_octets;
            if (at >= work.body) return true;
            const std::uint64_t size = std::min(block_octets, work.body - at);
            return XXH128_isEqual(work.digests[block], XXH3_128bits(octets.data(), size)) != 0;
        });
}

std::size_t ImageFile::parts() const noexcept {
    return work_->parts.size();
}

void ImageFile::for_each_of(std::size_t part,
                            const std::function<void(base::Octets image)>& each) const {
    const std::uint8_t* at = work_->file.octets().data() + work_->parts[part];
    const std::uint64_t end = std::min(work_->images, (part + 1) * part_images);
    for (std::uint64_t image = part * part_images; image < end; ++image) {
        const std::uint32_t size = work_->size_of(image);
        __builtin_prefetch(at + octets_ahead);  // a hint, also beyond the end
        each({at, size});
        at += padded(size);
    }
}

void ImageFile::for_each(const std::function<void(base::Octets image)>& each) const {
    for (std::size_t part = 0; part < parts(); ++part) for_each_of(part, each);
}

}  // namespace zc::store
