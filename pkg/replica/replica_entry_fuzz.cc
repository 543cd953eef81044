// Entries of a log that anybody may have written: what is taken makes the same octets again, and a
// state takes any octets.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/check.h"
#include "replica/entry.h"
#include "replica/state.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    namespace replica = zc::replica;
    // The hash at the end would keep mutations out: it is made right for them.
    std::vector<std::uint8_t> hashed(data, data + size);
    const std::uint64_t hash = XXH3_64bits(data, size);
    for (unsigned i = 8; i-- > 0;) hashed.push_back(static_cast<std::uint8_t>(hash >> (8 * i)));
    const zc::base::Octets octets(hashed);
    const auto entry = replica::decode(octets);
    replica::State state(entry ? entry->log : replica::LogId{}, entry ? entry->epoch : 0);
    const replica::Versions versions{[](zc::dns::NameView) { return std::uint64_t{0}; },
                                     [](std::string_view) { return std::uint64_t{0}; }};
    const auto verdicts = state.step(octets, versions);
    ZC_CHECK(state.head().position == 1);
    if (!entry) {
        ZC_CHECK(verdicts.size() == 1);
        return 0;
    }
    ZC_CHECK(verdicts.size() == entry->changes.size());
    const auto again = replica::encode(*entry);
    ZC_CHECK(again.has_value() && std::ranges::equal(*again, octets));
    return 0;
}
