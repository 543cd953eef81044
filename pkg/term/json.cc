#include "term/json.h"

#include <algorithm>

#include <boost/json/serialize.hpp>
#include <boost/json/stream_parser.hpp>
#include <boost/json/value.hpp>

#include "base/foreign_text.h"

namespace zc::term {
namespace {

namespace json = boost::json;

constexpr std::size_t depth_max = 32;

Json from_boost(const json::value& value) {
    switch (value.kind()) {
        case json::kind::null:
            return {};
        case json::kind::bool_:
            return Json::boolean(value.get_bool());
        case json::kind::int64:
            return Json::number(value.get_int64());
        case json::kind::uint64:
            return Json::number(value.get_uint64());
        case json::kind::double_:
            return Json::number(value.get_double());
        case json::kind::string:
            return Json::string(std::string_view(value.get_string()));
        case json::kind::array: {
            Json out = Json::array();
            for (const json::value& element : value.get_array()) out.add(from_boost(element));
            return out;
        }
        case json::kind::object: {
            Json out = Json::object();
            for (const auto& member : value.get_object())
                out.set(std::string_view(member.key()), from_boost(member.value()));
            return out;
        }
    }
    return {};
}

template <class T>
const T& or_empty(const T* value_or_null) {
    static const T empty;
    return value_or_null != nullptr ? *value_or_null : empty;
}

}  // namespace

Json Json::boolean(bool value) {
    Json out;
    out.value_ = value;
    return out;
}
Json Json::number(std::int64_t value) {
    Json out;
    out.value_ = value;
    return out;
}
Json Json::number(std::uint64_t value) {
    Json out;
    out.value_ = value;
    return out;
}
Json Json::number(double value) {
    Json out;
    out.value_ = value;
    return out;
}
Json Json::string(std::string_view value) {
    Json out;
    out.value_ = std::string(value);
    return out;
}
Json Json::array() {
    Json out;
    out.value_ = std::vector<Json>();
    return out;
}
Json Json::object() {
    Json out;
    out.value_ = std::vector<Member>();
    return out;
}

Json& Json::set(std::string_view key, Json value) {
    if (!std::holds_alternative<std::vector<Member>>(value_)) value_ = std::vector<Member>();
    auto& members = std::get<std::vector<Member>>(value_);
    const auto at = std::find_if(members.begin(), members.end(),
                                 [&](const Member& member) { return member.first == key; });
    if (at != members.end()) {
        at->second = std::move(value);
    } else {
        members.emplace_back(std::string(key), std::move(value));
    }
    return *this;
}

Json& Json::add(Json value) {
    if (!std::holds_alternative<std::vector<Json>>(value_)) value_ = std::vector<Json>();
    std::get<std::vector<Json>>(value_).push_back(std::move(value));
    return *this;
}

bool Json::is_object() const noexcept {
    return std::holds_alternative<std::vector<Member>>(value_);
}

const Json& Json::operator[](std::string_view key) const noexcept {
    static const Json null;
    for (const Member& member : members())
        if (member.first == key) return member.second;
    return null;
}

const std::vector<Json>& Json::elements() const noexcept {
    return or_empty(std::get_if<std::vector<Json>>(&value_));
}
const std::vector<Json::Member>& Json::members() const noexcept {
    return or_empty(std::get_if<std::vector<Member>>(&value_));
}
std::string_view Json::text() const noexcept {
    const auto* value = std::get_if<std::string>(&value_);
    return value != nullptr ? std::string_view(*value) : std::string_view();
}

std::int64_t Json::integer() const noexcept {
    if (const auto* value = std::get_if<std::int64_t>(&value_)) return *value;
    if (const auto* value = std::get_if<std::uint64_t>(&value_))
        return static_cast<std::int64_t>(std::min<std::uint64_t>(*value, INT64_MAX));
    return 0;
}
double Json::real() const noexcept {
    if (const auto* value = std::get_if<double>(&value_)) return *value;
    return static_cast<double>(integer());
}
bool Json::truth() const noexcept {
    const auto* value = std::get_if<bool>(&value_);
    return value != nullptr && *value;
}

std::string Json::serialize() const {
    struct Serializer {
        std::string out;

        void string(std::string_view text) {
            out += '"';
            base::append_foreign(out, text, base::Form::json);
            out += '"';
        }
        void value(const Json& json) {
            std::visit([this](const auto& held) { one(held); }, json.value_);
        }
        void one(std::monostate) { out += "null"; }
        void one(bool held) { out += held ? "true" : "false"; }
        void one(std::int64_t held) { out += std::to_string(held); }
        void one(std::uint64_t held) { out += std::to_string(held); }
        void one(double held) { out += json::serialize(json::value(held)); }
        void one(const std::string& held) { string(held); }
        void one(const std::vector<Json>& held) {
            out += '[';
            for (std::size_t i = 0; i < held.size(); ++i) {
                if (i != 0) out += ',';
                value(held[i]);
            }
            out += ']';
        }
        void one(const std::vector<Member>& held) {
            out += '{';
            for (std::size_t i = 0; i < held.size(); ++i) {
                if (i != 0) out += ',';
                string(held[i].first);
                out += ':';
                value(held[i].second);
            }
            out += '}';
        }
    };
    Serializer serializer;
    serializer.value(*this);
    return std::move(serializer.out);
}

Result<Json> parse_json(std::string_view text) {
    json::error_code error;
    json::parse_options options;
    options.max_depth = depth_max;
    json::stream_parser parser({}, options);
    const std::size_t read = parser.write_some(text.data(), text.size(), error);
    if (!error) parser.finish(error);
    if (error)
        return fail(Errc::malformed,
                    "JSON: " + error.message() + " at octet " + std::to_string(read + 1));
    if (text.find_first_not_of(" \t\r\n", read) != std::string_view::npos)
        return fail(Errc::malformed,
                    "JSON: text behind the document at octet " + std::to_string(read + 1));
    return from_boost(parser.release());
}

}  // namespace zc::term
