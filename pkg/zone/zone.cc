#include "zone/zone.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/check.h"
#include "dns/base32hex.h"
#include "dns/presentation.h"
#include "zone/lookup.h"

namespace zc::zone {

Image::Image(base::Octets octets) : Image(of_size(static_cast<std::uint32_t>(octets.size()))) {
    if (!octets.empty()) std::memcpy(data_.get(), octets.data(), octets.size());
}

Image Image::of_size(std::uint32_t octets) {
    // malloc's blocks are aligned to 16 on every 64-bit platform; the catalogue needs 8.
    auto* room = static_cast<std::uint8_t*>(std::malloc(octets));
    if (room == nullptr) throw std::bad_alloc();
    Image image;
    image.data_.reset(room);
    image.size_ = octets;
    return image;
}

void Image::free(std::uint8_t* octets) noexcept {
    std::free(octets);
}

ImageDigest digest(base::Octets image) noexcept {
    const XXH128_hash_t hash = XXH3_128bits(image.data(), image.size());
    return {.low = hash.low64, .high = hash.high64};
}

Image placeholder(dns::NameView apex, State state) {
    ZC_CHECK(state != State::serving);
    std::uint8_t octets[12 + dns::name_octets_max] = {};
    const auto size = static_cast<std::uint32_t>(12 + apex.size());
    std::memcpy(octets, &size, 4);
    octets[4] = image_format_first;
    octets[5] = static_cast<std::uint8_t>(state);
    octets[6] = static_cast<std::uint8_t>(apex.size());
    for (std::size_t i = 0; i < apex.size(); ++i) octets[12 + i] = dns::fold(apex.wire()[i]);
    return Image(base::Octets(octets, size));
}

base::Octets Zone::octets() const noexcept {
    return {image_, ImageView(image_).size()};
}
State Zone::state() const noexcept {
    return ImageView(image_).state();
}
dns::NameView Zone::apex() const noexcept {
    return ImageView(image_).apex();
}
std::uint32_t Zone::names() const noexcept {
    return ImageView(image_).names();
}
std::uint64_t Zone::records() const noexcept {
    return ImageView(image_).records();
}
std::uint32_t Zone::serial() const noexcept {
    RrSetRef soa;
    if (state() != State::serving || !ImageView(image_).apex_node().find(dns::RrType::soa, soa))
        return 0;
    const std::uint8_t* at = soa.records;
    const base::Octets rdata = next_rdata(at);
    return base::load_u32(rdata.data() + rdata.size() - 20);  // five numbers close the RDATA
}

namespace {

/// Little-endian, bounds-checked, sticky like base::Reader: foreign images are read with it.
class Cursor {
public:
    Cursor(base::Octets octets, std::size_t at) noexcept
        : octets_(octets), at_(at), ok_(at <= octets.size()) {}
    std::uint32_t number(std::size_t octets) noexcept {
        const std::uint8_t* from = take(octets);
        std::uint32_t value = 0;
        if (from != nullptr) std::memcpy(&value, from, octets);
        return value;
    }
    base::Octets octets(std::size_t count) noexcept {
        const std::uint8_t* from = take(count);
        return from == nullptr ? base::Octets{} : base::Octets(from, count);
    }
    base::Octets rdata() noexcept {
        std::size_t count = number(1);
        if (count == 255) count = number(2);
        return octets(count);
    }
    std::uint8_t peek() const noexcept {
        return ok_ && at_ < octets_.size() ? octets_[at_] : std::uint8_t{0};
    }
    bool ok() const noexcept { return ok_; }
    std::size_t at() const noexcept { return at_; }

private:
    const std::uint8_t* take(std::size_t count) noexcept {
        if (!ok_ || octets_.size() - at_ < count) {
            ok_ = false;
            return nullptr;
        }
        at_ += count;
        return octets_.data() + at_ - count;
    }
    base::Octets octets_;
    std::size_t at_;
    bool ok_;
};

tl::unexpected<Error> damaged(const char* what) {
    return fail(Errc::malformed, std::string("zone image: ") + what);
}

/// The part of an image before its nodes, every offset in it within bounds.
struct Head {
    dns::Name apex;
    State state;
    std::size_t header = 0;                              // octets without the signed part
    std::size_t names = 0, nodes_at = 0, nodes_end = 0;  // of a serving zone
    bool is_signed = false;
};

Result<Head> read_head(base::Octets image) {
    if (image.size() < 12 || load<std::uint32_t>(image.data()) != image.size())
        return damaged("size");
    if (image[4] != image_format_first && image[4] != image_format)
        return damaged("unknown format");
    const std::uint8_t flags = image[5];
    Head head;
    head.is_signed = (flags & image_flag::has_signed_header) != 0;
    head.header = (flags & image_flag::wide) != 0 ? 16 : 12;
    const std::size_t apex_at = head.header + (head.is_signed ? 20 : 0);
    if (image.size() - apex_at > image.size() || image.size() - apex_at < image[6])
        return damaged("apex");
    const auto apex = dns::Name::from_wire(image.subspan(apex_at, image[6]));
    if (!apex) return damaged("apex");
    head.apex = *apex;
    head.state = static_cast<State>(flags & image_flag::state);
    if (head.state != State::serving) return head;

    head.nodes_end = image.size();
    if (head.is_signed) head.nodes_end = load<std::uint32_t>(image.data() + head.header);
    const std::size_t index_at = apex_at + image[6];
    if ((flags & image_flag::wide) != 0) {
        head.names = load<std::uint32_t>(image.data() + 8);
        Cursor index(image, std::min(image.size(), index_at + 4 * head.names));
        const std::size_t slots = std::size_t{index.number(4)} + 1;
        if (!index.ok() || slots > image.size() / 8) return damaged("index");
        head.nodes_at = index.at() + 8 * slots;
    } else {
        head.names = load<std::uint16_t>(image.data() + 8);
        head.nodes_at = index_at + 3 * head.names - 1;
    }
    if (head.names == 0 || head.nodes_end > image.size() || head.nodes_at > head.nodes_end)
        return damaged("index");
    return head;
}

/// Reads the records back out of an image, trusting nothing but what it has checked itself.
class Walker {
public:
    using Record = std::function<void(const dns::RecordView&)>;

