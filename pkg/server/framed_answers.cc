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

FramedAnswers::Some FramedAnswers::answer(base::Octets input, const Asking& asking,
                                          Giver& giver) noexcept {
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
            some.is_malformed = true;
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
        answer::Exchange& exchange = exchanges_[some.queries];
        if (exchange.outcome.handed_over != answer::HandOver::none) [[unlikely]] {
            const Giver::Gave gave = giver.give(exchange);
            some.waits_for_taker = gave == Giver::Gave::full;
            if (some.waits_for_taker) break;
            if (gave == Giver::Gave::untaken) answer_untaken(exchange, asking);
        }
        tally.query(exchange.outcome);
        some.octets = ends_[some.queries];
        const std::size_t octets = exchange.outcome.response_octets;
        if (octets == 0) continue;
        tally.response(exchange.outcome, octets);
        put(exchange);
    }
    counters_->batch_count.add(1);
    return some;
}

/// Makes the answer that it would get if there were no taker.
void FramedAnswers::answer_untaken(answer::Exchange& exchange, const Asking& asking) noexcept {
    exchange.arrival.takes = {};
    respond(std::span(&exchange, 1), asking.view);
    exchange.arrival.takes = takes_;
}

}  // namespace zc::server
