// The table of routes: which one a method and a path mean.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/server.h"

namespace zc::http {

/// A tree by segment. Pure; a route stays where it is once it is added.
class Routes {
public:
    /// ZC_CHECK: the pattern begins with '/', its names are not empty and differ, and the method
    /// does not stand there yet.
    void add(Route route);

    struct Selection {
        const Route* route_or_null = nullptr;
        std::map<std::string, std::string> parameters;
        std::string allow;  // methods at this path, "GET, HEAD, POST"; empty: there is no such path
    };
    /// `segments` as `read_target` gives them.
    Selection find(std::string_view method, const std::vector<std::string>& segments) const;

private:
    struct Node {
        std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
        std::unique_ptr<Node> parameter;  // any segment that is not empty
        struct Entry {
            Route route;
            std::vector<std::string> names;  // of its parameters, in their order
        };
        std::vector<std::unique_ptr<Entry>> entries;
    };
    static const Node* descend_or_null(const Node& node, const std::vector<std::string>& segments,
                                       std::size_t at, std::vector<std::size_t>& taken);

    Node root_;
};

}  // namespace zc::http