    Walker(base::Octets image, const Record& record) : image_(image), record_(record) {}

    Status walk() {
        ZC_TRY(const Head head, read_head(image_));
        apex_ = head.apex;
        if (head.state != State::serving) return {};
        const std::size_t names = head.names;
        const std::size_t nodes_end = head.nodes_end;
        Cursor nodes(image_.first(nodes_end), head.nodes_at);
        for (std::size_t i = 0; i < names; ++i) ZC_TRY_STATUS(node(nodes));
        if (nodes.at() != nodes_end) return damaged("octets behind the last node");
        if (head.is_signed) ZC_TRY_STATUS(nsec3(nodes_end, head.header));
        return {};
    }

    /// Only the node that stands at `offset`.
    Status walk_node(std::size_t offset, dns::NameView apex) {
        apex_ = dns::Name(apex);
        Cursor in(image_, offset);
        return node(in);
    }

private:
    Status node(Cursor& in) {
        const std::uint32_t flags = in.number(1);
        const base::Octets key = in.octets(in.number(1));
        if ((flags & node_flag::nsec3_links) != 0) in.octets(8);
        if (!in.ok() || key.size() + apex_.size() > dns::name_octets_max) return damaged("node");
        std::uint8_t owner[dns::name_octets_max];
        std::copy(key.begin(), key.end(), owner);
        std::copy(apex_.wire().begin(), apex_.wire().end(), owner + key.size());
        auto name = dns::Name::from_wire(base::Octets(owner, key.size() + apex_.size()));
        if (!name) return damaged("key");
        while (in.peek() != 0) ZC_TRY_STATUS(rrset(in, *name));
        in.number(1);
        return in.ok() ? Status{} : damaged("node");
    }

