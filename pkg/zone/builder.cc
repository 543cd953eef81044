#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/octet_buffer.h"
#include "dns/base32hex.h"
#include "dns/message.h"
#include "dns/presentation.h"
#include "zone/lookup.h"
#include "zone/set_encoder.h"
#include "zone/zone.h"

namespace zc::zone {

namespace {

using dns::RrType;

/// Appends labels from the right, escaped, each ended by 0: memcmp on the result is canonical order
/// (RFC 4034 section 6.1), and an ancestor's key is a prefix of its descendants'. `key` is not in
/// `out`.
void append_sort_key(base::OctetBuffer& out, base::Octets key) {
    std::uint8_t places[dns::name_labels_max + 1];
    std::size_t count = 0;
    for (std::size_t at = 0; at < key.size(); at += key[at] + std::size_t{1})
        places[count++] = static_cast<std::uint8_t>(at);
    std::uint8_t* to = out.room(2 * dns::name_octets_max);
    while (count > 0) {
        const std::uint8_t* label = key.data() + places[--count];
        for (std::size_t i = 1; i <= *label; ++i) {
            if (label[i] <= 1) {
                *to++ = 1;
                *to++ = static_cast<std::uint8_t>(label[i] + 1);
            } else {
                *to++ = label[i];
            }
        }
        *to++ = 0;
    }
    out.wrote_until(to);
}

std::uint64_t load_prefix(base::Octets sort_key) {
    std::uint8_t first[8] = {};
    std::copy_n(sort_key.begin(), std::min<std::size_t>(8, sort_key.size()), first);
    std::uint64_t value = 0;
    for (const std::uint8_t octet : first) value = (value << 8) | octet;
    return value;
}

int compare_octets(base::Octets a, base::Octets b) {
    const int order =
        a.empty() || b.empty() ? 0 : std::memcmp(a.data(), b.data(), std::min(a.size(), b.size()));
    if (order != 0) return order;
    return a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0;
}

constexpr std::size_t run_items_max = 1 << 20;  // sorted, or merged, without looking at the stop

/// As std::sort, but in runs when there are very many: false when it was stopped between them.
template <class Iterator, class Before>
bool sort_in_runs(Iterator first, Iterator last, const Before& before,
                  const std::function<bool()>& stopped) {
    const auto count = static_cast<std::size_t>(last - first);
    const auto at = [&](std::size_t i) {
        return first + static_cast<std::ptrdiff_t>(std::min(i, count));
    };
    for (std::size_t i = 0; i < count; i += run_items_max) {
        if (stopped && stopped()) return false;
        std::sort(at(i), at(i + run_items_max), before);
    }
    for (std::size_t run = run_items_max; run < count; run *= 2) {
        for (std::size_t i = 0; i + run < count; i += 2 * run) {
            if (stopped && stopped()) return false;
            std::inplace_merge(at(i), at(i + run), at(i + 2 * run), before);
        }
    }
    return true;
}

/// 20 octets out of the 32 base32hex digits of an NSEC3 owner's first label (RFC 5155 section 3).
bool parse_nsec3_label(base::Octets key, std::uint8_t (&hash)[nsec3_hash_octets]) {
    constexpr std::size_t digits = dns::base32hex_digits(nsec3_hash_octets);
    return key.size() == digits + 1 && key[0] == digits &&
           dns::from_base32hex(key.subspan(1), hash).has_value();
}

}  // namespace

struct Builder::Work {
    struct Slice {
        std::uint32_t at = 0, size = 0;
    };
    struct Owner {
        Slice key, sort_key;
        std::uint64_t prefix = 0;
        std::uint32_t rank = 0;
    };
    struct Record {
        std::uint32_t owner =
            0;  // while adding: index into owners; from `order` on: index into nodes
        std::uint32_t ttl = 0;
        Slice rdata;
        std::uint32_t group =
            0;  // `group_of` its type, + 1 for a signature over that; the SOA is 0
    };
    struct Node {
        Slice key;
        std::uint32_t first = 0, last = 0;  // its records
        std::uint32_t offset = 0;           // in `nodes_out`
        std::uint8_t flags = 0;
        std::uint8_t labels = 0;
        std::uint32_t parent = 0;
        std::uint32_t nsec3_self = none, nsec3_wildcard = none;
    };
    struct Nsec3 {
        std::array<std::uint8_t, nsec3_hash_octets> hash{};
        std::uint32_t first = 0, last = 0;  // in `nsec3_records`
        bool active = false;
    };
    /// An RRset with its signatures: `begin` to `end`, and `end` to `signatures_end` of a list of
    /// records.
    struct Set {
        RrType type;
        std::uint32_t begin, end, signatures_end;
        std::uint32_t count() const noexcept { return end - begin; }
        std::uint32_t signatures() const noexcept { return signatures_end - end; }
    };

    dns::Name apex;
    base::OctetBuffer data;  // keys, sort keys, RDATA
    std::vector<Owner> owners;
    std::vector<Record> records, nsec3_records;
    std::vector<Node> nodes;
    std::vector<Nsec3> nsec3s;
    std::vector<std::uint32_t> order;
    std::vector<std::uint32_t> owner_nodes;  // rank of a distinct owner → node
    std::vector<std::uint32_t> distinct;     // rank → owner
    base::OctetBuffer nodes_out, items_out, image_out;
    SetEncoder encoder;
    /// RDATA of the RRset that is encoded, and behind it what longer RRsets have left.
    std::vector<base::Octets> rdatas = std::vector<base::Octets>(16);
    std::vector<SetEncoder::Fixup> fixups;
    std::vector<std::uint64_t> hashes;  // of the names of `nodes`
    std::vector<Error> errors;
    struct Oversized {
        dns::Name owner;
        RrType type{};
        std::size_t octets = 0;
    };
    std::vector<Oversized> oversized;  // RRsets that fit into no message
    std::function<bool()> stopped;     // of `build`
    bool interrupted = false;
    std::array<std::uint8_t, dns::name_octets_max> last_owner{};
    std::size_t last_owner_octets = 0;
    std::uint32_t last_owner_index = 0;
    std::uint32_t apex_owner = none;  // its index in `owners`
    std::uint64_t record_count = 0;
    Rules rules = Rules::now;
    std::uint8_t format = image_format_first;  // of the image to be

