#include "http/routes.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace zc::http {

void Routes::add(Route route) {
    std::string_view rest = route.pattern;
    ZC_CHECK(rest.starts_with('/'));
    Node* node = &root_;
    std::vector<std::string> names;
    while (!rest.empty()) {
        rest.remove_prefix(1);
        const std::string segment(rest.substr(0, rest.find('/')));
        rest.remove_prefix(segment.size());
        const bool named = segment.starts_with('{') && segment.ends_with('}');
        if (named) {
            names.push_back(segment.substr(1, segment.size() - 2));
            ZC_CHECK(!names.back().empty());
            ZC_CHECK(std::count(names.begin(), names.end(), names.back()) == 1);
        }
        std::unique_ptr<Node>& next = named ? node->parameter : node->literals[segment];
        if (!next) next = std::make_unique<Node>();
        node = next.get();
    }
    for (const auto& entry : node->entries) ZC_CHECK(entry->route.method != route.method);
    node->entries.push_back(
        std::make_unique<Node::Entry>(Node::Entry{std::move(route), std::move(names)}));
}

/// The node of `segments` from `at` on; `taken` are the segments that parameters took.
const Routes::Node* Routes::descend_or_null(const Node& node,
                                            const std::vector<std::string>& segments,
                                            std::size_t at, std::vector<std::size_t>& taken) {
    if (at == segments.size()) return node.entries.empty() ? nullptr : &node;
    if (const auto literal = node.literals.find(segments[at]); literal != node.literals.end())
        if (const Node* found = descend_or_null(*literal->second, segments, at + 1, taken))
            return found;
    if (!node.parameter || segments[at].empty()) return nullptr;
    taken.push_back(at);
    const Node* found = descend_or_null(*node.parameter, segments, at + 1, taken);
    if (found == nullptr) taken.pop_back();
    return found;
}

Routes::Selection Routes::find(std::string_view method,
                               const std::vector<std::string>& segments) const {
    Selection out;
    std::vector<std::size_t> taken;
    const Node* node = descend_or_null(root_, segments, 0, taken);
    if (node == nullptr) return out;
    const std::string_view wanted = method == "HEAD" ? "GET" : method;
    for (const auto& entry : node->entries) {
        out.allow += (out.allow.empty() ? "" : ", ") + entry->route.method;
        if (entry->route.method == "GET") out.allow += ", HEAD";
        if (entry->route.method != wanted) continue;
        out.route_or_null = &entry->route;
        for (std::size_t i = 0; i < taken.size(); ++i)
            out.parameters.emplace(entry->names[i], segments[taken[i]]);
    }
    return out;
}

}  // namespace zc::http
