// Questions and answers for tests.
#pragma once

#include <cstdint>
#include <string>

#include "ask/test_server.h"
#include "base/check.h"
#include "dns/message.h"

namespace zc::ask {

inline Octets question(std::uint16_t id, const std::string& name,
                       dns::RrType type = dns::RrType::a) {
    dns::QueryOptions options;
    options.id = id;
    return dns::encode_query(*dns::Name::parse(name), type, options);
}

/// The question with one address as its answer.
inline Octets answer_to(const Octets& query, std::uint8_t last_octet) {
    auto message = dns::parse_message(query);
    ZC_CHECK(message.has_value());
    message->qr = message->aa = true;
    message->answer.push_back({.owner = message->questions.at(0).name,
                               .type = dns::RrType::a,
                               .ttl = 60,
                               .rdata = {192, 0, 2, last_octet}});
    return *dns::encode_message(*message);
}

}  // namespace zc::ask
