// Any octets as a dnstap file. An input is one octet of choices, then the octets behind the START
// frame. Checked are the promises of every source: an answer has its query's ID, going on behind a
// query gives exactly the rest, and the frames are the same when the octets come one by one.
#include <algorithm>
#include <cstring>

#include "capture/dnstap.h"
#include "capture/reading.h"
#include "capture/sources.h"

namespace {

using namespace zc;  // NOLINT(google-build-using-namespace): a program of its own
using namespace zc::capture;

Reading read(base::Octets file, const SourceOptions& options, std::uint64_t behind) {
    auto source = open_dnstap(Input::memory(file), options);
    ZC_CHECK(source.has_value());
    ZC_CHECK((*source)->resume_behind(behind).has_value());
    return read_all(**source);
}

/// All frames as octets, with what they are.
std::vector<std::uint8_t> frames(base::Octets file, std::size_t piece) {
    std::vector<std::uint8_t> all;
    FrameReader reader;
    for (;;) {
        while (const auto frame = reader.next()) {
            all.push_back(static_cast<std::uint8_t>(frame->kind));
            all.push_back(static_cast<std::uint8_t>(frame->control));
            all.insert(all.end(), frame->octets.begin(), frame->octets.end());
        }
        if (reader.broken() || file.empty()) break;
        const base::MutableOctets room = reader.room();
        const std::size_t count = std::min({room.size(), piece, file.size()});
        std::memcpy(room.data(), file.data(), count);
        reader.filled(count);
        file = file.subspan(count);
    }
    all.push_back(reader.broken() ? 1 : 0);
    all.push_back(reader.inside() ? 1 : 0);
    return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    SourceOptions options;
    if ((data[0] & 1U) != 0) options.answers = SourceOptions::Answers::wanted;
    std::vector<std::uint8_t> file = control_frame(Control::start);
    file.insert(file.end(), data + 1, data + size);

    ZC_CHECK(frames(file, 1) == frames(file, size));
    const Reading all = read(file, options, 0);
    for (const Given& query : all.queries)
        if (!query.recorded.empty())
            ZC_CHECK(query.recorded.size() >= 12 &&
                     std::memcmp(query.recorded.data(), query.message.data(), 2) == 0 &&
                     (query.recorded[2] & 0x80U) != 0);
    const std::size_t half = all.queries.size() / 2;
    const Reading rest = read(file, options, half == 0 ? 0 : all.queries[half - 1].position);
    ZC_CHECK(rest.queries.size() == all.queries.size() - half);
    for (std::size_t i = 0; i < rest.queries.size(); ++i)
        ZC_CHECK(rest.queries[i].message == all.queries[half + i].message &&
                 rest.queries[i].recorded == all.queries[half + i].recorded);
    return 0;
}
