#include "replica/state.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <sodium.h>

namespace zc::replica {

namespace {

constexpr Verdict void_verdict(std::uint64_t position) {
    return {.kind = Verdict::Kind::void_, .position = position, .found = {}};
}

}  // namespace

std::size_t State::Hash::operator()(const RequestId& id) const noexcept {
    // Ids are random; who sends others on purpose slows a table down that is his own node's.
    std::size_t hash = 0;
    std::memcpy(&hash, id.octets.data(), sizeof hash);
    std::size_t more = 0;
    std::memcpy(&more, id.octets.data() + sizeof hash, sizeof more);
    return hash ^ (more * 0x9e3779b97f4a7c15U);
}

State::State(LogId log, std::uint32_t epoch, std::uint64_t window) : window_(window) {
    head_.log = log;
    head_.epoch = epoch;
}

Result<State> State::resume(const Head& head, std::span<const Remembered> requests,
                            std::uint64_t window) {
    State state(head.log, head.epoch, window);
    state.head_ = head;
    for (const Remembered& one : requests) {
        const Record record{one.met, one.outcome.position, one.outcome.attempt, one.outcome.kind};
        if (one.met > head.ids_met || one.outcome.position > head.position ||
            !state.requests_.emplace(one.id, record).second)
            return fail(Errc::malformed, "requests of the log do not belong to its position");
        state.by_age_.emplace_back(one.met, one.id);
    }
    if (!std::ranges::is_sorted(state.by_age_, {}, [](const auto& one) { return one.first; }))
        return fail(Errc::malformed, "requests of the log are not in their order");
    return state;
}

std::optional<Outcome> State::find(const RequestId& id) const {
    const auto found = requests_.find(id);
    if (found == requests_.end() || found->second.met + window_ < head_.ids_met)
        return std::nullopt;
    return Outcome{found->second.kind, found->second.attempt, found->second.position};
}

std::vector<State::Remembered> State::remembered() const {
    std::vector<Remembered> out;
    out.reserve(requests_.size());
    for (const auto& [met, id] : by_age_) {
        const Record& record = requests_.at(id);
        if (record.met == met)
            out.push_back({id, met, {record.kind, record.attempt, record.position}});
    }
    return out;
}

std::vector<Verdict> State::step(base::Octets octets, const Versions& versions) {
    const auto entry = decode(octets);
    if (entry) return step(*entry, versions);
    begin_step();
    ++head_.position;
    std::vector<Verdict> verdicts = {void_verdict(head_.position)};
    chain(verdicts);
    return verdicts;
}

std::vector<Verdict> State::step(const Entry& entry, const Versions& versions) {
    begin_step();
    ++head_.position;
    std::vector<Verdict> verdicts;
    if (entry.log != head_.log || entry.epoch != head_.epoch) {
        verdicts.push_back(void_verdict(head_.position));
    } else {
        Touched touched;
        verdicts.reserve(entry.changes.size());
        for (const Change& change : entry.changes) {
            head_.ids_met += change.requests.size();
            verdicts.push_back(change.kind == Change::Kind::abort
                                   ? judge_abort(change)
                                   : judge(change, versions, touched));
        }
        if (!keeps_steps_) forget(head_.ids_met);
    }
    chain(verdicts);
    return verdicts;
}

void State::begin_step() {
    if (keeps_steps_) unsettled_.push_back({head_, {}});
    ids_met_before_ = head_.ids_met;
}

/// Forgetting depends on the log alone, though a request may still be kept here for `take_back`.
State::Requests::const_iterator State::find_kept(const RequestId& id) const {
    const auto found = requests_.find(id);
    const bool is_forgotten =
        found != requests_.end() && found->second.met + window_ < ids_met_before_;
    return is_forgotten ? requests_.end() : found;
}

void State::settle(std::uint64_t up_to) {
    std::uint64_t ids_met = 0;
    while (!unsettled_.empty() && unsettled_.front().before.position < up_to) {
        unsettled_.pop_front();
        ids_met = unsettled_.empty() ? head_.ids_met : unsettled_.front().before.ids_met;
    }
    forget(ids_met);
}

void State::take_back() {
    for (; !unsettled_.empty(); unsettled_.pop_back()) {
        const Unsettled& step = unsettled_.back();
        for (auto stood = step.stood.rbegin(); stood != step.stood.rend(); ++stood) {
            by_age_.pop_back();
            if (stood->second)
                requests_[stood->first] = *stood->second;
            else
                requests_.erase(stood->first);
        }
        head_ = step.before;
    }
}

bool State::is_fresh(const Request& request) const {
    if (head_.ids_met - request.since > window_) return false;
    const auto found = find_kept(request.id);
    if (found == requests_.end()) return request.attempt == 0;
    return found->second.kind == Outcome::Kind::conflict &&
           request.attempt == found->second.attempt + 1;
}

void State::decide(const Request& request, Outcome::Kind kind) {
    if (keeps_steps_) {
        const auto found = requests_.find(request.id);
        unsettled_.back().stood.emplace_back(
            request.id, found == requests_.end() ? std::nullopt : std::optional(found->second));
    }
    requests_[request.id] = {head_.ids_met, head_.position, request.attempt, kind};
    by_age_.emplace_back(head_.ids_met, request.id);
}

Verdict State::judge(const Change& change, const Versions& versions, Touched& touched) {
    Verdict verdict = void_verdict(head_.position);
    std::size_t fresh = 0;
    for (const Request& request : change.requests) fresh += is_fresh(request) ? 1U : 0U;
    if (fresh == 0 && !change.requests.empty()) {
        for (const Request& request : change.requests) {
            const auto found = find_kept(request.id);
            if (found == requests_.end() || head_.ids_met - request.since > window_) continue;
            verdict.kind = Verdict::Kind::duplicate;
            verdict.position = found->second.position;
            break;
        }
        return verdict;
    }
    std::vector<std::string> keys;
    bool is_based = true;
    const auto meet = [&](std::string key, std::uint64_t known, std::uint64_t base) {
        // An earlier change of this entry may have touched it: then that one's version counts.
        const auto earlier = touched.find(key);
        verdict.found.push_back(earlier == touched.end() ? known : earlier->second);
        is_based = is_based && verdict.found.back() == base;
        keys.push_back(std::move(key));
    };
    for (const ZoneChange& zone : change.zones) {
        const base::Octets wire = zone.name.wire();
        meet("z" + std::string(wire.begin(), wire.end()), versions.of_zone(zone.name), zone.base);
    }
    for (const NamedChange& named : change.named)
        meet("n" + named.name, versions.of_named(named.name), named.base);
    // One of merged requests that is decided already makes a conflict of the whole: its origin
    // builds the change again without it.
    const bool is_applied = is_based && fresh == change.requests.size();
    verdict.kind = is_applied ? Verdict::Kind::applied : Verdict::Kind::conflict;
    for (const Request& request : change.requests)
        if (is_fresh(request))
            decide(request, is_applied ? Outcome::Kind::applied : Outcome::Kind::conflict);
    if (!is_applied) return verdict;
    verdict.found.clear();
    std::size_t at = 0;
    const auto touch = [&](Op op) { touched[keys[at++]] = op == Op::remove ? 0 : head_.position; };
    for (const ZoneChange& zone : change.zones) touch(zone.op);
    for (const NamedChange& named : change.named) touch(named.op);
    return verdict;
}

Verdict State::judge_abort(const Change& change) {
    Verdict verdict = void_verdict(head_.position);
    for (const Request& request : change.requests) {
        if (head_.ids_met - request.since > window_) continue;
        const auto found = find_kept(request.id);
        if (found != requests_.end() && found->second.kind == Outcome::Kind::applied) {
            verdict.kind = Verdict::Kind::duplicate;
            verdict.position = found->second.position;
            continue;
        }
        if (verdict.kind == Verdict::Kind::void_) verdict.kind = Verdict::Kind::aborted;
        decide(request, Outcome::Kind::void_);
    }
    return verdict;
}

/// `ids_met`: of the last entry that is durable.
void State::forget(std::uint64_t ids_met) {
    while (!by_age_.empty() && by_age_.front().first + window_ < ids_met) {
        const auto& [met, id] = by_age_.front();
        const auto found = requests_.find(id);
        if (found != requests_.end() && found->second.met == met) requests_.erase(found);
        by_age_.pop_front();
    }
}

void State::chain(std::span<const Verdict> verdicts) {
    crypto_generichash_state hash;
    crypto_generichash_init(&hash, nullptr, 0, head_.chain.size());
    const auto number = [&](std::uint64_t value) {
        std::uint8_t octets[8];
        base::store_u32(octets, static_cast<std::uint32_t>(value >> 32));
        base::store_u32(octets + 4, static_cast<std::uint32_t>(value));
        crypto_generichash_update(&hash, octets, sizeof octets);
    };
    crypto_generichash_update(&hash, head_.chain.data(), head_.chain.size());
    number(head_.position);
    number(head_.ids_met);
    for (const Verdict& verdict : verdicts) {
        number(static_cast<std::uint64_t>(verdict.kind));
        number(verdict.position);
        number(verdict.found.size());
        for (const std::uint64_t version : verdict.found) number(version);
    }
    crypto_generichash_final(&hash, head_.chain.data(), head_.chain.size());
}

}  // namespace zc::replica
