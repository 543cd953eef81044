#include "zone/splice.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <span>
#include <unordered_set>
#include <utility>

#include "base/check.h"
#include "base/octet_buffer.h"
#include "dns/types.h"
#include "zone/lookup.h"
#include "zone/set_encoder.h"

namespace zc::zone {

namespace {

using dns::RrType;

struct KeyOrder {
    using is_transparent = void;
    bool operator()(base::Octets a, base::Octets b) const noexcept {
        return compare_keys(a, b) < 0;
    }
};

base::Octets parent_of(base::Octets key) noexcept {
    return key.subspan(key[0] + std::size_t{1});
}
std::uint8_t labels_of(base::Octets key) noexcept {
    std::uint8_t labels = 0;
    for (; !key.empty(); key = parent_of(key)) ++labels;
    return labels;
}
bool is_below(base::Octets key, base::Octets ancestor) noexcept {
    if (key.size() <= ancestor.size()) return false;
    while (key.size() > ancestor.size()) key = parent_of(key);
    return std::ranges::equal(key, ancestor);
}
bool is_wildcard(base::Octets key) noexcept {
    return key.size() > 1 && key[0] == 1 && key[1] == '*';
}
std::uint64_t hash_of(base::Octets key) noexcept {
    std::uint8_t label_at[dns::name_labels_max + 1];
    std::size_t labels = 0;
    for (std::size_t at = 0; at < key.size(); at += 1U + key[at])
        label_at[labels++] = static_cast<std::uint8_t>(at);
    std::uint64_t hash = image_hash_start;
    while (labels > 0) {
        const std::uint8_t* label = key.data() + label_at[--labels];
        hash = hash_label(hash, label + 1, *label);
    }
    return hash;
}
template <class T>
void store(std::uint8_t* at, T value) noexcept {
    std::memcpy(at, &value, sizeof value);
}

constexpr std::uint8_t shadow_flags =
    node_flag::occluded | node_flag::cut | node_flag::dname;  // all below is occluded

bool has_address(NodeRef node) noexcept {
    RrSetRef set;
    return node.find(RrType::a, set) || node.find(RrType::aaaa, set);
}

/// The order in which `Builder` writes the RRsets of a node: the SOA first, then by type.
std::uint32_t place_of(RrType type) noexcept {
    return type == RrType::soa ? 0 : static_cast<std::uint32_t>(type) + 1;
}

class Splicer {
public:
    Splicer(const Zone& before, const SetsAt& sets_at)
        : old_(before.image()),
          image_(before.image()),
          sets_at_(sets_at),
          nodes_begin_(old_.nodes_begin()),
          nodes_end_(old_.is(image_flag::has_signed_header)
                         ? load<std::uint32_t>(old_.signed_header())
                         : old_.size()) {}

    static bool can(const Zone& before) noexcept {
        const ImageView view(before.image());
        if (before.state() != State::serving || !view.is(image_flag::wide)) return false;
        if (!view.is(image_flag::has_signed_header)) return true;
        const std::size_t lists_end =
            load<std::uint32_t>(view.signed_header()) + 4 * std::size_t{view.nsec_count()};
        return view.nsec3_count() == 0 && lists_end == view.size();
    }

    std::optional<Image> splice(const std::vector<base::Octets>& keys) {
        if (keys.size() > nodes_touched_max()) return std::nullopt;
        touch({});
        for (const base::Octets key : keys) touch(key);
        decide_existence();
        touch_parents_of_wildcards();
        if (!decide_flags() || !are_allowed()) return std::nullopt;
        find_changed_addresses();
        if (!scan() || touched_.size() > nodes_touched_max()) return std::nullopt;
        encode();
        if (!lay_out()) return std::nullopt;
        return assemble();
    }

private:
    struct Node {
        std::uint32_t rank = none;  // in the image before; none: it was not there
        std::vector<SetView> sets;
        std::uint8_t flags = 0;
        bool exists = false;  // afterwards
        // In the image before; where it would be, of one that was not there.
        std::uint32_t old_begin = 0, old_end = 0, old_records = 0;
        std::uint32_t encoded_at = 0, encoded_end = 0, records = 0;  // in `encoded_`
        std::uint32_t offset = 0;                                    // in the image to be
        std::size_t first_fixup = 0, fixups_end = 0;

