#include "server/framed_answers.h"

#include <algorithm>

#include "base/check.h"
#include "server/tally.h"

namespace zc::server {

FramedAnswers::FramedAnswers(answer::HashBudget hashing, answer::HandOvers takes,
                             WorkerCounters& counters) noexcept
    : counters_(&counters), takes_(takes), hash_budget_(hashing) {
    for (std::size_t i = 0; i < batch; ++i) {
        exchanges_[i].response =
            base::MutableOctets(responses_).subspan(i * response_stride, dns::message_octets_max);
        exchanges_[i].arrival.takes = takes;
        exchanges_[i].arrival.hash_budget = &hash_budget_;
    }
}

void FramedAnswers::put(const answer::Exchange& exchange) noexcept {
    const std::size_t octets = exchange.outcome.response_octets;
    ZC_CHECK(output_.put(exchange.response.first(octets)));
}

FramedAnswers::Some FramedAnswers::answer(base::Octets input, const Asking& asking) noexcept {
    Tally tally(*counters_, counters_->channel(asking.transport, asking.family));
    Some some;
    std::size_t queries = 0;
    const std::size_t queries_max = std::min<std::size_t>(batch, asking.queries_max);
    for (net::FrameReader reader(input); queries < queries_max;) {
        const auto message = reader.next();
        if (!message) break;
        if (message->size() < dns::header_octets) {
            if (queries != 0) break;  // after those before it
            tally.malformed();
            some.then = Some::Then::malformed;
            return some;
        }
        answer::Exchange& exchange = exchanges_[queries];
        exchange.query = *message;
        exchange.arrival.client = asking.client;
        exchange.arrival.transport = asking.transport;
        exchange.arrival.now = asking.now;
        exchange.arrival.node = asking.view.identity;
        ends_[queries++] = reader.taken();
    }
    if (queries == 0) return some;
    respond(std::span(exchanges_).first(queries), asking.view);

    for (; some.queries < queries; ++some.queries) {
        // Answers that would wait in memory beyond the limit are made again when the reader has
        // taken what there is.
        if (output_.size() >= asking.output_octets_max) break;
        const answer::Exchange& exchange = exchanges_[some.queries];
        const std::size_t octets = exchange.outcome.response_octets;
        if (exchange.outcome.handed_over != answer::HandOver::none) [[unlikely]] {
            some.then = Some::Then::hand_over;
            some.handed_or_null = &exchange;
            break;
        }
        tally.query(exchange.outcome);
        some.octets = ends_[some.queries];
        if (octets == 0) continue;
        tally.response(exchange.outcome, octets);
        put(exchange);
    }
    counters_->batch_count.add(1);
    return some;
}

void FramedAnswers::count_handed(const answer::Exchange& exchange, const Asking& asking) noexcept {
    Tally(*counters_, counters_->channel(asking.transport, asking.family)).query(exchange.outcome);
}

void FramedAnswers::answer_untaken(const answer::Exchange& exchange,
                                   const Asking& asking) noexcept {
    Tally tally(*counters_, counters_->channel(asking.transport, asking.family));
    answer::Exchange& again = exchanges_[static_cast<std::size_t>(&exchange - exchanges_.data())];
    again.arrival.takes = {};
    respond(std::span(&again, 1), asking.view);
    again.arrival.takes = takes_;
    tally.query(again.outcome);
    if (again.outcome.response_octets == 0) return;
    tally.response(again.outcome, again.outcome.response_octets);
    put(again);
}

}  // namespace zc::server
