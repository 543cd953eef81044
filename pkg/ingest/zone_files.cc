#include "ingest/zone_files.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <mutex>
#include <new>
#include <optional>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dns/presentation.h"
#include "ingest/bounded_queue.h"
#include "ingest/hash.h"
#include "ingest/read_file.h"
#include "ingest/zone_walk.h"
#include "runtime/workers.h"

namespace zc::ingest {

namespace {

constexpr std::size_t batches_waiting_max = 64;
constexpr std::size_t problems_max = 1000;
constexpr std::size_t head_octets = 65536;  // by which a zone file of another name is recognised
constexpr int soa_word_max = 4;             // its place in the line: owner, TTL, class, type
constexpr std::uint64_t stamp_none = 0;     // of a file that has to be read again at the next look

Status check(const ZoneFileOptions& options) {
    ZC_TRY_STATUS(base::check(options.threads_limit, options.threads));
    return base::check(dns::default_ttl_limit, options.default_ttl);
}

/// Everything stat() says that changes with the contents. The inode, because a file put in place by
/// rename may have the old one's times; ctime, because mtime can be set back by whoever copies.
std::uint64_t stamp_of(const struct stat& status, std::int64_t now_seconds) noexcept {
    // A file changed in the same tick of the file system's clock after it was read would look
    // unchanged: one that is that young gets no stamp. Ticks are a few milliseconds, or two seconds
    // where times have no fraction.
    const bool coarse = status.st_ctim.tv_nsec == 0;
    if (status.st_ctim.tv_sec >= now_seconds - (coarse ? 2 : 1)) return stamp_none;
    const std::uint64_t facts[] = {static_cast<std::uint64_t>(status.st_dev),
                                   static_cast<std::uint64_t>(status.st_ino),
                                   static_cast<std::uint64_t>(status.st_size),
                                   static_cast<std::uint64_t>(status.st_mtim.tv_sec),
                                   static_cast<std::uint64_t>(status.st_mtim.tv_nsec),
                                   static_cast<std::uint64_t>(status.st_ctim.tv_sec),
                                   static_cast<std::uint64_t>(status.st_ctim.tv_nsec)};
    return std::max<std::uint64_t>(
        hash64({reinterpret_cast<const std::uint8_t*>(facts), sizeof facts}), stamp_none + 1);
}

std::uint64_t stamp_of_path(const std::string& path, std::int64_t now) noexcept {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? stamp_of(status, now) : stamp_none;
}

struct Identity {
    dev_t device = 0;
    ino_t inode = 0;
    bool operator==(const Identity&) const = default;
};

/// Reads the files that $INCLUDE names, for one zone: relative to the including file, no cycle,
/// bounded in depth, number and octets.
class Includes {
public:
    struct File {
        std::string path;
        std::uint64_t stamp;
    };

    /// The zone's own file: `identity` is empty when it is no file.
    Includes(std::string zone_file, Identity identity, std::uint64_t octets, std::int64_t now,
             const std::atomic<bool>* stop_or_null)
        : now_(now), stop_or_null_(stop_or_null), octets_(octets) {
        open_.push_back({std::move(zone_file), identity});
    }

    /// `depth`: of the file with the $INCLUDE, as read_master() tells it.
    Result<dns::IncludedText> read(std::string_view written, std::uint32_t depth) {
        open_.resize(depth + std::size_t{1});  // what was included there before has been read
        if (depth >= include_depth_max) {
            return fail(Errc::limit,
                        "more than " + std::to_string(include_depth_max) + " files deep");
        }
        if (++count_ > includes_max)
            return fail(Errc::limit, "more than " + std::to_string(includes_max) + " for one zone");
        if (written.find('\0') != std::string_view::npos)
            return fail(Errc::malformed, "a NUL in the name of a file");
        std::string path = join_path(directory_of(open_.back().path), written);
        // Before reading: a change in between is then seen as one.
        files_.push_back({path, stamp_of_path(path, now_)});
        auto text = read_file(path);
        if (text) return dns::IncludedText{*std::move(text), std::move(path)};
        Error error = std::move(text).error();
        error.message = path + ": " + error.message;
        return tl::unexpected<Error>(std::move(error));
    }