    base::Octets slice(Slice s) const { return {data.data() + s.at, s.size}; }
    Slice append(base::Octets octets) {
        const Slice s{static_cast<std::uint32_t>(data.size()),
                      static_cast<std::uint32_t>(octets.size())};
        data.append(octets);
        return s;
    }
    void clear();
    void problem(base::Octets key, std::string message);
    std::string owner_text(base::Octets key) const;
    dns::Name owner_name(base::Octets key) const;

    Result<std::uint32_t> owner_of(dns::NameView name);
    void order_owners();
    void order_records();
    void make_nodes();
    void check_nodes();
    base::Octets nsec3_parameters();
    bool group_nsec3(base::Octets parameters);
    void link_nsec3(base::Octets parameters);
    void order_nsec3();
    void mark_nodes();
    std::uint32_t find_node_or_none(base::Octets key);
    void encode_rrset(base::OctetBuffer& out, const std::vector<Record>& from, std::uint32_t& at,
                      std::uint32_t end, const Node* node_or_null, base::Octets key);
    Set set_from(const std::vector<Record>& from, std::uint32_t at, std::uint32_t end,
                 base::Octets key);
    void find_glue(const std::vector<Record>& from, const Set& set, dns::NameView owner);
    void encode_nodes();
    void warn(std::vector<Warning>& warnings);
    const Node& hiding(const Node& node) const;
    void warn_of_set(const Node& node, RrType type, bool is_glue,
                     std::vector<Warning>& warnings) const;
    void warn_of_target(const Node& node, RrType type, base::Octets rdata,
                        std::vector<Warning>& warnings);
    std::uint32_t find_target_or_none(base::Octets name);
    std::uint32_t find_dname_above_or_none(base::Octets key);
    bool is_explained(base::Octets key);
    bool has_names_from(base::Octets key);
    /// Where the parts of an image lie.
    struct Layout {
        std::uint8_t flags = 0;
        std::uint32_t nsec = 0, active = 0;  // nodes of the NSEC chain, NSEC3 of the active one
        std::uint32_t slots = 0;             // of the table of hashes; 0: the image is narrow
        std::size_t nodes_at = 0, nodes_end = 0, size = 0;
    };
    std::vector<std::uint32_t> nsec_chain() const;
    std::vector<std::uint32_t> encode_nsec3();
    void hash_nodes();
    Layout lay_out(std::size_t nsec) const;
    void put_header(const Layout& layout);
    void put_wide_index(const Layout& layout);
    void put_narrow_index(const Layout& layout);
    Result<Image> assemble();

