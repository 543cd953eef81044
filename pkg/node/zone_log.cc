#include "node/zone_log.h"

#include <algorithm>
#include <string>

#include "dns/presentation.h"

namespace zc::node {

void ZoneLog::tell(const NewZone& zone) {
    if (!zone.errors.empty())
        tell_refused(zone);
    else if (zone.reason)
        tell_not_served(dns::to_string(zone.apex), *zone.reason, "");
    if (!zone.costly.empty() && costly_++ < zones_logged_max)
        log_.warning("zone_costly", {{"zone", dns::to_string(zone.apex)}, {"why", zone.costly}});
    if (!zone.left_out.empty()) tell_left_out(zone);
}

void ZoneLog::tell_refused(const NewZone& zone) {
    if (not_served_++ >= zones_logged_max) return;
    const std::string apex = dns::to_string(zone.apex);
    for (std::size_t i = 0; i < std::min(zone.errors.size(), errors_logged_max); ++i)
        log_.warning("zone_refused", {{"zone", apex}, {"error", zone.errors[i].text()}});
    if (zone.errors.size() > errors_logged_max)
        log_.warning("zone_refused",
                     {{"zone", apex}, {"more_errors", zone.errors.size() - errors_logged_max}});
}

void ZoneLog::tell_not_served(std::string_view zone, catalogue::Reason reason,
                              std::string_view detail) {
    if (not_served_++ >= zones_logged_max) return;
    log_.warning("zone_not_served",
                 {{"zone", zone},
                  {"reason", catalogue::to_string(reason)},
                  {"error", detail.empty() ? catalogue::sentence_of(reason) : detail}});
}

void ZoneLog::tell_left_out(const NewZone& zone) {
    if (left_out_++ >= zones_logged_max) return;
    const std::string apex = dns::to_string(zone.apex);
    for (std::size_t i = 0; i < std::min(zone.left_out.size(), errors_logged_max); ++i)
        log_.warning("record_left_out", {{"zone", apex}, {"error", zone.left_out[i].text()}});
    if (zone.left_out_count > errors_logged_max)
        log_.warning("record_left_out",
                     {{"zone", apex}, {"more", zone.left_out_count - errors_logged_max}});
}

void ZoneLog::tell(const load::LoadReport& report) {
    using From = load::LoadReport::From;
    if (report.from != From::image_file)
        log_.warning(report.from == From::heap ? "image_file_unwritable" : "image_file_rebuilt",
                     {{"why", report.why}});
    report.not_served.for_each([this](const catalogue::NotServed::Item& item) {
        tell_not_served(item.zone, item.reason, item.detail);
        return not_served_ < zones_logged_max;
    });
    for (const auto& [apex, why] : report.costly)
        log_.warning("zone_costly", {{"zone", dns::to_string(apex)}, {"why", why}});
    if (report.costly_count > report.costly.size())
        log_.warning("zone_costly", {{"more", report.costly_count - report.costly.size()}});
}

void ZoneLog::tell_listed(std::uint64_t zones) {
    log_.info("zones_listed", {{"zones", zones}});
}

void ZoneLog::tell_images_lost(std::uint64_t mebibytes) {
    log_.error("images_lost", {{"mebibytes", mebibytes}});
}

}  // namespace zc::node
