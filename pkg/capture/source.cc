#include "capture/source.h"

#include <algorithm>

#include "base/check.h"
#include "capture/sources.h"
#include "dns/name.h"

namespace zc::capture {

namespace {
constexpr std::size_t batch_octets = std::size_t{64} << 10;  // a usual batch with its answers
}

Batch::Batch() {
    queries_.reserve(queries_max);
    octets_.reserve(batch_octets);
}

void Batch::clear() noexcept {
    queries_.clear();
    octets_.clear();
}

base::Octets Batch::keep(base::Octets octets) {
    const std::size_t at = octets_.size();
    octets_.insert(octets_.end(), octets.begin(), octets.end());
    return base::Octets(octets_).subspan(at, octets.size());
}

void Batch::add(const Query& query) {
    ZC_CHECK(!full());
    const std::size_t more =
        query.message.size() + query.recorded.size() + query.recorded_newer.size();
    if (octets_.capacity() - octets_.size() < more) {
        std::vector<std::uint8_t> larger;
        larger.reserve(std::max(octets_.capacity() * 2, octets_.size() + more));
        larger.insert(larger.end(), octets_.begin(), octets_.end());
        const std::uint8_t* const before = octets_.data();
        const auto moved = [&](base::Octets view) {
            return view.empty() ? view
                                : base::Octets(larger.data() + (view.data() - before), view.size());
        };
        for (Query& each : queries_) {
            each.message = moved(each.message);
            each.recorded = moved(each.recorded);
            each.recorded_newer = moved(each.recorded_newer);
        }
        octets_ = std::move(larger);
    }
    Query& added = queries_.emplace_back(query);
    added.message = keep(query.message);
    added.recorded = keep(query.recorded);
    added.recorded_newer = keep(query.recorded_newer);
}

std::string_view to_string(Skipped why) noexcept {
    switch (why) {
        case Skipped::not_dns:
            return "not-dns";
        case Skipped::other_operation:
            return "other-operation";
        case Skipped::malformed:
            return "malformed";
        case Skipped::cut_short:
            return "cut-short";
        case Skipped::fragment:
            return "fragment";
        case Skipped::tcp_gap:
            return "tcp-gap";
        case Skipped::unanswered:
            return "unanswered";
        case Skipped::orphan:
            return "orphan";
        case Skipped::garbage_frame:
            return "garbage-frame";
        case Skipped::bad_line:
            return "bad-line";
        case Skipped::overrun:
            return "overrun";
    }
    return "";
}

void write_query(base::Writer& out, dns::NameView qname, dns::RrType qtype, const Asking& asking) {
    out.u16(0);
    out.u16(static_cast<std::uint16_t>((asking.rd ? 0x0100U : 0U) | (asking.cd ? 0x0010U : 0U)));
    out.u16(1);
    out.u32(0);
    out.u16(asking.edns_octets != 0 ? 1 : 0);
    out.octets(qname.wire());
    out.u16(static_cast<std::uint16_t>(qtype));
    out.u16(static_cast<std::uint16_t>(dns::RrClass::in));
    if (asking.edns_octets == 0) return;
    out.u8(0);
    out.u16(static_cast<std::uint16_t>(dns::RrType::opt));
    out.u16(asking.edns_octets);
    out.u32(asking.dnssec_ok ? 0x8000U : 0U);  // RFC 3225
    out.u16(0);
}

Result<std::unique_ptr<Source>> open_input(std::unique_ptr<Input> input,
                                           const SourceOptions& options) {
    // No more than is needed: a pipe may have one short line for a long time.
    ZC_TRY(input, Input::decompressed(std::move(input)));
    ZC_TRY(base::Octets head, input->head(4));
    if (begins_pcap(head)) return open_pcap(std::move(input), options);
    if (std::ranges::all_of(head, [](std::uint8_t octet) { return octet == 0; })) {
        ZC_TRY(head, input->head(12));
    }
    if (begins_frames(head)) return open_dnstap(std::move(input), options);
    return open_text(std::move(input), options);
}

Result<std::unique_ptr<Source>> open_file(const std::string& path, const SourceOptions& options) {
    ZC_TRY(auto input, Input::open(path, options.stop_or_null));
    return open_input(std::move(input), options);
}

}  // namespace zc::capture
