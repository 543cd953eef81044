// Servers for tests that answer from zones, and targets that lead to servers.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "catalogue/catalogue.h"
#include "dns/message.h"
#include "net/endpoint.h"
#include "shadow/target.h"
#include "shadow/test_server.h"
#include "shadow/test_zones.h"

namespace zc::shadow {

inline Target target_of(const Server& server) {
    return {.kind = server.by == Server::By::tcp ? Target::Kind::tcp_only : Target::Kind::server,
            .address = server.endpoint.address,
            .port = server.endpoint.port,
            .path = {},
            .text = net::to_string(server.endpoint)};
}

/// "www.example. A" of a query.
inline std::string text_of(const Octets& query) {
    const auto message = dns::parse_message(query);
    if (!message || message->questions.empty()) return "";
    return dns::to_string(message->questions[0].name) + " " +
           dns::to_string(message->questions[0].type);
}

/// A server that answers from a catalogue, but for what `lie` changes.
class ZoneServer {
public:
    /// Changes the response; empty: no response.
    using Lie = std::function<void(const std::string& question, bool tcp, Octets& response)>;

    explicit ZoneServer(const catalogue::Catalogue& zones, Lie lie = nullptr)
        : server_([this, &zones, lie](const Octets& query, const auto& client) {
              {
                  const std::lock_guard lock(mutex_);
                  ++received_[text_of(query)];
              }
              Octets response = respond(zones, query, client.tcp);
              if (lie) lie(text_of(query), client.tcp, response);
              if (!response.empty()) client.answer(response);
          }) {}
    Server server(Server::By by = Server::By::udp_and_tcp) const { return server_.server(by); }
    std::uint64_t received(const std::string& question) {
        const std::lock_guard lock(mutex_);
        return received_[question];
    }
    std::uint64_t connections() const { return server_.connections(); }

private:
    std::mutex mutex_;
    std::map<std::string, std::uint64_t> received_;
    TestServer server_;  // last: it uses what stands before it
};

}  // namespace zc::shadow
