// For tests and fuzzers of this package: all that a source gives, as text.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "capture/source.h"
#include "dns/message.h"

namespace zc::capture {

/// A query that outlives its batch.
struct Given {
    std::vector<std::uint8_t> message, recorded;
    dns::Transport transport{};
    std::string client;  // "192.0.2.1 4000"
    base::Instant at{};
    std::uint64_t position = 0;
};

struct Reading {
    std::vector<Given> queries;
    std::string error;  // that `read` ended with
    SourceCounts counts;
};

/// "NAME TYPE" of a message's question.
inline std::string question_of(base::Octets message) {
    const auto parsed = dns::parse_message(message);
    if (!parsed || parsed->questions.size() != 1) return "?";
    return dns::to_string(parsed->questions[0].name) + " " +
           dns::to_string(parsed->questions[0].type);
}

/// Reads a source that ends, and checks what every source promises.
inline Reading read_all(Source& source) {
    Reading reading;
    Batch batch;
    std::uint64_t last = 0;
    while (!source.ended()) {
        const auto status = source.read(batch);
        ZC_CHECK(status.has_value() || batch.size() == 0);
        ZC_CHECK(batch.size() != 0 || source.ended());
        if (!status) reading.error = status.error().text();
        for (const Query& query : batch.queries()) {
            ZC_CHECK(query.position > last && query.message.size() >= 12 &&
                     query.message.size() <= 65535);
            last = query.position;
            reading.queries.push_back(
                {{query.message.begin(), query.message.end()},
                 {query.recorded.begin(), query.recorded.end()},
                 query.transport,
                 query.client.size == 0
                     ? ""
                     : dns::to_string(query.client) + " " + std::to_string(query.client_port),
                 query.at,
                 query.position});
        }
    }
    reading.counts = source.counts();
    ZC_CHECK(reading.counts.queries == reading.queries.size());
    return reading;
}

/// "malformed 1\norphan 2\n": those that are not 0.
inline std::string text_of(const SourceCounts& counts) {
    std::string text;
    for (std::size_t i = 0; i < skipped_count; ++i)
        if (counts.skipped[i] != 0)
            text += std::string(to_string(static_cast<Skipped>(i))) + " " +
                    std::to_string(counts.skipped[i]) + "\n";
    return text;
}

/// One line a query: position, transport, client, question, flags, EDNS, how it was answered.
inline std::string text_of(const Reading& reading) {
    std::string text;
    for (const Given& query : reading.queries) {
        text += std::to_string(query.position) + " " +
                std::string(dns::to_string(query.transport)) + " ";
        if (!query.client.empty()) text += query.client + " ";
        text += question_of(query.message);
        if (const auto message = dns::parse_message(query.message)) {
            if (message->rd) text += " rd";
            if (message->cd) text += " cd";
            if (message->edns) {
                text += " edns " + std::to_string(message->edns->udp_octets);
                if (message->edns->dnssec_ok) text += " do";
            }
        }
        if (!query.recorded.empty()) {
            const auto answer = dns::parse_message(query.recorded);
            text += " -> " + (answer ? dns::to_string(answer->rcode) + " " +
                                           std::to_string(answer->answer.size())
                                     : std::string("?"));
        }
        text += "\n";
    }
    text += text_of(reading.counts);
    if (!reading.error.empty()) text += "error " + reading.error + "\n";
    return text;
}

}  // namespace zc::capture
