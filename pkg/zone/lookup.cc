#include "zone/lookup.h"

#include <algorithm>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace zc::zone {

void LookupName::assign(dns::NameView name) noexcept {
    size = static_cast<std::uint8_t>(name.size());
    for (std::size_t i = 0; i < name.size(); ++i) octets[i] = dns::fold(name.wire()[i]);
    mark_labels();
}

void LookupName::mark_labels() noexcept {
    labels = 0;
    std::uint8_t at = 0;
    // The bound is for octets of an image that another hand has overwritten.
    for (; octets[at] != 0 && labels < dns::name_labels_max;
         at = static_cast<std::uint8_t>(at + octets[at] + 1))
        label_at[labels++] = at;
    label_at[labels] = at;
}

namespace {

bool same(base::Octets key, base::Octets wanted) noexcept {
    return key.size() == wanted.size() &&
           std::memcmp(key.data(), wanted.data(), wanted.size()) == 0;
}

/// Places of the labels of a key, left to right; returns how many.
std::size_t split(base::Octets key, std::uint8_t (&places)[dns::name_labels_max + 1]) noexcept {
    std::size_t count = 0;
    for (std::size_t at = 0; at < key.size() && count < dns::name_labels_max;
         at += key[at] + std::size_t{1})
        places[count++] = static_cast<std::uint8_t>(at);
    return count;
}

}  // namespace

int compare_keys(base::Octets a, base::Octets b) noexcept {
    std::uint8_t places_a[dns::name_labels_max + 1], places_b[dns::name_labels_max + 1];
    std::size_t left_a = split(a, places_a), left_b = split(b, places_b);
    while (left_a > 0 && left_b > 0) {
        const std::uint8_t* label_a = a.data() + places_a[--left_a];
        const std::uint8_t* label_b = b.data() + places_b[--left_b];
        const int order = std::memcmp(label_a + 1, label_b + 1, std::min(*label_a, *label_b));
        if (order != 0) return order;
        if (*label_a != *label_b) return int{*label_a} - int{*label_b};
    }
    return static_cast<int>(left_a) - static_cast<int>(left_b);
}

NodeRef ImageView::probe(std::uint64_t hash, base::Octets key) const noexcept {
    const std::uint32_t count = names();
    if (!is(image_flag::wide)) {
        // Fingerprints of the nodes behind the apex; what follows them in the image is longer than
        // a vector.
        const std::uint8_t* fingerprints = index();
        const std::uint32_t n = count - 1;
        const auto fingerprint = static_cast<std::uint8_t>(hash >> 56);
#if defined(__SSE2__)
        const __m128i wanted = _mm_set1_epi8(static_cast<char>(fingerprint));
        for (std::uint32_t base = 0; base < n; base += 16) {
            const __m128i here =
                _mm_loadu_si128(reinterpret_cast<const __m128i*>(fingerprints + base));
            auto hits = static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(here, wanted)));
            if (n - base < 16) hits &= (1U << (n - base)) - 1;
            for (; hits != 0; hits &= hits - 1) {
                const NodeRef found =
                    node(base + static_cast<std::uint32_t>(std::countr_zero(hits)) + 1);
                if (same(found.key(), key)) return found;
            }
        }
#else
        for (std::uint32_t i = 0; i < n; ++i) {
            if (fingerprints[i] != fingerprint) continue;
            const NodeRef found = node(i + 1);
            if (same(found.key(), key)) return found;
        }
#endif
        return {};
    }

    const std::uint8_t* table = index() + 4U * std::size_t{count};
    const std::uint32_t mask = load<std::uint32_t>(table);
    table += 4;
    const auto fingerprint = static_cast<std::uint32_t>(hash >> 32);
    for (std::size_t i = 0; i < probes_max; ++i) {
        const std::uint8_t* slot = table + 8 * ((hash + i) & mask);
        const std::uint32_t offset = load<std::uint32_t>(slot + 4);
        if (offset == 0) return {};
        if (load<std::uint32_t>(slot) == fingerprint && same(node_at(offset).key(), key))
            return node_at(offset);
    }
    // Names chosen to collide must not cost more than a search.
    std::uint32_t low = 1, high = count;
    while (low < high) {
        const std::uint32_t middle = low + (high - low) / 2;
        const int order = compare_keys(node(middle).key(), key);
        if (order == 0) return node(middle);
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return {};
}

