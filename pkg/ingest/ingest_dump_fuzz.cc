// A dump of any octets: it is read, or refused with a reason; every row read is taken, repaired or
// refused; what becomes of it does not depend on how the octets arrive; every image is valid.
#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "base/check.h"
#include "dns/presentation.h"
#include "ingest/dump_reader.h"
#include "ingest/import_rows.h"

using namespace zc;
using namespace zc::ingest;

namespace {

class Memory final : public ByteSource {
public:
    Memory(std::string_view text, std::size_t piece) : text_(text), piece_(piece) {}
    Result<std::size_t> read(std::span<char> out) override {
        const std::size_t count = std::min({out.size(), piece_, text_.size()});
        if (count != 0) std::memcpy(out.data(), text_.data(), count);
        text_.remove_prefix(count);
        return count;
    }
    std::uint64_t position() const noexcept override { return 0; }
    std::uint64_t total() const noexcept override { return 0; }

private:
    std::string_view text_;
    const std::size_t piece_;
};

class Checker final : public ImportSink {
public:
    std::string seen;

    Status zone(ImportedZone&& zone) override {
        seen += dns::to_string(zone.apex) + ' ' + std::to_string(static_cast<int>(zone.state)) +
                ' ' + std::to_string(zone.records) + ' ' + std::to_string(zone.kept.size()) + '\n';
        if (!zone.image.octets().empty()) ZC_CHECK(zone::validate(zone.image.octets()).has_value());
        ZC_CHECK(zone.image.octets().empty() == (zone.state == zone::State::broken));
        ZC_CHECK(zone.findings.empty() == (zone.rows_digest != 0));
        for (Finding& finding : zone.findings)
            ZC_CHECK(this->finding(std::move(finding)).has_value());
        return {};
    }
    Status tsig_key(TsigKey&& key) override {
        seen += key.name + '\n';
        return {};
    }
    Status supermaster(Supermaster&& supermaster) override {
        seen += supermaster.ip + '\n';
        return {};
    }
    Status finding(Finding&& finding) override {
        ZC_CHECK(!finding.reason.empty() && !finding.effect.empty() &&
                 finding.acceptance != Acceptance::taken);
        seen += std::to_string(finding.line) + ' ' + finding.reason + '\n';
        return {};
    }
};

std::string import_text(std::string_view text, std::size_t piece, Repair repair) {
    Checker sink;
    ImportOptions options;
    options.threads = 1;
    options.repair = repair;
    const auto read = [&](RowPipeline& pipeline, const ByteSource*&) {
        Memory source(text, piece);
        return read_dump(source, "fuzz", {}, pipeline);
    };
    const Result<ImportTotals> totals = import_rows("fuzz", read, options, sink);
    if (!totals) {
        ZC_CHECK(!totals.error().message.empty());
        return "failed";  // of two errors the one that is seen first counts: which depends on the
                          // threads
    }
    for (const RowSums& count : totals->tables) {
        ZC_CHECK(count.read == count.sum());
        ZC_CHECK(count.doubtful <= count.read);
        if (repair == Repair::no) ZC_CHECK(count.of(Fate::repaired) == 0);
    }
    return sink.seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    const Repair repair = data[0] % 2 == 0 ? Repair::no : Repair::yes;
    ZC_CHECK(import_text(text, 1 + data[0] / 8, repair) == import_text(text, size, repair));
    return 0;
}
