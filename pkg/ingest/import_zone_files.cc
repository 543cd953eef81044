#include "ingest/import_zone_files.h"

#include <atomic>
#include <optional>
#include <span>
#include <utility>

#include "ingest/arrived.h"
#include "ingest/denial_chain.h"
#include "ingest/import_progress.h"
#include "ingest/zone_files.h"

namespace zc::ingest {

namespace {

class ZoneFileImport {
public:
    ZoneFileImport(const std::string& source, bool is_list, ImportSink& sink)
        : source_(source), is_list_(is_list), sink_(sink) {}

    /// Counts one zone and hands it over.
    Status take(LoadedZone& loaded);
    /// Faults of the source, which belong to no zone.
    Status take_problems(const ZoneFileTotals& loaded);
    const ImportTotals& totals() const noexcept { return totals_; }

private:
    Finding finding(Acceptance acceptance, Table table, dns::NameView apex, std::string reason,
                    std::string effect) const {
        return {.acceptance = acceptance,
                .table = table,
                .line = 0,
                .source = source_,
                .zone = dns::to_string(apex),
                .record = {},
                .reason = std::move(reason),
                .effect = std::move(effect)};
    }
    /// An error of the file, at its own place.
    Finding refused(Table table, dns::NameView apex, Error& error, std::string effect) const {
        Finding found =
            finding(Acceptance::refused, table, apex, std::move(error.message), std::move(effect));
        found.line = error.where.line;
        found.source = std::move(error.where.source);
        return found;
    }
    void find_faults(LoadedZone& loaded, ImportedZone& zone);
    void serve(LoadedZone& loaded, ImportedZone& zone);

    const std::string& source_;
    const bool is_list_;
    ImportSink& sink_;
    ImportTotals totals_;
};

void ZoneFileImport::find_faults(LoadedZone& loaded, ImportedZone& zone) {
    for (Error& error : loaded.errors)
        zone.findings.push_back(refused(Table::domains, loaded.apex, error,
                                        "SERVFAIL for the apex and all names below"));
    for (Error& error : loaded.left_out)
        zone.findings.push_back(refused(Table::records, loaded.apex, error, "not answered"));
    if (loaded.left_out_count <= loaded.left_out.size()) return;
    Finding more = finding(Acceptance::refused, Table::records, loaded.apex,
                           std::to_string(loaded.left_out_count - loaded.left_out.size()) +
                               " more records that do not belong into the zone",
                           "not answered");
    more.source = zone.findings.back().source;
    zone.findings.push_back(std::move(more));
}

void ZoneFileImport::serve(LoadedZone& loaded, ImportedZone& zone) {
    RowSums& domains = totals_.of(Table::domains);
    RowSums& records = totals_.of(Table::records);
    if (!loaded.costly.empty()) {
        ++domains.doubtful;
        zone.findings.push_back(finding(Acceptance::doubtful, Table::domains, loaded.apex,
                                        std::move(loaded.costly), std::string(costly_effect)));
    }
    zone.image = std::move(loaded.image);
    const zone::Zone view(zone.image.octets().data());
    zone.records = view.records();
    ++domains.of(Fate::served);
    ++totals_.serving;
    totals_.records += zone.records;
    Arrived arrived;
    zone::for_each_record(view, [&](const dns::RecordView& record) { arrived.add(record, zone); });
    arrived.finish(zone);
    const std::uint64_t powerdns_only = zone.kept.size();
    records.of(Fate::powerdns_only) += powerdns_only;
    records.of(Fate::served) += zone.records - powerdns_only;
    totals_.kept += powerdns_only;
    records.of(Fate::same_twice) += loaded.records - zone.records;
}

Status ZoneFileImport::take(LoadedZone& loaded) {
    ImportedZone zone;
    zone.apex = loaded.apex;
    zone.state = loaded.state;
    RowSums& domains = totals_.of(Table::domains);
    RowSums& records = totals_.of(Table::records);
    ++domains.read;
    records.read += loaded.records;
    ++totals_.zones;
    if (loaded.unreadable && is_list_)
        return fail(loaded.errors.front().code,
                    "a list of lines ORIGIN<TAB>FILE names a file that cannot be read: " +
                        loaded.errors.front().text(),
                    {source_, 0});
    find_faults(loaded, zone);
    records.read += loaded.left_out_count;
    records.of(Fate::refused) += loaded.left_out_count;
    if (loaded.state == zone::State::serving) {
        serve(loaded, zone);
    } else {
        ++domains.of(Fate::refused);
        ++totals_.broken;
        records.of(Fate::not_served) += loaded.records;
    }
    return sink_.zone(std::move(zone));
}

Status ZoneFileImport::take_problems(const ZoneFileTotals& loaded) {
    for (const Error& problem : loaded.problems) {
        // A line that is none makes the whole list doubtful; two files of one zone do not.
        if (is_list_ && problem.code != Errc::exists) return tl::unexpected<Error>(problem);
        ZC_TRY_STATUS(sink_.finding({.acceptance = Acceptance::refused,
                                     .table = Table::other,
                                     .line = problem.where.line,
                                     .source = problem.where.source,
                                     .zone = {},
                                     .record = {},
                                     .reason = problem.message,
                                     .effect = "not taken over"}));
    }
    totals_.of(Table::other).read = loaded.problems_count;
    totals_.of(Table::other).all(Fate::refused);
    return {};
}

}  // namespace

Result<ImportTotals> import_zone_files(const std::string& source, const ImportOptions& options,
                                       ImportSink& sink) {
    ZC_TRY(ZoneFiles files, ZoneFiles::open(source));
    ZoneFileImport import(source, files.is_list(), sink);
    std::optional<Error> failure;
    std::atomic<bool> stop = false;
    Throttle throttle;
    const ZoneFileOptions load{.threads = options.threads,
                               .default_ttl = options.default_ttl,
                               .errors_max = 100,
                               .warnings = Warnings::skip,
                               .other_names = OtherNames::problem,
                               .misplaced = Misplaced::leave_out,
                               .stop_or_null = &stop};
    const Result<ZoneFileTotals> loaded = files.load(
        load,
        [&](std::span<LoadedZone> zones) {
            if (stopped(options)) stop = true;
            for (LoadedZone& zone : zones) {
                if (stop) return;
                if (Status status = import.take(zone); !status) {
                    failure = std::move(status).error();
                    stop = true;
                }
            }
        },
        [&](const ZoneFileTotals& so_far) {
            if (options.progress && throttle.due()) {
                options.progress({.phase = ImportProgress::Phase::reading,
                                  .done = 0,
                                  .total = 0,
                                  .rows = so_far.records,
                                  .zones = so_far.zones});
            }
        });
    if (failure) return tl::unexpected<Error>(std::move(*failure));
    if (!loaded) return tl::unexpected<Error>(loaded.error());
    ZC_TRY_STATUS(import.take_problems(*loaded));
    return import.totals();
}

}  // namespace zc::ingest