    /// For the `done`th of many items.
    bool stop_wanted(std::size_t done) {
        if (!interrupted && (done & 0x3ff) == 0 && stopped) interrupted = stopped();
        return interrupted;
    }
    bool has_type(const Node& node, RrType type) const {
        // In order of groups: a name with very many records may be asked for by as many others.
        const std::span<const Record> all(records.data() + node.first, node.last - node.first);
        return std::ranges::binary_search(all, group_of(type), {}, &Record::group);
    }
    static std::uint32_t group_of(RrType type) {
        return type == RrType::soa ? 0 : (static_cast<std::uint32_t>(type) + 1) * 2;
    }
    static RrType type_of(std::uint32_t group) {
        return group < 2 ? RrType::soa : static_cast<RrType>(group / 2 - 1);
    }
    Result<RrType> stored_type(RrType type);
};

Builder::Builder() : work_(std::make_unique<Work>()) {}
Builder::~Builder() = default;
Builder::Builder(Builder&&) noexcept = default;
Builder& Builder::operator=(Builder&&) noexcept = default;

void Builder::Work::clear() {
    data.clear();
    owners.clear();
    records.clear();
    nsec3_records.clear();
    nodes.clear();
    nsec3s.clear();
    nodes_out.clear();
    items_out.clear();
    image_out.clear();
    fixups.clear();
    errors.clear();
    oversized.clear();
    interrupted = false;
    last_owner_octets = 0;
    apex_owner = none;
    record_count = 0;
    rules = Rules::now;
    format = image_format_first;
}

void Builder::begin(dns::NameView apex, Rules rules) {
    work_->clear();
    work_->rules = rules;
    work_->apex = dns::Name(apex);
    work_->apex.fold_case();
}

std::size_t Builder::records() const noexcept {
    return work_->records.size() + work_->nsec3_records.size();
}

std::string Builder::Work::owner_text(base::Octets key) const {
    return dns::to_string(owner_name(key));
}

dns::Name Builder::Work::owner_name(base::Octets key) const {
    std::uint8_t octets[dns::name_octets_max];
    std::copy(key.begin(), key.end(), octets);
    std::copy(apex.wire().begin(), apex.wire().end(), octets + key.size());
    return dns::Name(dns::NameView(base::Octets(octets, key.size() + apex.size())));
}

void Builder::Work::problem(base::Octets key, std::string message) {
    errors.push_back({Errc::invalid, owner_text(key) + " " + std::move(message), {}});
}

Result<std::uint32_t> Builder::Work::owner_of(dns::NameView name) {
    // Records of one owner mostly follow each other.
    const base::Octets wire = name.wire();
    if (wire.size() == last_owner_octets &&
        std::memcmp(wire.data(), last_owner.data(), wire.size()) == 0)
        return last_owner_index;

    if (wire.size() < apex.size())
        return fail(Errc::invalid,
                    dns::to_string(name) + " is not in the zone " + dns::to_string(apex));
    const std::size_t key_octets = wire.size() - apex.size();
    std::size_t at = 0;
    while (at < key_octets) at += wire[at] + std::size_t{1};
    bool inside = at == key_octets;
    if (inside && std::memcmp(wire.data() + key_octets, apex.wire().data(), apex.size()) != 0)
        for (std::size_t i = 0; inside && i < apex.size(); ++i)
            inside = dns::fold(wire[key_octets + i]) == apex.wire()[i];
    if (!inside)
        return fail(Errc::invalid,
                    dns::to_string(name) + " is not in the zone " + dns::to_string(apex));

    std::memcpy(last_owner.data(), wire.data(), wire.size());
    last_owner_octets = wire.size();
    // The other name that has many records, not all of them one after the other.
    if (key_octets == 0 && apex_owner != none) return last_owner_index = apex_owner;
    last_owner_index = static_cast<std::uint32_t>(owners.size());
    if (key_octets == 0) apex_owner = last_owner_index;

    Owner owner;
    owner.key = append(wire.first(key_octets));
    for (std::uint32_t i = 0; i < owner.key.size; ++i)
        data[owner.key.at + i] = dns::fold(data[owner.key.at + i]);
    std::uint8_t key[dns::name_octets_max];
    std::copy_n(data.data() + owner.key.at, key_octets, key);
    owner.sort_key.at = static_cast<std::uint32_t>(data.size());
    append_sort_key(data, base::Octets(key, key_octets));
    owner.sort_key.size = static_cast<std::uint32_t>(data.size()) - owner.sort_key.at;
    owner.prefix = load_prefix(slice(owner.sort_key));
    owners.push_back(owner);
    return last_owner_index;
}

/// The number under which the image has records of `type`.
Result<RrType> Builder::Work::stored_type(RrType type) {
    const bool powerdns_only = dns::is_powerdns_only(type);
    if (!dns::is_data_type(type) && !powerdns_only)
        return fail(Errc::invalid, "type " + dns::to_string(type) + " is no zone data");
    if (rules == Rules::before) return dns::to_powerdns(type);
    if (powerdns_only || dns::from_powerdns(type) != type) format = image_format;
    return type;
}

Status Builder::add(const dns::RecordView& record, Rdata rdata) {
    Work& w = *work_;
    RrType covered = record.type;
    if (!dns::is_data_type(covered) || dns::from_powerdns(covered) != covered) {
        ZC_TRY(covered, w.stored_type(covered));
    }
    if (record.ttl > dns::ttl_seconds_max)
        return fail(Errc::limit,
                    "TTL of " + std::to_string(record.ttl) + " s, limit is 2147483647");
    if (record.rdata.size() > 65535)
        return fail(Errc::limit,
                    "RDATA of " + std::to_string(record.rdata.size()) + " octets, limit is 65535");
    if (rdata == Rdata::unchecked) ZC_TRY_STATUS(dns::check_rdata(record.type, record.rdata));
    if (w.data.size() > 0xf0000000U) return fail(Errc::limit, "zone of more than 4 GB");
    ZC_TRY(const std::uint32_t owner, w.owner_of(record.owner));

    Work::Record added;
    added.owner = owner;
    added.ttl = record.ttl;
    added.rdata = w.append(record.rdata);
    dns::fold_rdata(record.type,
                    base::MutableOctets(w.data.data() + added.rdata.at, added.rdata.size));
    if (record.type == RrType::rrsig) {
        covered = static_cast<RrType>(base::load_u16(record.rdata.data()));
        if (!dns::is_data_type(covered) && w.rules == Rules::now)
            return fail(Errc::invalid, "RRSIG over type " +
                                           std::to_string(static_cast<unsigned>(covered)) +
                                           ", which is no zone data");
        added.group = Work::group_of(covered) + 1;
    } else {
        added.group = Work::group_of(covered);
    }
    if (covered == RrType::nsec3) {
        // They are no names of the zone (RFC 5155 section 7.2.8), but an order of their own.
        std::uint8_t hash[nsec3_hash_octets];
        if (!parse_nsec3_label(w.slice(w.owners[owner].key), hash))
            return fail(Errc::invalid, dns::to_string(record.owner) +
                                           " NSEC3: found an owner name that is not 32 digits of "
                                           "base32hex below the apex");
        w.nsec3_records.push_back(added);
    } else {
        w.records.push_back(added);
    }
    return {};
}

void Builder::Work::order_owners() {
    order.resize(owners.size());
    for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
    const auto before = [&](std::uint32_t a, std::uint32_t b) {
        const Owner &x = owners[a], &y = owners[b];
        if (x.prefix != y.prefix) return x.prefix < y.prefix;
        return compare_octets(slice(x.sort_key), slice(y.sort_key)) < 0;
    };
    interrupted = !sort_in_runs(order.begin(), order.end(), before, stopped);
    if (interrupted) return;
    distinct.clear();
    for (const std::uint32_t i : order) {
        Owner& owner = owners[i];
        const bool fresh =
            distinct.empty() ||
            compare_octets(slice(owners[distinct.back()].sort_key), slice(owner.sort_key)) != 0;
        if (fresh) distinct.push_back(i);
        owner.rank = static_cast<std::uint32_t>(distinct.size() - 1);
    }
}

void Builder::Work::order_records() {
    const auto sort = [&](std::vector<Record>& list) {
        for (Record& record : list) record.owner = owners[record.owner].rank;
        const auto before = [&](const Record& a, const Record& b) {
            if (a.owner != b.owner) return a.owner < b.owner;
            if (a.group != b.group) return a.group < b.group;
            return compare_octets(slice(a.rdata), slice(b.rdata)) < 0;
        };
        if (!std::is_sorted(list.begin(), list.end(), before))
            interrupted = !sort_in_runs(list.begin(), list.end(), before, stopped);
        if (interrupted) return;
        // A duplicate counts once, an RRset has one TTL: its lowest (RFC 2181 sections 5 and 5.2).
        std::size_t kept = 0;
        for (std::size_t i = 0; i < list.size(); ++i) {
            const bool same_set = kept > 0 && list[kept - 1].owner == list[i].owner &&
                                  list[kept - 1].group == list[i].group;
            if (same_set) list[i].ttl = std::min(list[i].ttl, list[kept - 1].ttl);
            if (same_set &&
                compare_octets(slice(list[kept - 1].rdata), slice(list[i].rdata)) == 0) {
                list[kept - 1].ttl = list[i].ttl;
                continue;
            }
            list[kept++] = list[i];
        }
        list.resize(kept);
        for (std::size_t i = kept; i-- > 1;)
            if (list[i].owner == list[i - 1].owner && list[i].group == list[i - 1].group)
                list[i - 1].ttl = list[i].ttl;
    };
    sort(records);
    if (!interrupted) sort(nsec3_records);
    record_count = records.size() + nsec3_records.size();
}

void Builder::Work::make_nodes() {
    owner_nodes.assign(distinct.size(), none);
    std::vector<std::uint32_t>& path =
        order;  // ancestors of the name before, outermost first; reuses memory
    path.clear();
    // The apex is always there, with or without records, and all names below it hang from it.
    nodes.push_back({});
    path.push_back(0);
    std::uint32_t at = 0;
    for (std::uint32_t rank = 0; rank < distinct.size(); ++rank) {
        const std::uint32_t first = at;
        while (at < records.size() && records[at].owner == rank) ++at;
        if (at == first) continue;  // only NSEC3 here
        const Slice key = owners[distinct[rank]].key;
        std::uint8_t label_at[dns::name_labels_max + 1];
        std::uint8_t labels = 0;
        for (std::uint32_t i = 0; i < key.size; i += data[key.at + i] + 1U)
            label_at[labels++] = static_cast<std::uint8_t>(i);

        if (labels == 0) {
            nodes[0].first = first;
            nodes[0].last = at;
            owner_nodes[rank] = 0;
            continue;
        }
        const auto suffix = [&](std::uint32_t count) {  // its ancestor with so many labels
            const std::uint32_t from = count == 0 ? key.size : label_at[labels - count];
            return Slice{key.at + from, key.size - from};
        };
        while (path.size() > 1) {
            const Node& top = nodes[path.back()];
            if (top.labels < labels &&
                compare_octets(slice(top.key), slice(suffix(top.labels))) == 0)
                break;
            path.pop_back();
        }
        for (std::uint32_t count = nodes[path.back()].labels + 1U; count <= labels;
             ++count) {  // empty non-terminals, then it
            Node node;
            node.key = suffix(count);
            node.labels = static_cast<std::uint8_t>(count);
            node.parent = path.back();
            if (count == labels) {
                node.first = first;
                node.last = at;
                owner_nodes[rank] = static_cast<std::uint32_t>(nodes.size());
            }
            path.push_back(static_cast<std::uint32_t>(nodes.size()));
            nodes.push_back(node);
        }
    }
}

void Builder::Work::check_nodes() {
    std::size_t soa = 0;
    for (std::uint32_t i = nodes[0].first; i < nodes[0].last; ++i) soa += records[i].group == 0;
    if (soa == 0) problem({}, "has no SOA record at the apex, a zone needs one");
    if (soa > 1) problem({}, "has " + std::to_string(soa) + " SOA records, a zone has one");
    for (const Node& node : nodes) {
        std::size_t cnames = 0, dnames = 0;
        std::optional<RrType> other_or_none;
        for (std::uint32_t i = node.first; i < node.last; ++i) {
            if ((records[i].group & 1U) != 0) continue;
            const RrType type = type_of(records[i].group);
            cnames += type == RrType::cname;
            dnames += type == RrType::dname;
            if (type != RrType::cname && !dns::may_stand_beside_cname(type)) other_or_none = type;
            if (type == RrType::soa && node.labels != 0)
                problem(slice(node.key), "has an SOA record, only the apex has one");
        }
        if (cnames > 0 && other_or_none)
            problem(slice(node.key), "has CNAME and " + dns::record_type_text(*other_or_none) +
                                         ", a CNAME stands alone (RFC 2181 section 10.1)");
        if (cnames > 1)
            problem(slice(node.key),
                    "has " + std::to_string(cnames) + " CNAME records, limit is 1");
        if (dnames > 1)
            problem(slice(node.key), "has " + std::to_string(dnames) +
                                         " DNAME records, limit is 1 (RFC 6672 section 2.4)");
    }
}

void Builder::Work::mark_nodes() {
    for (std::uint32_t i = 0; i < nodes.size(); ++i) {  // parents come before children
        Node& node = nodes[i];
        if (i > 0) {
            Node& parent = nodes[node.parent];
            if ((parent.flags & (node_flag::occluded | node_flag::cut | node_flag::dname)) != 0)
                node.flags |= node_flag::occluded;
            if (node.key.size > 1 && data[node.key.at] == 1 && data[node.key.at + 1] == '*')
                parent.flags |= node_flag::wildcard_child;
        }
        for (std::uint32_t r = node.first; r < node.last; ++r) {
            if (records[r].group == group_of(RrType::cname)) node.flags |= node_flag::cname;
            if ((node.flags & node_flag::occluded) != 0) continue;
            if (records[r].group == group_of(RrType::ns) && i > 0) node.flags |= node_flag::cut;
            if (records[r].group == group_of(RrType::dname)) node.flags |= node_flag::dname;
        }
        // At a name with both, the cut decides (RFC 6672 section 2.4).
        if ((node.flags & node_flag::cut) != 0)
            node.flags &= static_cast<std::uint8_t>(~node_flag::dname);
    }
}

/// The parameters of the first chain that NSEC3PARAM offers: RFC 5155 section 4.1.2 wants flags of
/// zero. Empty: there is none, or none that is used.
base::Octets Builder::Work::nsec3_parameters() {
    std::uint16_t too_many = 0;
    for (std::uint32_t i = nodes[0].first; i < nodes[0].last; ++i) {
        const base::Octets rdata = slice(records[i].rdata);
        if (records[i].group != group_of(RrType::nsec3param) || rdata[0] != 1 || rdata[1] != 0)
            continue;
        const std::uint16_t iterations = base::load_u16(rdata.data() + 2);
        if (iterations <= (rules == Rules::now ? nsec3_iterations_max : nsec3_iterations_known_max))
            return rdata;
        too_many = iterations;
    }
    if (too_many != 0 && rules == Rules::now)
        problem({}, "has NSEC3 with " + std::to_string(too_many) + " iterations, limit is " +
                        std::to_string(nsec3_iterations_max) + " (RFC 9276 section 3.2)");
    return {};
}

/// Groups the NSEC3 records by hash, the active chain first. False: there is no active one.
bool Builder::Work::group_nsec3(base::Octets parameters) {
    const auto active = [&](const Record& record) {
        const base::Octets rdata = slice(record.rdata);
        if ((record.group & 1U) != 0)
            return !parameters.empty();  // a signature tells nothing of the chain it is in
        return !parameters.empty() && rdata[0] == parameters[0] && rdata[2] == parameters[2] &&
               rdata[3] == parameters[3] &&
               compare_octets(rdata.subspan(4, rdata[4] + std::size_t{1}),
                              parameters.subspan(4, parameters[4] + std::size_t{1})) == 0;
    };
    // Within one owner those of the active chain come first; the sort by RDATA below them is kept.
    std::stable_sort(nsec3_records.begin(), nsec3_records.end(),
                     [&](const Record& a, const Record& b) {
                         if (a.owner != b.owner) return a.owner < b.owner;
                         return active(a) && !active(b);
                     });
    for (std::uint32_t i = 0; i < nsec3_records.size();) {
        Nsec3 item;
        item.first = i;
        item.active = active(nsec3_records[i]) && (nsec3_records[i].group & 1U) == 0;
        const bool group_active = active(nsec3_records[i]);
        std::uint8_t hash[nsec3_hash_octets];
        ZC_CHECK(parse_nsec3_label(slice(owners[distinct[nsec3_records[i].owner]].key),
                                   hash));  // add() has looked
        std::copy_n(hash, nsec3_hash_octets, item.hash.begin());
        while (i < nsec3_records.size() &&
               nsec3_records[i].owner == nsec3_records[item.first].owner &&
               active(nsec3_records[i]) == group_active)
            ++i;
        item.last = i;
        nsec3s.push_back(item);
    }
    std::stable_sort(nsec3s.begin(), nsec3s.end(), [](const Nsec3& a, const Nsec3& b) {
        if (a.active != b.active) return a.active;
        return a.hash < b.hash;
    });
    return !nsec3s.empty() && nsec3s[0].active;
}

/// Looks up once, here, what does not depend on the query: the NSEC3 of each name, and the one that
/// proves that no wildcard stands below it.
void Builder::Work::link_nsec3(base::Octets parameters) {
    const auto count =
        static_cast<std::uint32_t>(std::partition_point(nsec3s.begin(), nsec3s.end(),
                                                        [](const Nsec3& n) { return n.active; }) -
                                   nsec3s.begin());
    for (Node& node : nodes) {
        if (stop_wanted(static_cast<std::size_t>(&node - nodes.data()))) return;
        if ((node.flags & node_flag::occluded) != 0) continue;
        const auto at_or_before = [&](dns::NameView name, bool& matches) {
            std::uint8_t octets[nsec3_hash_octets];
            nsec3_hash(name, parameters, octets);
            std::array<std::uint8_t, nsec3_hash_octets> hash{};
            std::copy_n(octets, nsec3_hash_octets, hash.begin());
            const auto behind =
                std::upper_bound(nsec3s.begin(), nsec3s.begin() + count, hash,
                                 [](const auto& h, const Nsec3& n) { return h < n.hash; });
            if (behind == nsec3s.begin()) {
                matches = false;
                return count - 1;
            }
            matches = (behind - 1)->hash == hash;
            return static_cast<std::uint32_t>(behind - 1 - nsec3s.begin());
        };
        const dns::Name name = owner_name(slice(node.key));
        bool matches = false;
        const std::uint32_t self = at_or_before(name, matches);
        if (matches) node.nsec3_self = self;
        static constexpr std::uint8_t asterisk[] = {'*'};
        if (const auto wildcard = dns::Name::join(asterisk, name))
            node.nsec3_wildcard = at_or_before(*wildcard, matches);
        node.flags |= node_flag::nsec3_links;
    }
}

void Builder::Work::order_nsec3() {
    const base::Octets parameters = nsec3_parameters();
    if (!errors.empty()) return;
    if (group_nsec3(parameters)) link_nsec3(parameters);
}

std::uint32_t Builder::Work::find_node_or_none(base::Octets key) {
    const std::size_t mark = data.size();
    append_sort_key(data, key);
    const Slice wanted{static_cast<std::uint32_t>(mark),
                       static_cast<std::uint32_t>(data.size() - mark)};
    const auto found =
        std::partition_point(distinct.begin(), distinct.end(), [&](std::uint32_t owner) {
            return compare_octets(slice(owners[owner].sort_key), slice(wanted)) < 0;
        });
    const bool hit = found != distinct.end() &&
                     compare_octets(slice(owners[*found].sort_key), slice(wanted)) == 0;
    const std::uint32_t node =
        hit ? owner_nodes[static_cast<std::size_t>(found - distinct.begin())] : none;
    data.shorten(mark);
    return node;
}

/// The RRset that begins at `from[at]`.
Builder::Work::Set Builder::Work::set_from(const std::vector<Record>& from, std::uint32_t at,
                                           std::uint32_t end, base::Octets key) {
    const std::uint32_t group = from[at].group & ~1U;
    Set set{.type = type_of(group), .begin = at, .end = at, .signatures_end = 0};
    const auto is_of = [&](std::uint32_t i, std::uint32_t wanted) {
        return i < end && from[i].owner == from[at].owner && from[i].group == wanted;
    };
    while (is_of(set.end, group)) ++set.end;
    set.signatures_end = set.end;
    while (is_of(set.signatures_end, group + 1)) ++set.signatures_end;
    if (set.count() > 65535)
        problem(key, dns::record_type_text(set.type) + ": " + std::to_string(set.count()) +
                         " records in one RRset, limit is 65535");
    if (set.signatures() > 255)
        problem(key, dns::record_type_text(set.type) + ": " + std::to_string(set.signatures()) +
                         " signatures, limit is 255");
    return set;
}

/// The addresses in this zone of a cut's name servers.
void Builder::Work::find_glue(const std::vector<Record>& from, const Set& set,
                              dns::NameView owner) {
    for (std::uint32_t i = set.begin; i < set.end; ++i) {
        const dns::NameView target(slice(from[i].rdata));
        if (!target.is_within(apex)) continue;
        const dns::Name copy(target);  // find_node_or_none grows `data`
        const std::uint32_t node = find_node_or_none(copy.wire().first(copy.size() - apex.size()));
        if (node == none ||
            !(has_type(nodes[node], RrType::a) || has_type(nodes[node], RrType::aaaa)))
            continue;
        auto& list = copy.view().is_within(owner) ? encoder.glue_in_domain : encoder.glue_sibling;
        if (rules == Rules::now ||
            encoder.glue_in_domain.size() + encoder.glue_sibling.size() < 255)
            list.push_back({static_cast<std::uint16_t>(i - set.begin), node});
    }
    if (encoder.glue_in_domain.size() + encoder.glue_sibling.size() > 255) format = image_format;
}

/// Encodes from `from[at]` on one RRset with its signatures; moves `at` behind them.
void Builder::Work::encode_rrset(base::OctetBuffer& out, const std::vector<Record>& from,
                                 std::uint32_t& at, std::uint32_t end, const Node* node_or_null,
                                 base::Octets key) {
    const Set set = set_from(from, at, end, key);
    std::uint8_t owner_octets[dns::name_octets_max];
    std::ranges::copy(apex.wire(), std::ranges::copy(key, owner_octets).out);
    const dns::NameView owner(base::Octets(owner_octets, key.size() + apex.size()));
    encoder.glue_in_domain.clear();
    encoder.glue_sibling.clear();
    if (node_or_null != nullptr && set.type == RrType::ns &&
        (node_or_null->flags & node_flag::cut) != 0)
        find_glue(from, set, owner);
    // Behind find_glue: it grows `data`, from which these borrow.
    const std::uint32_t count = set.signatures_end - set.begin;
    if (rdatas.size() < count) rdatas.resize(count);
    for (std::uint32_t i = 0; i < count; ++i) rdatas[i] = slice(from[set.begin + i].rdata);
    const std::span<const base::Octets> all(rdatas.data(), count);
    SetEncoder::Set encoded{.owner = owner,
                            .type = set.type,
                            .ttl = from[at].ttl,
                            .records = all.first(set.count()),
                            .signatures = all.subspan(set.count())};
    if (set.signatures() > 0) encoded.signatures_ttl = from[set.end].ttl;
    const std::size_t message_octets = encoder.encode(out, encoded, fixups);
    constexpr std::size_t question_octets = 4;
    if (dns::header_octets + owner.size() + question_octets + message_octets >
        dns::message_octets_max)
        oversized.push_back({dns::Name(owner), set.type, message_octets});
    at = set.signatures_end;
}

void Builder::Work::encode_nodes() {
    for (Node& node : nodes) {
        if (stop_wanted(static_cast<std::size_t>(&node - nodes.data()))) return;
        node.offset = static_cast<std::uint32_t>(nodes_out.size());
        nodes_out.append(node.flags);
        nodes_out.append(static_cast<std::uint8_t>(node.key.size));
        nodes_out.append(slice(node.key));
        if ((node.flags & node_flag::nsec3_links) != 0) {
            nodes_out.append_number(node.nsec3_self);
            nodes_out.append_number(node.nsec3_wildcard);
        }
        for (std::uint32_t at = node.first; at < node.last;)
            encode_rrset(nodes_out, records, at, node.last, &node, slice(node.key));
        nodes_out.append(std::uint8_t{0});
        if (nodes_out.size() > 0xf0000000U) {
            problem({}, "is larger than 4 GB");
            return;
        }
    }
}

/// The nodes of the NSEC chain, in its order. A chain that does not start at the apex proves
/// nothing: then none.
std::vector<std::uint32_t> Builder::Work::nsec_chain() const {
    std::vector<std::uint32_t> chain;
    for (std::uint32_t i = 0; i < nodes.size(); ++i)
        if ((nodes[i].flags & node_flag::occluded) == 0 && has_type(nodes[i], RrType::nsec))
            chain.push_back(i);
    if (!chain.empty() && chain[0] != 0) chain.clear();
    return chain;
}

/// Encodes the NSEC3 and gives where each begins in `items_out`.
std::vector<std::uint32_t> Builder::Work::encode_nsec3() {
    std::vector<std::uint32_t> offsets;
    for (const Nsec3& item : nsec3s) {
        offsets.push_back(static_cast<std::uint32_t>(items_out.size()));
        items_out.append(item.hash);
        std::uint32_t at = item.first;
        const base::Octets key = slice(owners[distinct[nsec3_records[at].owner]].key);
        encode_rrset(items_out, nsec3_records, at, item.last, nullptr, key);
    }
    return offsets;
}

void Builder::Work::hash_nodes() {
    hashes.assign(nodes.size(), image_hash_start);
    for (std::size_t i = 1; i < nodes.size(); ++i) {
        const std::uint8_t* label = data.data() + nodes[i].key.at;
        hashes[i] = hash_label(hashes[nodes[i].parent], label + 1, *label);
    }
}

void Builder::Work::put_header(const Layout& layout) {
    base::OctetBuffer& out = image_out;
    out.append_number(static_cast<std::uint32_t>(layout.size));
    std::uint8_t depth = 0;
    for (const Node& node : nodes) depth = std::max(depth, node.labels);
    out.append(std::to_array<std::uint8_t>(
        {format, layout.flags, static_cast<std::uint8_t>(apex.size()), depth}));
    if (layout.slots != 0) {
        out.append_number(static_cast<std::uint32_t>(nodes.size()));
        out.append_number(static_cast<std::uint32_t>(record_count));
    } else {
        out.append_number(static_cast<std::uint16_t>(nodes.size()));
        out.append_number(static_cast<std::uint16_t>(record_count));
    }
    if ((layout.flags & image_flag::has_signed_header) != 0) {
        out.append_number(static_cast<std::uint32_t>(layout.nodes_end));
        out.append_number(layout.nsec);
        out.append_number(static_cast<std::uint32_t>(layout.nodes_end));
        out.append_number(layout.active);
        out.append_number(
            static_cast<std::uint32_t>(layout.nodes_end + 4 * std::size_t{layout.nsec}));
    }
    out.append(apex.wire());
}

/// Offsets of all nodes, and a table of hashes.
void Builder::Work::put_wide_index(const Layout& layout) {
    base::OctetBuffer& out = image_out;
    for (const Node& node : nodes)
        out.append_number(static_cast<std::uint32_t>(layout.nodes_at + node.offset));
    const std::uint32_t slots = layout.slots;
    out.append_number(slots - 1);
    const std::size_t table = out.size();
    std::memset(out.room(8 * std::size_t{slots}), 0, 8 * std::size_t{slots});
    out.wrote_until(out.data() + table + 8 * std::size_t{slots});
    for (std::size_t i = 1; i < nodes.size(); ++i) {
        for (std::size_t probe = 0; probe < probes_max; ++probe) {
            std::uint8_t* slot = out.data() + table + 8 * ((hashes[i] + probe) & (slots - 1));
            if (load<std::uint32_t>(slot + 4) != 0) continue;
            const auto fingerprint = static_cast<std::uint32_t>(hashes[i] >> 32);
            const auto offset = static_cast<std::uint32_t>(layout.nodes_at + nodes[i].offset);
            std::memcpy(slot, &fingerprint, 4);
            std::memcpy(slot + 4, &offset, 4);
            break;
        }
    }
}

void Builder::Work::put_narrow_index(const Layout& layout) {
    for (std::size_t i = 1; i < nodes.size(); ++i)
        image_out.append(static_cast<std::uint8_t>(hashes[i] >> 56));
    for (const Node& node : nodes)
        image_out.append_number(static_cast<std::uint16_t>(layout.nodes_at + node.offset));
}

/// Places and form of all parts, when all of them are encoded.
Builder::Work::Layout Builder::Work::lay_out(std::size_t nsec) const {
    Layout layout;
    for (const Nsec3& item : nsec3s) layout.active += item.active;
    layout.nsec = static_cast<std::uint32_t>(nsec);
    if (nsec != 0 && layout.active == 0) layout.flags |= image_flag::nsec;
    if (layout.active > 0) layout.flags |= image_flag::nsec3;
    const bool has_signed_header = nsec != 0 || !nsec3s.empty();
    if (has_signed_header) layout.flags |= image_flag::has_signed_header;
    const auto count = static_cast<std::uint32_t>(nodes.size());
    const std::size_t lists = 4 * (nsec + layout.active) + items_out.size();
    const std::size_t names = (has_signed_header ? 20U : 0U) + apex.size();
    const std::size_t narrow_at = 12 + names + 3 * std::size_t{count} - 1;
    const std::size_t narrow = narrow_at + nodes_out.size() + lists;
    const bool wide = count > narrow_names_max || narrow > narrow_octets_max;
    if (wide) layout.flags |= image_flag::wide;
    layout.slots = wide ? std::bit_ceil(count + count / 3 + 1) : 0;
    layout.nodes_at =
        wide ? 16 + names + 4 * std::size_t{count} + 4 + 8 * std::size_t{layout.slots} : narrow_at;
    layout.nodes_end = layout.nodes_at + nodes_out.size();
    layout.size = layout.nodes_end + lists;
    return layout;
}

Result<Image> Builder::Work::assemble() {
    const std::vector<std::uint32_t> nsec = nsec_chain();
    const std::vector<std::uint32_t> item_offsets = encode_nsec3();
    const Layout layout = lay_out(nsec.size());
    if (layout.size > 0xffffffffU)
        return fail(Errc::limit, dns::to_string(apex) + " is larger than 4 GB");

    base::OctetBuffer& out = image_out;
    out.room(layout.size);
    put_header(layout);
    hash_nodes();
    if (layout.slots != 0)
        put_wide_index(layout);
    else
        put_narrow_index(layout);
    for (const SetEncoder::Fixup& fixup : fixups) {
        const auto offset = static_cast<std::uint32_t>(layout.nodes_at + nodes[fixup.node].offset);
        std::memcpy(nodes_out.data() + fixup.at, &offset, 4);
    }
    out.append(nodes_out);
    for (const std::uint32_t i : nsec)
        out.append_number(static_cast<std::uint32_t>(layout.nodes_at + nodes[i].offset));
    const std::size_t items_at = layout.nodes_end + 4 * (std::size_t{layout.nsec} + layout.active);
    for (std::uint32_t i = 0; i < layout.active; ++i)
        out.append_number(static_cast<std::uint32_t>(items_at + item_offsets[i]));
    out.append(items_out);
    ZC_CHECK(out.size() == layout.size);
    return Image(out);
}

void Builder::Work::warn(std::vector<Warning>& warnings) {
    const auto say = [&](const Node& node, std::string message) {
        warnings.push_back({owner_name(slice(node.key)), std::move(message)});
    };
    if (!has_type(nodes[0], RrType::ns)) say(nodes[0], "the apex has no NS record");
    for (std::uint32_t i = nodes[0].first; i < nodes[0].last; ++i) {
        if (records[i].group != group_of(RrType::nsec3param)) continue;
        const base::Octets rdata = slice(records[i].rdata);
        const std::uint16_t iterations = base::load_u16(rdata.data() + 2);
        if (rdata[0] != 1)
            say(nodes[0], "NSEC3PARAM of hash algorithm " + std::to_string(rdata[0]) +
                              " is not used, 1 is the only one there is (RFC 5155 section 11)");
        else if (rdata[1] != 0)
            say(nodes[0], "NSEC3PARAM with flags " + std::to_string(rdata[1]) +
                              " is not used (RFC 5155 section 4.1.2)");
        else if (iterations > nsec3_iterations_max)
            say(nodes[0], "NSEC3 with " + std::to_string(iterations) +
                              " iterations is not used, limit is " +
                              std::to_string(nsec3_iterations_max));
        else if (iterations > 0)
            say(nodes[0],
                "NSEC3 with " + std::to_string(iterations) +
                    " iterations, RFC 9276 section 3.1 wants 0: validators may take the zone for "
                    "unsigned" +
                    (iterations > nsec3_iterations_ordinary
                         ? ", and more than " + std::to_string(nsec3_iterations_ordinary) +
                               " are hashed only so often a second"
                         : ""));
    }
    for (const Oversized& set : oversized)
        warnings.push_back({set.owner, dns::record_type_text(set.type) + " of " +
                                           std::to_string(set.octets) +
                                           " octets fits into no message"});
    std::vector<bool> is_cut_target(nodes.size());  // its addresses are glue
    for (const Node& node : nodes) {
        if ((node.flags & node_flag::cut) == 0) continue;
        for (std::uint32_t i = node.first; i < node.last; ++i) {
            if (records[i].group != group_of(RrType::ns)) continue;
            const std::uint32_t found = find_target_or_none(slice(records[i].rdata));
            if (found != none) is_cut_target[found] = true;
        }
    }
    for (const Node& node : nodes) {
        const bool is_glue = is_cut_target[static_cast<std::size_t>(&node - nodes.data())];
        RrType last{};
        for (std::uint32_t i = node.first; i < node.last; ++i) {
            const RrType type = type_of(records[i].group);
            if ((records[i].group & 1U) != 0) continue;
            if (std::exchange(last, type) != type) warn_of_set(node, type, is_glue, warnings);
            if ((node.flags & node_flag::occluded) == 0 &&
                (type == RrType::ns || type == RrType::cname || type == RrType::mx))
                warn_of_target(node, type, slice(records[i].rdata), warnings);
        }
    }
}

/// The node of the cut or DNAME above that keeps `node` from being answered.
const Builder::Work::Node& Builder::Work::hiding(const Node& node) const {
    const Node* at = &node;
    while ((at->flags & node_flag::occluded) != 0) at = &nodes[at->parent];
    return *at;
}

std::uint32_t Builder::Work::find_target_or_none(base::Octets name) {
    const dns::Name target{dns::NameView(name)};  // looking for it grows `data`
    if (!target.view().is_within(apex)) return none;
    return find_node_or_none(target.wire().first(target.size() - apex.size()));
}

/// Warnings that the type and the place of an RRset give alone.
void Builder::Work::warn_of_set(const Node& node, RrType type, bool is_glue,
                                std::vector<Warning>& warnings) const {
    const auto say = [&](std::string message) {
        warnings.push_back(
            {owner_name(slice(node.key)), dns::record_type_text(type) + ' ' + std::move(message)});
    };
    const bool is_address = type == RrType::a || type == RrType::aaaa;
    if ((node.flags & node_flag::occluded) != 0) {
        const Node& above = hiding(node);
        const bool is_cut = (above.flags & node_flag::cut) != 0;
        if (!is_address || !is_glue)
            say("below the " + std::string(is_cut ? "zone cut " : "DNAME ") +
                owner_text(slice(above.key)) + " is never answered" +
                (is_address && is_cut ? ", no NS names it" : ""));
        return;
    }
    const bool is_wildcard =
        node.key.size > 1 && data[node.key.at] == 1 && data[node.key.at + 1] == '*';
    if (is_wildcard && type == RrType::ns)
        say("at a wildcard delegates nothing (RFC 4592 section 4.2)");
    else if (is_wildcard && type == RrType::ds)
        say("at a wildcard is never answered (RFC 4592 section 4.6)");
    else if (type == RrType::ds && node.labels == 0)
        say("at the apex belongs into the zone above (RFC 4035 section 2.4)");
    else if (type == RrType::ds && (node.flags & node_flag::cut) == 0)
        say("without NS secures no delegation (RFC 4035 section 2.4)");
    else if ((node.flags & node_flag::cut) == 0 || type == RrType::ns || type == RrType::ds ||
             type == RrType::nsec || (is_address && is_glue))
        return;
    else if (type == RrType::dname)
        say("beside NS is never answered, it belongs into the child zone (RFC 6672 section 2.4)");
    else
        say("at a zone cut is never answered, it belongs into the child zone");
}

/// Warnings of a record that names another name.
void Builder::Work::warn_of_target(const Node& node, RrType type, base::Octets rdata,
                                   std::vector<Warning>& warnings) {
    const dns::Name target(dns::NameView(type == RrType::mx ? rdata.subspan(2) : rdata));
    if (!target.view().is_within(apex)) return;
    const auto say = [&](std::string_view message) {
        warnings.push_back({owner_name(slice(node.key)), dns::to_string(type) + " target " +
                                                             dns::to_string(target) + ' ' +
                                                             std::string(message)});
    };
    const base::Octets key = target.wire().first(target.size() - apex.size());
    const std::uint32_t found = find_node_or_none(key);
    const bool addressed = found != none && (has_type(nodes[found], RrType::a) ||
                                             has_type(nodes[found], RrType::aaaa));
    const bool is_alias = found != none && has_type(nodes[found], RrType::cname);
    if (type == RrType::ns) {
        const bool is_cut = (node.flags & node_flag::cut) != 0;
        if (const std::uint32_t dname = find_dname_above_or_none(key); dname != none && !is_cut)
            say("is below the DNAME " + owner_text(slice(nodes[dname].key)) +
                ", which is answered instead of its address");
        else if (is_cut && target.view().is_within(owner_name(slice(node.key))) && !addressed)
            warnings.push_back(
                {owner_name(slice(node.key)), "NS " + dns::to_string(target) + " has no glue"});
        else if (is_alias)
            say("is a CNAME (RFC 2181 section 10.3)");
        else if (node.labels == 0 && !addressed)
            say("has no address in the zone");
    } else if (type == RrType::mx && is_alias) {
        say("is a CNAME (RFC 2181 section 10.3)");
    } else if (found == none && !is_explained(key)) {
        say("does not exist in the zone");
    }
}

/// A DNAME that is answered for all that is asked below it, `key` among it.
std::uint32_t Builder::Work::find_dname_above_or_none(base::Octets key) {
    while (!key.empty()) {
        key = key.subspan(key[0] + std::size_t{1});
        const std::uint32_t found = find_node_or_none(key);
        if (found != none && (nodes[found].flags & node_flag::dname) != 0) return found;
    }
    return none;
}

/// Whether a name without records is an empty non-terminal, or comes from a wildcard, a cut or a
/// DNAME above it.
bool Builder::Work::is_explained(base::Octets key) {
    if (has_names_from(key)) return true;
    while (!key.empty()) {
        key = key.subspan(key[0] + std::size_t{1});
        const std::uint32_t found = find_node_or_none(key);
        if (found != none && (nodes[found].flags & (node_flag::cut | node_flag::dname)) != 0)
            return true;
        std::array<std::uint8_t, dns::name_octets_max + 2> wildcard = {1, '*'};
        std::ranges::copy(key, wildcard.begin() + 2);
        if (has_names_from(base::Octets(wildcard).first(key.size() + 2))) return true;
        if (has_names_from(key)) return false;  // the closest encloser; those above do not count
    }
    return false;
}

/// Whether there are records at or below a name.
bool Builder::Work::has_names_from(base::Octets key) {
    const std::size_t mark = data.size();
    append_sort_key(data, key);
    const base::Octets wanted(data.data() + mark, data.size() - mark);
    const auto found =
        std::partition_point(distinct.begin(), distinct.end(), [&](std::uint32_t owner) {
            return compare_octets(slice(owners[owner].sort_key), wanted) < 0;
        });
    bool hit = false;
    if (found != distinct.end()) {
        const base::Octets sort_key = slice(owners[*found].sort_key);
        hit = sort_key.size() >= wanted.size() &&
              compare_octets(sort_key.first(wanted.size()), wanted) == 0;
    }
    data.shorten(mark);
    return hit;
}

Result<Image> Builder::build(std::vector<Warning>* warnings_or_null,
                             std::vector<Error>* all_errors_or_null,
                             const std::function<bool()>& stopped) {
    Work& w = *work_;
    w.stopped = stopped;
    w.order_owners();
    if (!w.interrupted) w.order_records();
    if (!w.interrupted) {
        w.make_nodes();
        w.check_nodes();
    }
    if (!w.interrupted && w.errors.empty()) {
        w.mark_nodes();
        w.order_nsec3();
    }
    if (!w.interrupted && w.errors.empty()) w.encode_nodes();
    if (w.interrupted) {
        w.clear();
        return fail(Errc::interrupted, "stopped while building a zone");
    }
    if (w.errors.empty()) {
        if (warnings_or_null != nullptr) w.warn(*warnings_or_null);
        Result<Image> image = w.assemble();
        if (w.errors.empty()) {
            w.clear();
            return image;
        }
    }
    Error first = w.errors[0];
    if (all_errors_or_null != nullptr) *all_errors_or_null = std::move(w.errors);
    w.clear();
    return tl::unexpected<Error>(std::move(first));
}

}  // namespace zc::zone
