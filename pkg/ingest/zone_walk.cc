#include "ingest/zone_walk.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ingest/hash.h"
#include "ingest/key_set.h"
#include "ingest/read_file.h"
#include "ingest/zone_files.h"

namespace zc::ingest {

namespace {

constexpr std::string_view zone_suffix = ".zone";
constexpr std::size_t batch_items_max = 256;

class Walker {
public:
    explicit Walker(Walk& walk) : walk_(walk) {}

    Status directory(const std::string& path);
    Status list(const std::string& path);
    Status file(const std::string& path);

private:
    struct Identity {
        dev_t device;
        ino_t inode;
    };

    void enter(const std::shared_ptr<const Directory>& directory, std::size_t depth);
    void visit_entries(const std::shared_ptr<const Directory>& directory, DIR* entries,
                       std::size_t depth);
    void descend(const Directory& parent, const char* name, std::size_t depth);
    void add(const std::shared_ptr<const Directory>& directory, std::string_view apex_text_of_file,
             const dns::Name& apex, std::string_view file, std::uint64_t line,
             const std::string& list_path);
    void flush() {
        if (batch_.items.empty()) return;
        walk_.batch(std::exchange(batch_, {}));
    }
    void problem(Error error) { walk_.problem(std::move(error)); }
    void unreadable(Error error) {
        walk_.incomplete = true;
        problem(std::move(error));
    }

