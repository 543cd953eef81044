// A master file of any octets: each record taken is well-formed, and its line is read back as the
// same record.
#include <algorithm>
#include <string>
#include <vector>

#include "base/check.h"
#include "dns/presentation.h"

using namespace zc;

namespace {

dns::MasterOptions options() {
    dns::MasterOptions made;
    made.errors_max = 20;
    made.generated_max = 50;
    made.include = [](std::string_view path, std::uint32_t) -> Result<dns::IncludedText> {
        return dns::IncludedText{
            std::string("a A 192.0.2.1\n$ORIGIN b\n$INCLUDE ") + std::string(path.substr(0, 8)),
            std::string(path)};
    };
    return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    std::uint64_t records = 0;
    const auto report =
        dns::read_master(text, options(), [&](const dns::RecordView& record, std::uint64_t line) {
            ++records;
            ZC_CHECK(line > 0);
            ZC_CHECK(record.ttl <= dns::ttl_seconds_max);
            ZC_CHECK(dns::Name::from_wire(record.owner.wire()).has_value());
            ZC_CHECK(dns::check_rdata(record.type, record.rdata).has_value());
            std::string printed;
            dns::append_record_text(printed, record);
            std::uint64_t again = 0;
            const auto reread = dns::read_master(
                printed, options(), [&](const dns::RecordView& other, std::uint64_t) {
                    ++again;
                    ZC_CHECK(std::ranges::equal(other.owner.wire(), record.owner.wire()));
                    ZC_CHECK(other.type == record.type && other.ttl == record.ttl);
                    ZC_CHECK(std::ranges::equal(other.rdata, record.rdata));
                    return Status();
                });
            ZC_CHECK(again == 1 && reread.errors.empty());
            return Status();
        });
    ZC_CHECK(report.records == records);
    ZC_CHECK(report.errors.size() <= 21);
    for (const Error& error : report.errors)
        ZC_CHECK(error.where.line > 0 && !error.message.empty());
    return 0;
}
