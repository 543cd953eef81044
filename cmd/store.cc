// zonectl store check|stats, zone list|show|export: what stands in a store, also while a node
// serves it.
#include "store/store.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "dns/presentation.h"
#include "flags.h"
#include "fold/store_view.h"
#include "fold/stored_zone.h"
#include "ingest/powerdns_export.h"
#include "load/load.h"
#include "merge/imported_zone.h"
#include "runtime/clock.h"
#include "settings/settings.h"
#include "store/image_file.h"
#include "verbs.h"
#include "zone_file_rules.h"

namespace zc::cmd {
namespace {

constexpr std::size_t out_octets = 1 << 16;  // gathered before a write

struct StoreOptions {
    std::string store;
    std::string zone;
    bool serve_unsigned = false;
};

void add_store(CLI::App& app, StoreOptions& options) {
    add_text(app, "--store", options.store, "FILE", "Store that zonectl import has made")
        ->required();
}
void add_zone(CLI::App& app, StoreOptions& options) {
    add_text(app, "zone", options.zone, "ZONE", "Apex of the zone",
             parses<dns::Name>(dns::Name::parse))
        ->required();
}

int complain(Invocation& invocation, const Error& error) {
    invocation.terminal.complain(error);
    return 2;
}

std::string_view state_name(const fold::StoredState& state) {
    if (state.hidden) return "hidden";
    switch (state.state) {
        case zone::State::serving:
            return "serving";
        case zone::State::pending:
            return "pending";
        case zone::State::broken:
            return "broken";
        case zone::State::unsigned_:
            return "withheld";
    }
    return "unknown";
}

/// A row of the store in words. A part that cannot be read is named as such.
struct ListedZone {
    std::string name;
    std::string_view kind = "unknown";
    std::string_view state = "damaged";
};

ListedZone listed(const store::StoredZone& zone) {
    ListedZone out;
    const auto apex = fold::apex_of(zone.key);
    const auto kind = settings::decode_kind(zone.settings);
    const auto state = fold::decode_state(zone.state);
    if (apex) dns::append_text(out.name, *apex);
    if (kind) out.kind = settings::to_string(*kind);
    if (apex && kind && state) out.state = state_name(*state);
    return out;
}

int run_list(const StoreOptions& options, Invocation& invocation) {
    auto snapshot = fold::StoreView::open(options.store);
    if (!snapshot) return complain(invocation, snapshot.error());
    const bool json = invocation.terminal.json();
    std::string out;
    bool first = true;
    const auto status = snapshot->for_each({}, [&](const store::StoredZone& zone) {
        const ListedZone one = listed(zone);
        if (json) {
            term::Json line = term::Json::object();
            line.set("zone", one.name).set("kind", one.kind).set("state", one.state);
            line.set("serial", term::Json::number(std::uint64_t{zone.serial}));
            line.set("records", term::Json::number(zone.records));
            out += line.serialize();
        } else {
            out += one.name;
            out += '\t';
            out += one.kind;
            out += '\t';
            out += one.state;
            out += '\t';
            out += std::to_string(zone.serial);
            out += '\t';
            out += std::to_string(zone.records);
        }
        out += '\n';
        // A reader at a pipe gets the first line at once.
        if (first || out.size() >= out_octets) {
            invocation.terminal.data(out);
            out.clear();
            first = false;
        }
        return !invocation.terminal.failed();
    });
    invocation.terminal.data(out);
    if (!status) return complain(invocation, status.error());
    return 0;
}

/// The zone that the user named, with its image. Complains and gives none when it is not there, or
/// damaged.
std::optional<ingest::ImportedZone> load_zone(const StoreOptions& options, Invocation& invocation,
                                              int& code, store::StoredZone* stored_or_null) {
    const auto give_up = [&](const Error& error, int with) {
        invocation.terminal.complain(error);
        code = with;
        return std::nullopt;
    };
    auto snapshot = fold::StoreView::open(options.store);
    if (!snapshot) return give_up(snapshot.error(), 2);
    const auto apex = dns::Name::parse(options.zone);
    if (!apex) return give_up(apex.error(), 2);
    const std::string key = fold::key_of(*apex);
    const auto found = snapshot->find_or_null(fold::octets_of(key));
    if (!found) return give_up(found.error(), 2);
    if (*found == nullptr)
        return give_up({Errc::not_found, "no zone " + dns::to_string(*apex), {options.store}}, 1);
    const store::StoredZone stored = **found;
    const auto image = snapshot->image(stored);
    if (!image) return give_up(image.error(), 2);
    auto zone = merge::imported_zone(stored, *image);
    if (!zone) return give_up(zone.error(), 2);
    if (stored_or_null != nullptr) {
        *stored_or_null = stored;
        stored_or_null->key = stored_or_null->settings = {};  // they live in the snapshot
    }
    return *std::move(zone);
}

term::Json json_of(const ingest::ImportedZone& zone, const store::StoredZone& stored) {
    const auto number = [](auto value) { return term::Json::number(std::int64_t{value}); };
    const auto boolean = [](bool value) { return term::Json::boolean(value); };
    term::Json masters = term::Json::array();
    for (const std::string& master : zone.masters) masters.add(term::Json::string(master));
    term::Json metadata = term::Json::array();
    for (const settings::Metadata& one : zone.metadata) {
        term::Json json = term::Json::object();
        json.set("kind", one.kind).set("content", one.content);
        metadata.add(std::move(json));
    }
    term::Json comments = term::Json::array();
    for (const settings::Comment& one : zone.comments) {
        term::Json json = term::Json::object();
        json.set("name", one.name).set("type", one.type).set("account", one.account);
        json.set("comment", one.comment).set("modified_at", number(one.modified_at));
        comments.add(std::move(json));
    }
    // Never the keys themselves.
    term::Json keys = term::Json::array();
    for (const settings::CryptoKey& one : zone.keys) {
        term::Json json = term::Json::object();
        json.set("flags", number(one.flags)).set("active", boolean(one.active));
        json.set("published", boolean(one.published));
        keys.add(std::move(json));
    }
    term::Json kept = term::Json::array();
    for (const settings::KeptRecord& one : zone.kept) {
        term::Json json = term::Json::object();
        json.set("name", one.name).set("type", one.type).set("content", one.content);
        json.set("ttl", number(one.ttl)).set("prio", number(one.prio));
        json.set("disabled", boolean(one.disabled));
        kept.add(std::move(json));
    }
    term::Json left_out = term::Json::array();
    for (const settings::LeftOut& one : zone.left_out) {
        term::Json json = term::Json::object();
        json.set("record", one.record).set("reason", one.reason);
        left_out.add(std::move(json));
    }
    term::Json json = term::Json::object();
    json.set("zone", dns::to_string(zone.apex)).set("kind", settings::to_string(zone.kind));
    json.set("state", state_name({zone.state, zone.hidden}));
    json.set("serial", number(stored.serial)).set("records", term::Json::number(zone.records));
    json.set("version", term::Json::number(stored.version)).set("masters", std::move(masters));
    json.set("account", zone.account);
    json.set("options", zone.options ? term::Json::string(*zone.options) : term::Json());
    json.set("catalog", zone.catalog ? term::Json::string(*zone.catalog) : term::Json());
    json.set("notified_serial",
             zone.notified_serial ? number(*zone.notified_serial) : term::Json());
    json.set("last_check", zone.last_check ? number(*zone.last_check) : term::Json());
    json.set("metadata", std::move(metadata)).set("comments", std::move(comments));
    json.set("keys", std::move(keys)).set("kept", std::move(kept));
    json.set("left_out", std::move(left_out));
    return json;
}

int run_show(const StoreOptions& options, Invocation& invocation) {
    int code = 0;
    store::StoredZone stored;
    const auto zone = load_zone(options, invocation, code, &stored);
    if (!zone) return code;
    if (invocation.terminal.json()) {
        invocation.terminal.out(json_of(*zone, stored));
        return 0;
    }
    using Align = term::Table::Align;
    term::Table table({{"", Align::left}, {"", Align::left}});
    table.row({"zone", dns::to_string(zone->apex)});
    table.row({"kind", std::string(settings::to_string(zone->kind))});
    table.row({"state", std::string(state_name({zone->state, zone->hidden}))});
    table.row({"serial", std::to_string(stored.serial)});
    table.row({"records", term::grouped(zone->records)});
    table.row({"changed at position", std::to_string(stored.version)});
    for (const std::string& master : zone->masters) table.row({"primary", master});
    if (!zone->account.empty()) table.row({"account", zone->account});
    if (zone->options) table.row({"options", *zone->options});
    if (zone->catalog) table.row({"catalog", *zone->catalog});
    if (zone->notified_serial)
        table.row({"notified serial", std::to_string(*zone->notified_serial)});
    for (const settings::Metadata& one : zone->metadata)
        table.row({"metadata " + one.kind, one.content});
    for (const settings::CryptoKey& one : zone->keys)
        table.row({"key", std::string(one.flags == 257 ? "257 (SEP)" : std::to_string(one.flags)) +
                              (one.active ? ", active" : ", not active") +
                              (one.published ? "" : ", not published")});
    for (const settings::Comment& one : zone->comments)
        table.row({"comment " + one.name + ' ' + one.type, one.comment});
    for (const settings::KeptRecord& one : zone->kept)
        table.row({one.disabled ? "disabled" : "kept",
                   one.name + ' ' + std::to_string(one.ttl) + ' ' + one.type + ' ' + one.content});
    for (const settings::LeftOut& one : zone->left_out)
        table.row({one.record.empty() ? "not served" : "refused at import",
                   one.record + (one.record.empty() ? "" : ": ") + one.reason});
    invocation.terminal.out(table.text());
    return 0;
}

int run_zone_export(const StoreOptions& options, Invocation& invocation) {
    int code = 0;
    const auto zone = load_zone(options, invocation, code, nullptr);
    if (!zone) return code;
    if (const std::string why = why_no_zone_file(*zone, options.serve_unsigned); !why.empty()) {
        invocation.terminal.complain("zone " + dns::to_string(zone->apex) + ' ' + why +
                                     "; zonectl zone show shows it");
        return 1;
    }
    for (const std::string& record : ingest::only_in_comments(*zone))
        invocation.terminal.warn(record);
    std::string out;
    ingest::append_zone_file(out, *zone, [&](std::string& piece) {
        if (piece.size() < out_octets) return;
        invocation.terminal.data(piece);
        piece.clear();
    });
    invocation.terminal.data(out);
    return std::ranges::all_of(zone->kept, &settings::KeptRecord::disabled) ? 0 : 1;
}

int run_check(const StoreOptions& options, Invocation& invocation) {
    term::Terminal& terminal = invocation.terminal;
    term::Progress bar(terminal, "checking, zones", runtime::now());
    term::Json list = term::Json::array();
    const auto problems = load::check_store(
        options.store,
        [&](const std::string& zone, const std::string& problem) {
            if (terminal.json()) {
                term::Json json = term::Json::object();
                json.set("zone", zone).set("problem", problem);
                list.add(std::move(json));
            } else {
                terminal.line((zone.empty() ? options.store : zone) + ": " + problem);
            }
        },
        [&](std::uint64_t done, std::uint64_t total) { bar.update(done, total, runtime::now()); });
    bar.finish();
    if (!problems) return complain(invocation, problems.error());
    if (terminal.json()) {
        term::Json json = term::Json::object();
        json.set("store", options.store).set("ok", term::Json::boolean(*problems == 0));
        json.set("problems", std::move(list));
        terminal.out(json);
    } else {
        terminal.line(options.store + ": " +
                      (*problems == 0 ? term::Text(term::Style::green, "whole")
                                      : term::grouped(*problems) + " problems"));
    }
    return *problems == 0 ? 0 : 1;
}

/// A store knows these rows of its source: those that are in it.
constexpr std::array stored_fates = {ingest::Fate::served, ingest::Fate::disabled,
                                     ingest::Fate::powerdns_only, ingest::Fate::not_served};

/// False: it cannot be read.
bool add_rows(const store::StoredZone& zone, ingest::RowSums& rows) {
    using Why = settings::KeptRecord::Why;
    using ingest::Fate;
    ingest::ImportedZone settings;
    const auto state = fold::decode_state(zone.state);
    if (!state || !settings::decode(zone.settings, settings)) return false;
    const bool is_served = state->state == zone::State::serving && !state->hidden;
    const auto kept = [&](Why why) {
        return static_cast<std::uint64_t>(
            std::ranges::count(settings.kept, why, &settings::KeptRecord::why));
    };
    rows.of(Fate::disabled) += kept(Why::disabled);
    if (is_served) {
        const std::uint64_t powerdns_only = std::min(kept(Why::powerdns_only), zone.records);
        rows.of(Fate::powerdns_only) += powerdns_only;
        rows.of(Fate::served) += zone.records - powerdns_only;
    } else {
        rows.of(Fate::not_served) += zone.records + kept(Why::no_image);
    }
    return true;
}

std::uint64_t file_octets(const std::string& path) {
    std::error_code error;
    const std::uintmax_t size = std::filesystem::file_size(path, error);
    return error ? 0 : size;
}

/// Sums over all zones of a store, and the state of its image file.
struct StoreSums {
    std::uint64_t zones = 0;
    std::uint64_t records = 0;
    std::uint64_t settings_octets = 0;
    ingest::RowSums rows;
    std::map<std::string_view, std::uint64_t> states;
    std::map<std::string_view, std::uint64_t> kinds;
    std::uint64_t store_octets = 0;
    std::uint64_t image_octets = 0;
    bool image_file_usable = false;
    std::uint64_t changed_since_image_file = 0;  // zones
};

Result<StoreSums> sums_of(fold::StoreView& snapshot, const std::string& path) {
    StoreSums out;
    ZC_TRY_STATUS(snapshot.for_each({}, [&](const store::StoredZone& zone) {
        const ListedZone one = listed(zone);
        ++out.zones;
        out.records += zone.records;
        out.settings_octets += zone.settings.size();
        ++out.states[add_rows(zone, out.rows) ? one.state : "damaged"];
        ++out.kinds[one.kind];
        return true;
    }));
    out.store_octets = file_octets(path) + file_octets(path + "-wal");
    out.image_octets = file_octets(store::image_file_path(path));
    if (const auto image_file = store::ImageFile::read_head(path)) {
        ZC_TRY(const auto changed, snapshot.changed_since(image_file->position));
        out.image_file_usable = changed.has_value();
        if (changed) out.changed_since_image_file = changed->size();
    }
    return out;
}

term::Json json_of(const StoreSums& sums, const std::string& path,
                   const fold::StoreView& snapshot) {
    const auto number = [](std::uint64_t value) { return term::Json::number(value); };
    term::Json by_fate = term::Json::object();
    for (const ingest::Fate fate : stored_fates)
        by_fate.set(ingest::key_of(fate), number(sums.rows.of(fate)));
    term::Json by_state = term::Json::object();
    for (const auto& [state, count] : sums.states) by_state.set(state, number(count));
    term::Json by_kind = term::Json::object();
    for (const auto& [kind, count] : sums.kinds) by_kind.set(kind, number(count));
    term::Json json = term::Json::object();
    json.set("store", path).set("format", term::Json::number(snapshot.format()));
    json.set("position", number(snapshot.position().number));
    json.set("commit", store::to_string(snapshot.position()));
    json.set("zones", number(sums.zones)).set("records", number(sums.records));
    json.set("rows", std::move(by_fate));
    json.set("states", std::move(by_state)).set("kinds", std::move(by_kind));
    json.set("settings_octets", number(sums.settings_octets));
    json.set("store_octets", number(sums.store_octets));
    json.set("image_octets", number(sums.image_octets));
    json.set("image_file_usable", term::Json::boolean(sums.image_file_usable));
    json.set("zones_changed_since_image_file", number(sums.changed_since_image_file));
    return json;
}

std::string image_file_text(const StoreSums& sums) {
    if (sums.image_octets == 0) return "none";
    return term::octets_in_words(sums.image_octets) +
           (sums.image_file_usable
                ? ", " + term::grouped(sums.changed_since_image_file) + " zones changed since"
                : ", not of this store's history or too old");
}

std::string table_text(const StoreSums& sums, const fold::StoreView& snapshot) {
    using Align = term::Table::Align;
    term::Table table({{"", Align::left}, {"", Align::left}});
    table.row({"zones", term::grouped(sums.zones)});
    for (const auto& [state, count] : sums.states)
        table.row({"  " + std::string(state), term::grouped(count)});
    for (const auto& [kind, count] : sums.kinds)
        table.row({"  " + std::string(kind), term::grouped(count)});
    table.row({"records", term::grouped(sums.records)});
    for (const ingest::Fate fate : stored_fates)
        if (sums.rows.of(fate) > 0)
            table.row(
                {"  " + std::string(ingest::to_string(fate)), term::grouped(sums.rows.of(fate))});
    table.row({"position", store::to_string(snapshot.position())});
    table.row({"store", term::octets_in_words(sums.store_octets)});
    table.row({"image file", image_file_text(sums)});
    const std::uint64_t octets = sums.store_octets + sums.image_octets;
    if (sums.records > 0)
        table.row({"octets a record", std::to_string((octets + sums.records / 2) / sums.records)});
    return table.text();
}

int run_stats(const StoreOptions& options, Invocation& invocation) {
    auto snapshot = fold::StoreView::open(options.store);
    if (!snapshot) return complain(invocation, snapshot.error());
    const auto sums = sums_of(*snapshot, options.store);
    if (!sums) return complain(invocation, sums.error());
    if (invocation.terminal.json())
        invocation.terminal.out(json_of(*sums, options.store, *snapshot));
    else
        invocation.terminal.out(table_text(*sums, *snapshot));
    return 0;
}

}  // namespace

Action define_zone_list(CLI::App& app) {
    auto options = std::make_shared<StoreOptions>();
    add_store(app, *options);
    app.footer(
        "Prints one line a zone, in canonical order: name, kind, state, serial and records, "
        "separated by tabs.");
    return [options](Invocation& invocation) { return run_list(*options, invocation); };
}

Action define_zone_show(CLI::App& app) {
    auto options = std::make_shared<StoreOptions>();
    add_store(app, *options);
    add_zone(app, *options);
    return [options](Invocation& invocation) { return run_show(*options, invocation); };
}

Action define_zone_export(CLI::App& app) {
    auto options = std::make_shared<StoreOptions>();
    add_store(app, *options);
    add_zone(app, *options);
    add_switch(app, "--serve-unsigned", options->serve_unsigned,
               "Also write a zone that PowerDNS signs itself: it has no signatures and is bogus if "
               "the parent has a DS");
    app.footer(
        "Disabled records, and records of types that only PowerDNS has, stand in comments; each is "
        "named on stderr. Exit code 1: there is no such zone, the zone was not written, or a "
        "record that was answered stands in a comment.");
    return [options](Invocation& invocation) { return run_zone_export(*options, invocation); };
}

Action define_store_check(CLI::App& app) {
    auto options = std::make_shared<StoreOptions>();
    add_store(app, *options);
    app.footer("Reads all of the store. Exit code 1: something is damaged.");
    return [options](Invocation& invocation) { return run_check(*options, invocation); };
}

Action define_store_stats(CLI::App& app) {
    auto options = std::make_shared<StoreOptions>();
    add_store(app, *options);
    app.footer(
        "Counts records in the words of zonectl import. Records that an import repaired or made "
        "(NSEC, NSEC3) count as served as they are. Rows that it refused, found twice or found "
        "without type are not in the store.");
    return [options](Invocation& invocation) { return run_stats(*options, invocation); };
}

}  // namespace zc::cmd
