#include "ingest/denial_chain.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "base/octets.h"
#include "dns/base32hex.h"
#include "dns/presentation.h"
#include "zone/lookup.h"

namespace zc::ingest {

namespace {

using dns::RrType;
using Hash = std::array<std::uint8_t, zone::nsec3_hash_octets>;

constexpr std::size_t hash_digits = 32;
constexpr std::size_t rrsig_octets_min = 18;

RrType covered_by(const dns::RecordView& rrsig) noexcept {
    if (rrsig.rdata.size() < rrsig_octets_min) return RrType{};
    return static_cast<RrType>(base::load_u16(rrsig.rdata.data()));
}
std::uint32_t original_ttl(const dns::RecordView& rrsig) noexcept {
    return base::load_u32(rrsig.rdata.data() + 4);
}

/// The hash that the first label of an NSEC3's owner is (RFC 5155 section 3).
std::optional<Hash> hash_of_label(base::Octets label) noexcept {
    Hash hash{};
    if (label.size() != hash_digits || !dns::from_base32hex(label, hash.data()))
        return std::nullopt;
    return hash;
}

/// RFC 4034 section 4.1.2. `types` ascending, each once.
void append_bitmap(dns::Rdata& out, const std::vector<RrType>& types) {
    for (std::size_t at = 0; at < types.size();) {
        const auto window = static_cast<std::uint8_t>(static_cast<unsigned>(types[at]) >> 8);
        std::array<std::uint8_t, 32> bits{};
        std::size_t octets = 0;
        for (; at < types.size() && static_cast<unsigned>(types[at]) >> 8 == window; ++at) {
            const unsigned low = static_cast<unsigned>(types[at]) & 0xffU;
            bits[low / 8] = static_cast<std::uint8_t>(bits[low / 8] | 0x80U >> low % 8);
            octets = low / 8 + 1;
        }
        out.push_back(window);
        out.push_back(static_cast<std::uint8_t>(octets));
        out.insert(out.end(), bits.begin(), bits.begin() + static_cast<std::ptrdiff_t>(octets));
    }
}

std::string counted_names(std::size_t count, const std::string& example) {
    return std::to_string(count) + (count == 1 ? " name, " : " names, such as ") + example + ',';
}

}  // namespace

/// One name of the zone, or of a signature over an NSEC3.
struct DenialChain::Owner {
    dns::NameView name;
    std::size_t begin = 0, end = 0;  // in records_
    bool is_cut = false;             // a delegation, so that only NS and DS are the zone's own
    bool has_ds = false;
    const dns::RecordView* nsec_signature = nullptr;
    const dns::RecordView* nsec3_signature = nullptr;
    const dns::RecordView* param_signature = nullptr;
    bool has_nsec = false, has_nsec3 = false;
    bool has_data = false;  // anything but NSEC3 and signatures over it
};

struct DenialChain::Run {
    const dns::Name& apex;
    const std::vector<dns::RecordView>& records;
    const std::function<void(const dns::RecordView&)>& emit;
    std::vector<Owner> owners{};      // not occluded, in canonical order
    std::vector<Owner> hash_names{};  // of NSEC3
    std::vector<std::string> problems{};
    dns::Rdata param{};  // algorithm, flags 0, iterations, salt
    bool param_is_new = false;
    bool opt_out = false;

    struct Link {
        Hash hash;
        const Owner* owner;  // of the NSEC3
    };
    struct Hashed {
        Hash hash;
        const Owner* owner_or_null;  // null: an empty non-terminal
        dns::NameView name;
    };