    /// Each once.
    std::vector<File>& files() {
        std::ranges::sort(files_, {}, &File::path);
        // A file that changed meanwhile has no stamp, so that it is read again.
        std::size_t kept = 0;
        for (File& file : files_) {
            if (kept > 0 && files_[kept - 1].path == file.path) {
                if (files_[kept - 1].stamp != file.stamp) files_[kept - 1].stamp = stamp_none;
            } else if (&files_[kept++] != &file) {
                files_[kept - 1] = std::move(file);
            }
        }
        files_.resize(kept);
        return files_;
    }

private:
    struct Open {
        std::string path;
        Identity identity;
    };

    Result<std::string> read_file(const std::string& path) {
        ZC_TRY(const RegularFile file, open_regular(AT_FDCWD, path.c_str()));
        const Identity identity{file.status.st_dev, file.status.st_ino};
        for (const Open& open : open_) {
            if (open.identity == identity)
                return fail(Errc::invalid, "is being read: no file may include itself");
        }
        FileBuffer buffer;
        const std::uint64_t left = zone_octets_max - std::min(zone_octets_max, octets_);
        auto text =
            buffer.read(file.descriptor.get(), static_cast<std::uint64_t>(file.status.st_size),
                        left, stop_or_null_);
        if (!text && text.error().code == Errc::limit) {
            return fail(Errc::limit, "the zone's files together have more than " +
                                         std::to_string(zone_octets_max) + " octets");
        }
        if (!text) return tl::unexpected<Error>(std::move(text).error());
        octets_ += text->size();
        open_.push_back({path, identity});
        return std::string(*text);
    }

    const std::int64_t now_;
    const std::atomic<bool>* const stop_or_null_;
    std::vector<Open> open_;  // the zone's file, and those that are being read inside of it
    std::uint32_t count_ = 0;
    std::uint64_t octets_;
    std::vector<File> files_;
};

/// The memory of a thread that makes zones out of files, one after the other.
class Compiler {
public:
    explicit Compiler(const ZoneFileOptions& options) : options_(options) {
        master_.default_ttl = options_.default_ttl;
        master_.errors_max = options_.errors_max;
        master_.stopped = [this] { return stopped(); };
        if (options_.misplaced == Misplaced::leave_out)
            master_.leaves_out = [this](const dns::RecordView& record) {
                return is_misplaced(record, master_.origin);
            };
    }
    Compiler(const Compiler&) = delete;
    Compiler& operator=(const Compiler&) = delete;

    /// `text` is the file at `path`. After a stop what comes back is of no use.
    LoadedZone compile(std::string_view text, const std::string& path, dns::NameView apex,
                       Includes& includes) {
        LoadedZone zone;
        zone.apex = dns::Name(apex);
        zone.apex.fold_case();
        builder_->begin(zone.apex);
        master_.origin = dns::Name(apex);
        master_.source = path;
        master_.include = [&includes](std::string_view written, std::uint32_t depth) {
            return includes.read(written, depth);
        };
        dns::MasterReport report =
            dns::read_master(text, master_, [this](const dns::RecordView& record, std::uint64_t) {
                return builder_->add(record, zone::Builder::Rdata::checked);
            });
        zone.records = report.records;
        zone.left_out = std::move(report.left_out);
        zone.left_out_count = report.left_out_count;
        zone.errors = std::move(report.errors);
        const bool read_whole = zone.errors.empty();
        const bool collect = options_.warnings == Warnings::collect;
        if (collect) find_oddities(report, zone);
        std::vector<Error> errors;
        Result<zone::Image> image =
            builder_->build(collect ? &zone.warnings : nullptr, &errors, master_.stopped);
        if (image && read_whole) {
            zone.image = *std::move(image);
            zone.costly = zone::costly_hashing(zone::Zone(zone.image.octets().data()));
            return zone;
        }
        if (!image && errors.empty()) errors.push_back(std::move(image).error());
        for (Error& error : errors) {
            if (zone.errors.size() > options_.errors_max) break;
            if (error.where.source.empty()) error.where.source = path;
            zone.errors.push_back(std::move(error));
        }
        break_zone(zone);
        return zone;
    }

