#include "capture/fragments.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace zc::capture {

namespace {
constexpr std::size_t datagram_octets_max = 65535;
}

void Fragments::forget(Order::iterator which) {
    octets_ -= which->payload.size();
    by_key_.erase(which->key);
    building_.erase(which);
}

void Fragments::lose(Order::iterator which) {
    forget(which);
    ++lost_;
}

std::optional<Fragments::Whole> Fragments::add(const Fragment& fragment, base::Instant clock) {
    const std::size_t begin = fragment.offset, end = begin + fragment.payload.size();
    const auto known = by_key_.find(fragment.of);
    Order::iterator it;
    if (known != by_key_.end()) {
        it = known->second;
    } else {
        if (building_.size() == fragmented_datagrams_max) lose(building_.begin());
        it = building_.emplace(building_.end());
        it->key = fragment.of;
        it->begun = clock;
        by_key_.emplace(fragment.of, it);
    }
    Building& here = *it;
    const bool impossible = end > datagram_octets_max || begin == end ||
                            (fragment.more && (end & 7U) != 0) ||
                            (here.whole != 0 && end > here.whole) ||
                            (!fragment.more && here.whole != 0 && here.whole != end) ||
                            (!fragment.more && !here.parts.empty() && here.parts.back().end > end);
    const auto place = std::find_if(here.parts.begin(), here.parts.end(),
                                    [&](const Part& part) { return part.end > begin; });
    if (!impossible && place != here.parts.end() && place->begin < end) {
        if (place->begin != begin || place->end != end) lose(it);
        return std::nullopt;
    }
    if (impossible || here.parts.size() == fragments_max) {
        lose(it);
        return std::nullopt;
    }
    here.parts.insert(place, {begin, end});
    if (here.payload.size() < end) {
        octets_ += end - here.payload.size();
        here.payload.resize(end);
    }
    std::memcpy(&here.payload[begin], fragment.payload.data(), fragment.payload.size());
    here.octets += end - begin;
    if (begin == 0) here.next_protocol = fragment.next_protocol;
    if (!fragment.more) here.whole = end;
    if (here.whole != 0 && here.octets == here.whole) {
        Whole whole{here.next_protocol, here.payload};
        forget(it);
        return whole;
    }
    while (octets_ > fragmented_octets_max) lose(building_.begin());
    return std::nullopt;
}

std::uint64_t Fragments::take_lost(base::Instant clock) {
    while (!building_.empty() && clock - building_.front().begun > fragment_wait)
        lose(building_.begin());
    return std::exchange(lost_, 0);
}

std::uint64_t Fragments::finish() {
    while (!building_.empty()) lose(building_.begin());
    return std::exchange(lost_, 0);
}

}  // namespace zc::capture