    Status rrset(Cursor& in, const dns::Name& owner) {
        const std::uint32_t flags = in.number(1);
        const std::uint32_t type_number = in.number((flags & rrset_flag::type16) != 0 ? 2 : 1);
        const std::uint32_t count = in.number((flags & rrset_flag::count16) != 0 ? 2 : 1);
        const std::size_t octets = in.number((flags & rrset_flag::octets32) != 0 ? 4 : 2);
        const std::size_t begin = in.at();
        const base::Octets ttl = in.octets(4);
        base::Octets patches;
        if ((flags & rrset_flag::patches) != 0)
            patches = in.octets(in.number((flags & rrset_flag::patches16) != 0 ? 2 : 1));
        if (!in.ok() || flags < rrset_flag::always) return damaged("RRset");
        auto type = static_cast<dns::RrType>(type_number);
        if (image_[4] == image_format_first) type = dns::from_powerdns(type);
        if (patches.empty()) {
            for (std::uint32_t i = 0; i < count; ++i) {
                const base::Octets rdata = in.rdata();
                if (!in.ok()) return damaged("RRset");
                record_({owner, type, base::load_u32(ttl.data()), rdata});
            }
        } else {
            ZC_TRY_STATUS(compressed(in, owner, type, count, base::load_u32(ttl.data()), patches));
        }
        if ((flags & rrset_flag::signatures) != 0) {
            const std::uint32_t signature_count = in.number(1);
            const base::Octets signature_ttl = in.octets(4);
            for (std::uint32_t i = 0; i < signature_count; ++i) {
                const base::Octets rdata = in.rdata();
                if (!in.ok()) return damaged("signatures");
                record_({owner, dns::RrType::rrsig, base::load_u32(signature_ttl.data()), rdata});
            }
        }
        if ((flags & rrset_flag::glue) != 0) {
            const std::uint32_t in_domain = in.number(1);
            std::uint32_t all = in.number(1);
            if (in_domain > all) {
                in.number(2);
                all = in.number(2);
            }
            in.octets(std::size_t{6} * all);
        }
        if (!in.ok() || in.at() - begin != octets) return damaged("length of an RRset");
        return {};
    }

    /// Lays the RRset out as a message would have it, lets the message reader follow the pointers.
    Status compressed(Cursor& in, const dns::Name& owner, dns::RrType type, std::uint32_t count,
                      std::uint32_t ttl, base::Octets patches) {
        const std::size_t head = owner.size() == 1 ? 11 : 12;
        message_.assign(12, 0);
        message_.insert(message_.end(), owner.wire().begin(), owner.wire().end());
        const std::size_t start = message_.size();
        places_.clear();
        for (std::uint32_t i = 0; i < count; ++i) {
            const base::Octets rdata = in.rdata();
            message_.resize(message_.size() + head, 0);
            places_.push_back({message_.size(), rdata.size()});
            message_.insert(message_.end(), rdata.begin(), rdata.end());
        }
        if (!in.ok()) return damaged("RRset");
        std::size_t at = start;
        for (const std::uint8_t distance : patches) {
            at += distance;
            if (distance == 255) continue;
            if (at + 2 > message_.size()) return damaged("compression pointer");
            const std::uint16_t value = base::load_u16(&message_[at]);
            std::size_t target = start + value;
            if (value >= pointer_to_suffix) {
                const std::size_t suffix = value & 0xffU;
                if (suffix > owner.size()) return damaged("compression pointer");
                target = 12 + owner.size() - suffix;
            }
            if (target > 0x3fff) return damaged("compression pointer");
            base::store_u16(&message_[at], static_cast<std::uint16_t>(0xc000 | target));
            at += 2;
        }
        for (const auto& [place, size] : places_) {
            base::Reader reader{base::Octets(message_)};
            reader.seek(place);
            rdata_.clear();
            if (!dns::read_rdata(reader, type, static_cast<std::uint16_t>(size), rdata_))
                return damaged("RDATA");
            record_({owner, type, ttl, base::Octets(rdata_)});
        }
        return {};
    }

