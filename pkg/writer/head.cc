#include "writer/head.h"

#include <algorithm>

namespace zc::writer {
namespace {

constexpr std::size_t head_octets = 16 + 4 + 8 + 8 + 32;

void put_u64(std::uint8_t* to, std::uint64_t value) noexcept {
    base::store_u32(to, static_cast<std::uint32_t>(value >> 32));
    base::store_u32(to + 4, static_cast<std::uint32_t>(value));
}
std::uint64_t u64(base::Reader& in) noexcept {
    const std::uint64_t high = in.u32();
    return high << 32 | in.u32();
}

}  // namespace

std::vector<std::uint8_t> encode(const replica::Head& head) {
    std::vector<std::uint8_t> out(head_octets);
    std::ranges::copy(head.log.octets, out.begin());
    base::store_u32(&out[16], head.epoch);
    put_u64(&out[20], head.position);
    put_u64(&out[28], head.ids_met);
    std::ranges::copy(head.chain, out.begin() + 36);
    return out;
}

Result<replica::Head> decode_head(base::Octets octets) {
    if (octets.size() != head_octets)
        return fail(Errc::malformed, "head of a log of " + std::to_string(octets.size()) +
                                         " octets, wanted " + std::to_string(head_octets));
    replica::Head head;
    base::Reader in(octets);
    std::ranges::copy(in.octets(head.log.octets.size()), head.log.octets.begin());
    head.epoch = in.u32();
    head.position = u64(in);
    head.ids_met = u64(in);
    std::ranges::copy(in.octets(head.chain.size()), head.chain.begin());
    return head;
}

}  // namespace zc::writer
