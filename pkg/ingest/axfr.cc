#include "ingest/axfr.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dns/presentation.h"
#include "ingest/arrived.h"
#include "ingest/catalog_zone.h"
#include "ingest/denial_chain.h"
#include "ingest/hash.h"
#include "ingest/powerdns_export.h"
#include "ingest/zone_walk.h"
#include "net/endpoint.h"
#include "runtime/workers.h"
#include "transfer/transfer.h"

namespace zc::ingest {

namespace {

constexpr std::string_view scheme = "axfr://";
constexpr std::size_t connections_max = 64;
// A server that is gone is not waited for once for each of a million zones.
constexpr int failed_connects_max = 3;
// Another one when the same transfer comes to another zone than before.
constexpr std::string_view rules_version = "2";

/// The result of one transfer.
struct Transferred {
    bool unchanged = false;            // the store has it: no zone, and nothing to say
    std::optional<ImportedZone> zone;  // absent: it did not come, and `findings` say why
    std::vector<Finding> findings;
    RowSums records;
    std::uint64_t domains_doubtful = 0;
};

/// The zones of one server on several connections, delivered in their order.
class AxfrImport {
public:
    AxfrImport(std::string name, net::Endpoint server, const ImportOptions& options,
               ImportSink& sink)
        : name_(std::move(name)),
          server_(std::move(server)),
          options_(options),
          sink_(sink),
          transfer_options_{.key = options.axfr.key,
                            .message_timeout = options.axfr.timeout,
                            .transfer_timeout = options.axfr.transfer_timeout,
                            .stop_or_null = options.stop_or_null} {
        transfer_options_.connect_timeout =
            std::min(transfer_options_.connect_timeout, options.axfr.timeout);
    }

    Result<ImportTotals> run() {
        ZC_TRY_STATUS(collect_zones());
        const std::size_t wanted = std::clamp<std::size_t>(
            std::min<std::size_t>(options_.axfr.connections, zones_.size()), 1, connections_max);
        runtime::Workers workers(
            wanted, [this] { work(); },
            [this] {
                const std::lock_guard lock(mutex_);
                gave_up_ = true;
                turn_.notify_all();
            });
        const Status worked = workers.join();
        if (failure_) return tl::unexpected<Error>(std::move(*failure_));
        ZC_TRY_STATUS(worked);
        if (gone_ && !was_reached_) return tl::unexpected<Error>(std::move(*gone_));
        return totals_;
    }

private:
    struct Wanted {
        dns::Name apex;
        std::string catalog_options;  // empty: of no catalog
    };

    Status collect_zones() {
        std::unordered_map<std::uint64_t, std::size_t> place_of;  // in `zones_`
        const auto add = [&](const dns::Name& zone) -> Wanted& {
            const auto [place, is_new] = place_of.emplace(zone_key(zone), zones_.size());
            if (is_new) {
                zones_.push_back({zone, {}});
                zones_.back().apex.fold_case();
            }
            return zones_[place->second];
        };
        for (const dns::Name& zone : options_.axfr.zones) add(zone);
        if (!options_.axfr.catalog) return {};
        const dns::Name& apex = *options_.axfr.catalog;
        CatalogZone catalog(apex);
        ZC_TRY(auto connection, transfer::AxfrConnection::open(server_, transfer_options_));
        auto came = connection.transfer(apex, [&catalog](const dns::RecordView& record) {
            catalog.add(record);
            return Status();
        });
        if (!came) {
            Error error = std::move(came).error();
            error.message = "catalog zone " + dns::to_string(apex) + ": " + error.message;
            error.where = {name_, 0};
            return tl::unexpected<Error>(std::move(error));
        }
        was_reached_ = true;
        ZC_TRY(const auto members, catalog.members());
        const bool secondary = options_.axfr.kind == AxfrSource::Kept::secondary;
        dns::Name folded = apex;
        folded.fold_case();
        catalog_name_ = dns::to_string(folded);
        if (catalog_name_.size() > 1) catalog_name_.pop_back();
        for (const CatalogMember& member : members)
            add(member.zone).catalog_options =
                powerdns_options(member, secondary ? "consumer" : "producer");
        return {};
    }

