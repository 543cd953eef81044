#include "node/routes.h"

#include <optional>
#include <utility>

namespace zc::node {
namespace {

using boost::asio::awaitable;

// A change of one zone has 192 KiB as octets; as text it is longer.
constexpr std::uint64_t changes_octets_max = 1 << 20;

http::Response json_response(const term::Json& json, unsigned status = 200) {
    http::Response response;
    response.status = status;
    response.content_type = "application/json";
    response.body = json.serialize() + '\n';
    return response;
}

http::Response answer_health(const http::Request& request, const Routed& node) {
    std::optional<catalogue::NotServedLimit> limit;
    if (const auto at = request.query.find("max-not-served"); at != request.query.end()) {
        auto parsed = catalogue::NotServedLimit::parse(at->second);
        if (!parsed) {
            http::Response response;
            response.status = 400;
            response.body = "max-not-served: " + parsed.error().message + '\n';
            return response;
        }
        limit = *parsed;
    }
    const term::Json json = node.health(limit ? &*limit : nullptr);
    return json_response(json, json["healthy"].truth() ? 200 : 503);
}

http::Response answer_metrics(const Routed& node) {
    http::Response response;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = node.metrics();
    return response;
}

}  // namespace

http::Response reload_response(const term::Json& report, State state) {
    if (report.is_object()) return json_response(report);
    term::Json json = term::Json::object();
    json.set("error", state == State::stopping ? "the node is stopping"
                                               : "no memory for the report, wanted another reload");
    return json_response(json, 503);
}

std::vector<http::Route> open_routes(Routed& node) {
    const auto health = [&node](http::Request request) -> awaitable<http::Response> {
        co_return answer_health(request, node);
    };
    const auto metrics = [&node](http::Request) -> awaitable<http::Response> {
        co_return answer_metrics(node);
    };
    return {{"GET", "/health", health}, {"GET", "/metrics", metrics}};
}

std::vector<http::Route> control_routes(Routed& node) {
    const auto status = [&node](http::Request) -> awaitable<http::Response> {
        co_return json_response(node.status());
    };
    const auto reload = [&node](const http::Request&) -> awaitable<http::Response> {
        return node.reload();
    };
    const auto changes = [&node](http::Request request) -> awaitable<http::Response> {
        return node.changes(std::move(request));
    };
    http::RouteLimits of_changes;
    of_changes.body_octets_max = changes_octets_max;
    const auto stop = [&node](http::Request) -> awaitable<http::Response> {
        term::Json json = term::Json::object();
        json.set("state", "stopping");
        node.stop_soon();
        co_return json_response(json);
    };
    return {{"GET", "/status", status},
            {"POST", "/reload", reload},
            {"POST", "/changes", changes, of_changes},
            {"POST", "/stop", stop}};
}

}  // namespace zc::node