NodeRef ImageView::ancestor(const LookupName& name, std::uint8_t apex_labels,
                            std::size_t labels) const noexcept {
    if (labels == apex_labels) return apex_node();
    std::uint64_t hash = image_hash_start;
    for (std::size_t n = apex_labels + std::size_t{1}; n <= labels; ++n) {
        const std::uint8_t* label = name.octets + name.label_at[name.labels - n];
        hash = hash_label(hash, label + 1, *label);
    }
    const std::size_t at = name.label_at[name.labels - labels];
    return probe(hash, base::Octets(name.octets + at, name.size - std::size_t{apex_octets()} - at));
}

Match ImageView::find(const LookupName& name, std::uint8_t apex_labels) const noexcept {
    const std::size_t relative = name.labels - std::size_t{apex_labels};
    const std::size_t key_end = name.size - std::size_t{apex_octets()};
    const auto key =
        [&](std::size_t labels) {  // of the name's ancestor with so many labels below the apex
            const std::size_t at = name.label_at[relative - labels];
            return base::Octets(name.octets + at, key_end - at);
        };

    // Only as deep as the zone has names.
    std::uint64_t hashes[dns::name_labels_max + 1];
    hashes[0] = image_hash_start;
    const std::size_t deepest = std::min<std::size_t>(relative, depth());
    for (std::size_t i = 1; i <= deepest; ++i) {
        const std::uint8_t* label = name.octets + name.label_at[relative - i];
        hashes[i] = hash_label(hashes[i - 1], label + 1, *label);
    }

    NodeRef found;
    std::size_t level = deepest;
    for (; level > 0; --level) {
        found = probe(hashes[level], key(level));
        if (found) break;
    }
    if (level == 0) found = apex_node();

    Match match{.kind = Kind::exact,
                .node = found,
                .encloser = found,
                .encloser_labels = static_cast<std::uint8_t>(apex_labels + level)};
    // RFC 1034 section 4.3.2 walks down from the apex, so what is topmost counts (RFC 6672
    // section 3.2 for DNAME).
    if (found.is(node_flag::occluded)) {
        for (std::size_t above = 0; above < level; ++above) {
            const NodeRef ancestor = above == 0 ? apex_node() : probe(hashes[above], key(above));
            if (!ancestor || !ancestor.is(node_flag::cut | node_flag::dname)) continue;
            match.kind = ancestor.is(node_flag::cut) ? Kind::delegation : Kind::dname;
            match.node = match.encloser = ancestor;
            match.encloser_labels = static_cast<std::uint8_t>(apex_labels + above);
            return match;
        }
    }
    if (found.is(node_flag::cut)) {
        match.kind = Kind::delegation;
        return match;
    }
    if (level == relative) return match;
    if (found.is(node_flag::dname)) {
        match.kind = Kind::dname;
        return match;
    }
    match.kind = Kind::nxdomain;
    match.node = {};
    if (found.is(node_flag::wildcard_child)) {
        static constexpr std::uint8_t asterisk = '*';
        std::uint8_t wildcard[dns::name_octets_max + 2];
        const base::Octets encloser = found.key();
        wildcard[0] = 1;
        wildcard[1] = asterisk;
        std::memcpy(wildcard + 2, encloser.data(), encloser.size());
        match.node = probe(hash_label(hashes[level], &asterisk, 1),
                           base::Octets(wildcard, encloser.size() + 2));
        if (match.node) match.kind = Kind::wildcard;
    }
    return match;
}

NodeRef ImageView::nsec_at_or_before(const LookupName& name) const noexcept {
    std::uint32_t low = 0, high = nsec_count();
    if (high == 0) return {};
    const base::Octets key(name.octets, static_cast<std::size_t>(name.size) - apex_octets());
    while (high - low > 1) {  // the one at `low` is at or before; the apex, the first, always is
        const std::uint32_t middle = low + (high - low) / 2;
        if (compare_keys(nsec_node(middle).key(), key) <= 0)
            low = middle;
        else
            high = middle;
    }
    return nsec_node(low);
}

std::uint32_t ImageView::nsec3_at_or_before(base::Octets hash, bool& matches) const noexcept {
    const std::uint32_t count = nsec3_count();
    matches = false;
    if (count == 0) return none;
    std::uint32_t low = 0, high = count;  // the answer is before `high`
    while (low < high) {
        const std::uint32_t middle = low + (high - low) / 2;
        const int order = std::memcmp(nsec3_item(middle), hash.data(), nsec3_hash_octets);
        if (order == 0) {
            matches = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? count - 1 : low - 1;  // the last NSEC3 covers the ends of the hash order
}

}  // namespace zc::zone
