#include "writer/writer.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <map>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "dns/presentation.h"
#include "fold/stored_zone.h"
#include "fold/tail.h"
#include "replica/state.h"
#include "store/log_file.h"
#include "writer/head.h"
#include "writer/undo.h"

namespace zc::writer {
namespace {

using fold::Advanced;
using fold::ZoneState;
using zone::Change;

constexpr std::size_t folded_max = 2000;             // of one transaction
constexpr std::size_t large_image_octets = 1 << 20;  // folded when its entries are worth it
constexpr std::uint64_t large_image_share = 8;       // entries of an eighth of it are
constexpr std::size_t folded_slots_kept_max = 8192;  // rows that need not be read again
constexpr std::size_t entry_spare_octets = 1024;     // of an entry's limit: head and checksum
constexpr std::uint64_t page_octets = 8192;          // of the store; a row changes one at least
constexpr base::Duration at_once{};

template <class T>
tl::unexpected<Error> error_of(const Result<T>& result) {
    return tl::unexpected<Error>(result.error());
}

struct Job;
using JobPtr =
    std::shared_ptr<Job>;  // shared by the turns of its zones and by threads that work on it

/// A zone that requests are about, or that is not folded.
struct Slot {
    dns::Name apex;
    std::string key;
    enum class Is : std::uint8_t {
        unknown,
        reading,  // its row
        idle,
        busy,  // a change of it is made on the work lane
    };
    Is is = Is::unknown;
    ZoneState durable;                  // and published
    ZoneState pending;                  // the next change meets this
    std::uint64_t first_unfolded = 0;   // position of the first entry that its row lacks; 0: none
    std::uint64_t last_unfolded = 0;    // … and of the last
    std::uint64_t unfolded_octets = 0;  // of those entries
    bool folding = false;               // in the commit that is under way
    bool is_stale = false;              // another process came while a thread had it
    std::size_t in_group = 0;           // changes of it in groups that are not durable
    std::deque<JobPtr> turn;

    bool is_folded() const noexcept { return first_unfolded == 0; }
};

struct Job {
    Request request;
    std::vector<Done> done;  // of the request, and of repetitions of it
    std::uint64_t since = 0;
    std::vector<Slot*> slots;
    std::vector<ZoneChange> changes;
    std::vector<Slot*> changed;  // of each change
    std::vector<Advanced> advanced;
    std::uint64_t generation = 0;
    Receipt receipt;
};

/// An entry that is being filled, or waits to be durable.
struct OpenEntry {
    replica::Entry entry;
    std::vector<Slot*> changed;                  // by each of its zone changes
    std::map<std::string, std::uint64_t> bases;  // by key: versions that the entry meets
    std::vector<std::uint8_t> octets, undo;
    std::size_t size = 0;  // about
};

/// Zones that a transaction folds, with all that it borrows from.
struct Folds {
    std::vector<Slot*> slots;
    std::vector<ZoneState> states;
    std::vector<store::FoldedZone> zones;
};

/// A zone as the entries of a group leave it.
struct Changed {
    ZoneState last;
    std::uint64_t octets = 0;    // of its changes
    std::uint64_t position = 0;  // of the last one
};

struct Group {
    std::deque<OpenEntry> entries;
    std::vector<store::LogRequest> requests;
    std::map<Slot*, Changed> zones;
    std::vector<JobPtr> jobs;
    std::vector<std::uint8_t> head;
    Folds folds;
    std::uint64_t folded_up_to = 0;
    Status outcome;
    base::Instant begun;
    bool ends_checkpoint = false;  // nothing else writes then, so SQLite's log begins anew

    bool empty() const noexcept { return entries.empty() && jobs.empty(); }
};

class WriterOfStore final : public Writer {
public:
    WriterOfStore(Options options, Crew& crew, Publisher& publisher, store::LogFile log,
                  store::RowReader rows, store::LogCheckpoints checkpoints, replica::State state)
        : options_(std::move(options)),
          crew_(crew),
          publisher_(publisher),
          log_(std::move(log)),
          rows_(std::move(rows)),
          checkpoints_(std::move(checkpoints)),
          state_(std::move(state)) {
        state_.begin_unsettled();
        folded_up_to_ = log_.folded_up_to();
        durable_ = log_.position();
    }

    Status replay();

    void submit(Request request, Done done) override;
    void store_was_taken_over() override;
    void pause() override { ++pauses_; }
    void resume() override;
    void close(std::function<void(Status)> done) override;
    Figures figures() const override;

private:
    // A request.
    Slot& slot_of(const dns::Name& apex);
    void enqueue(const JobPtr& job);
    void read_row(Slot& slot);
    void row_was_read(Slot& slot, Result<ZoneState> state);
    void begin_in_turn(const JobPtr& job);
    bool may_begin(const Job& job) const;
    void begin(const JobPtr& job);
    Status make(Job& job);
    static Status check_size(const Job& job);
    void advance(const JobPtr& job);
    void place(const JobPtr& job);
    void put_into_entry(const JobPtr& job);
    void leave_turn(const JobPtr& job);
    void finish(const JobPtr& job, Result<Receipt> result);
    void flush_finished();
    bool is_over_limits() const noexcept;
    void begin_waiting();