    bool stopped() const noexcept {
        return options_.stop_or_null != nullptr &&
               options_.stop_or_null->load(std::memory_order_relaxed);
    }

    /// Gives back what is kept for the next zone.
    void forget() noexcept { builder_.reset(); }
    /// After `forget`.
    void remember() {
        if (!builder_) builder_.emplace();
    }

    static LoadedZone unreadable(dns::NameView apex, const std::string& path, Error error) {
        LoadedZone zone;
        zone.apex = dns::Name(apex);
        zone.apex.fold_case();
        if (error.where.source.empty()) error.where.source = path;
        zone.errors.push_back(std::move(error));
        zone.unreadable = true;
        break_zone(zone);
        return zone;
    }

private:
    static void break_zone(LoadedZone& zone) {
        zone.state = zone::State::broken;
        zone.image = zone::placeholder(zone.apex, zone::State::broken);
    }

    /// Why the builder did not take it: not because of what it says, but of where it stands.
    static bool is_misplaced(const dns::RecordView& record, const dns::Name& apex) {
        if (!record.owner.is_within(apex)) return true;
        const bool is_signature = record.type == dns::RrType::rrsig && record.rdata.size() >= 2;
        return (is_signature ? static_cast<dns::RrType>(base::load_u16(record.rdata.data()))
                             : record.type) == dns::RrType::nsec3;
    }

    static void find_oddities(const dns::MasterReport& report, LoadedZone& zone) {
        const auto say = [&](const dns::MasterReport::Oddity& oddity, std::string_view text) {
            if (oddity.count == 0) return;
            zone.oddities.push_back(
                {Errc::invalid,
                 std::string(text) +
                     (oddity.count == 1
                          ? ""
                          : ", here and " + std::to_string(oddity.count - 1) + " times more"),
                 oddity.first});
        };
        say(report.ttl_from_above,
            "a record without $TTL and TTL, which has that of the record above (RFC 1035 section "
            "5.1)");
        say(report.string_over_lines,
            "a quoted string over more than one line, whose ends are part of it");
    }

    const ZoneFileOptions& options_;
    dns::MasterOptions master_;
    std::optional<zone::Builder> builder_{std::in_place};
};

struct Seen {
    std::uint64_t key;    // of the apex
    std::uint64_t stamp;  // of its file
};
static_assert(sizeof(Seen) == 16);  // one a zone

/// The findings of the last look. Included files are few and shared: a template, a list of name servers.
struct Snapshot {
    struct Include {
        std::uint64_t key;  // of the zone
        std::uint32_t file;
    };
    std::vector<Seen> zones;        // by key
    std::vector<Include> includes;  // by key
    std::vector<Includes::File> files;

    const Seen* find_or_null(std::uint64_t key) const noexcept {
        const auto at = std::ranges::lower_bound(zones, key, {}, &Seen::key);
        return at == zones.end() || at->key != key ? nullptr : &*at;
    }
};

enum class Look : std::uint8_t { load_all, load_changed };

/// One load or rescan: the walk in the calling thread, the work in others.
class Run {
public:
    Run(const ZoneFileOptions& options, const ZoneSink& sink, const ZoneProgress& progress,
        Look look, const Snapshot& before)
        : options_(options),
          sink_(sink),
          progress_(progress),
          look_(look),
          before_(before),
          now_(options.now.unix_seconds()) {
        if (look_ == Look::load_changed) {
            for (const Includes::File& file : before_.files) {
                const std::uint64_t stamp = stamp_of_path(file.path, now_);
                include_changed_.push_back(stamp == stamp_none || stamp != file.stamp);
            }
        }
    }

