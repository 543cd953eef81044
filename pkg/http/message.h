// HTTP requests and responses as plain values, the same for server and client.
#pragma once

#include <map>
#include <string>

namespace zc::http {

/// A request as a route sees it: read whole, the target taken apart and its escapes undone.
struct Request {
    std::string method;  // in capitals, as sent
    std::string path;    // "/health"; without the query
    std::map<std::string, std::string>
        query;  // "?a=1&b" is {a: "1", b: ""}; the last of a name wins
    std::string body;
};

struct Response {
    unsigned status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::string body;
};

}  // namespace zc::http
