// A stream of messages from a primary that sends any octets: each is read, or ends the transfer
// with a reason; what was handed over is well-formed and begins with the zone's SOA; with a key
// that the primary does not have nothing is handed over.
//
// Input: messages with two octets of length in front, as on TCP.
#include <string>
#include <vector>

#include "base/check.h"
#include "dns/presentation.h"
#include "transfer/transfer.h"

using namespace zc;

namespace {

constexpr base::Instant now{1'700'000'000'000'000'000};

std::uint64_t read_all(base::Octets data, bool with_key) {
    const dns::Name zone = *dns::Name::parse("example.");
    transfer::AxfrReader::Options options{
        .zone = zone, .id = 0x4142, .key = {}, .request_mac = {}, .octets_max = 1 << 20};
    if (with_key) {
        options.key = *transfer::parse_tsig_key("k:c2VjcmV0");
        options.request_mac.assign(32, 7);
    }
    transfer::AxfrReader reader(std::move(options));
    std::uint64_t records = 0;
    base::Reader in(data);
    while (in.remaining() >= 2) {
        const base::Octets message = in.octets(std::min<std::size_t>(in.u16(), in.remaining()));
        const auto progress =
            reader.read(message, now, [&](const dns::RecordView& record) -> Status {
                // Types 0 and 65535 are reserved: on the wire their data is opaque, and who takes
                // the records over leaves them out.
                ZC_CHECK(dns::is_powerdns_only(record.type) ||
                         dns::check_rdata(record.type, record.rdata).has_value() ||
                         !dns::check_lengths(record.type, record.rdata));
                ZC_CHECK(record.ttl <= dns::ttl_seconds_max);
                if (records++ == 0)
                    ZC_CHECK(record.type == dns::RrType::soa && equal(record.owner, zone));
                return {};
            });
        if (!progress) {
            ZC_CHECK(!progress.error().message.empty());
            break;
        }
        ZC_CHECK(!reader.refused());
        if (*progress == transfer::AxfrReader::Progress::complete) {
            ZC_CHECK(records > 0);
            break;
        }
    }
    ZC_CHECK(records == reader.records());
    return records;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    read_all({data, size}, false);
    ZC_CHECK(read_all({data, size}, true) == 0);
    return 0;
}