    // A group.
    OpenEntry& open_entry(std::size_t octets);
    void seal();
    void try_commit();
    void commit(Group group);
    void committed();
    void taken_back(const Error& error);
    void refuse_stalled(const Error& error);
    void store_has_moved();
    void fold_when_idle();
    void fold_later(base::Duration wait);
    Folds choose_folds(std::size_t count, bool all);
    void count_unfolded(std::uint64_t position, bool more);
    void forget_folded();
    void checkpoint_if_due(const Group& group);
    void end_if_closed();

    const Options options_;
    Crew& crew_;
    Publisher& publisher_;
    store::LogFile log_;                 // the log lane's while a group is committed
    store::RowReader rows_;              // the work lane's
    store::LogCheckpoints checkpoints_;  // the upkeep lane's
    replica::State state_;
    zone::ApplyScratch scratch_, work_scratch_;

    std::unordered_map<std::string, Slot> slots_;  // by key
    std::map<std::string_view, Slot*> unfolded_;   // by key: folds go to the disk in its order
    std::string fold_cursor_;
    std::map<std::uint64_t, std::size_t> unfolded_at_;  // zones by the first entry that they lack
    std::uint64_t unfolded_octets_ = 0, unfolded_zones_ = 0;
    std::uint64_t folded_up_to_ = 0;
    store::Position durable_;  // the log's, while a commit is under way too

