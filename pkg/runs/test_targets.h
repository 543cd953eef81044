// Servers for tests that answer from zones, and targets that lead to servers.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "ask/test_server.h"
#include "catalogue/catalogue.h"
#include "dns/message.h"
#include "judge/test_zones.h"
#include "net/endpoint.h"
#include "runs/target.h"

namespace zc::runs {

inline Target target_of(const ask::Server& server) {
    return {
        .kind = server.by == ask::Server::By::tcp ? Target::Kind::tcp_only : Target::Kind::server,
        .address = server.endpoint.address,
        .port = server.endpoint.port,
        .path = {},
        .text = net::to_string(server.endpoint)};
}

/// "www.example. A" of a query.
inline std::string text_of(const ask::Octets& query) {
    const auto message = dns::parse_message(query);
    if (!message || message->questions.empty()) return "";
    return dns::to_string(message->questions[0].name) + " " +
           dns::to_string(message->questions[0].type);
}

/// A server that answers from a catalogue, but for what `lie` changes.
class ZoneServer {
public:
    /// Changes the response; empty: no response.
    using Lie = std::function<void(const std::string& question, bool tcp, ask::Octets& response)>;

    explicit ZoneServer(const catalogue::Catalogue& zones, Lie lie = nullptr)
        : server_([this, &zones, lie](const ask::Octets& query, const auto& client) {
              {
                  const std::lock_guard lock(mutex_);
                  ++received_[text_of(query)];
              }
              ask::Octets response = judge::respond(zones, query, client.tcp);
              if (lie) lie(text_of(query), client.tcp, response);
              if (!response.empty()) client.answer(response);
          }) {}
    ask::Server server(ask::Server::By by = ask::Server::By::udp_and_tcp) const {
        return server_.server(by);
    }
    std::uint64_t received(const std::string& question) {
        const std::lock_guard lock(mutex_);
        return received_[question];
    }
    std::uint64_t connections() const { return server_.connections(); }

private:
    std::mutex mutex_;
    std::map<std::string, std::uint64_t> received_;
    ask::TestServer server_;  // last: it uses what stands before it
};

}  // namespace zc::runs