    Status walk(const std::string& path, SourceKind kind) {
        const std::size_t wanted =
            options_.threads != 0 ? options_.threads : std::thread::hardware_concurrency();
        runtime::Workers workers(
            std::clamp<std::size_t>(wanted, 1, ZoneFileOptions::threads_limit.max), [this] { work(); },
            [this] { queue_.close(); });
        Walk walk;
        walk.problem = [this](Error error) {
            const std::lock_guard lock(mutex_);
            add_problem(std::move(error));
        };
        walk.batch = [this](ZoneFileBatch&& batch) { queue_.push(std::move(batch)); };
        walk.stopped = [this] { return stopped() || queue_.closed(); };
        std::vector<Error> other_names;
        if (options_.other_names == OtherNames::problem) {
            walk.passed_over = [&](std::string file) {
                auto other = stopped() ? std::nullopt : other_name(std::move(file));
                if (other) other_names.push_back(*std::move(other));
            };
        }
        Status status = fail(Errc::limit, "no memory");
        Status walked = runtime::caught([&] { status = walk_zone_files(path, kind, walk); });
        queue_.close();
        const Status worked = workers.join();
        if (walked) walked = runtime::caught([&] { name_others(std::move(other_names)); });
        complete_ = !walk.incomplete;
        if (stopped()) return fail(Errc::interrupted, "stopped while loading zones");
        ZC_TRY_STATUS(walked);
        ZC_TRY_STATUS(worked);
        return status;
    }

    bool complete() const noexcept { return complete_; }
    ZoneFileTotals& totals() noexcept { return totals_; }
    Snapshot take_snapshot() {
        std::ranges::sort(after_.zones, {}, &Seen::key);
        std::ranges::sort(after_.includes, {}, &Snapshot::Include::key);
        after_.zones.shrink_to_fit();
        after_.includes.shrink_to_fit();
        return std::move(after_);
    }

private:
    /// The result of one thread for one batch.
    struct Harvest {
        std::vector<LoadedZone> zones;
        std::vector<Seen> seen;
        std::vector<std::pair<std::uint64_t, Includes::File>> includes;

        struct Mark {
            std::size_t zones, seen, includes;
        };
        Mark mark() const noexcept { return {zones.size(), seen.size(), includes.size()}; }
        void back_to(const Mark& mark) noexcept {
            zones.erase(zones.begin() + static_cast<std::ptrdiff_t>(mark.zones), zones.end());
            seen.erase(seen.begin() + static_cast<std::ptrdiff_t>(mark.seen), seen.end());
            includes.erase(includes.begin() + static_cast<std::ptrdiff_t>(mark.includes),
                           includes.end());
        }
    };

    bool stopped() const noexcept {
        return options_.stop_or_null != nullptr &&
               options_.stop_or_null->load(std::memory_order_relaxed);
    }

    void work() {
        Compiler compiler(options_);
        std::optional<FileBuffer> buffer(std::in_place);
        Harvest harvest;
        while (const auto batch = queue_.pop()) {
            for (const ZoneFileBatch::Item& item : batch->items) {
                if (stopped()) break;
                const Harvest::Mark mark = harvest.mark();
                try {
                    visit(*batch, item, compiler, *buffer, harvest);
                } catch (const std::bad_alloc&) {
                    // First all is given back that this thread holds, so that there is memory for
                    // saying it, and for the next zone.
                    harvest.back_to(mark);
                    compiler.forget();
                    buffer.emplace();
                    unreadable(item.key, batch->apex(item), batch->path(item),
                               {Errc::limit, "no memory for this zone", {}}, harvest);
                    compiler.remember();
                }
            }
            if (!stopped()) deliver(harvest, batch->items.size());
        }
    }