    bool find_owners();
    void chain_nsec();
    bool find_param(std::string_view metadata);
    std::vector<Link> nsec3_links() const;
    std::vector<Hashed> hashed_names() const;
    void check_nsec3_names(const std::vector<Link>& chain, const std::vector<Hashed>& names);
    void chain_nsec3();
    std::vector<RrType> types_of(const Owner& owner, bool nsec) const;
};

/// Groups the sorted records by owner and leaves out what is below zone cuts and DNAMEs. True when
/// there is a signature over NSEC or NSEC3 to begin with.
bool DenialChain::Run::find_owners() {
    bool any = false;
    dns::NameView above;  // of the topmost cut or DNAME
    bool has_above = false;
    for (std::size_t at = 0; at < records.size();) {
        Owner owner{.name = records[at].owner, .begin = at};
        const bool is_apex = owner.name.size() == apex.size();
        bool has_ns = false, has_dname = false;
        for (; at < records.size() && equal(records[at].owner, owner.name); ++at) {
            const dns::RecordView& record = records[at];
            const RrType covered = record.type == RrType::rrsig ? covered_by(record) : RrType{};
            if (covered == RrType::nsec) owner.nsec_signature = &record;
            if (covered == RrType::nsec3) owner.nsec3_signature = &record;
            if (covered == RrType::nsec3param) owner.param_signature = &record;
            owner.has_nsec |= record.type == RrType::nsec;
            owner.has_nsec3 |= record.type == RrType::nsec3;
            owner.has_data |= record.type != RrType::nsec3 && covered != RrType::nsec3;
            owner.has_ds |= record.type == RrType::ds;
            has_ns |= record.type == RrType::ns;
            has_dname |= record.type == RrType::dname;
        }
        owner.end = at;
        if (owner.nsec3_signature != nullptr || owner.has_nsec3) {
            any = true;
            hash_names.push_back(owner);
        }
        if (!owner.has_data) continue;
        if (has_above && owner.name.size() != above.size() && owner.name.is_within(above)) continue;
        owner.is_cut = has_ns && !is_apex;
        if (owner.is_cut || has_dname) {
            above = owner.name;
            has_above = true;
        }
        any = any || owner.nsec_signature != nullptr;
        owners.push_back(owner);
    }
    return any;
}

std::vector<RrType> DenialChain::Run::types_of(const Owner& owner, bool nsec) const {
    std::vector<RrType> types;
    bool is_signed = nsec;
    for (std::size_t i = owner.begin; i < owner.end; ++i) {
        const dns::RecordView& record = records[i];
        const bool is_signature = record.type == RrType::rrsig;
        const RrType type = is_signature ? covered_by(record) : record.type;
        // At a cut all else is the child's (RFC 4035 section 2.3).
        if (owner.is_cut && type != RrType::ns && type != RrType::ds) continue;
        if (type == RrType::nsec || type == RrType::nsec3) continue;
        if (is_signature) {
            is_signed = true;
            continue;
        }
        types.push_back(type);
    }
    if (is_signed) types.push_back(RrType::rrsig);
    if (nsec) types.push_back(RrType::nsec);
    if (param_is_new && owner.name.size() == apex.size()) types.push_back(RrType::nsec3param);
    std::ranges::sort(types);
    types.erase(std::unique(types.begin(), types.end()), types.end());
    return types;
}

void DenialChain::Run::chain_nsec() {
    std::vector<const Owner*> chain;
    std::size_t missing = 0;
    std::string example;
    for (const Owner& owner : owners) {
        if (owner.nsec_signature != nullptr || owner.has_nsec) chain.push_back(&owner);
        if (owner.nsec_signature != nullptr) continue;
        if (missing++ == 0) example = dns::to_string(owner.name);
    }
    if (chain.empty()) return;
    if (missing != 0)
        problems.push_back("no signature over NSEC at " + counted_names(missing, example) +
                           " although the zone has such a chain");
    dns::Rdata rdata;
    for (std::size_t i = 0; i < chain.size(); ++i) {
        const Owner& owner = *chain[i];
        if (owner.has_nsec) continue;
        const base::Octets next = chain[(i + 1) % chain.size()]->name.wire();
        rdata.assign(next.begin(), next.end());
        append_bitmap(rdata, types_of(owner, true));
        emit({owner.name, RrType::nsec, original_ttl(*owner.nsec_signature), rdata});
    }
}

/// The parameters, from a record or from PowerDNS's metadata.
bool DenialChain::Run::find_param(std::string_view metadata) {
    const bool has_apex = !owners.empty() && owners.front().name.size() == apex.size();
    if (has_apex) {
        for (std::size_t i = owners.front().begin; i < owners.front().end; ++i) {
            const base::Octets rdata = records[i].rdata;
            if (records[i].type == RrType::nsec3param) param.assign(rdata.begin(), rdata.end());
        }
    }
    dns::Rdata given;
    const bool readable =
        !metadata.empty() && dns::parse_rdata(metadata, RrType::nsec3param, apex, given);
    if (readable) opt_out = (given[1] & 1U) != 0;
    if (param.empty()) {
        if (!readable) {
            problems.push_back(metadata.empty()
                                   ? "signatures over NSEC3, and neither metadata NSEC3PARAM nor "
                                     "such a record"
                                   : "signatures over NSEC3, and metadata NSEC3PARAM that cannot "
                                     "be read");
            return false;
        }
        param = std::move(given);
        param_is_new = has_apex && owners.front().param_signature != nullptr;
    }
    param[1] = 0;  // RFC 5155 section 4.1.2
    if (param[0] != 1 || base::load_u16(&param[2]) > zone::nsec3_iterations_max) {
        problems.push_back(
            "NSEC3 with a hash algorithm or a number of iterations that is not "
            "supported");
        return false;
    }
    return true;
}

/// The names that have an NSEC3 or its signature, in order of hashes.
std::vector<DenialChain::Run::Link> DenialChain::Run::nsec3_links() const {
    std::vector<Link> chain;
    for (const Owner& owner : hash_names) {
        const auto hash = hash_of_label(owner.name.label());
        const bool fits = hash && owner.name.size() == apex.size() + hash_digits + 1;
        if (fits) chain.push_back({*hash, &owner});
    }
    std::ranges::sort(chain, {}, &Link::hash);
    return chain;
}

/// All names of the zone that an NSEC3 may be of, empty non-terminals too, in order of hashes.
std::vector<DenialChain::Run::Hashed> DenialChain::Run::hashed_names() const {
    std::vector<Hashed> names;
    const auto add_name = [&](dns::NameView name, const Owner* owner_or_null) {
        std::uint8_t hash[zone::nsec3_hash_octets];
        zone::nsec3_hash(name, param, hash);
        Hashed hashed{{}, owner_or_null, name};
        std::memcpy(hashed.hash.data(), hash, sizeof hash);
        names.push_back(hashed);
    };
    for (std::size_t i = 0; i < owners.size(); ++i) {
        const dns::NameView name = owners[i].name;
        // Empty non-terminals above it that are not yet here: everything before is smaller, so only
        // the name just before can be below or at an ancestor of this one.
        for (dns::NameView above = name; above.size() > apex.size();) {
            above = above.parent();
            if (above.size() <= apex.size()) break;
            if (i != 0 && owners[i - 1].name.is_within(above)) break;
            add_name(above, nullptr);
        }
        add_name(name, &owners[i]);
    }
    std::ranges::sort(names, {}, &Hashed::hash);
    return names;
}

/// Whether the chain is by opt-out, and which names it should have and has not.
void DenialChain::Run::check_nsec3_names(const std::vector<Link>& chain,
                                         const std::vector<Hashed>& names) {
    const auto is_chained = [&chain](const Hash& hash) {
        const auto at = std::ranges::lower_bound(chain, hash, {}, &Link::hash);
        return at != chain.end() && at->hash == hash;
    };
    const auto may_be_left_out = [](const Hashed& name) {  // RFC 5155 section 7.1, by opt-out
        return name.owner_or_null == nullptr ||
               (name.owner_or_null->is_cut && !name.owner_or_null->has_ds);
    };
    for (const Hashed& name : names)
        if (!is_chained(name.hash) && may_be_left_out(name) && name.owner_or_null != nullptr)
            opt_out = true;
    std::size_t missing = 0;
    std::string example;
    for (const Hashed& name : names) {
        if (is_chained(name.hash) || (opt_out && may_be_left_out(name))) continue;
        if (missing++ == 0) example = dns::to_string(name.name);
    }
    if (missing != 0)
        problems.push_back("no signature over an NSEC3 of " + counted_names(missing, example) +
                           " although the zone has such a chain");
}

void DenialChain::Run::chain_nsec3() {
    const std::vector<Link> chain = nsec3_links();
    if (chain.empty()) return;
    const std::vector<Hashed> names = hashed_names();
    check_nsec3_names(chain, names);
    if (param_is_new)
        emit({apex, RrType::nsec3param, original_ttl(*owners.front().param_signature), param});
    std::size_t unknown = 0;
    std::string example;
    dns::Rdata rdata;
    for (std::size_t i = 0; i < chain.size(); ++i) {
        const Owner& link = *chain[i].owner;
        if (link.has_nsec3 || link.nsec3_signature == nullptr) continue;
        const auto name = std::ranges::lower_bound(names, chain[i].hash, {}, &Hashed::hash);
        if (name == names.end() || name->hash != chain[i].hash) {
            if (unknown++ == 0) example = dns::to_string(link.name);
            continue;
        }
        const Hash& next = chain[(i + 1) % chain.size()].hash;
        rdata = param;
        rdata[1] = opt_out ? 1 : 0;
        rdata.push_back(static_cast<std::uint8_t>(next.size()));
        rdata.insert(rdata.end(), next.begin(), next.end());
        if (name->owner_or_null != nullptr)
            append_bitmap(rdata, types_of(*name->owner_or_null, false));
        emit({link.name, RrType::nsec3, original_ttl(*link.nsec3_signature), rdata});
    }
    if (unknown != 0)
        problems.push_back("signatures over NSEC3 that are of no name of the zone: " +
                           counted_names(unknown, example) + " their records cannot be made");
}

std::vector<std::string> DenialChain::rebuild(
    std::string_view nsec3param, const std::function<void(const dns::RecordView&)>& record) {
    std::ranges::stable_sort(records_, [](const dns::RecordView& a, const dns::RecordView& b) {
        return dns::compare(a.owner, b.owner) < 0;
    });
    Run run{.apex = apex_, .records = records_, .emit = record};
    if (!run.find_owners()) {
        const auto is_rrsig = [](const dns::RecordView& one) { return one.type == RrType::rrsig; };
        if (std::ranges::any_of(records_, is_rrsig))
            run.problems.push_back("signatures, but none over NSEC or NSEC3");
        return std::move(run.problems);
    }
    if (run.hash_names.empty()) {
        run.chain_nsec();
    } else if (run.find_param(nsec3param)) {
        run.chain_nsec3();
    }
    return std::move(run.problems);
}

bool is_denial(dns::RrType type) noexcept {
    return type == RrType::nsec || type == RrType::nsec3 || type == RrType::nsec3param;
}

bool MadeDenial::make(DenialChain& chain, std::string_view nsec3param) {
    return chain
        .rebuild(nsec3param,
                 [this](const dns::RecordView& record) { made_.insert(key_of(record)); })
        .empty();
}

std::string MadeDenial::key_of(const dns::RecordView& record) {
    std::string key =
        std::to_string(static_cast<unsigned>(record.type)) + ' ' + std::to_string(record.ttl) + ' ';
    key.append(record.owner.wire().begin(), record.owner.wire().end());
    key.append(record.rdata.begin(), record.rdata.end());
    return key;
}

}  // namespace zc::ingest
