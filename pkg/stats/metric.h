// A metric as the package that counts it declares it: name, kind, help, labels, values.
//
//     constexpr std::array<std::string_view, 2> family_names = {"ipv4", "ipv6"};
//     constexpr stats::LabelSet family = {"family", family_names};
//
//     Metric queries("queries_total", Metric::Kind::counter, "Queries that arrived.");
//     queries.add({family[0]}, ipv4_queries).add({family[1]}, ipv6_queries);
//
// A label's values are a closed set, declared once. A label outside of its set cannot be made: no
// name or address of a stranger becomes a series of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/check.h"
#include "base/time.h"

namespace zc::stats {

/// One label of a sample: a value of a `LabelSet`.
class Label {
public:
    std::string_view name() const noexcept { return name_; }
    std::string_view value() const noexcept { return value_; }

private:
    friend class LabelSet;
    constexpr Label(std::string_view name, std::string_view value) noexcept
        : name_(name), value_(value) {}
    std::string_view name_, value_;
};

/// A label's name and all of its values; both live as long as the process.
class LabelSet {
public:
    constexpr LabelSet(std::string_view name, std::span<const std::string_view> values) noexcept
        : name_(name), values_(values) {}
    std::size_t size() const noexcept { return values_.size(); }
    /// ZC_CHECK: `index` is below `size()`.
    Label operator[](std::size_t index) const {
        ZC_CHECK(index < values_.size());
        return {name_, values_[index]};
    }

private:
    std::string_view name_;
    std::span<const std::string_view> values_;
};

class Metric {
public:
    enum class Kind : std::uint8_t { counter, gauge, histogram };
    using Value = std::variant<std::uint64_t, double>;
    struct Sample {
        std::vector<Label> labels;
        Value value;
    };

    /// `name` without the prefix. Name and help live as long as the process.
    Metric(std::string_view name, Kind kind, std::string_view help)
        : name_(name), help_(help), kind_(kind) {}
    /// A metric without labels.
    Metric(std::string_view name, Kind kind, std::string_view help, Value value)
        : Metric(name, kind, help) {
        add({}, value);
    }
    /// A histogram: `counts` as `Histogram` has them, not cumulative, and the sum of all times.
    Metric(std::string_view name, std::string_view help, std::span<const std::uint64_t> counts,
           base::Duration sum);

    Metric& add(std::initializer_list<Label> labels, Value value) {
        samples_.push_back({labels, value});
        return *this;
    }

    std::string_view name() const noexcept { return name_; }
    std::string_view help() const noexcept { return help_; }
    Kind kind() const noexcept { return kind_; }
    /// A histogram has its buckets here, cumulative; the last one counts all.
    const std::vector<Sample>& samples() const noexcept { return samples_; }
    double sum() const noexcept { return sum_; }  // of a histogram, in seconds

private:
    std::string_view name_, help_;
    Kind kind_;
    std::vector<Sample> samples_;
    double sum_ = 0;
};

}  // namespace zc::stats
