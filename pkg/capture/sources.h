// Inside of package capture: what `open_file` chooses from, and what all sources share.
#pragma once

#include <memory>

#include "capture/input.h"
#include "capture/source.h"
#include "dns/message.h"
#include "dns/name.h"

namespace zc::capture {

/// Errors: `malformed` without a good line in the first hundred.
Result<std::unique_ptr<Source>> open_text(std::unique_ptr<Input> input,
                                          const SourceOptions& options);
/// Whether a file that begins like this is a pcap or pcapng file.
bool begins_pcap(base::Octets head) noexcept;
Result<std::unique_ptr<Source>> open_pcap(std::unique_ptr<Input> input,
                                          const SourceOptions& options);
/// Whether a file that begins like this is a frame stream: an escape and a START frame.
bool begins_frames(base::Octets head) noexcept;
/// Errors: `unsupported` when the frames are not dnstap's.
Result<std::unique_ptr<Source>> open_dnstap(std::unique_ptr<Input> input,
                                            const SourceOptions& options);
/// `open_file` behind the opening.
Result<std::unique_ptr<Source>> open_input(std::unique_ptr<Input> input,
                                           const SourceOptions& options);

/// Writes a query of one question: header, `qname`, and an OPT record when `edns_octets` is not 0.
/// Fails by `out.ok()`.
struct Asking {
    bool rd = false, cd = false, dnssec_ok = false;
    std::uint16_t edns_octets = 0;
};
void write_query(base::Writer& out, dns::NameView qname, dns::RrType qtype, const Asking& asking);

inline constexpr std::size_t query_octets_max =
    dns::header_octets + dns::name_octets_max + 4 + 11;  // question, OPT without options

}  // namespace zc::capture
