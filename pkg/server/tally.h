// Counts a batch of outcomes in registers, and adds the sums to the worker's counters once.
#pragma once

#include <cstddef>
#include <cstdint>

#include "answer/answer.h"
#include "server/counters.h"

namespace zc::server {

class Tally {
public:
    Tally(WorkerCounters& counters, Channel& channel) noexcept
        : counters_(counters), channel_(channel) {}
    ~Tally() {
        channel_.queries.add(queries_);
        channel_.edns.add(edns_);
        channel_.response_octets.add(octets_);
        if (dnssec_ok_ != 0) channel_.dnssec_ok.add(dnssec_ok_);
        if (cookie_valid_ != 0) channel_.cookie_valid.add(cookie_valid_);
        if (truncated_ != 0) channel_.truncated.add(truncated_);
    }
    Tally(const Tally&) = delete;
    Tally& operator=(const Tally&) = delete;

    /// A query that gets no answer and was not looked at further.
    void malformed() noexcept {
        ++queries_;
        counters_.drop(Drop::malformed);
    }
    /// A query that respond() had.
    void query(const answer::Outcome& outcome) noexcept {
        if (outcome.response_octets == 0 && outcome.handed_over == answer::HandOver::none)
            return malformed();
        ++queries_;
        edns_ += outcome.edns;
        dnssec_ok_ += outcome.dnssec_ok;
        cookie_valid_ += outcome.cookie_valid;
        counters_.qtypes[qtype_slot(outcome.qtype)].add(1);
    }
    /// Its response, which goes out with that many octets.
    void response(const answer::Outcome& outcome, std::size_t octets) noexcept {
        channel_.responses[rcode_slot(outcome.rcode)].add(1);
        truncated_ += outcome.truncated;
        octets_ += octets;
    }

private:
    WorkerCounters& counters_;
    Channel& channel_;
    std::uint64_t queries_ = 0;
    std::uint64_t edns_ = 0;
    std::uint64_t dnssec_ok_ = 0;
    std::uint64_t cookie_valid_ = 0;
    std::uint64_t truncated_ = 0;
    std::uint64_t octets_ = 0;
};

}  // namespace zc::server