    Group building_;
    std::optional<Group> committing_;
    std::map<replica::RequestId, JobPtr> by_id_;  // under way
    std::deque<JobPtr> stalled_;                  // until something is folded
    std::deque<JobPtr> may_begin_;
    bool is_beginning_ = false;
    std::deque<std::pair<JobPtr, Result<Receipt>>> finished_;
    std::uint64_t generation_ = 0;  // of pending states; a failed commit begins another
    std::size_t jobs_ = 0;          // under way
    unsigned pauses_ = 0;
    std::uint64_t octets_to_checkpoint_ = 0;  // written since the last one, about
    enum class Checkpoint : std::uint8_t { none, runs, ends_with_commit };
    Checkpoint checkpoint_ = Checkpoint::none;
    bool flush_is_due_ = false, idle_is_due_ = false, is_moved_ = false;
    bool is_held_ = false;  // a commit has ended while paused
    bool is_moved_behind_commit_ = false;
    std::optional<Error> broken_, close_problem_;
    bool closing_ = false;
    std::function<void(Status)> closed_;
    Figures figures_;
};

ZoneState state_of(const store::RowReader::Found& found, zone::State state, bool hidden) {
    ZoneState out;
    out.version = found.zone.version;
    out.state = state;
    out.hidden = hidden;
    out.source = found.zone.source;
    out.serial = found.zone.serial;
    out.records = found.zone.records;
    if (!found.zone.settings.empty())
        out.settings = std::make_shared<const std::vector<std::uint8_t>>(
            found.zone.settings.begin(), found.zone.settings.end());
    if (!found.image.empty()) out.image = std::make_shared<const zone::Image>(found.image);
    return out;
}

Result<ZoneState> state_of(const Result<std::optional<store::RowReader::Found>>& found) {
    if (!found) return error_of(found);
    if (!*found) return ZoneState{};
    ZC_TRY(const fold::StoredState stored, fold::decode_state((*found)->zone.state));
    return state_of(**found, stored.state, stored.hidden);
}

Result<ZoneState> read_state(store::RowReader& rows, const std::string& key) {
    Result<ZoneState> state = state_of(rows.find(fold::octets_of(key)));
    rows.let_go();
    return state;
}

/// About the octets that its change takes in an entry, or more.
std::size_t octets_in_entry(const Job& job) {
    std::size_t octets = 64 + job.request.who.size() + job.request.where.size();
    for (const ZoneChange& change : job.changes) octets += 300 + change.change.octets().size();
    return octets;
}

replica::Op op_of(Change::Kind kind) noexcept {
    switch (kind) {
        case Change::Kind::patch:
            return replica::Op::patch;
        case Change::Kind::put:
            return replica::Op::put;
        case Change::Kind::remove:
            break;
    }
    return replica::Op::remove;
}

// The start.

/// Brings the zones that the log is ahead of to where it is.
Status WriterOfStore::replay() {
    fold::TailSource source;
    source.path = options_.path;
    source.for_each_entry = [this](const auto& each) { return log_.read(folded_up_to_, each); };
    source.row = [this](const std::string& key) -> Result<std::optional<ZoneState>> {
        return read_state(rows_, key);
    };
    ZC_TRY(fold::ZonesAhead ahead, fold::read_tail(source));
    std::vector<PublishedZone> published;
    for (auto& [key, zone] : ahead) {
        Slot& slot = slot_of(zone.apex);
        slot.is = Slot::Is::idle;
        slot.durable = slot.pending = std::move(zone.state);
        slot.first_unfolded = zone.first;
        unfolded_.emplace(slot.key, &slot);
        slot.last_unfolded = zone.last;
        slot.unfolded_octets = zone.octets;
        count_unfolded(zone.first, true);
        unfolded_octets_ += zone.octets;
        published.push_back({slot.apex, slot.durable});
    }
    if (!published.empty()) publisher_.publish(std::move(published));
    fold_when_idle();
    return {};
}

// A request.

Slot& WriterOfStore::slot_of(const dns::Name& apex) {
    std::string key = fold::key_of(apex);
    const auto [at, is_new] = slots_.try_emplace(key);
    if (is_new) {
        at->second.apex = apex;
        at->second.key = std::move(key);
    }
    return at->second;
}

void WriterOfStore::submit(Request request, Done done) {
    auto job = std::make_shared<Job>();
    job->request = std::move(request);
    job->done.push_back(std::move(done));
    job->since = state_.head().ids_met;
    ++jobs_;
    if (broken_) return finish(job, tl::unexpected<Error>(*broken_));
    if (closing_) return finish(job, fail(Errc::interrupted, "the node stops"));
    ZC_CHECK(!job->request.zones.empty());
    if (job->request.id) {
        const auto same = by_id_.find(*job->request.id);
        if (same != by_id_.end()) {
            same->second->done.push_back(std::move(job->done.front()));
            --jobs_;
            ++figures_.repeated;
            return;
        }
        if (const auto outcome = state_.find(*job->request.id)) {
            ++figures_.repeated;
            if (outcome->kind != replica::Outcome::Kind::applied)
                return finish(job, fail(Errc::conflict, "the request was given up before"));
            return finish(job, Receipt{outcome->position, true, {}});
        }
        by_id_.emplace(*job->request.id, job);
    }
    if (is_over_limits() || is_moved_ || !stalled_.empty()) {
        stalled_.push_back(job);
        return;
    }
    enqueue(job);
}

/// Takes its turn for all of its zones.
void WriterOfStore::enqueue(const JobPtr& job) {
    job->slots.clear();
    for (const dns::Name& apex : job->request.zones) {
        Slot& slot = slot_of(apex);
        job->slots.push_back(&slot);
        slot.turn.push_back(job);
        if (slot.is == Slot::Is::unknown) read_row(slot);
    }
    begin_in_turn(job);
}

void WriterOfStore::read_row(Slot& slot) {
    slot.is = Slot::Is::reading;
    auto read = std::make_shared<Result<ZoneState>>(ZoneState{});
    crew_.run(
        Lane::work, [this, read, &slot] { *read = read_state(rows_, slot.key); },
        [this, read, &slot] { row_was_read(slot, std::move(*read)); });
}

void WriterOfStore::row_was_read(Slot& slot, Result<ZoneState> state) {
    if (std::exchange(slot.is_stale, false)) {
        slot.is = Slot::Is::unknown;
        if (!slot.turn.empty()) read_row(slot);
        return;
    }
    const std::uint64_t known = state_.head().position;
    if (state && state->version <= known) {
        slot.is = Slot::Is::idle;
        slot.durable = slot.pending = *std::move(state);
        if (!slot.turn.empty()) begin_in_turn(slot.turn.front());
        return;
    }
    slot.is = Slot::Is::unknown;
    // The row is of a commit that is not ours. One of ours that is under way comes to its end first.
    if (state && committing_) {
        is_moved_behind_commit_ = true;
        return;
    }
    if (state) return store_has_moved();
    const std::deque<JobPtr> jobs = slot.turn;
    for (const JobPtr& job : jobs) {
        leave_turn(job);
        finish(job, error_of(state));
    }
}

/// Begins it if it may, and then those that may because of it. One after the other, and not one
/// inside of the other: many may wait for one zone.
void WriterOfStore::begin_in_turn(const JobPtr& job) {
    may_begin_.push_back(job);
    if (std::exchange(is_beginning_, true)) return;
    while (!may_begin_.empty()) {
        const JobPtr next = std::move(may_begin_.front());
        may_begin_.pop_front();
        if (may_begin(*next)) begin(next);
    }
    is_beginning_ = false;
}

bool WriterOfStore::may_begin(const Job& job) const {
    return !job.slots.empty() && std::ranges::all_of(job.slots, [&](const Slot* slot) {
        return slot->is == Slot::Is::idle && slot->turn.front().get() == &job;
    });
}

void WriterOfStore::begin(const JobPtr& job) {
    const Status made = broken_ ? Status(tl::unexpected<Error>(*broken_)) : make(*job);
    if (!made) {
        leave_turn(job);
        return finish(job, tl::unexpected<Error>(made.error()));
    }
    advance(job);
}

/// Has the request make its changes.
Status WriterOfStore::make(Job& job) {
    std::vector<ZoneView> views;
    views.reserve(job.slots.size());
    for (const Slot* slot : job.slots) views.push_back({slot->apex, slot->pending});
    ZC_TRY(job.changes, job.request.make(views));
    job.changed.clear();
    for (const ZoneChange& change : job.changes) {
        const auto slot = std::ranges::find_if(
            job.slots, [&](const Slot* one) { return dns::equal(one->apex, change.apex); });
        ZC_CHECK(slot != job.slots.end());
        ZC_CHECK(std::ranges::find(job.changed, *slot) == job.changed.end());
        job.changed.push_back(*slot);
        if (change.change.octets().size() > replica::inline_octets_max)
            return fail(Errc::limit,
                        "a change of " + std::to_string(change.change.octets().size()) +
                            " octets in zone " + dns::to_string(change.apex) + ", the limit is " +
                            std::to_string(replica::inline_octets_max));
    }
    return check_size(job);
}

/// Whether an entry has room for it.
Status WriterOfStore::check_size(const Job& job) {
    for (const std::string* text : {&job.request.who, &job.request.where})
        if (text->size() > replica::text_octets_max)
            return fail(Errc::limit, "a name of " + std::to_string(text->size()) +
                                         " octets for who asks or from where, the limit is " +
                                         std::to_string(replica::text_octets_max));
    const std::size_t octets = octets_in_entry(job);
    if (octets + entry_spare_octets > replica::entry_octets_max)
        return fail(Errc::limit,
                    "a request of " + std::to_string(job.changes.size()) + " zones and about " +
                        std::to_string(octets) + " octets, the limit is " +
                        std::to_string(replica::entry_octets_max - entry_spare_octets));
    return {};
}

void WriterOfStore::advance(const JobPtr& job) {
    job->generation = generation_;
    job->advanced.clear();
    std::vector<ZoneState> before;
    bool is_large = false;
    for (std::size_t i = 0; i < job->changes.size(); ++i) {
        const ZoneState& pending = before.emplace_back(job->changed[i]->pending);
        is_large = is_large || pending.image_octets().size() > options_.large_octets ||
                   job->changes[i].change.octets().size() > options_.large_octets;
    }
    auto outcome = std::make_shared<Status>();
    const auto work = [job, before = std::move(before), outcome](zone::ApplyScratch& scratch) {
        for (std::size_t i = 0; i < job->changes.size(); ++i) {
            const ZoneChange& one = job->changes[i];
            auto advanced = fold::advance(one.apex, before[i], std::span(&one.change, 1),
                                          before[i].version + 1, scratch);
            if (!advanced) {
                *outcome = error_of(advanced);
                return;
            }
            job->advanced.push_back(*std::move(advanced));
        }
    };
    const auto then = [this, job, outcome] {
        if (*outcome) return place(job);
        leave_turn(job);
        finish(job, tl::unexpected<Error>(outcome->error()));
    };
    if (!is_large) {
        work(scratch_);
        return then();
    }
    for (Slot* slot : job->changed) slot->is = Slot::Is::busy;
    crew_.run(
        Lane::work, [this, work] { work(work_scratch_); },
        [this, job, slots = job->changed, then] {
            for (Slot* slot : slots) {
                const bool is_stale = std::exchange(slot->is_stale, false);
                slot->is = is_stale ? Slot::Is::unknown : Slot::Is::idle;
                if (is_stale && !slot->turn.empty()) read_row(*slot);
            }
            // The state that it was made on has never been durable, or another process came between.
            if (job->generation != generation_) return begin_in_turn(job);
            then();
        });
}

/// Gives it its place in the order.
void WriterOfStore::place(const JobPtr& job) {
    bool differs = false;
    for (const Advanced& advanced : job->advanced) differs = differs || advanced.effects[0].differs;
    job->receipt = {};
    if (differs || job->request.id) put_into_entry(job);
    for (std::size_t i = 0; i < job->changes.size(); ++i) {
        const Slot& slot = *job->changed[i];
        const fold::Effect& effect = job->advanced[i].effects[0];
        job->receipt.zones.push_back(
            {slot.apex, slot.pending.version, effect.serial_before, effect.serial, effect.differs});
    }
    ++(differs ? figures_.applied : figures_.unchanged);
    // It tells of a state that may not be durable yet, so it waits for that.
    building_.jobs.push_back(job);
    job->advanced.clear();
    leave_turn(job);
    try_commit();
}

void WriterOfStore::put_into_entry(const JobPtr& job) {
    const std::size_t octets = octets_in_entry(*job);
    OpenEntry& open = open_entry(octets);
    open.size += octets;
    const std::uint64_t position = state_.head().position + 1;
    replica::Change change;
    // It has been waiting here alone, so no other entry can have had it.
    const std::uint64_t met = state_.head().ids_met;
    const std::uint64_t since = std::max(job->since, met - std::min(met, options_.window / 2));
    if (job->request.id) change.requests.push_back({*job->request.id, 0, since});
    change.who = job->request.who;
    change.where = job->request.where;
    for (std::size_t i = 0; i < job->changes.size(); ++i) {
        ZoneChange& one = job->changes[i];
        Advanced& advanced = job->advanced[i];
        const fold::Effect& effect = advanced.effects[0];
        if (!effect.differs) continue;
        Slot& slot = *job->changed[i];
        open.changed.push_back(&slot);
        open.bases.try_emplace(slot.key, slot.pending.version);
        replica::ZoneChange& zone = change.zones.emplace_back();
        zone.name = slot.apex;
        zone.base = slot.pending.version;
        zone.op = op_of(one.change.kind());
        const base::Octets data = one.change.octets();
        if (zone.op != replica::Op::remove) zone.data.octets.assign(data.begin(), data.end());
        append_undo(open.undo, effect.undo);
        slot.pending = std::move(advanced.state);
        if (slot.pending.exists()) slot.pending.version = position;
        ++slot.in_group;
        Changed& changed = building_.zones[&slot];
        changed.last = slot.pending;
        changed.octets += data.size();
        changed.position = position;
    }
    if (change.zones.empty()) change.kind = replica::Change::Kind::noop;
    open.entry.changes.push_back(std::move(change));
    job->receipt.position = position;
}

void WriterOfStore::leave_turn(const JobPtr& job) {
    const std::vector<Slot*> slots = std::exchange(job->slots, {});
    for (Slot* slot : slots) std::erase(slot->turn, job);
    for (Slot* slot : slots)
        if (!slot->turn.empty()) begin_in_turn(slot->turn.front());
}

void WriterOfStore::finish(const JobPtr& job, Result<Receipt> result) {
    if (!result) ++(result.error().code == Errc::io ? figures_.failed : figures_.refused);
    if (job->request.id) {
        const auto at = by_id_.find(*job->request.id);
        if (at != by_id_.end() && at->second == job) by_id_.erase(at);
    }
    finished_.emplace_back(job, std::move(result));
    if (std::exchange(flush_is_due_, true)) return;
    crew_.later(at_once, [this] { flush_finished(); });
}

void WriterOfStore::flush_finished() {
    flush_is_due_ = false;
    while (!finished_.empty()) {
        const auto [job, result] = std::move(finished_.front());
        finished_.pop_front();
        --jobs_;
        for (const Done& done : job->done) done(result);
    }
    end_if_closed();
}

bool WriterOfStore::is_over_limits() const noexcept {
    return unfolded_zones_ > options_.unfolded_max ||
           unfolded_octets_ > options_.unfolded_octets_max;
}

void WriterOfStore::begin_waiting() {
    while (!stalled_.empty() && !is_over_limits() && !is_moved_) {
        const JobPtr job = std::move(stalled_.front());
        stalled_.pop_front();
        enqueue(job);
    }
}

// A group.

OpenEntry& WriterOfStore::open_entry(std::size_t octets) {
    if (!building_.entries.empty() && building_.entries.back().octets.empty()) {
        OpenEntry& open = building_.entries.back();
        if (open.entry.changes.size() < replica::changes_max &&
            open.size + octets + entry_spare_octets <= replica::entry_octets_max)
            return open;
        seal();
    }
    OpenEntry& open = building_.entries.emplace_back();
    open.entry.log = state_.head().log;
    open.entry.epoch = state_.head().epoch;
    open.entry.origin = options_.node;
    open.entry.at = options_.now().nanoseconds / 1000;
    return open;
}

/// Ends the entry that is being filled: the state machine says the same of it as the control thread
/// did.
void WriterOfStore::seal() {
    if (building_.entries.empty() || !building_.entries.back().octets.empty()) return;
    OpenEntry& open = building_.entries.back();
    auto octets = replica::encode(open.entry);
    ZC_CHECK(octets.has_value());
    open.octets = *std::move(octets);
    std::uint64_t met = state_.head().ids_met;
    const auto verdicts = state_.step(
        open.entry, {[&](dns::NameView zone) { return open.bases.at(fold::key_of(zone)); },
                     [](std::string_view) { return std::uint64_t{0}; }});
    for (std::size_t i = 0; i < verdicts.size(); ++i) {
        ZC_CHECK(verdicts[i].kind == replica::Verdict::Kind::applied);
        met += open.entry.changes[i].requests.size();
        for (const replica::Request& request : open.entry.changes[i].requests) {
            store::LogRequest& kept = building_.requests.emplace_back();
            kept.id = request.id.octets;
            kept.met = met;
            kept.position = state_.head().position;
            kept.attempt = request.attempt;
            kept.kind = static_cast<std::uint8_t>(replica::Outcome::Kind::applied);
        }
    }
}

void WriterOfStore::try_commit() {
    if (committing_ || pauses_ > 0 || is_moved_ || broken_ || building_.empty()) return;
    if (!building_.entries.empty()) {
        seal();
        Group group = std::exchange(building_, {});
        const bool presses = is_over_limits();
        group.folds = choose_folds(presses ? folded_max : options_.fold_beside_commit, presses);
        return commit(std::move(group));
    }
    // Nothing of it changes anything, and all that it tells of is durable.
    for (const JobPtr& job : building_.jobs) finish(job, std::move(job->receipt));
    building_.jobs.clear();
}

void WriterOfStore::commit(Group group) {
    ZC_CHECK(!committing_);
    for (Slot* slot : group.folds.slots) count_unfolded(slot->first_unfolded, false);
    std::uint64_t up_to = group.entries.empty() ? log_.position().number
                                                : log_.position().number + group.entries.size();
    if (!unfolded_at_.empty()) up_to = std::min(up_to, unfolded_at_.begin()->first - 1);
    if (!group.zones.empty()) up_to = std::min(up_to, log_.position().number);
    group.folded_up_to = std::max(up_to, folded_up_to_);
    group.head = encode(state_.head());
    group.begun = options_.now();
    group.ends_checkpoint = checkpoint_ == Checkpoint::ends_with_commit;
    if (group.ends_checkpoint) checkpoint_ = Checkpoint::none;
    committing_.emplace(std::move(group));
    crew_.run(
        Lane::log,
        [this] {
            Group& one = *committing_;
            std::vector<store::LogEntry> entries;
            std::uint64_t position = log_.position().number;
            for (const OpenEntry& open : one.entries)
                entries.push_back({.position = ++position,
                                   .value = options_.random(),
                                   .at = base::Instant{open.entry.at * 1000},
                                   .entry = open.octets,
                                   .undo = open.undo});
            one.outcome = log_.append({.entries = entries,
                                       .requests = one.requests,
                                       .head = one.head,
                                       .folded = one.folds.zones,
                                       .folded_up_to = one.folded_up_to});
            // It has not to be whole: then the next one is.
            if (one.outcome && one.ends_checkpoint) static_cast<void>(log_.checkpoint());
        },
        [this] { committed(); });
}

void WriterOfStore::committed() {
    if (pauses_ > 0) {
        is_held_ = true;  // durable or not: it is neither published nor answered before `resume`
        return;
    }
    figures_.last_commit = options_.now() - committing_->begun;
    if (!committing_->outcome) {
        const Error error = committing_->outcome.error();
        for (Slot* slot : committing_->folds.slots) {
            slot->folding = false;
            count_unfolded(slot->first_unfolded, true);
        }
        if (error.code == Errc::conflict) return store_has_moved();
        taken_back(error);
        if (is_moved_behind_commit_ && !broken_) store_has_moved();
        end_if_closed();
        return;
    }
    Group group = std::move(*committing_);
    committing_.reset();
    folded_up_to_ = group.folded_up_to;
    const std::uint64_t position = log_.position().number;
    ++figures_.commits;
    figures_.entries += group.entries.size();
    figures_.folded_zones += group.folds.slots.size();
    state_.settle(position);
    for (Slot* slot : group.folds.slots) {
        slot->folding = false;
        slot->first_unfolded = 0;
        unfolded_.erase(slot->key);
        unfolded_octets_ -= std::exchange(slot->unfolded_octets, 0);
    }
    std::vector<PublishedZone> published;
    published.reserve(group.zones.size());
    const std::uint64_t first = position + 1 - group.entries.size();
    for (auto& [slot, changed] : group.zones) {
        slot->durable = std::move(changed.last);
        slot->unfolded_octets += changed.octets;
        unfolded_octets_ += changed.octets;
        slot->last_unfolded = changed.position;
        if (slot->first_unfolded == 0) {
            slot->first_unfolded = first;
            unfolded_.emplace(slot->key, slot);
            count_unfolded(first, true);
        }
        published.push_back({slot->apex, slot->durable});
    }
    for (const OpenEntry& open : group.entries)
        for (Slot* slot : open.changed) --slot->in_group;
    if (!published.empty()) publisher_.publish(std::move(published));
    durable_ = log_.position();
    if (!group.entries.empty())
        publisher_.reached(durable_, base::Instant{group.entries.back().entry.at * 1000});
    for (const JobPtr& job : group.jobs) finish(job, std::move(job->receipt));
    checkpoint_if_due(group);
    if (is_moved_behind_commit_) return store_has_moved();
    forget_folded();
    begin_waiting();
    try_commit();
    if (!committing_) fold_when_idle();
    end_if_closed();
}

void WriterOfStore::refuse_stalled(const Error& error) {
    while (!stalled_.empty()) {
        finish(stalled_.front(), tl::unexpected<Error>(error));
        stalled_.pop_front();
    }
}

/// A commit has failed: nothing that stands on it has happened.
void WriterOfStore::taken_back(const Error& error) {
    std::vector<JobPtr> jobs;
    if (committing_) jobs = std::move(committing_->jobs);
    jobs.insert(jobs.end(), building_.jobs.begin(), building_.jobs.end());
    committing_.reset();
    building_ = {};
    state_.take_back();
    ++generation_;
    for (auto& [key, slot] : slots_) {
        slot.pending = slot.durable;
        slot.in_group = 0;
    }
    if (error.code != Errc::full && error.code != Errc::busy) broken_ = error;
    for (const JobPtr& job : jobs) finish(job, tl::unexpected<Error>(error));
    refuse_stalled(error);
    // There may be room again, or the other process gone.
    if (closing_) close_problem_ = error;  // all that was answered is in the log: that is enough
    if (!broken_) return fold_later(options_.retry_after);
    for (auto& [key, slot] : slots_) {
        if (slot.turn.empty()) continue;
        if (slot.is == Slot::Is::unknown)
            read_row(slot);  // they are refused behind it
        else
            begin_in_turn(slot.turn.front());
    }
}

// Another process.

void WriterOfStore::store_has_moved() {
    if (std::exchange(is_moved_, true)) return;
    is_moved_behind_commit_ = false;
    // All that was not durable is made again on what the other process left.
    std::deque<JobPtr> again;
    if (committing_) again.assign(committing_->jobs.begin(), committing_->jobs.end());
    again.insert(again.end(), building_.jobs.begin(), building_.jobs.end());
    committing_.reset();
    building_ = {};
    state_.take_back();
    ++generation_;
    for (auto& [key, slot] : slots_) {
        slot.pending = slot.durable;
        slot.in_group = 0;
        for (const JobPtr& job : slot.turn)
            if (std::ranges::find(again, job) == again.end()) again.push_back(job);
    }
    for (auto& [key, slot] : slots_) slot.turn.clear();
    for (const JobPtr& job : again) job->slots.clear();
    stalled_.insert(stalled_.begin(), again.begin(), again.end());
    if (closing_) return refuse_stalled({Errc::interrupted, "the node stops", {}});
    publisher_.store_has_moved();
}

void WriterOfStore::store_was_taken_over() {
    auto outcome = std::make_shared<Status>();
    crew_.run(
        Lane::log, [this, outcome] { *outcome = log_.refresh(); },
        [this, outcome] {
            if (*outcome && log_.folded_up_to() != log_.position().number)
                *outcome =
                    fail(Errc::malformed,
                         "another process has changed the store beside changes that were not "
                         "in its rows",
                         {.source = options_.path});
            if (!*outcome) {
                is_moved_ = false;
                taken_back(outcome->error());
                return;
            }
            while (state_.head().position < log_.position().number) state_.step(base::Octets{}, {});
            state_.settle(log_.position().number);
            // Rows that are being read or changed on the work lane are let go when it comes back.
            std::erase_if(slots_, [](const auto& one) {
                return one.second.is == Slot::Is::idle || one.second.is == Slot::Is::unknown;
            });
            unfolded_at_.clear();
            unfolded_.clear();
            unfolded_zones_ = unfolded_octets_ = 0;
            for (auto& [key, slot] : slots_) {
                slot.first_unfolded = slot.unfolded_octets = 0;
                slot.durable = slot.pending = {};
                slot.is_stale = true;
            }
            folded_up_to_ = log_.folded_up_to();
            durable_ = log_.position();
            is_moved_ = false;
            begin_waiting();
            try_commit();
        });
}

void WriterOfStore::resume() {
    ZC_CHECK(pauses_ > 0);
    if (--pauses_ > 0) return;
    if (std::exchange(is_held_, false)) return committed();
    try_commit();
    if (!committing_) fold_when_idle();
}

// Folding.

void WriterOfStore::count_unfolded(std::uint64_t position, bool more) {
    if (more) {
        ++unfolded_at_[position];
        ++unfolded_zones_;
        return;
    }
    const auto at = unfolded_at_.find(position);
    ZC_CHECK(at != unfolded_at_.end());
    if (--at->second == 0) unfolded_at_.erase(at);
    --unfolded_zones_;
}

/// Zones whose last entry is durable, in the order of the disk. `all`: large images too, though their
/// entries are not worth it yet.
Folds WriterOfStore::choose_folds(std::size_t count, bool all) {
    Folds folds;
    if (unfolded_zones_ == 0) return folds;
    auto at = unfolded_.upper_bound(fold_cursor_);
    for (std::size_t looked = 0; looked < unfolded_.size() && folds.slots.size() < count;
         ++looked, ++at) {
        if (at == unfolded_.end()) at = unfolded_.begin();
        Slot& slot = *at->second;
        if (slot.in_group > 0 || slot.folding) continue;
        const std::size_t octets = slot.durable.image_octets().size();
        if (!all && octets > large_image_octets &&
            slot.unfolded_octets < octets / large_image_share)
            continue;
        slot.folding = true;
        folds.slots.push_back(&slot);
        folds.states.push_back(slot.durable);
        fold_cursor_ = at->first;
    }
    for (std::size_t i = 0; i < folds.slots.size(); ++i) {
        const ZoneState& state = folds.states[i];
        store::FoldedZone& folded = folds.zones.emplace_back();
        folded.zone.key = fold::octets_of(folds.slots[i]->key);
        folded.version = state.version;
        folded.is_removed = !state.exists();
        if (folded.is_removed) {
            folded.version = folds.slots[i]->last_unfolded;
            continue;
        }
        folded.zone.state = fold::encode_state(state.state, state.hidden);
        folded.zone.serial = state.serial;
        folded.zone.records = state.records;
        folded.zone.source = state.source;
        folded.zone.settings = state.settings_octets();
        folded.image = state.image_octets();
    }
    return folds;
}

void WriterOfStore::fold_when_idle() {
    fold_later(closing_ ? at_once : options_.idle_before_folding);
}

void WriterOfStore::fold_later(base::Duration wait) {
    if (unfolded_zones_ == 0 || std::exchange(idle_is_due_, true)) return;
    crew_.later(wait, [this] {
        idle_is_due_ = false;
        if (committing_ || pauses_ > 0 || is_moved_ || broken_ || close_problem_ ||
            !building_.empty())
            return;
        Group group;
        group.folds = choose_folds(folded_max, closing_ || is_over_limits());
        if (!group.folds.slots.empty()) commit(std::move(group));
    });
}

/// SQLite's log of what was written is merged into the file beside the commits. The last of it is
/// merged behind a commit, since only then nothing is added meanwhile.
void WriterOfStore::checkpoint_if_due(const Group& group) {
    for (const OpenEntry& open : group.entries)
        octets_to_checkpoint_ += open.octets.size() + open.undo.size();
    for (const store::FoldedZone& zone : group.folds.zones)
        octets_to_checkpoint_ += zone.image.size() + page_octets;
    octets_to_checkpoint_ += 2 * page_octets;
    if (checkpoint_ != Checkpoint::none || octets_to_checkpoint_ < options_.checkpoint_octets)
        return;
    octets_to_checkpoint_ = 0;
    checkpoint_ = Checkpoint::runs;
    crew_.run(
        // A full disk or a reader stands in its way: nothing is lost, and a later one does it.
        Lane::upkeep, [this] { static_cast<void>(checkpoints_.run()); },
        [this] { checkpoint_ = Checkpoint::ends_with_commit; });
}

void WriterOfStore::forget_folded() {
    if (slots_.size() < unfolded_zones_ + 2 * folded_slots_kept_max) return;
    std::erase_if(slots_, [](const auto& one) {
        const Slot& slot = one.second;
        return slot.is == Slot::Is::idle && slot.is_folded() && slot.turn.empty() &&
               slot.in_group == 0 && !slot.folding;
    });
}

// The end.

void WriterOfStore::close(std::function<void(Status)> done) {
    closing_ = true;
    closed_ = std::move(done);
    refuse_stalled({Errc::interrupted, "the node stops", {}});
    crew_.later(at_once, [this] { end_if_closed(); });
}

void WriterOfStore::end_if_closed() {
    if (!closing_ || !closed_ || jobs_ > 0 || committing_ || !finished_.empty()) return;
    if (!broken_ && !close_problem_ && !is_moved_ && unfolded_zones_ > 0 && pauses_ == 0) {
        if (!idle_is_due_) fold_when_idle();
        return;
    }
    const auto closed = std::exchange(closed_, nullptr);
    Status status;
    if (broken_ || close_problem_)
        status = tl::unexpected<Error>(broken_ ? *broken_ : *close_problem_);
    closed(status);
}

Figures WriterOfStore::figures() const {
    Figures figures = figures_;
    figures.durable = durable_;
    figures.position = state_.head().position;
    figures.unfolded_zones = unfolded_zones_;
    figures.unfolded_octets = unfolded_octets_;
    figures.waiting = jobs_;
    figures.refuses = broken_.has_value();
    return figures;
}

Result<replica::State> state_of_log(const Options& options, store::LogFile& log) {
    if (log.head().empty()) {
        replica::LogId id;
        for (std::size_t at = 0; at < id.octets.size(); at += 8) {
            const std::uint64_t random = options.random();
            std::memcpy(&id.octets[at], &random, sizeof random);
        }
        return replica::State(id, 0, options.window);
    }
    ZC_TRY(const replica::Head head, decode_head(log.head()));
    std::vector<replica::State::Remembered> requests;
    ZC_TRY_STATUS(log.read_requests([&](const store::LogRequest& kept) {
        replica::State::Remembered& one = requests.emplace_back();
        one.id.octets = kept.id;
        one.met = kept.met;
        one.outcome = {static_cast<replica::Outcome::Kind>(kept.kind), kept.attempt, kept.position};
    }));
    return replica::State::resume(head, requests, options.window);
}

}  // namespace

Result<std::unique_ptr<Writer>> Writer::open(Options options, Crew& crew, Publisher& publisher) {
    ZC_TRY(store::LogFile log, store::LogFile::open(options.path));
    ZC_TRY(store::RowReader rows, store::RowReader::open(options.path));
    ZC_TRY(store::LogCheckpoints checkpoints, store::LogCheckpoints::open(options.path));
    ZC_TRY(replica::State state, state_of_log(options, log));
    // Commits of other processes took places in the order, and changed rows themselves.
    while (state.head().position < log.position().number) state.step(base::Octets{}, {});
    if (state.head().position != log.position().number)
        return fail(Errc::malformed, "the log has said more than the store knows",
                    {.source = options.path});
    auto writer =
        std::make_unique<WriterOfStore>(std::move(options), crew, publisher, std::move(log),
                                        std::move(rows), std::move(checkpoints), std::move(state));
    ZC_TRY_STATUS(writer->replay());
    return writer;
}

}  // namespace zc::writer
