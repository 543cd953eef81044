#include "server/late.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <new>
#include <utility>

#include "base/check.h"
#include "dns/message.h"
#include "server/rate_limit.h"

namespace zc::server {
namespace {

constexpr std::size_t room_octets = 4096;  // the largest UDP response: answer::Identity

}  // namespace

bool hand_over(Taker& taker, const std::shared_ptr<Bells>& bells, const HandedOver& message,
               LateAnswer& late) noexcept {
    try {
        late.bell = std::make_shared<Bell>(bells);
    } catch (const std::bad_alloc&) {
        return false;
    }
    late.answering = taker.take(message, Waker(late.bell));
    return late.answering != nullptr;
}

void count_late(Channel& channel, LateAnswer& late, base::Octets message) noexcept {
    ZC_CHECK(message.size() >= dns::header_octets);
    if (!std::exchange(late.begun, true))
        channel.responses[rcode_slot(static_cast<dns::Rcode>(message[3] & 15U))].add(1);
    channel.response_octets.add(message.size());
}

LateDatagrams::LateDatagrams(Taker& taker, std::shared_ptr<Bells> bells, WorkerCounters& counters)
    : taker_(&taker), bells_(std::move(bells)), counters_(&counters) {}

bool LateDatagrams::hand_over(const HandedOver& message, const Way& way) noexcept {
    {
        const std::lock_guard lock(mutex_);
        if (count_ == taken_datagrams_max) return false;
        ++count_;
    }
    std::list<Datagram> one;
    try {
        one.emplace_back();
    } catch (const std::bad_alloc&) {
    }
    const bool taken = !one.empty() && server::hand_over(*taker_, bells_, message, one.front());
    if (taken) one.front().way = way;
    {
        const std::lock_guard lock(mutex_);
        if (taken)
            arriving_.splice(arriving_.end(), one);
        else
            --count_;
    }
    if (taken) bells_->wake();
    return taken;
}

void LateDatagrams::take_in(base::Duration now) noexcept {
    std::list<Datagram> arrived;
    {
        const std::lock_guard lock(mutex_);
        arrived.swap(arriving_);
    }
    while (!arrived.empty()) {
        waiting_.splice(waiting_.end(), arrived, arrived.begin());
        Datagram& datagram = waiting_.back();
        datagram.self = std::prev(waiting_.end());
        datagram.since = now;
        datagram.bell->whose_or_null = &datagram;
        answer(datagram);
    }
}

void LateDatagrams::answer(LateAnswer& late) noexcept {
    Datagram& datagram = static_cast<Datagram&>(late);
    std::array<std::uint8_t, room_octets> room;
    const std::size_t octets_max = std::min(datagram.way.octets_max, room.size());
    const Answering::Next next =
        datagram.answering->next(base::MutableOctets(room).first(octets_max));
    if (next.is == Answering::Next::Is::later) return;
    if (next.is != Answering::Next::Is::none) {
        ZC_CHECK(next.octets <= octets_max);
        send(datagram, base::MutableOctets(room).first(next.octets));
    }
    forget(datagram);
}

/// A message that is too large for the interface goes out empty and truncated (RFC 9715 section
/// 3.1).
void LateDatagrams::send(Datagram& datagram, base::MutableOctets message) noexcept {
    const Way& way = datagram.way;
    Channel& channel = counters_->channel(dns::Transport::udp, way.family);
    const auto sent = [&](base::Octets octets) {
        return net::send_datagram(way.socket, octets, way.client, way.client_octets, way.source);
    };
    base::Octets octets = message;
    int error_number = sent(octets);
    if (error_number == EMSGSIZE) {
        octets = message.first(slip(message));
        error_number = octets.empty() ? EMSGSIZE : sent(octets);
        if (error_number == 0) channel.truncated.add(1);
    }
    if (error_number == 0)
        count_late(channel, datagram, octets);
    else
        counters_->drop(Drop::send_failed);
}

void LateDatagrams::forget(Datagram& datagram) noexcept {
    waiting_.erase(datagram.self);
    const std::lock_guard lock(mutex_);
    --count_;
}

void LateDatagrams::expire(base::Duration now) noexcept {
    while (!waiting_.empty() && now - waiting_.front().since >= taken_time) {
        counters_->drop(Drop::unanswered);
        forget(waiting_.front());
    }
}

bool LateDatagrams::empty() noexcept {
    const std::lock_guard lock(mutex_);
    return count_ == 0;
}

std::optional<base::Duration> LateDatagrams::next_end() const noexcept {
    if (waiting_.empty()) return std::nullopt;
    return waiting_.front().since + taken_time;
}

}  // namespace zc::server
