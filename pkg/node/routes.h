// The routes of a node, on its control socket and on the address of its metrics.
//
//     GET  /status    JSON: what is served, figures                          control socket only
//     GET  /health    JSON {"healthy", "state", …}; 200 or 503
//     GET  /metrics   Prometheus text
//     POST /reload    JSON report, once it is done; 503 with "error" when it cannot be begun     control socket only
//     POST /changes   commands, one a line -> JSON (edit/changes.h); ?each=1, dry-run=1, first-line=N,
//                     source=TEXT, store=ID: 409 when this node has another one     control socket only
//     POST /stop      JSON {"state": "stopping"}                             control socket only
#pragma once

#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "catalogue/not_served.h"
#include "http/server.h"
#include "node/report.h"
#include "term/json.h"

namespace zc::node {

/// The node, as its routes see it. Called on the control thread, while requests are answered.
class Routed {
public:
    virtual ~Routed() = default;
    virtual term::Json health(const catalogue::NotServedLimit* limit_or_null) const = 0;
    virtual std::string metrics() const = 0;
    virtual term::Json status() const = 0;
    /// Waits for a reload that begins after this call; then `reload_response`.
    virtual boost::asio::awaitable<http::Response> reload() = 0;
    /// Waits until the changes are durable and served, or refused.
    virtual boost::asio::awaitable<http::Response> changes(http::Request request) = 0;
    /// Returns before the node stops, so that the response is on its way.
    virtual void stop_soon() = 0;
};

/// `report`: an object. Null: the node ends, or there was no memory for the report.
http::Response reload_response(const term::Json& report, State state);

/// Anyone on this machine may ask these.
std::vector<http::Route> open_routes(Routed& node);
/// Only the user of the control socket may ask these.
std::vector<http::Route> control_routes(Routed& node);

}  // namespace zc::node
