// For tests: a store whose log is ahead of its rows, as a node that was killed leaves one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "dns/presentation.h"
#include "fold/stored_zone.h"
#include "fold/zone_state.h"
#include "replica/entry.h"
#include "store/log_file.h"
#include "store/store.h"
#include "zone/apply.h"
#include "zone/change.h"

namespace zc::fold::test {

inline dns::Name name(std::string_view text) {
    auto parsed = dns::Name::parse(text);
    REQUIRE(parsed);
    return *std::move(parsed);
}

/// Makes changes of zones.
class Changes {
public:
    void begin(std::string_view apex, zone::Change::Kind kind) {
        apex_ = name(apex);
        maker_.begin(apex_, kind);
    }
    /// `owner` is relative to the zone; empty: the apex.
    void set(const std::string& owner, dns::RrType type, const std::string& text) {
        dns::Rdata rdata;
        REQUIRE(dns::parse_rdata(text, type, dns::NameView(), rdata));
        const base::Octets octets(rdata);
        const std::string apex = dns::to_string(apex_);
        REQUIRE(
            maker_.set(owner.empty() ? apex_ : name(owner + '.' + apex), type, 300, {&octets, 1}));
    }
    zone::Change make() {
        auto change = maker_.make();
        REQUIRE(change);
        return *std::move(change);
    }

private:
    dns::Name apex_;
    zone::ChangeMaker maker_;
};

/// A whole zone: SOA, NS and www A `address`.
inline zone::Change put(std::string_view apex, const std::string& address) {
    Changes changes;
    changes.begin(apex, zone::Change::Kind::put);
    changes.set("", dns::RrType::soa, "ns.example. host.example. 1 7200 900 86400 300");
    changes.set("", dns::RrType::ns, "ns.example.");
    changes.set("www", dns::RrType::a, address);
    return changes.make();
}
/// From now on that is the address of www.
inline zone::Change set_address(std::string_view apex, const std::string& address) {
    Changes changes;
    changes.begin(apex, zone::Change::Kind::patch);
    changes.set("www", dns::RrType::a, address);
    return changes.make();
}
inline zone::Change removal(std::string_view apex) {
    Changes changes;
    changes.begin(apex, zone::Change::Kind::remove);
    return changes.make();
}

/// A new store with these zones at position 1, made by an import.
inline void make_store(const std::string& path, const std::vector<std::string>& zones) {
    auto update = store::Update::begin(path, store::Update::Missing::create);
    REQUIRE(update);
    zone::ApplyScratch scratch;
    for (const std::string& apex : zones) {
        const zone::Change change = put(apex, "192.0.2.1");
        auto made = advance(name(apex), {}, {&change, 1}, 1, scratch);
        REQUIRE(made);
        const std::string key = key_of(name(apex));
        store::Zone row;
        row.key = octets_of(key);
        row.serial = made->state.serial;
        row.records = made->state.records;
        row.source = 77;
        REQUIRE(update->put(row, made->state.image_octets()));
    }
    REQUIRE(update->commit({}));
}

/// One change of an entry.
struct Logged {
    std::string apex;
    std::uint64_t base = 0;
    zone::Change change;
};

/// A node that appends entries and folds only what it is told.
class TestLog {
public:
    explicit TestLog(const std::string& path) : log_(opened(path)) {}

    /// One entry; gives its position.
    std::uint64_t append(const std::vector<Logged>& changes) {
        replica::Entry entry;
        replica::Change& change = entry.changes.emplace_back();
        for (const Logged& one : changes) {
            replica::ZoneChange& zone = change.zones.emplace_back();
            zone.name = name(one.apex);
            zone.base = one.base;
            zone.op = static_cast<replica::Op>(one.change.kind());
            const base::Octets octets = one.change.octets();
            if (zone.op != replica::Op::remove)
                zone.data.octets.assign(octets.begin(), octets.end());
        }
        auto octets = replica::encode(entry);
        REQUIRE(octets);
        return append_octets(*octets);
    }
    std::uint64_t append(const std::string& apex, std::uint64_t base, zone::Change change) {
        return append({{apex, base, std::move(change)}});
    }
    std::uint64_t append_octets(base::Octets octets) {
        const std::uint64_t position = log_.position().number + 1;
        const store::LogEntry entry{position, position * 1000, {}, octets, {}};
        const Status done = log_.append({{&entry, 1}, {}, {}, {}, log_.folded_up_to()});
        REQUIRE_MESSAGE(done, done.error().text());
        return position;
    }
    void fold(const std::vector<store::FoldedZone>& zones, std::uint64_t folded_up_to) {
        REQUIRE(log_.append({{}, {}, {}, zones, folded_up_to}));
    }
    store::LogFile& log() noexcept { return log_; }

private:
    static store::LogFile opened(const std::string& path) {
        auto log = store::LogFile::open(path);
        REQUIRE_MESSAGE(log, log.error().text());
        return *std::move(log);
    }
    store::LogFile log_;
};

/// The address of www in an image; empty: none.
inline std::string address_in(base::Octets image) {
    std::string out;
    if (image.empty()) return out;
    zone::for_each_record(zone::Zone(image.data()), [&](const dns::RecordView& record) {
        if (record.type != dns::RrType::a) return;
        for (const std::uint8_t octet : record.rdata)
            out += (out.empty() ? "" : ".") + std::to_string(octet);
    });
    return out;
}

}  // namespace zc::fold::test