    Walk& walk_;
    KeySet keys_;
    ZoneFileBatch batch_;
    std::array<Identity, directory_depth_max + 1>
        open_{};  // the directories from the top to here, against loops of links
};

void Walker::add(const std::shared_ptr<const Directory>& directory, std::string_view shown,
                 const dns::Name& apex, std::string_view file, std::uint64_t line,
                 const std::string& list_path) {
    const std::uint64_t key = zone_key(apex);
    if (!keys_.add(key)) {
        base::Location where{list_path, line};
        if (line == 0) where.source = directory->path + std::string(file);
        problem({Errc::exists,
                 "a second file for zone " + std::string(shown) + ", an earlier one counts",
                 std::move(where)});
        return;
    }
    if (batch_.directory != directory) flush();
    batch_.directory = directory;
    batch_.items.push_back({key, static_cast<std::uint32_t>(batch_.apexes.size()),
                            static_cast<std::uint32_t>(batch_.files.size())});
    const base::Octets wire = apex.wire();
    batch_.apexes.insert(batch_.apexes.end(), wire.begin(), wire.end());
    batch_.files += file;
    batch_.files += '\0';
    if (batch_.items.size() >= batch_items_max) flush();
}

Status Walker::directory(const std::string& path) {
    Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!descriptor.is_open()) return base::fail_errno(errno, "open directory " + path);
    struct stat status {};
    if (::fstat(descriptor.get(), &status) != 0) return base::fail_errno(errno, "stat " + path);
    open_[0] = {status.st_dev, status.st_ino};
    std::string slashed = path;
    if (!slashed.empty() && slashed.back() != '/') slashed += '/';
    enter(std::make_shared<Directory>(Directory{std::move(descriptor), std::move(slashed)}), 0);
    flush();
    return {};
}

void Walker::enter(const std::shared_ptr<const Directory>& directory, std::size_t depth) {
    // fdopendir takes its descriptor over and moves its offset; the batches use another.
    const int copy = ::openat(directory->descriptor.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* entries = copy < 0 ? nullptr : ::fdopendir(copy);
    if (entries == nullptr) {
        const int error_number = errno;
        if (copy >= 0) ::close(copy);
        unreadable(base::fail_errno(error_number, "read directory " + directory->path).value());
        return;
    }
    visit_entries(directory, entries, depth);
}

void Walker::visit_entries(const std::shared_ptr<const Directory>& directory, DIR* entries,
                           std::size_t depth) {
    // Names are sorted so that the order is that of the names and not that of the file system: two
    // nodes with the same files then agree which of two files for one zone counts.
    std::string texts;
    struct Entry {
        std::uint64_t head;  // the first octets of the name as a number: most comparisons end here
        std::uint32_t offset;
    };
    std::vector<Entry> files;
    std::vector<Entry> directories;
    std::vector<std::string> passed_over;
    errno = 0;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread reads this stream
    while (const dirent* entry = ::readdir(entries)) {
        const std::string_view name(static_cast<const char*>(entry->d_name));
        if (name.starts_with('.') || name.ends_with('~')) continue;
        const bool named_zone = name.ends_with(zone_suffix);
        unsigned char type = entry->d_type;
        if (type == DT_UNKNOWN || type == DT_LNK) {
            struct stat status {};
            const bool is_there =
                ::fstatat(directory->descriptor.get(), static_cast<const char*>(entry->d_name),
                          &status, 0) == 0;
            type = !is_there                 ? DT_UNKNOWN
                   : S_ISDIR(status.st_mode) ? DT_DIR
                   : S_ISREG(status.st_mode) ? DT_REG
                                             : DT_UNKNOWN;
        }
        errno = 0;
        if (type == DT_REG && !named_zone && walk_.passed_over)
            passed_over.push_back(directory->path + std::string(name));
        // A name of a zone that is no file (a link to nowhere, a pipe) is a broken zone. It is
        // reported when it is opened.
        if (type != DT_DIR && !named_zone) continue;
        std::array<std::uint8_t, 8> head{};
        std::memcpy(head.data(), name.data(), std::min(head.size(), name.size()));
        const std::uint64_t number =
            (std::uint64_t{base::load_u32(head.data())} << 32) | base::load_u32(head.data() + 4);
        (type == DT_DIR ? directories : files)
            .push_back({number, static_cast<std::uint32_t>(texts.size())});
        texts += name;
        texts += '\0';
    }
    const int error_number = errno;
    ::closedir(entries);
    if (error_number != 0)
        unreadable(base::fail_errno(error_number, "read directory " + directory->path).value());

    const auto by_name = [&texts](const Entry& a, const Entry& b) {
        return a.head != b.head ? a.head < b.head
                                : std::strcmp(&texts[a.offset], &texts[b.offset]) < 0;
    };
    std::ranges::sort(files, by_name);
    std::ranges::sort(directories, by_name);
    std::ranges::sort(passed_over);
    for (std::string& path : passed_over) walk_.passed_over(std::move(path));
    for (const Entry& entry : files) {
        if (walk_.stopped()) return;
        const std::string_view name(&texts[entry.offset]);
        const Result<dns::Name> apex = apex_of_file(name);
        if (!apex) {
            Error error = apex.error();
            error.where.source = directory->path + std::string(name);
            problem(std::move(error));
            continue;
        }
        add(directory, name.substr(0, name.size() - zone_suffix.size()), *apex, name, 0, {});
    }
    for (const Entry& entry : directories) {
        if (walk_.stopped()) return;
        descend(*directory, &texts[entry.offset], depth + 1);
    }
}

void Walker::descend(const Directory& parent, const char* name, std::size_t depth) {
    std::string path = parent.path + name + '/';
    if (depth > directory_depth_max) {
        unreadable({Errc::limit,
                    "more than " + std::to_string(directory_depth_max) + " directories deep",
                    {path, 0}});
        return;
    }
    Descriptor descriptor(
        ::openat(parent.descriptor.get(), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct stat status {};
    if (!descriptor.is_open() || ::fstat(descriptor.get(), &status) != 0) {
        unreadable(base::fail_errno(errno, "open directory " + path).value());
        return;
    }
    for (std::size_t i = 0; i < depth; ++i) {
        if (open_[i].device == status.st_dev && open_[i].inode == status.st_ino) {
            problem({Errc::invalid, "a link back to a directory above it, passed over", {path, 0}});
            return;
        }
    }
    open_[depth] = {status.st_dev, status.st_ino};
    enter(std::make_shared<Directory>(Directory{std::move(descriptor), std::move(path)}), depth);
}

Status Walker::list(const std::string& path) {
    ZC_TRY(const std::string text, read_whole_file(path, zone_octets_max));
    const std::string_view directory_path = directory_of(path);
    auto directory = std::make_shared<Directory>();
    directory->path = directory_path;
    directory->descriptor =
        Descriptor(::open(directory_path.empty() ? "." : directory->path.c_str(),
                          O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory->descriptor.is_open())
        return base::fail_errno(errno, "open directory of " + path);

    std::uint64_t line_number = 0;
    for (std::string_view rest = text; !rest.empty();) {
        if (walk_.stopped()) return {};
        ++line_number;
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        std::string_view line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.find_first_not_of(" \t") == std::string_view::npos || line.front() == '#')
            continue;
        const std::size_t tab = line.find('\t');
        const std::string_view file =
            tab == std::string_view::npos ? std::string_view{} : line.substr(tab + 1);
        // A bad line hides a zone that a good one named before: the served zone stays.
        if (file.empty() || file.find('\0') != std::string_view::npos) {
            unreadable({Errc::malformed,
                        "a line without a tab and a file, wanted: origin<TAB>file",
                        {path, line_number}});
            continue;
        }
        Result<dns::Name> apex = dns::Name::parse(line.substr(0, tab));
        if (!apex) {
            Error error = apex.error();
            error.where = {path, line_number};
            unreadable(std::move(error));
            continue;
        }
        add(directory, line.substr(0, tab), *apex, file, line_number, path);
    }
    flush();
    return {};
}

Status Walker::file(const std::string& path) {
    const std::string_view directory_path = directory_of(path);
    const std::string_view name = std::string_view(path).substr(directory_path.size());
    ZC_TRY(const dns::Name apex, apex_of_file(name));
    auto directory = std::make_shared<Directory>();
    directory->path = directory_path;
    directory->descriptor =
        Descriptor(::open(directory_path.empty() ? "." : directory->path.c_str(),
                          O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory->descriptor.is_open())
        return base::fail_errno(errno, "open directory of " + path);
    add(directory, name, apex, name, 0, {});
    flush();
    return {};
}

}  // namespace

dns::NameView ZoneFileBatch::apex(const Item& item) const noexcept {
    const std::size_t end = &item == &items.back() ? apexes.size() : (&item)[1].apex_offset;
    return dns::NameView(base::Octets(apexes).subspan(item.apex_offset, end - item.apex_offset));
}

std::string ZoneFileBatch::path(const Item& item) const {
    return join_path(directory->path, file(item));
}

std::uint64_t zone_key(dns::NameView apex) noexcept {
    std::array<std::uint8_t, dns::name_octets_max> folded{};
    std::ranges::transform(apex.wire(), folded.begin(), dns::fold);
    return hash64(base::Octets(folded).first(apex.size()));
}

Status walk_zone_files(const std::string& path, SourceKind kind, Walk& walk) {
    Walker walker(walk);
    switch (kind) {
        case SourceKind::directory:
            return walker.directory(path);
        case SourceKind::list:
            return walker.list(path);
        case SourceKind::file:
            return walker.file(path);
    }
    return {};
}

std::string join_path(std::string_view directory, std::string_view file) {
    if (file.starts_with('/')) return std::string(file);
    return std::string(directory).append(file);
}

std::string_view directory_of(std::string_view path) noexcept {
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash + 1);
}

Result<dns::Name> apex_of_file(std::string_view file_name) {
    if (!file_name.ends_with(zone_suffix) || file_name.size() == zone_suffix.size()) {
        return fail(Errc::malformed, "a file name that is not ORIGIN.zone");
    }
    file_name.remove_suffix(zone_suffix.size());
    if (file_name == "root") return dns::Name();
    ZC_TRY(dns::Name apex, dns::Name::parse(file_name));
    apex.fold_case();
    return apex;
}

}  // namespace zc::ingest
