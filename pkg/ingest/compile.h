// Inside of package ingest: all rows of one domain, judged and compiled.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dns/name.h"
#include "dns/presentation.h"
#include "ingest/content.h"
#include "ingest/powerdns.h"
#include "ingest/row_store.h"
#include "zone/zone.h"

namespace zc::ingest {

struct CompileOptions {
    std::string source;  // for findings
    Repair repair = Repair::no;
    UnsignedZones unsigned_zones = UnsignedZones::servfail;
    std::uint32_t default_ttl = dns::default_ttl_limit.initial;
    bool finds_capitals = false;                // the source's database compares without case
    std::vector<std::uint64_t> repeated_names;  // of `DomainNames`
    DoubtfulOctets octets;                      // of the source's text
    std::function<bool(dns::NameView apex, std::uint64_t rows_digest)>
        is_unchanged;               // may be empty
    std::function<bool()> stopped;  // once true, what `compile` returns is of no use; may be empty
};

/// What became of the rows of one domain id.
struct CompiledDomain {
    std::optional<ImportedZone> zone;  // absent: there is no such domain, or its name is none
    std::vector<Finding> findings;     // when there is no zone; else the zone has them
    std::array<RowSums, tables_count> counts{};
    std::uint64_t made = 0;            // records in the image that are of no row
    bool unchanged = false;            // no zone, because it need not be made again
    dns::Name apex;                    // of the zone, also of an unchanged one
    std::int64_t id = 0;               // of the row of `domains`
    std::uint64_t line = 0;            // of it
    bool shares_name = false;          // another row of `domains` may have its name
    bool written_as_powerdns = false;  // the name: lower case, no final dot
    bool has_soa = false;              // one that is not disabled, or more
    std::uint64_t rows = 0;
};

/// Judges by the table of imperfect rows (the manual page zonectl-import has it in words).
/// Reusable: a thread keeps one, with its memory.
class ZoneCompiler {
public:
    explicit ZoneCompiler(const CompileOptions& options) : options_(options) {}

    /// `refs`: all rows with one domain id, by table, then line. `into`: as it was made.
    void compile(std::span<const RowStore::Bucket::Ref> refs, CompiledDomain& into);

private:
    /// A row of `records` that may come into the image.
    struct Item {
        std::uint64_t owner_hash;
        std::uint32_t owner_at, rdata_at;  // in octets_
        std::uint16_t owner_size, rdata_size;
        std::uint32_t owner;  // index in owners_
        std::uint32_t ref;    // index in refs_
        std::uint32_t ttl;
        dns::RrType type;
        bool without_auth;
        Verdict verdict;
        Fate fate;  // of one that is not refused, in a zone that is served
    };
    struct Owner {
        std::uint32_t item;  // one that has it
        std::uint32_t cnames = 0, dnames = 0, others = 0;
        bool has_ns = false;
    };
    /// A row without a type, of which rectify makes one for each empty non-terminal.
    struct EmptyName {
        std::uint32_t at;  // in octets_
        std::uint16_t size;
        std::uint32_t ref;    // index in refs_
        std::uint32_t first;  // index in empties_ of the first of this name
        bool has_records;     // there or below; of the first
    };
    struct Set {
        std::uint32_t owner;
        dns::RrType type;
        std::uint32_t ttl_lowest, ttl_highest;
    };
    /// Open addressing from a hash to an index; emptied by a new epoch instead of by writing to it.
    class Index {
    public:
        void begin(std::size_t items);
        /// The first index stored under `hash` for which `equal` holds; else stores `fresh` and
        /// returns it.
        template <class Equal>
        std::uint32_t find_or_add(std::uint64_t hash, std::uint32_t fresh, const Equal& equal);
        template <class Equal>
        std::optional<std::uint32_t> find(std::uint64_t hash, const Equal& equal) const;

    private:
        struct Slot {
            std::uint32_t epoch = 0, value = 0;
        };
        std::vector<Slot> slots_;
        std::size_t mask_ = 0;
        std::uint32_t epoch_ = 0;
    };

    std::uint64_t digest_rows() const noexcept;
    bool has_doubtful_octets(const Row& row) const noexcept;
    bool has_doubtful_octets() const noexcept;
    void domain_row(const Row& row);
    void side_row(const Row& row);
    void record_row(const Row& row, std::uint32_t ref);
    std::optional<std::uint32_t> ttl_of(const Row& row, Verdict& verdict);
    void find_owners();
    void settle_aliases_of_names();
    void settle_ttls();
    const Owner* find_owner(dns::NameView name) const noexcept;
    void look_at_auth();
    bool is_below_dname(dns::NameView name) const noexcept;
    void look_below_dnames();
    void look_at_empty_names();
    void look_at_signatures();
    std::size_t count_soas() const;
    void build();
    std::uint64_t add_denial_chain();
    void find_made_anew(std::string_view nsec3param);
    void name_duplicates();
    void keep_powerdns_only();
    void keep_everything();
    KeptRecord kept_record(const Item& item, KeptRecord::Why why) const;
    void settle_state();
    void count_rows();

    dns::NameView owner_name(const Item& item) const noexcept {
        return dns::NameView(base::Octets(octets_).subspan(item.owner_at, item.owner_size));
    }
    base::Octets rdata(const Item& item) const noexcept {
        return base::Octets(octets_).subspan(item.rdata_at, item.rdata_size);
    }
    Row row_of(const Item& item) const { return RowStore::Bucket::read(refs_[item.ref]); }
    bool is_same_owner(const Item& item, dns::NameView name) const noexcept;
    void refuse(const Row& row, std::string reason, std::string effect = "not answered");
    void doubt(const Row& row, std::string reason, std::string effect);
    void refuse_item(Item& item, std::string reason, std::string effect);
    void doubt_item(Item& item, std::string reason, std::string effect);
    void doubt_zone(std::string reason, std::string effect);
    void refuse_zone(std::string reason);
    Finding finding(Verdict verdict, const Row& row, std::string reason, std::string effect) const;
    RowSums& count(Table table) noexcept { return done_->counts[static_cast<std::size_t>(table)]; }

    const CompileOptions options_;
    zone::Builder builder_;

    // Of the domain at hand.
    std::span<const RowStore::Bucket::Ref> refs_;
    CompiledDomain* done_ = nullptr;
    ImportedZone zone_;
    std::string zone_text_;
    std::string_view odd_name_;   // what is odd about the zone's own name
    std::string_view apex_text_;  // the apex as names of records end in it; empty: none does
    bool presigned_ = false;
    bool disabled_soa_ = false;
    std::vector<std::uint8_t> octets_;  // owners and RDATA
    std::vector<Item> items_;
    std::vector<Owner> owners_;
    std::vector<EmptyName> empties_;
    std::vector<Set> sets_;
    Index owner_index_, set_index_;
};

}  // namespace zc::ingest
