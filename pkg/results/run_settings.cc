#include "results/run_settings.h"

namespace zc::results {

term::Json RunSettings::json() const {
    const auto number = [](std::int64_t value) { return term::Json::number(value); };
    term::Json off = term::Json::array();
    for (const compare::RuleRow& row : compare::rules())
        if (!policy.rules.has(row.rule)) off.add(term::Json::string(row.name));
    term::Json json = term::Json::object();
    json.set("rules_off", std::move(off));
    json.set("ttl_tolerance", number(policy.ttl_tolerance));
    json.set("serial_lag", number(policy.serial_lag));
    json.set("zone_data", zone_data.empty() ? term::Json() : term::Json::string(zone_data));
    json.set("timeout_ms", number(timeout.nanoseconds / 1'000'000));
    json.set("sends", number(sends)).set("recheck", number(recheck));
    json.set("lag_ms", number(lag.nanoseconds / 1'000'000));
    json.set("edns", term::Json::boolean(edns)).set("do", term::Json::boolean(dnssec_ok));
    return json;
}

Result<RunSettings> RunSettings::parse(std::string_view text) {
    ZC_TRY(const term::Json json, term::parse_json(text));
    if (!json.is_object()) return fail(Errc::malformed, "settings that are no JSON object");
    const auto number = [&json](std::string_view key) {
        return static_cast<std::uint32_t>(json[key].integer());
    };
    RunSettings out;
    for (const term::Json& name : json["rules_off"].elements()) {
        ZC_TRY(const compare::Rule rule, compare::parse_rule(name.text()));
        out.policy.rules.remove(rule);
    }
    out.policy.ttl_tolerance = number("ttl_tolerance");
    out.policy.serial_lag = number("serial_lag");
    out.zone_data = json["zone_data"].text();
    out.timeout = base::Duration::milliseconds(json["timeout_ms"].integer());
    out.sends = number("sends");
    out.recheck = number("recheck");
    out.lag = base::Duration::milliseconds(json["lag_ms"].integer());
    out.edns = json["edns"].truth();
    out.dnssec_ok = json["do"].truth();
    return out;
}

}  // namespace zc::results
