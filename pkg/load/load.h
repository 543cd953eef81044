// From a store to the zones in memory: everything at the start, what changed at a reload.
//
// The images are those of the mapped image file (store/image_file.h); what changed after it was
// written is read from SQLite on top, from rows or from the log behind them (fold/store_view.h). Without a usable image file it is made anew first, and where
// it cannot be written (read-only, full) the images are copied to the heap.
//
//     ZC_TRY(load::LoadedStore loaded, load::LoadedStore::open(path));
//     auto catalogue = std::make_unique<catalogue::Catalogue>(seed, loaded.zones_expected());
//     ZC_TRY(const auto report, loaded.load(*catalogue));
//     … publish …
//     ZC_TRY(auto news, loaded.changes());                              // at a reload
//     if (news.everything) …                                            // load() into a new one
//     else auto next = catalogue::Catalogue::with(std::move(current), std::move(news.changes));
//
// Cost, 2.1 million zones, warm page cache: see bench/README.md. A changed zone: one look-up.
//
// Threads: an object belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalogue/catalogue.h"
#include "catalogue/not_served.h"
#include "dns/name.h"
#include "store/store.h"

namespace zc::load {

/// A zone whose key, row or image is damaged: its names get SERVFAIL.
struct DamagedZone {
    dns::Name apex;
    std::string problem;
    bool nameless = false;  // its key cannot be read; then nothing is served in its place
};

struct LoadReport {
    enum class From : std::uint8_t {
        image_file,          // as it was
        image_file_rebuilt,  // it was missing, damaged or too old: `why`
        heap,                // it could not be written: `why`
    };
    From from = From::image_file;
    std::string why;
    std::uint64_t zones = 0;    // now in the catalogue
    std::uint64_t records = 0;  // of those
    std::uint64_t on_top =
        0;  // of them, or removed: read from SQLite because they changed after the image file
    std::vector<DamagedZone> damaged;
    std::string problem;  // of the store as a whole; not empty: zones may be missing
    /// Zones that zone::costly_hashing has something to tell of; at most `costly_max` of
    /// `costly_count`.
    struct CostlyZone {
        dns::Name apex;
        std::string why;
    };
    std::vector<CostlyZone> costly;
    std::uint64_t costly_count = 0;
    static constexpr std::size_t costly_max = 1000;
    /// The withheld, broken and damaged ones of those zones, whose names get SERVFAIL; `problem`
    /// too.
    catalogue::NotServed not_served;
};

struct StoreChanges {
    /// True: it is not known what changed (another store or history, too much, or damage of no zone
    /// that has a name): `load` into a new catalogue instead.
    bool everything = false;
    /// Blocks of the mapped image file, of a MiB or a part of it, that a foreign hand changed: they
    /// are not answered from any more, and everything has to be loaded anew.
    std::uint64_t blocks_lost = 0;
    std::vector<catalogue::ApexChange> changes;  // also of damaged zones: a placeholder
    std::uint64_t changed = 0, removed = 0;
    std::vector<DamagedZone> damaged;
};

/// Why nothing is served of a zone that a store has in this state; nothing for one that is served.
/// Damaged zones are told by themselves.
std::optional<catalogue::Reason> reason_of(zone::State state) noexcept;

/// Called now and then by long work, with how much of how much is done.
using StoreProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

class LoadedStore {
public:
    /// Errors: those of store::Snapshot::open but `conflict`. Reads no zone yet.
    static Result<LoadedStore> open(const std::string& path);
    LoadedStore(LoadedStore&&) noexcept;
    LoadedStore& operator=(LoadedStore&&) noexcept;
    /// Unmaps: after every catalogue that was loaded from it is gone.
    ~LoadedStore();

    /// For the catalogue's constructor: about how many zones there are.
    std::size_t zones_expected() const noexcept;

    /// Puts every zone into `catalogue`, which is empty. It borrows from this object.
    Result<LoadReport> load(catalogue::Catalogue& catalogue,
                            const StoreProgress& progress = nullptr);

    /// Changes of the store since `load` or the last `changes`, to be made in the catalogue. When
    /// that fails later on, call `load` with a new catalogue.
    Result<StoreChanges> changes();

    /// The catalogue of the last `load` is the one that is used from now on.
    void taken() noexcept;
    /// The result of the last `load` or `changes` was not taken, for lack of memory say, and is gone:
    /// the catalogue before it is used on. The next `changes` says `everything`.
    void not_taken() noexcept;
    /// Once no catalogue but the last one that was `taken` is there: the images of earlier ones
    /// need not be mapped any longer. Nothing until then.
    void forget_old_images() noexcept;

    const std::string& path() const noexcept;
    /// The position of the result of the last `load` or `changes`.
    const store::Position& position() const noexcept;
    /// When that was committed; `Instant{}`: not known (a store of format 1).
    base::Instant committed_at() const noexcept;
    /// Octets of image files that are mapped.
    std::uint64_t mapped_octets() const noexcept;

private:
    struct Work;
    explicit LoadedStore(std::unique_ptr<Work> work) noexcept;
    std::unique_ptr<Work> work_;
};

/// Writes the image file of the store as it stands. Damaged zones get a placeholder and are told.
/// Cost: 2.1 million zones in about 4 s.
Result<std::vector<DamagedZone>> write_image_file(const std::string& store_path,
                                                  const StoreProgress& progress = nullptr);

/// Reads all there is and checks it: store::Snapshot::check, then every image and all settings, then
/// the log, whose entries have to fit the rows and to give whole zones, then the image file, which is
/// no loss when it is damaged. `each_problem` gets the apex in
/// presentation format (empty: of no zone) and a sentence. Gives the number of problems.
Result<std::uint64_t> check_store(
    const std::string& store_path,
    const std::function<void(const std::string& zone, const std::string& problem)>& each_problem,
    const StoreProgress& progress = nullptr);

}  // namespace zc::load
