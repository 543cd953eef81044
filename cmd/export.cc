// zonectl export: all of a store, as PowerDNS would have it or as zone files.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>

#include "flags.h"
#include "fold/store_view.h"
#include "fold/stored_zone.h"
#include "ingest/powerdns_export.h"
#include "merge/imported_zone.h"
#include "runtime/clock.h"
#include "settings/settings.h"
#include "stop.h"
#include "store/store.h"
#include "verbs.h"
#include "whole_file.h"
#include "zone_file_rules.h"

namespace zc::cmd {
namespace {

// More zones than this are spread over folders, so that none has more than a few thousand files.
constexpr std::uint64_t files_in_one_folder_max = 10'000;

enum class To : std::uint8_t { powerdns, zone_files };

struct ExportOptions {
    std::string store;
    std::string output = "-";
    To to = To::powerdns;
    bool serve_unsigned = false;
};

/// A zone that could not be read or may not be written, and records that are not answered from what
/// is written.
struct Left {
    std::uint64_t zones = 0, records = 0;
};

/// Every zone of the store, in the order in which it was filled; tells of those that are damaged.
Status each_zone(const std::string& path, term::Terminal& terminal, const StopOnSignals& stop,
                 fold::StoreView& snapshot, Left& left,
                 const std::function<Status(ingest::ImportedZone&&)>& each) {
    ZC_TRY(const std::uint64_t total, snapshot.zones());
    term::Progress bar(terminal, "exporting, zones", runtime::now());
    std::uint64_t done = 0;
    Status status;
    ZC_TRY_STATUS(snapshot.for_each_image([&](const store::StoredZone& stored, base::Octets image,
                                              fold::StoreView::Image state) {
        constexpr std::uint64_t between = 1024;
        if (++done % between == 0) bar.update(done, total, runtime::now());
        auto zone = merge::imported_zone(stored, image);
        if (!zone || state == fold::StoreView::Image::damaged) {
            const auto apex = fold::apex_of(stored.key);
            terminal.complain(Error{Errc::malformed,
                                    "zone " + (apex ? dns::to_string(*apex) : std::string("?")) +
                                        " is damaged and was left out",
                                    {path}});
            ++left.zones;
            return true;
        }
        status =
            stop.flag() ? Status(fail(Errc::interrupted, "interrupted")) : each(*std::move(zone));
        return status.has_value();
    }));
    return status;
}

Status write_dump(const ExportOptions& options, term::Terminal& terminal, const StopOnSignals& stop,
                  Left& left, const ingest::DumpWriter::Out& out) {
    ZC_TRY(auto snapshot, fold::StoreView::open(options.store));
    ingest::DumpWriter dump(out);
    ZC_TRY_STATUS(each_zone(options.store, terminal, stop, snapshot, left,
                            [&](ingest::ImportedZone&& zone) { return dump.zone(zone); }));
    ZC_TRY(const auto key_octets, snapshot.named(settings::tsig_keys_name));
    ZC_TRY(const auto keys, settings::decode_tsig_keys(key_octets));
    for (const settings::TsigKey& key : keys) ZC_TRY_STATUS(dump.tsig_key(key));
    ZC_TRY(const auto supermaster_octets, snapshot.named(settings::supermasters_name));
    ZC_TRY(const auto supermasters, settings::decode_supermasters(supermaster_octets));
    for (const settings::Supermaster& one : supermasters) ZC_TRY_STATUS(dump.supermaster(one));
    return dump.finish();
}

Status export_dump(const ExportOptions& options, term::Terminal& terminal,
                   const StopOnSignals& stop, Left& left) {
    if (options.output == "-")
        return write_dump(options, terminal, stop, left, [&](std::string_view piece) -> Status {
            terminal.data(piece);
            if (terminal.failed()) return fail(Errc::io, "stdout is closed or full");
            return {};
        });
    // Complete or not there: half a dump would be refused by whoever reads it, but only when it is
    // needed.
    const WholeFile whole = whole_file(options.output);
    const std::string& part = whole.part;
    std::ofstream file(part, std::ios::binary | std::ios::trunc);
    if (!file) return base::fail_errno(errno, "create " + part);
    Status status =
        write_dump(options, terminal, stop, left, [&](std::string_view piece) -> Status {
            file.write(piece.data(), static_cast<std::streamsize>(piece.size()));
            if (!file) return base::fail_errno(errno, "write " + part);
            return {};
        });
    file.close();
    if (status && !file) status = base::fail_errno(errno, "write " + part);
    if (whole.is_in_place()) return status;
    if (status && std::rename(part.c_str(), whole.target.c_str()) != 0)
        status = base::fail_errno(errno, "rename " + part);
    if (!status) static_cast<void>(std::remove(part.c_str()));
    return status;
}

Status export_files(const ExportOptions& options, term::Terminal& terminal,
                    const StopOnSignals& stop, Left& left) {
    ZC_TRY(auto snapshot, fold::StoreView::open(options.store));
    ZC_TRY(const std::uint64_t zones, snapshot.zones());
    const std::filesystem::path folder = options.output;
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (!error && !std::filesystem::is_empty(folder, error) && !error)
        return fail(Errc::exists,
                    "the folder is not empty, wanted an empty or a new one: old files would be "
                    "taken for zones",
                    {options.output});
    if (error) return base::fail_errno(error.value(), "create " + options.output);
    return each_zone(
        options.store, terminal, stop, snapshot, left, [&](ingest::ImportedZone&& zone) -> Status {
            if (const std::string why = why_no_zone_file(zone, options.serve_unsigned);
                !why.empty()) {
                terminal.warn("zone " + dns::to_string(zone.apex) + ' ' + why +
                              " and was left out");
                ++left.zones;
                return {};
            }
            for (const std::string& record : ingest::only_in_comments(zone))
                terminal.warn("zone " + dns::to_string(zone.apex) + ": " + record);
            left.records += static_cast<std::uint64_t>(
                std::ranges::count(zone.kept, false, &settings::KeptRecord::disabled));
            const std::string name = ingest::zone_file_name(zone.apex);
            std::filesystem::path path = folder;
            if (zones > files_in_one_folder_max) {
                char hex[4];
                static_cast<void>(
                    std::snprintf(hex, sizeof(hex), "%02x",
                                  static_cast<unsigned>(std::hash<std::string>()(name) & 0xff)));
                path /= hex;
                std::error_code create_error;
                std::filesystem::create_directory(path, create_error);
                if (create_error)
                    return base::fail_errno(create_error.value(), "create " + path.string());
            }
            path /= name;
            std::string text;
            ingest::append_zone_file(text, zone, nullptr);
            std::ofstream file(path, std::ios::binary | std::ios::trunc);
            file << text;
            file.close();
            if (!file) return base::fail_errno(errno, "write " + path.string());
            return {};
        });
}

int run_export(const ExportOptions& options, Invocation& invocation) {
    term::Terminal& terminal = invocation.terminal;
    const StopOnSignals stop;
    if (options.to == To::zone_files && options.output == "-") {
        terminal.complain("--to zone-files: wanted --output DIR");
        return 2;
    }
    Left left;
    const Status status = options.to == To::powerdns ? export_dump(options, terminal, stop, left)
                                                     : export_files(options, terminal, stop, left);
    if (!status) {
        terminal.complain(status.error());
        return 2;
    }
    return left.zones == 0 && left.records == 0 ? 0 : 1;
}

}  // namespace

Action define_export(CLI::App& app) {
    auto options = std::make_shared<ExportOptions>();
    add_text(app, "--store", options->store, "FILE", "Store that zonectl import has made")
        ->required();
    add_choice<To>(
        app, "--to", options->to, {{"powerdns", To::powerdns}, {"zone-files", To::zone_files}},
        "powerdns is a dump of data in COPY form, for PostgreSQL with PowerDNS's schema");
    add_text(app, "-o,--output", options->output, "PATH",
             "File of the dump (- is stdout), or folder of the zone files (empty or new)");
    add_switch(app, "--serve-unsigned", options->serve_unsigned,
               "Also write zone files of zones that PowerDNS signs itself: they have no signatures "
               "and are bogus if the parent has a DS");
    app.footer(
        "A dump has everything. Zone files have no kinds, metadata, keys and comments. In zone "
        "files, disabled records and records of types that only PowerDNS has stand in comments; "
        "each is named on stderr, one line each. A zone that PowerDNS signs goes into a dump with "
        "its keys, and into no zone file. Exit code 1: zones were left out, each is named, or "
        "records that were answered stand in comments.");
    return [options](Invocation& invocation) { return run_export(*options, invocation); };
}

}  // namespace zc::cmd