        bool has(RrType type) const noexcept {
            return std::ranges::any_of(sets,
                                       [&](const SetView& set) { return set.key.type == type; });
        }
    };
    using Nodes = std::map<std::vector<std::uint8_t>, Node, KeyOrder>;
    struct Shift {  // what stands from `from` on in the image before moves by `by`
        std::uint32_t from;
        std::uint32_t by;  // modulo 2^32
    };
    struct GlueList {
        std::uint32_t at;  // of its first entry in the image before
        std::uint32_t count;
    };
    /// A node that glue leads to.
    struct Target {
        const Node* touched_or_null;
        std::uint32_t old_offset;
    };

    std::size_t nodes_touched_max() const noexcept { return 16 + old_.names() / 8; }

    NodeRef find_old(base::Octets key) const noexcept {
        return key.empty() ? old_.apex_node() : old_.probe(hash_of(key), key);
    }
    std::uint32_t offset_of(NodeRef node) const noexcept {
        return static_cast<std::uint32_t>(node.at() - image_);
    }
    std::uint32_t old_offset(std::uint32_t rank) const noexcept {
        return load<std::uint32_t>(old_.index() + std::size_t{4} * rank);
    }
    /// The first node whose offset is at least `offset`.
    std::uint32_t rank_at(std::uint32_t offset) const noexcept {
        std::uint32_t low = 0, high = old_.names();
        while (low < high) {
            const std::uint32_t middle = low + (high - low) / 2;
            if (old_offset(middle) < offset)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }
    /// The first node behind `key`, which is not there, in canonical order.
    std::uint32_t rank_behind(base::Octets key) const noexcept {
        std::uint32_t low = 0, high = old_.names();
        while (low < high) {
            const std::uint32_t middle = low + (high - low) / 2;
            if (compare_keys(old_.node(middle).key(), key) < 0)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    /// The node `key` is written anew.
    Node& touch(base::Octets key) {
        const auto found = touched_.find(key);
        if (found != touched_.end()) return found->second;
        Node& node =
            touched_.try_emplace(std::vector<std::uint8_t>(key.begin(), key.end())).first->second;
        node.sets = sets_at_(key);
        if (const NodeRef old = find_old(key)) {
            node.old_begin = offset_of(old);
            node.rank = rank_at(node.old_begin);
            node.flags = old.flags();
        }
        return node;
    }

    void decide_existence() {
        // Above what has records are empty non-terminals.
        std::vector<std::vector<std::uint8_t>> with_records;
        for (const auto& [key, node] : touched_)
            if (!node.sets.empty()) with_records.push_back(key);
        for (const std::vector<std::uint8_t>& key : with_records)
            for (base::Octets above = key; !above.empty();) {
                above = parent_of(above);
                if (!find_old(above)) touch(above);
            }
        // From below: what loses its last node below may go too.
        for (auto at = touched_.end(); at != touched_.begin();) {
            --at;
            const base::Octets key = at->first;
            Node& node = at->second;
            node.exists = key.empty() || !node.sets.empty() || has_touched_below(at) ||
                          (node.rank != none && has_kept_below(node.rank, key));
            if (!node.exists && node.rank != none) touch(parent_of(key));
        }
    }

    bool has_touched_below(Nodes::const_iterator at) const {
        const base::Octets key = at->first;
        for (++at; at != touched_.end() && is_below(at->first, key); ++at)
            if (at->second.exists) return true;
        return false;
    }
    bool has_kept_below(std::uint32_t rank, base::Octets key) const {
        for (++rank; rank < old_.names(); ++rank) {
            const base::Octets below = old_.node(rank).key();
            if (!is_below(below, key)) return false;
            const auto found = touched_.find(below);
            if (found == touched_.end() || found->second.exists) return true;
        }
        return false;
    }

    void touch_parents_of_wildcards() {
        std::vector<base::Octets> parents;
        for (const auto& [key, node] : touched_)
            if (is_wildcard(key) && node.exists && node.rank == none)
                parents.push_back(parent_of(key));
        // That of one that goes was touched when it was decided whether it stays.
        for (const base::Octets parent : parents) touch(parent).exists = true;
    }

    bool exists(base::Octets key) const {
        const auto found = touched_.find(key);
        return found != touched_.end() ? found->second.exists : static_cast<bool>(find_old(key));
    }

    /// False: so much is hidden or shown by it that all is better built anew.
    bool decide_flags() {
        for (auto& [key, node] : touched_) {  // parents come before children
            if (!node.exists) continue;
            const std::uint8_t before = node.flags;
            std::uint8_t flags = 0;
            if (!key.empty()) {
                const base::Octets parent = parent_of(key);
                const auto found = touched_.find(parent);
                const std::uint8_t above =
                    found != touched_.end() ? found->second.flags : find_old(parent).flags();
                if ((above & shadow_flags) != 0) flags |= node_flag::occluded;
            }
            if (node.has(RrType::cname)) flags |= node_flag::cname;
            if ((flags & node_flag::occluded) == 0) {
                if (node.has(RrType::ns) && !key.empty())
                    flags |= node_flag::cut;
                else if (node.has(RrType::dname))
                    flags |= node_flag::dname;
            }
            std::uint8_t wildcard[dns::name_octets_max + 2] = {1, '*'};
            std::ranges::copy(key, wildcard + 2);
            if (exists(base::Octets(wildcard, key.size() + 2))) flags |= node_flag::wildcard_child;
            node.flags = flags;
            if (node.rank == none ||
                ((before & shadow_flags) != 0) == ((flags & shadow_flags) != 0))
                continue;
            for (std::uint32_t rank = node.rank + 1; rank < old_.names(); ++rank) {
                const base::Octets below = old_.node(rank).key();
                if (!is_below(below, key)) break;
                if (touched_.contains(below)) continue;
                touch(below).exists = true;
                if (touched_.size() > nodes_touched_max()) return false;
            }
        }
        return true;
    }

    /// `Builder` refuses some zones, with words: those are left to it.
    bool are_allowed() const {
        for (const auto& [key, node] : touched_) {
            const bool has_cname = node.has(RrType::cname);
            std::uint32_t soas = 0;
            for (const SetView& set : node.sets) {
                const RrType type = set.key.type;
                if (type == RrType::nsec3 || type == RrType::nsec3param ||
                    set.key.covered == RrType::nsec3)
                    return false;
                if (has_cname && type != RrType::cname && !dns::may_stand_beside_cname(type))
                    return false;
                if ((type == RrType::cname || type == RrType::dname) && set.count != 1)
                    return false;
                if (type == RrType::rrsig && set.count > 255) return false;
                if (type == RrType::soa) soas += set.count;
            }
            if (soas != (key.empty() ? 1U : 0U)) return false;
        }
        return true;
    }

    void find_changed_addresses() {
        for (const auto& [key, node] : touched_) {
            const bool had = node.rank != none && has_address(old_.node(node.rank));
            const bool has = node.exists && (node.has(RrType::a) || node.has(RrType::aaaa));
            if (had != has)
                first_labels_changed_.insert(
                    hash_of_first_label(key.empty() ? old_.apex().wire() : base::Octets(key)));
        }
    }

    /// One look at every node. False: the image is one that `Builder` would not make today.
    bool scan() {
        std::vector<std::pair<std::uint32_t, Node*>> by_rank;
        for (auto& [key, node] : touched_)
            if (node.rank != none) by_rank.emplace_back(node.rank, &node);
        std::vector<std::uint32_t> cuts;  // whose glue changes
        auto next = by_rank.begin();
        const std::uint8_t* at = image_ + nodes_begin_;
        for (std::uint32_t rank = 0; rank < old_.names(); ++rank) {
            const NodeRef node(at);
            if (next != by_rank.end() && next->first == rank) {
                at = scan_touched(node, *next->second);
                ++next;
                continue;
            }
            const std::size_t glue_before = glue_.size();
            bool is_changed = false;
            for (at = node.rrsets(); *at != 0;) {
                const RrSetRef set = RrSetRef::decode(at);
                at = set.end;
                const auto type = static_cast<std::uint16_t>(set.type);
                if (type == static_cast<std::uint16_t>(RrType::powerdns_alias) ||
                    type == static_cast<std::uint16_t>(RrType::powerdns_lua)) {
                    if (old_.format() == image_format_first) return false;
                } else if (dns::is_powerdns_only(set.type)) {
                    needs_format_2_ = true;
                }
                if (set.type != RrType::ns || !node.is(node_flag::cut)) continue;
                if (set.count > 255 && old_.format() == image_format_first) return false;
                if (set.has_glue()) take_glue(set);
                is_changed = !first_labels_changed_.empty() && may_name_changed(set);
            }
            ++at;
            if (is_changed) {
                glue_.resize(glue_before);
                cuts.push_back(rank);
            }
        }
        for (const std::uint32_t rank : cuts) {
            const NodeRef node = old_.node(rank);
            const std::uint8_t flags = node.flags();
            Node& touched = touch(node.key());
            touched.exists = true;
            touched.flags = flags;
            scan_touched(node, touched);
        }
        return true;
    }

    const std::uint8_t* scan_touched(NodeRef node, Node& touched) const {
        touched.old_begin = offset_of(node);
        touched.old_records = 0;
        const std::uint8_t* at = node.rrsets();
        while (*at != 0) {
            const RrSetRef set = RrSetRef::decode(at);
            touched.old_records += set.count;
            if (set.has_signatures()) touched.old_records += *set.behind_records();
            at = set.end;
        }
        ++at;
        touched.old_end = static_cast<std::uint32_t>(at - image_);
        return at;
    }

    void take_glue(const RrSetRef& set) {
        const std::uint8_t* at = set.behind_records();
        if (set.has_signatures()) {
            std::uint32_t count = *at;
            at += 5;
            while (count-- > 0) next_rdata(at);
        }
        const std::uint32_t all = RrSetRef::glue_counts(at).all;
        if (all > 255) needs_format_2_ = true;
        glue_.push_back({static_cast<std::uint32_t>(at - image_), all});
    }

    /// Whether a name server of a cut may be a name whose addresses come or go: by its first label,
    /// which stands in the RDATA unless all of the name is a pointer.
    bool may_name_changed(const RrSetRef& set) const {
        const std::uint8_t* at = set.records;
        for (std::uint32_t i = 0; i < set.count; ++i) {
            const base::Octets rdata = next_rdata(at);
            if (rdata.size() == 2 || first_labels_changed_.contains(hash_of_first_label(rdata)))
                return true;
        }
        return false;
    }
    static std::uint64_t hash_of_first_label(base::Octets name) noexcept {
        return hash_label(image_hash_start, name.data() + 1, name[0]);
    }

    void encode() {
        for (auto& [key, node] : touched_) {
            if (!node.exists) continue;
            node.encoded_at = static_cast<std::uint32_t>(encoded_.size());
            node.first_fixup = fixups_.size();
            encoded_.append(node.flags);
            encoded_.append(static_cast<std::uint8_t>(key.size()));
            encoded_.append(key);
            encode_sets(key, node);
            encoded_.append(std::uint8_t{0});
            node.encoded_end = static_cast<std::uint32_t>(encoded_.size());
            node.fixups_end = fixups_.size();
        }
    }

    void encode_sets(base::Octets key, Node& node) {
        // Signatures stand with the set that they cover.
        struct Pair {
            std::uint32_t place;
            RrType type;
            const SetView* set = nullptr;
            const SetView* signatures = nullptr;
        };
        std::vector<Pair> pairs;
        for (const SetView& set : node.sets) {
            const bool is_signature = set.key.type == RrType::rrsig;
            const RrType type = is_signature ? set.key.covered : set.key.type;
            const std::uint32_t place = place_of(type);
            auto found = std::ranges::find(pairs, place, &Pair::place);
            if (found == pairs.end()) {
                pairs.push_back({place, type});
                found = pairs.end() - 1;
            }
            (is_signature ? found->signatures : found->set) = &set;
            node.records += set.count;
        }
        std::ranges::sort(pairs, {}, &Pair::place);
        std::uint8_t octets[dns::name_octets_max];
        std::ranges::copy(key, octets);
        std::ranges::copy(old_.apex().wire(), octets + key.size());
        const dns::NameView owner(base::Octets(octets, key.size() + old_.apex_octets()));
        for (const Pair& pair : pairs) {
            records_.clear();
            signatures_.clear();
            const auto collect = [](const SetView* set, std::vector<base::Octets>& into) {
                if (set != nullptr)
                    set->for_each_rdata([&](base::Octets rdata) { into.push_back(rdata); });
            };
            collect(pair.set, records_);
            collect(pair.signatures, signatures_);
            if (dns::is_powerdns_only(pair.type)) needs_format_2_ = true;
            encoder_.glue_in_domain.clear();
            encoder_.glue_sibling.clear();
            if (pair.type == RrType::ns && (node.flags & node_flag::cut) != 0) find_glue(owner);
            const SetView& first = pair.set != nullptr ? *pair.set : *pair.signatures;
            encoder_.encode(
                encoded_,
                {.owner = owner,
                 .type = pair.type,
                 .ttl = first.ttl,
                 .records = records_,
                 .signatures_ttl = pair.signatures != nullptr ? pair.signatures->ttl : 0,
                 .signatures = signatures_},
                fixups_);
        }
    }

    /// Glue of the NS records in `records_`.
    void find_glue(dns::NameView cut) {
        for (std::size_t i = 0; i < records_.size(); ++i) {
            const dns::NameView name(records_[i]);
            if (!name.is_within(old_.apex())) continue;
            const base::Octets key = name.wire().first(name.size() - old_.apex_octets());
            const auto found = touched_.find(key);
            Target target{nullptr, 0};
            if (found != touched_.end()) {
                const Node& node = found->second;
                if (!node.exists || !(node.has(RrType::a) || node.has(RrType::aaaa))) continue;
                target.touched_or_null = &node;
            } else {
                const NodeRef node = find_old(key);
                if (!node || !has_address(node)) continue;
                target.old_offset = offset_of(node);
            }
            auto& list = name.is_within(cut) ? encoder_.glue_in_domain : encoder_.glue_sibling;
            list.push_back(
                {static_cast<std::uint16_t>(i), static_cast<std::uint32_t>(targets_.size())});
            targets_.push_back(target);
        }
        if (encoder_.glue_in_domain.size() + encoder_.glue_sibling.size() > 255)
            needs_format_2_ = true;
    }

    /// Where everything goes. False: it is no wide image any more, or too large for one.
    bool lay_out() {
        std::size_t count = old_.names(), nodes_octets = nodes_end_ - nodes_begin_;
        std::size_t records = old_.records();
        for (auto& [key, node] : touched_) {
            if (node.rank == none) {
                const std::uint32_t behind = rank_behind(key);
                node.old_begin = behind == old_.names() ? nodes_end_ : old_offset(behind);
                node.old_end = node.old_begin;
            }
            if (node.rank == none && !node.exists) continue;
            count += node.exists ? 1U : 0U;
            count -= node.rank != none ? 1U : 0U;
            nodes_octets += node.encoded_end - node.encoded_at;
            nodes_octets -= node.old_end - node.old_begin;
            records += node.records;
            records -= node.old_records;
        }
        if (count > 0xffffffff || records > 0xffffffff) return false;
        count_ = static_cast<std::uint32_t>(count);
        records_count_ = static_cast<std::uint32_t>(records);
        if (!list_nsec()) return false;
        signed_octets_ = nsec_.empty() ? 0 : 20;
        const std::size_t narrow = 12 + signed_octets_ + old_.apex_octets() + 3 * count - 1 +
                                   nodes_octets + 4 * nsec_.size();
        if (count <= narrow_names_max && narrow <= narrow_octets_max) return false;
        slots_ = std::bit_ceil(count_ + count_ / 3 + 1);
        nodes_at_ =
            16 + signed_octets_ + old_.apex_octets() + 4 * count + 4 + 8 * std::size_t{slots_};
        size_ = nodes_at_ + nodes_octets + 4 * nsec_.size();
        if (size_ > 0xffffffffU) return false;

        std::uint32_t last = nodes_begin_;
        auto to = static_cast<std::uint32_t>(nodes_at_);
        for (auto& [key, node] : touched_) {
            if (node.rank == none && !node.exists) continue;
            shifts_.push_back({last, to - last});
            to += node.old_begin - last;
            node.offset = to;
            if (node.rank != none) shifts_.push_back({node.old_begin, to - node.old_begin});
            to += node.encoded_end - node.encoded_at;
            last = node.old_end;
        }
        shifts_.push_back({last, to - last});
        return true;
    }

    /// The nodes with NSEC, by rank or as touched ones. False: there was no chain, and now there is.
    bool list_nsec() {
        const bool begins = touched_.begin()->second.has(RrType::nsec);
        if (!begins) return true;  // a chain that does not start at the apex proves nothing
        if (old_.nsec_count() == 0) return false;
        const auto is_listed = [](const Node& node) {
            return node.exists && (node.flags & node_flag::occluded) == 0 && node.has(RrType::nsec);
        };
        auto next = touched_.begin();
        const auto take_until = [&](std::uint32_t offset) {
            for (; next != touched_.end() && next->second.old_begin < offset; ++next)
                if (is_listed(next->second)) nsec_.push_back({&next->second, 0});
        };
        for (std::uint32_t i = 0; i < old_.nsec_count(); ++i) {
            const std::uint32_t offset = offset_of(old_.nsec_node(i));
            take_until(offset);
            // New nodes that come before it stand at its offset too; it is the last of them.
            for (; next != touched_.end() && next->second.old_begin == offset &&
                   next->second.rank == none;
                 ++next)
                if (is_listed(next->second)) nsec_.push_back({&next->second, 0});
            if (next == touched_.end() || next->second.old_begin != offset)
                nsec_.push_back({nullptr, offset});
        }
        take_until(0xffffffff);
        return true;
    }

    std::uint32_t moved(std::uint32_t offset) const noexcept {
        const auto behind = std::upper_bound(
            shifts_.begin(), shifts_.end(), offset,
            [](std::uint32_t value, const Shift& shift) { return value < shift.from; });
        return offset + (behind - 1)->by;
    }

    std::optional<Image> assemble() {
        Image image = Image::of_size(static_cast<std::uint32_t>(size_));
        out_ = image.data();
        write_head();
        copy_nodes();
        write_index();
        std::uint8_t* at = out_ + size_ - 4 * nsec_.size();
        for (const Target& node : nsec_) {
            store(at, node.touched_or_null != nullptr ? node.touched_or_null->offset
                                                      : moved(node.old_offset));
            at += 4;
        }
        out_[7] = depth();
        return image;
    }

    void write_head() {
        std::uint8_t flags = image_flag::wide;
        if (!nsec_.empty()) flags |= image_flag::nsec | image_flag::has_signed_header;
        store(out_, static_cast<std::uint32_t>(size_));
        out_[4] = needs_format_2_ ? image_format : image_format_first;
        out_[5] = flags;
        out_[6] = old_.apex_octets();
        out_[7] = 0;
        store(out_ + 8, count_);
        store(out_ + 12, records_count_);
        std::uint8_t* at = out_ + 16;
        if (!nsec_.empty()) {
            const auto nodes_end = static_cast<std::uint32_t>(size_ - 4 * nsec_.size());
            const auto lists_end = static_cast<std::uint32_t>(size_);
            store(at, nodes_end);
            store(at + 4, static_cast<std::uint32_t>(nsec_.size()));
            store(at + 8, nodes_end);
            store(at + 12, std::uint32_t{0});
            store(at + 16, lists_end);
            at += 20;
        }
        std::memcpy(at, old_.apex_at(), old_.apex_octets());
    }

    void copy_nodes() {
        std::uint32_t last = nodes_begin_;
        for (const auto& [key, node] : touched_) {
            if (node.rank == none && !node.exists) continue;
            copy_old(last, node.old_begin);
            last = node.old_end;
            std::memcpy(out_ + node.offset, encoded_.data() + node.encoded_at,
                        node.encoded_end - node.encoded_at);
            for (std::size_t i = node.first_fixup; i < node.fixups_end; ++i) {
                const Target& target = targets_[fixups_[i].node];
                store(out_ + node.offset + (fixups_[i].at - node.encoded_at),
                      target.touched_or_null != nullptr ? target.touched_or_null->offset
                                                        : moved(target.old_offset));
            }
        }
        copy_old(last, nodes_end_);
        for (const GlueList& list : glue_) {
            std::uint8_t* at = out_ + moved(list.at);
            for (std::uint32_t i = 0; i < list.count; ++i, at += 6)
                store(at + 2, moved(load<std::uint32_t>(at + 2)));
        }
    }
    void copy_old(std::uint32_t from, std::uint32_t to) {
        if (from != to) std::memcpy(out_ + moved(from), image_ + from, to - from);
    }

    void write_index() {
        offsets_ = out_ + 16 + signed_octets_ + old_.apex_octets();
        std::uint8_t* at = offsets_;
        std::uint32_t rank = 0;
        const auto copy_ranks = [&](std::uint32_t until) {
            if (rank == until) return;
            const std::uint32_t by = moved(old_offset(rank)) - old_offset(rank);
            for (; rank < until; ++rank, at += 4) store(at, old_offset(rank) + by);
        };
        for (const auto& [key, node] : touched_) {
            if (node.rank == none && !node.exists) continue;
            copy_ranks(node.rank != none ? node.rank : rank_at(node.old_begin));
            if (node.rank != none) ++rank;
            if (!node.exists) continue;
            store(at, node.offset);
            at += 4;
        }
        copy_ranks(old_.names());
        ZC_CHECK(at == offsets_ + 4 * std::size_t{count_});
        store(at, slots_ - 1);
        table_ = at + 4;
        write_table();
    }

    void write_table() {
        const std::uint8_t* old_mask = old_.index() + 4 * std::size_t{old_.names()};
        const std::uint32_t old_slots = load<std::uint32_t>(old_mask) + 1;
        const std::uint8_t* old_table = old_mask + 4;
        std::uint32_t taken = 0;
        if (old_slots == slots_) {
            for (std::size_t i = 0; i < slots_; ++i) {
                const auto offset = load<std::uint32_t>(old_table + 8 * i + 4);
                std::memcpy(table_ + 8 * i, old_table + 8 * i, 8);
                if (offset != 0) ++taken;
            }
        }
        // A node without a slot might get one when another goes.
        if (old_slots != slots_ || taken != old_.names() - 1) return write_table_anew();
        for (const auto& [key, node] : touched_)
            if (node.rank != none && !node.exists) take_out(key, node.old_begin);
        for (std::size_t i = 0; i < slots_; ++i) {
            std::uint8_t* slot = table_ + 8 * i + 4;
            if (const auto offset = load<std::uint32_t>(slot); offset != 0)
                store(slot, moved(offset));
        }
        for (const auto& [key, node] : touched_)
            if (node.rank == none && node.exists) put_in(key, node.offset);
    }

    struct Slot {
        std::uint32_t fingerprint, offset;
    };
    std::uint8_t* slot(std::uint64_t place) const noexcept {
        return table_ + 8 * (place & (slots_ - 1));
    }
    std::uint32_t offset_in(std::uint64_t place) const noexcept {
        return load<std::uint32_t>(slot(place) + 4);
    }

    /// All nodes in a run of taken slots with `place`; the run is empty afterwards.
    std::vector<Slot> empty_run(std::uint64_t place) {
        std::uint64_t first = place;
        while (offset_in(first - 1) != 0 && first - 1 + slots_ != place) --first;
        std::vector<Slot> run;
        for (; offset_in(first) != 0; ++first) {
            run.push_back({load<std::uint32_t>(slot(first)), offset_in(first)});
            store(slot(first), std::uint64_t{0});
        }
        return run;
    }
    /// As `Builder` fills the table: in canonical order, which is that of offsets.
    template <class HashAt>
    void refill(std::vector<Slot>& run, const HashAt& hash_at) {
        std::ranges::sort(run, {}, &Slot::offset);
        for (const Slot& one : run) enter(hash_at(one.offset), one.offset);
    }
    void enter(std::uint64_t hash, std::uint32_t offset) {
        for (std::size_t probe = 0; probe < probes_max; ++probe) {
            if (offset_in(hash + probe) != 0) continue;
            store(slot(hash + probe), static_cast<std::uint32_t>(hash >> 32));
            store(slot(hash + probe) + 4, offset);
            return;
        }
    }
    /// While the table still has the offsets of the image before.
    void take_out(base::Octets key, std::uint32_t offset) {
        std::uint64_t place = hash_of(key);
        while (offset_in(place) != offset) ++place;
        std::vector<Slot> run = empty_run(place);
        std::erase_if(run, [&](const Slot& one) { return one.offset == offset; });
        refill(run, [&](std::uint32_t at) { return hash_of(NodeRef(image_ + at).key()); });
    }
    void put_in(base::Octets key, std::uint32_t offset) {
        const std::uint64_t hash = hash_of(key);
        std::vector<Slot> run;
        if (offset_in(hash) != 0) run = empty_run(hash);
        run.push_back({static_cast<std::uint32_t>(hash >> 32), offset});
        refill(run, [&](std::uint32_t at) { return hash_of(NodeRef(out_ + at).key()); });
    }
    void write_table_anew() {
        std::memset(table_, 0, 8 * std::size_t{slots_});
        for (std::uint32_t i = 1; i < count_; ++i) {
            const auto offset = load<std::uint32_t>(offsets_ + std::size_t{4} * i);
            enter(hash_of(NodeRef(out_ + offset).key()), offset);
        }
    }

    std::uint8_t depth() const {
        std::uint8_t depth = 0;
        bool is_deepest_gone = false;
        for (const auto& [key, node] : touched_) {
            const std::uint8_t labels = labels_of(key);
            if (node.exists)
                depth = std::max(depth, labels);
            else if (labels == old_.depth())
                is_deepest_gone = true;
        }
        if (!is_deepest_gone) return std::max(depth, old_.depth());
        for (std::uint32_t i = 0; i < count_; ++i) {
            const auto offset = load<std::uint32_t>(offsets_ + std::size_t{4} * i);
            depth = std::max(depth, labels_of(NodeRef(out_ + offset).key()));
        }
        return depth;
    }

    ImageView old_;
    const std::uint8_t* image_;
    const SetsAt& sets_at_;
    std::uint32_t nodes_begin_, nodes_end_;
    Nodes touched_;
    std::unordered_set<std::uint64_t> first_labels_changed_;  // of names with other addresses
    std::vector<GlueList> glue_;                              // of cuts that stay as they are
    std::vector<Target> targets_, nsec_;
    base::OctetBuffer encoded_;
    SetEncoder encoder_;
    std::vector<SetEncoder::Fixup> fixups_;
    std::vector<base::Octets> records_, signatures_;  // of the set that is encoded
    std::vector<Shift> shifts_;
    bool needs_format_2_ = false;
    std::uint32_t count_ = 0, records_count_ = 0, slots_ = 0;
    std::size_t signed_octets_ = 0, nodes_at_ = 0, size_ = 0;
    std::uint8_t* out_ = nullptr;      // the image to be, and within it
    std::uint8_t* offsets_ = nullptr;  // … the offsets of the nodes
    std::uint8_t* table_ = nullptr;    // … the slots
};

}  // namespace

std::optional<Image> splice(const Zone& before, const std::vector<base::Octets>& keys,
                            const SetsAt& sets_at) {
    if (!Splicer::can(before)) return std::nullopt;
    return Splicer(before, sets_at).splice(keys);
}

}  // namespace zc::zone