    Status nsec3(std::size_t nodes_end, std::size_t header) {
        const std::uint8_t* signed_header = image_.data() + header;
        const std::size_t lists = 4 * (std::size_t{load<std::uint32_t>(signed_header + 4)} +
                                       load<std::uint32_t>(signed_header + 12));
        if (image_.size() - nodes_end < lists) return damaged("lists");
        Cursor in(image_, nodes_end + lists);
        while (in.at() != image_.size()) {
            const base::Octets hash = in.octets(nsec3_hash_octets);
            if (!in.ok()) return damaged("NSEC3");
            std::uint8_t label[dns::base32hex_digits(nsec3_hash_octets)];
            dns::to_base32hex(hash, label);
            auto owner = dns::Name::join(label, apex_);
            if (!owner) return damaged("NSEC3");
            ZC_TRY_STATUS(rrset(in, *owner));
        }
        return {};
    }

    base::Octets image_;
    const Record& record_;
    dns::Name apex_;
    std::vector<std::uint8_t> message_;
    std::vector<std::uint8_t> rdata_;
    struct Place {
        std::size_t at, size;
    };
    std::vector<Place> places_;
};

}  // namespace

void for_each_record(const Zone& zone, const std::function<void(const dns::RecordView&)>& record) {
    ZC_CHECK(Walker(zone.octets(), record).walk().has_value());  // was built or validated here
}

void for_each_record(const Zone& zone, NodeRef node,
                     const std::function<void(const dns::RecordView&)>& record) {
    const auto offset = static_cast<std::size_t>(node.at() - zone.image());
    ZC_CHECK(Walker(zone.octets(), record).walk_node(offset, zone.apex()).has_value());
}

Status validate_head(base::Octets image) {
    ZC_TRY(const Head head, read_head(image));
    if (head.state != State::serving) return {};
    // The one place that every reader of an image goes to first: the apex with its SOA.
    const std::size_t apex_node = ImageView(image.data()).nodes_begin();
    if (apex_node != head.nodes_at || apex_node == head.nodes_end) return damaged("index");
    return {};
}

namespace {

Status validate(base::Octets image, Builder::Rules rules) {
    // The records of an image decide its meaning. So: read them back with every bound checked,
    // compile them again, and ask for the same octets. Index, flags, links and order need no rules
    // of their own then, and cannot be forgotten.
    Builder builder;
    Status added;
    bool begun = false;
    const Walker::Record add = [&](const dns::RecordView& record) {
        if (!begun) {
            // The apex's SOA comes first, or the rebuilt image differs.
            builder.begin(record.owner, rules);
            begun = true;
        }
        if (added) added = builder.add(record);
    };
    ZC_TRY_STATUS(Walker(image, add).walk());
    ZC_TRY_STATUS(std::move(added));
    const ImageView view(image.data());
    Image again;
    if (begun) {
        ZC_TRY(again, builder.build());
    } else {
        if (view.state() == State::serving) return damaged("no records");
        again = placeholder(view.apex(), view.state());
    }
    if (!std::ranges::equal(again.octets(), image)) return damaged("not in canonical form");
    return {};
}

}  // namespace

Status validate(base::Octets image) {
    const Status now = validate(image, Builder::Rules::now);
    if (now || image.size() < 12 || image[4] != image_format_first) return now;
    return validate(image, Builder::Rules::before) ? Status{} : now;
}

std::string costly_hashing(const Zone& zone) {
    const ImageView view(zone.image());
    if (zone.state() != State::serving || view.nsec3_count() == 0) return {};
    const RrSetRef set = RrSetRef::decode(view.nsec3_item(0) + nsec3_hash_octets);
    const std::uint8_t* at = set.records;
    const std::uint16_t iterations = base::load_u16(&next_rdata(at)[2]);
    if (iterations <= nsec3_iterations_ordinary) return {};
    return "NSEC3 with " + std::to_string(iterations) +
           " iterations, RFC 9276 section 3.1 wants 0; more than " +
           std::to_string(nsec3_iterations_ordinary) + " are hashed only so often a second";
}

}  // namespace zc::zone
