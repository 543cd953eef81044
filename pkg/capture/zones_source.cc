#include <algorithm>
#include <array>
#include <utility>

#include "base/seed.h"
#include "capture/sources.h"
#include "zone/lookup.h"

namespace zc::capture {

namespace {

constexpr std::uint16_t edns_octets = 1232;

/// How a question is asked; by turns, beginning elsewhere in each zone.
struct Variant {
    bool edns, dnssec_ok, other_case;
    dns::Transport transport;
};
constexpr Variant variants[] = {
    {true, false, false, dns::Transport::udp},  {true, true, false, dns::Transport::udp},
    {false, false, false, dns::Transport::udp}, {true, false, true, dns::Transport::udp},
    {true, true, false, dns::Transport::udp},   {true, true, true, dns::Transport::udp},
    {true, false, false, dns::Transport::udp},  {true, true, false, dns::Transport::tcp},
};

/// For a question about a type that a name has not.
constexpr dns::RrType usual_types[] = {dns::RrType::a,   dns::RrType::aaaa, dns::RrType::mx,
                                       dns::RrType::txt, dns::RrType::srv,  dns::RrType::caa};

class Zones final : public Source {
public:
    Zones(const catalogue::Catalogue& zones, const FromZones& options)
        : options_(options), seed_(base::Seed(options.seed).next()) {
        zones_.reserve(zones.size());
        // Records and names are about the questions with an answer and those without.
        zones.for_each([&](zone::Zone zone) {
            zones_.push_back(zone);
            expected_ += zone.records() + zone.names() + 1;
        });
        std::ranges::sort(zones_, [](const zone::Zone& a, const zone::Zone& b) {
            return dns::compare(a.apex(), b.apex()) < 0;
        });
    }

    Status read(Batch& batch) override {
        batch.clear();
        while (!batch.full() && number_ < options_.queries_max) {
            if (next_ == plan_.size() && !plan_next_node()) break;
            const Ask& ask = plan_[next_++];
            if (++number_ > resume_) give(ask, batch);
        }
        ended_ = batch.size() == 0;
        return {};
    }
    bool ended() const noexcept override { return ended_; }
    Status resume_behind(std::uint64_t position) override {
        resume_ = position;
        return {};
    }
    const SourceCounts& counts() const noexcept override { return counts_; }
    std::uint64_t expected() const noexcept override {
        return std::min(expected_, options_.queries_max);
    }

private:
    struct Ask {
        dns::Name name;
        dns::RrType type{};
    };

    /// Plans the questions about one node; false behind the last zone.
    bool plan_next_node() {
        plan_.clear();
        next_ = 0;
        while (plan_.empty()) {
            if (zone_ == zones_.size()) return false;
            const zone::ImageView image(zones_[zone_].image());
            if (node_ == 0) begin_zone(image);
            if (node_ < image.names() && image.state() == zone::State::serving)
                plan_node(image, image.node(node_));
            if (++node_ >= image.names()) {
                node_ = 0;
                ++zone_;
            }
        }
        return true;
    }

    void begin_zone(const zone::ImageView& image) {
        random_ = base::Seed(seed_ ^ (zone_ + 1) * 0x9e3779b97f4a7c15U);
        turn_ = random_.next();
        const dns::Name apex(image.apex());
        if (image.state() != zone::State::serving) {
            plan_.push_back({apex, dns::RrType::soa});
            return;
        }
        ask_below(apex, dns::RrType::a);  // a missing name, unless there is a wildcard
    }

    void plan_node(const zone::ImageView& image, const zone::NodeRef& node) {
        const dns::NameView apex = image.apex();
        std::array<std::uint8_t, dns::name_octets_max> octets;
        base::Writer out(octets);
        out.octets(node.key());
        out.octets(apex.wire());
        const dns::Name owner(dns::NameView(out.written()));

        types_.clear();
        for (const std::uint8_t* at = node.rrsets(); *at != 0;) {
            const zone::RrSetRef set = zone::RrSetRef::decode(at);
            // Without records: signatures alone, whose covered type is not there.
            if (set.count != 0) types_.push_back(dns::to_powerdns(set.type));
            at = set.end;
        }
        for (const dns::RrType type : types_) plan_.push_back({owner, type});
        for (const dns::RrType type : usual_types) {
            if (std::ranges::find(types_, type) != types_.end()) continue;
            plan_.push_back({owner, type});
            break;
        }
        if (node.is(zone::node_flag::cut)) {
            if (std::ranges::find(types_, dns::RrType::ds) == types_.end())
                plan_.push_back({owner, dns::RrType::ds});
            ask_below(owner, dns::RrType::a);
        }
        if (node.is(zone::node_flag::dname)) ask_below(owner, dns::RrType::a);
        if (owner.view().is_wildcard() && owner.size() > apex.size()) {
            const dns::Name parent(owner.view().parent());
            const dns::RrType type = types_.empty() ? dns::RrType::a : types_.front();
            ask_below(parent, type);
            if (const auto between = dns::Name::join(random_label(), parent))
                ask_below(*between, type);
            ask_below(owner, type);  // the asterisk is the closest encloser, and no wildcard there
        }
    }

    void ask_below(const dns::Name& parent, dns::RrType type) {
        // A name that gets too long is none to ask for.
        if (auto name = dns::Name::join(random_label(), parent))
            plan_.push_back({*std::move(name), type});
    }
    /// Valid until the next.
    base::Octets random_label() noexcept {
        std::uint64_t bits = random_.next();
        for (std::uint8_t& letter : label_) {
            letter = static_cast<std::uint8_t>('a' + bits % 26);
            bits /= 26;
        }
        return label_;
    }

    void give(const Ask& ask, Batch& batch) {
        const Variant& variant = variants[(number_ + turn_) % std::size(variants)];
        std::array<std::uint8_t, query_octets_max> octets;
        base::Writer out(octets);
        write_query(out, ask.name.view(), ask.type,
                    {.dnssec_ok = variant.dnssec_ok,
                     .edns_octets = variant.edns ? edns_octets : std::uint16_t{0}});
        if (variant.other_case) {
            std::uint64_t bits = base::Seed(seed_ ^ number_).next();
            for (std::size_t i = dns::header_octets; i < dns::header_octets + ask.name.size();
                 ++i) {
                std::uint8_t& octet = octets[i];  // length octets are below 'A'
                if (octet >= 'a' && octet <= 'z' && (bits & 1U) != 0)
                    octet = static_cast<std::uint8_t>(octet & ~0x20U);
                bits = bits >> 1U | bits << 63U;
            }
        }
        batch.add({.message = out.written(),
                   .recorded = {},
                   .transport = variant.transport,
                   .position = number_});
        ++counts_.queries;
    }

    const FromZones options_;
    const std::uint64_t seed_;
    std::vector<zone::Zone> zones_;
    std::size_t zone_ = 0;
    std::uint32_t node_ = 0;
    std::vector<Ask> plan_;
    std::size_t next_ = 0;  // in `plan_`
    std::vector<dns::RrType> types_;
    base::Seed random_{0};
    std::uint64_t turn_ = 0;
    std::array<std::uint8_t, 12> label_{};
    std::uint64_t number_ = 0, resume_ = 0, expected_ = 0;
    bool ended_ = false;
    SourceCounts counts_;
};

}  // namespace

std::unique_ptr<Source> from_zones(const catalogue::Catalogue& zones, const FromZones& options) {
    return std::make_unique<Zones>(zones, options);
}

}  // namespace zc::capture