    void visit(const ZoneFileBatch& batch, const ZoneFileBatch::Item& item, Compiler& compiler,
               FileBuffer& buffer, Harvest& harvest) {
        const int directory = batch.directory->descriptor.get();
        if (look_ == Look::load_changed &&
            is_unchanged(directory, batch.file(item), item.key, harvest))
            return;

        const dns::NameView apex = batch.apex(item);
        const std::string path = batch.path(item);
        const auto file = open_regular(directory, batch.file(item));
        if (!file) {
            unreadable(item.key, apex, path, file.error(), harvest);
            return;
        }
        const auto size = static_cast<std::uint64_t>(file->status.st_size);
        const auto text =
            buffer.read(file->descriptor.get(), size, zone_octets_max, options_.stop_or_null);
        if (!text) {
            unreadable(item.key, apex, path, text.error(), harvest);
            return;
        }
        Includes includes(path, {file->status.st_dev, file->status.st_ino}, text->size(), now_,
                          options_.stop_or_null);
        harvest.zones.push_back(compiler.compile(*text, path, apex, includes));
        harvest.seen.push_back({item.key, stamp_of(file->status, now_)});
        for (Includes::File& included : includes.files()) {
            harvest.includes.emplace_back(item.key, std::move(included));
        }
    }

    void unreadable(std::uint64_t key, dns::NameView apex, const std::string& path, Error error,
                    Harvest& harvest) {
        harvest.zones.push_back(Compiler::unreadable(apex, path, std::move(error)));
        harvest.seen.push_back({key, stamp_none});
    }

    bool is_unchanged(int directory, const char* file, std::uint64_t key, Harvest& harvest) {
        const Seen* seen = before_.find_or_null(key);
        if (seen == nullptr || seen->stamp == stamp_none) return false;
        struct stat status {};
        if (::fstatat(directory, file, &status, 0) != 0 || stamp_of(status, now_) != seen->stamp)
            return false;
        const auto first =
            std::ranges::lower_bound(before_.includes, key, {}, &Snapshot::Include::key);
        for (auto at = first; at != before_.includes.end() && at->key == key; ++at) {
            if (include_changed_[at->file]) return false;
        }
        for (auto at = first; at != before_.includes.end() && at->key == key; ++at) {
            harvest.includes.emplace_back(key, before_.files[at->file]);
        }
        harvest.seen.push_back(*seen);
        return true;
    }

    void deliver(Harvest& harvest, std::size_t files) {
        const std::lock_guard lock(mutex_);
        totals_.files += files;
        totals_.zones += harvest.zones.size();
        for (const LoadedZone& zone : harvest.zones) {
            totals_.records += zone.records;
            totals_.left_out += zone.left_out_count;
            if (zone.state != zone::State::serving) ++totals_.broken;
        }
        after_.zones.insert(after_.zones.end(), harvest.seen.begin(), harvest.seen.end());
        for (auto& [key, file] : harvest.includes) {
            const auto [at, added] =
                include_index_.emplace(file.path, static_cast<std::uint32_t>(after_.files.size()));
            if (added) {
                after_.files.push_back(std::move(file));
            } else if (after_.files[at->second].stamp != file.stamp) {
                after_.files[at->second].stamp = stamp_none;  // it changed while others read it
            }
            after_.includes.push_back({key, at->second});
        }
        if (!harvest.zones.empty()) sink_(harvest.zones);
        if (progress_) progress_(totals_);
        harvest.zones.clear();
        harvest.seen.clear();
        harvest.includes.clear();
    }

    /// The warning on a file that is passed over for its name.
    static std::optional<Error> other_name(std::string path) {
        const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
        std::string head(head_octets, '\0');
        const ssize_t count =
            file.is_open() ? ::pread(file.get(), head.data(), head.size(), 0) : -1;
        if (count < 0) {
            Error error = base::fail_errno(errno, "its name is not ORIGIN.zone; read it").value();
            error.where.source = std::move(path);
            return error;
        }
        if (!looks_like_zone_file(
                std::string_view(head).substr(0, static_cast<std::size_t>(count))))
            return std::nullopt;
        return Error{Errc::invalid,
                     "a zone file whose name is not ORIGIN.zone, as example.com.zone is",
                     {std::move(path), 0}};
    }