    /// Hash of the things that a zone will be made from, as far as its SOA tells: the store recognises
    /// the zone by it.
    std::uint64_t digest_of(const Wanted& wanted, base::Octets soa) const {
        std::string text = name_ + '\0' + wanted.catalog_options + '\0';
        text.append(rules_version) += '\0';
        if (options_.axfr.server == AxfrSource::Server::powerdns) text.append("powerdns") += '\0';
        if (!wanted.catalog_options.empty()) text += catalog_name_ + '\0';
        text.append(soa.begin(), soa.end());
        const std::uint64_t digest =
            hash64({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
        return digest == 0 ? 1 : digest;
    }

    void work() {
        std::optional<transfer::AxfrConnection> connection;
        std::optional<zone::Builder> builder(std::in_place);
        for (std::size_t at = next_++; at < zones_.size(); at = next_++) {
            Result<Transferred> came;
            try {
                came = transfer_zone(zones_[at], connection, *builder);
            } catch (const std::bad_alloc&) {
                // First all is given back that was kept of the zone, so that there is memory for
                // saying it, and for the next one.
                came = Transferred();
                connection.reset();
                builder.emplace();
                came = did_not_come(zones_[at].apex, {Errc::limit, "no memory for this zone", {}});
            }
            std::unique_lock lock(mutex_);
            turn_.wait(lock, [&] { return failure_ || gave_up_ || turn_of_ == at; });
            if (failure_ || gave_up_) return;
            Status status;
            if (came)
                status = deliver(std::move(*came));
            else
                status = tl::unexpected<Error>(std::move(came).error());
            if (!status) failure_ = std::make_unique<Error>(std::move(status).error());
            ++turn_of_;
            turn_.notify_all();
            if (failure_) return;
        }
    }

    /// Fails only with `interrupted`: all else is about one zone.
    Result<Transferred> transfer_zone(const Wanted& wanted,
                                      std::optional<transfer::AxfrConnection>& connection,
                                      zone::Builder& builder) {
        const dns::Name& apex = wanted.apex;
        for (bool asked = false;;) {
            const bool is_used = connection && connection->usable();
            if (!is_used) {
                if (auto gone = server_is_gone()) return did_not_come(apex, *gone);
                auto fresh = transfer::AxfrConnection::open(server_, transfer_options_);
                note_connect(fresh ? nullptr : &fresh.error());
                if (!fresh) {
                    connection.reset();
                    if (fresh.error().code == Errc::interrupted)
                        return tl::unexpected<Error>(fresh.error());
                    return did_not_come(apex, fresh.error());
                }
                connection.emplace(*std::move(fresh));
            }
            Transferred out;
            if (!asked && options_.is_unchanged && !options_.axfr.retransfer && tells_soa_) {
                const auto soa = connection->soa(apex);
                out.unchanged = soa && options_.is_unchanged(apex, digest_of(wanted, *soa));
                if (out.unchanged) return out;
                if (!soa && soa.error().code == Errc::interrupted)
                    return tl::unexpected<Error>(soa.error());
                if (!connection->usable()) {
                    // A server that does not like to be asked is not asked again.
                    if (!is_used) tells_soa_ = false;
                    continue;
                }
                asked = true;  // whatever it said, the transfer tells what is wrong
            }
            ImportedZone zone;
            zone.apex = apex;
            if (!wanted.catalog_options.empty()) {
                zone.catalog = catalog_name_;
                zone.options = wanted.catalog_options;
            }
            Arrived arrived;
            std::vector<std::uint8_t> soa;
            std::uint64_t records = 0;
            builder.begin(apex);
            const auto came = connection->transfer(apex, [&](const dns::RecordView& record) {
                if (records++ == 0) {
                    soa.assign(record.rdata.begin(), record.rdata.end());
                    dns::fold_rdata(dns::RrType::soa, soa);
                }
                take_record(record, builder, zone, arrived, out);
                return Status();
            });
            if (came) {
                finish_zone(builder, zone, arrived, out);
                if (stopped()) return fail(Errc::interrupted, "stopped while building a zone");
                // Signatures are renewed without another serial by servers that sign as they answer
                // (PowerDNS); what was found is to be told again.
                if (!arrived.is_signed() && zone.findings.empty())
                    zone.rows_digest = digest_of(wanted, soa);
                out.zone = std::move(zone);
                return out;
            }
            if (came.error().code == Errc::interrupted) return tl::unexpected<Error>(came.error());
            // Servers end connections that were idle or had enough questions: not this zone's
            // fault.
            if (is_used && came.error().code == Errc::io && records == 0) continue;
            return did_not_come(apex, came.error());
        }
    }

    std::optional<Error> server_is_gone() {
        const std::lock_guard lock(reach_mutex_);
        if (!gone_) return std::nullopt;
        return Error{gone_->code, "not asked for: " + gone_->text(), {}};
    }

    void note_connect(const Error* error_or_null) {
        const std::lock_guard lock(reach_mutex_);
        if (error_or_null == nullptr) {
            was_reached_ = true;
            failed_connects_ = 0;
        } else if (++failed_connects_ >= failed_connects_max || !was_reached_) {
            if (!gone_) gone_ = *error_or_null;
        }
    }

    Finding finding(Acceptance acceptance, Table table, dns::NameView apex, std::string reason,
                    std::string effect) const {
        return {.acceptance = acceptance,
                .table = table,
                .line = 0,
                .source = name_,
                .zone = dns::to_string(apex),
                .record = {},
                .reason = std::move(reason),
                .effect = std::move(effect)};
    }

    Transferred did_not_come(dns::NameView apex, const Error& error) const {
        Transferred out;
        out.findings.push_back(finding(Acceptance::refused, Table::domains, apex, error.text(),
                                       "not taken over; what the store has of it stays"));
        return out;
    }

    void take_record(dns::RecordView record, zone::Builder& builder, ImportedZone& zone,
                     Arrived& arrived, Transferred& out) const {
        ++out.records.read;
        auto rdata = zone::Builder::Rdata::checked;
        const auto number = static_cast<unsigned>(record.type);
        const bool reserved = dns::is_powerdns_only(record.type);
        if (options_.axfr.server == AxfrSource::Server::powerdns &&
            dns::from_powerdns(record.type) != record.type) {
            record.type = dns::from_powerdns(record.type);
            rdata = zone::Builder::Rdata::unchecked;  // the message had it as opaque
        }
        Status status = dns::check_lengths(record.type, record.rdata);
        if (reserved)
            status = fail(Errc::invalid, "type " + std::to_string(number) + " is no zone data");
        if (status) status = builder.add(record, rdata);
        if (!status) {
            ++out.records.of(Fate::refused);
            out.findings.push_back(finding(Acceptance::refused, Table::records, zone.apex,
                                           status.error().message, "not answered"));
            out.findings.back().record =
                dns::to_string(record.owner) + ' ' +
                (reserved ? dns::to_string(record.type) : dns::record_type_text(record.type));
            return;
        }
        ++out.records.of(dns::is_powerdns_only(record.type) ? Fate::powerdns_only : Fate::served);
        arrived.add(record, zone);
        if (!dns::is_powerdns_only(record.type)) return;
        ++out.records.doubtful;
        const bool is_alias = record.type == dns::RrType::alias;
        out.findings.push_back(finding(
            Acceptance::doubtful, Table::records, zone.apex, "a type that only PowerDNS has",
            is_alias ? "kept; the target's A and AAAA when it is served here, else NODATA"
                     : "kept; NODATA"));
        const KeptRecord& row = zone.kept.back();
        out.findings.back().record = row.name + ' ' + row.type + ' ' + row.content;
    }

    void finish_zone(zone::Builder& builder, ImportedZone& zone, const Arrived& arrived,
                     Transferred& out) const {
        if (options_.axfr.kind == AxfrSource::Kept::secondary) {
            zone.kind = Kind::secondary;
            zone.masters.push_back(server_.port == 53 ? dns::to_string(server_.address)
                                                      : net::to_string(server_));
        }
        arrived.finish(zone);
        std::vector<Error> errors;
        Result<zone::Image> image = builder.build(nullptr, &errors, [this] { return stopped(); });
        if (image) {
            zone.image = *std::move(image);
            zone.records = zone::Zone(zone.image.octets().data()).records();
            const std::uint64_t added = out.records.read - out.records.of(Fate::refused);
            out.records.move(Fate::served, Fate::same_twice, added - zone.records);
            if (std::string costly = zone::costly_hashing(zone::Zone(zone.image.octets().data()));
                !costly.empty()) {
                ++out.domains_doubtful;
                out.findings.push_back(finding(Acceptance::doubtful, Table::domains, zone.apex,
                                               std::move(costly), std::string(costly_effect)));
            }
        } else {
            zone.state = zone::State::broken;
            for (const Fate fate : {Fate::served, Fate::powerdns_only})
                out.records.move(fate, Fate::not_served, out.records.of(fate));
            if (errors.empty()) errors.push_back(std::move(image).error());
            for (Error& error : errors)
                out.findings.push_back(finding(Acceptance::refused, Table::domains, zone.apex,
                                               std::move(error.message),
                                               "SERVFAIL for the apex and all names below"));
        }
        zone.findings = std::move(out.findings);
        out.findings.clear();
    }

    bool stopped() const noexcept {
        return options_.stop_or_null != nullptr &&
               options_.stop_or_null->load(std::memory_order_relaxed);
    }

    /// Under the mutex.
    Status deliver(Transferred&& came) {
        RowSums& domains = totals_.of(Table::domains);
        ++domains.read;
        RowSums& records = totals_.of(Table::records);
        records.add(came.records);
        for (Finding& one : came.findings) ZC_TRY_STATUS(sink_.finding(std::move(one)));
        const bool serving = came.zone && came.zone->state == zone::State::serving;
        domains.doubtful += came.domains_doubtful;
        ++domains.of(came.unchanged ? Fate::unchanged : serving ? Fate::served : Fate::refused);
        if (came.unchanged) {
            ++totals_.zones;
            ++totals_.unchanged;
        } else if (!came.zone) {
            ++totals_.not_transferred;
        } else {
            ++totals_.zones;
            ++(serving ? totals_.serving : totals_.broken);
            totals_.records += came.zone->records;
            totals_.kept += came.zone->kept.size();
            ZC_TRY_STATUS(sink_.zone(std::move(*came.zone)));
        }
        if (options_.progress) {
            options_.progress({.phase = ImportProgress::Phase::transferring,
                               .done = turn_of_ + 1,
                               .total = zones_.size(),
                               .rows = records.read,
                               .zones = totals_.zones});
        }
        return {};
    }

    const std::string name_;
    const net::Endpoint server_;
    const ImportOptions& options_;
    ImportSink& sink_;
    transfer::AxfrOptions transfer_options_;
    std::vector<Wanted> zones_;
    std::string catalog_name_;  // as PowerDNS has names: no final dot
    std::atomic<std::size_t> next_ = 0;
    std::atomic<bool> tells_soa_ = true;

    std::mutex reach_mutex_;  // guards the next three while threads run
    bool was_reached_ = false;
    int failed_connects_ = 0;
    std::optional<Error> gone_;

    std::mutex mutex_;  // guards what follows
    std::condition_variable turn_;
    std::size_t turn_of_ = 0;
    std::unique_ptr<Error> failure_;
    bool gave_up_ = false;  // a thread threw: `Workers` has the error
    ImportTotals totals_;
};

}  // namespace

bool is_axfr_uri(const std::string& source) noexcept {
    return source.starts_with(scheme);
}

Result<ImportTotals> import_axfr(const std::string& source, const ImportOptions& options,
                                 ImportSink& sink) {
    std::string_view host = source;
    if (is_axfr_uri(source)) host.remove_prefix(scheme.size());
    if (host.ends_with('/')) host.remove_suffix(1);
    auto server = net::parse_endpoint(host);
    if (!server) return fail(Errc::malformed, server.error().message, {source, 0});
    if (options.axfr.zones.empty() && !options.axfr.catalog)
        return fail(Errc::invalid, "no zones to ask for: neither a list nor a catalog zone",
                    {source, 0});
    std::string name = std::string(scheme) + net::to_string(*server);
    return AxfrImport(std::move(name), *std::move(server), options, sink).run();
}

}  // namespace zc::ingest
