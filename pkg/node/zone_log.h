// The log's lines about single zones: those that are not served, are served without some records, or
// cost much to answer from.
//
// A source may have a million bad zones. Lines are written for the first `zones_logged_max` of each kind
// in the life of a node; `status` has the counts.
#pragma once

#include <cstdint>
#include <string_view>

#include "load/load.h"
#include "node/served.h"
#include "runtime/log.h"

namespace zc::node {

/// Threads: the loading thread.
class ZoneLog {
public:
    static constexpr std::uint64_t zones_logged_max = 1000;
    static constexpr std::size_t errors_logged_max = 10;  // of one zone

    explicit ZoneLog(runtime::Log& log) noexcept : log_(log) {}

    void tell(const NewZone& zone);
    /// A store was loaded whole.
    void tell(const load::LoadReport& report);
    /// The names of all zones are known, their data is not.
    void tell_listed(std::uint64_t zones);
    void tell_images_lost(std::uint64_t mebibytes);

private:
    void tell_refused(const NewZone& zone);
    void tell_not_served(std::string_view zone, catalogue::Reason reason, std::string_view detail);
    void tell_left_out(const NewZone& zone);

    runtime::Log& log_;
    std::uint64_t not_served_ = 0, left_out_ = 0, costly_ = 0;
};

}  // namespace zc::node