    /// But for those that some zone includes.
    void name_others(std::vector<Error> others) {
        const auto normal = [](const std::string& path) {
            return std::filesystem::path(path).lexically_normal().string();
        };
        std::unordered_set<std::string> included;
        for (const Includes::File& file : after_.files) included.insert(normal(file.path));
        for (Error& other : others)
            if (!included.contains(normal(other.where.source))) add_problem(std::move(other));
    }

    void add_problem(Error error) {
        ++totals_.problems_count;
        if (totals_.problems.size() < problems_max) totals_.problems.push_back(std::move(error));
    }

    const ZoneFileOptions& options_;
    const ZoneSink& sink_;
    const ZoneProgress& progress_;
    const Look look_;
    const Snapshot& before_;
    const std::int64_t now_;
    std::vector<bool> include_changed_;
    BoundedQueue<ZoneFileBatch> queue_{batches_waiting_max};
    bool complete_ = false;

    std::mutex mutex_;  // guards what follows
    ZoneFileTotals totals_;
    Snapshot after_;
    std::unordered_map<std::string, std::uint32_t> include_index_;
};

}  // namespace

struct ZoneFiles::State {
    std::string path;
    SourceKind kind = SourceKind::directory;
    Snapshot snapshot;
};

ZoneFiles::ZoneFiles(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
ZoneFiles::~ZoneFiles() = default;
ZoneFiles::ZoneFiles(ZoneFiles&&) noexcept = default;
ZoneFiles& ZoneFiles::operator=(ZoneFiles&&) noexcept = default;

Result<ZoneFiles> ZoneFiles::open(std::string path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return base::fail_errno(errno, "open " + path);
    auto state = std::make_unique<State>();
    if (S_ISDIR(status.st_mode)) {
        state->kind = SourceKind::directory;
    } else if (path.ends_with(".zone")) {
        state->kind = SourceKind::file;
    } else {
        state->kind = SourceKind::list;
    }
    state->path = std::move(path);
    return ZoneFiles(std::move(state));
}

Result<ZoneFileTotals> ZoneFiles::list(const std::function<void(dns::NameView)>& each) const {
    ZoneFileTotals totals;
    Walk walk;
    walk.stopped = [] { return false; };
    walk.problem = [&totals](Error error) {
        ++totals.problems_count;
        if (totals.problems.size() < problems_max) totals.problems.push_back(std::move(error));
    };
    walk.batch = [&](ZoneFileBatch&& batch) {
        totals.files += batch.items.size();
        for (const ZoneFileBatch::Item& item : batch.items) each(batch.apex(item));
    };
    ZC_TRY_STATUS(walk_zone_files(state_->path, state_->kind, walk));
    return totals;
}

Result<ZoneFileTotals> ZoneFiles::load(const ZoneFileOptions& options, const ZoneSink& sink,
                                       const ZoneProgress& progress) {
    ZC_TRY_STATUS(check(options));
    const Snapshot nothing;
    Run run(options, sink, progress, Look::load_all, nothing);
    ZC_TRY_STATUS(run.walk(state_->path, state_->kind));
    state_->snapshot = run.take_snapshot();
    return std::move(run.totals());
}

Result<ZoneFileTotals> ZoneFiles::rescan(
    const ZoneFileOptions& options, const ZoneSink& sink,
    const std::function<void(const std::function<void(dns::NameView)>&)>& each_known,
    const std::function<void(dns::NameView)>& removed, const ZoneProgress& progress) {
    ZC_TRY_STATUS(check(options));
    const Snapshot before = std::move(state_->snapshot);
    state_->snapshot = {};
    Run run(options, sink, progress, Look::load_changed, before);
    // After an error the snapshot is empty, so that the next look reads everything.
    ZC_TRY_STATUS(run.walk(state_->path, state_->kind));
    Snapshot after = run.take_snapshot();
    if (run.complete()) {
        each_known([&](dns::NameView apex) {
            if (after.find_or_null(zone_key(apex)) != nullptr) return;
            ++run.totals().removed;
            removed(apex);
        });
    }
    state_->snapshot = std::move(after);
    return std::move(run.totals());
}

void ZoneFiles::forget() noexcept {
    state_->snapshot = {};
}

const std::string& ZoneFiles::path() const noexcept {
    return state_->path;
}

bool ZoneFiles::is_list() const noexcept {
    return state_->kind == SourceKind::list;
}

std::uint64_t ZoneFiles::octets() const noexcept {
    const Snapshot& kept = state_->snapshot;
    std::uint64_t octets = kept.zones.capacity() * sizeof(Seen) +
                           kept.includes.capacity() * sizeof(Snapshot::Include) +
                           kept.files.capacity() * sizeof(Includes::File);
    for (const Includes::File& file : kept.files) octets += file.path.capacity();
    return octets;
}

bool looks_like_zone_file(std::string_view head) noexcept {
    if (head.find('\0') != std::string_view::npos) return false;
    const auto take_word = [](std::string_view& line) {
        constexpr std::string_view blanks = " \t\r";
        line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
        const std::string_view word = line.substr(0, line.find_first_of(blanks));
        line.remove_prefix(word.size());
        return word;
    };
    const auto is_word = [](std::string_view word, std::string_view upper) {
        return std::ranges::equal(word, upper, [](char a, char b) {
            return (a >= 'a' && a <= 'z' ? static_cast<char>(a - 'a' + 'A') : a) == b;
        });
    };
    while (!head.empty()) {
        const std::size_t end = std::min(head.find('\n'), head.size());
        std::string_view line = head.substr(0, end);
        head.remove_prefix(std::min(end + 1, head.size()));
        line = line.substr(0, line.find_first_of(";\""));
        for (int words = 0; words < soa_word_max; ++words) {
            const std::string_view word = take_word(line);
            if (words == 0) {
                for (const std::string_view directive :
                     {"$ORIGIN", "$TTL", "$INCLUDE", "$GENERATE"})
                    if (is_word(word, directive)) return true;
            }
            if (!is_word(word, "SOA")) continue;
            // And not a sentence about one: two names and a number, or brackets around them.
            if (line.find('(') != std::string_view::npos) return true;
            take_word(line);
            take_word(line);
            const std::string_view serial = take_word(line);
            if (!serial.empty() && serial[0] >= '0' && serial[0] <= '9') return true;
        }
    }
    return false;
}

LoadedZone load_zone_file(const std::string& path, dns::NameView apex,
                          const ZoneFileOptions& options) {
    const bool is_stdin = path == "-";
    const std::string shown = is_stdin ? "stdin" : path;
    if (Status within = check(options); !within)
        return Compiler::unreadable(apex, shown, std::move(within).error());
    FileBuffer buffer;
    Result<RegularFile> file;
    if (!is_stdin) file = open_regular(AT_FDCWD, path.c_str());
    if (!file) return Compiler::unreadable(apex, shown, std::move(file).error());
    const auto text =
        is_stdin
            ? buffer.read(STDIN_FILENO, std::nullopt, zone_octets_max, options.stop_or_null)
            : buffer.read(file->descriptor.get(), static_cast<std::uint64_t>(file->status.st_size),
                          zone_octets_max, options.stop_or_null);
    if (!text) return Compiler::unreadable(apex, shown, text.error());
    Includes includes(shown, {file->status.st_dev, file->status.st_ino}, text->size(),
                      options.now.unix_seconds(), options.stop_or_null);
    Compiler compiler(options);
    return compiler.compile(*text, shown, apex, includes);
}

}  // namespace zc::ingest
