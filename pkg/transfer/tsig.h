// TSIG: messages signed and verified with a shared secret, RFC 8945. No clock, no socket: the time
// is handed in.
//
// One exchange is a request, and a response of one message or, for transfers, of many: each side
// has a TsigSigner for what it sends and a TsigVerifier for what it gets. The MACs of an exchange
// are a chain: the response covers the MAC of the request, each signed message of a stream that of
// the one before.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/octets.h"
#include "base/result.h"
#include "base/time.h"
#include "dns/name.h"

namespace zc::transfer {

enum class TsigAlgorithm : std::uint8_t {
    hmac_md5,
    hmac_sha1,
    hmac_sha224,
    hmac_sha256,
    hmac_sha384,
    hmac_sha512
};
/// "hmac-sha256"
std::string_view to_string(TsigAlgorithm algorithm) noexcept;
/// In any case, with or without a final dot; MD5 also under its name on the wire,
/// "hmac-md5.sig-alg.reg.int".
Result<TsigAlgorithm> parse_tsig_algorithm(std::string_view text);
std::size_t mac_octets(TsigAlgorithm algorithm) noexcept;

inline constexpr std::size_t secret_octets_max = 4096;
inline constexpr std::size_t mac_octets_max = 64;
inline constexpr std::uint16_t tsig_fudge_seconds = 300;  // RFC 8945 section 10
/// Messages of a stream between two signed ones (RFC 8945 section 5.3.1).
inline constexpr std::uint32_t unsigned_messages_max = 99;

struct TsigKey {
    dns::Name name;  // lower case
    TsigAlgorithm algorithm = TsigAlgorithm::hmac_sha256;
    std::vector<std::uint8_t> secret;
};
/// "[ALGORITHM:]NAME:SECRET" as dig -y and kdig -y take it, the secret in base64, the algorithm
/// hmac-sha256 if not given; or BIND's statement, `key "NAME" { algorithm …; secret "…"; };`, as
/// tsig-keygen writes it. Blanks and comments around either. An error does not show the secret.
Result<TsigKey> parse_tsig_key(std::string_view text);

/// The error field of a TSIG record, about the message before (RFC 8945 section 3).
enum class TsigError : std::uint16_t {
    none = 0,
    formerr = 1,
    badsig = 16,    // the MAC is another one
    badkey = 17,    // not this key, or algorithm
    badtime = 18,   // the clocks differ by more than the fudge
    badtrunc = 22,  // the MAC is cut short
};
std::string to_string(TsigError error);  // "BADSIG"

/// A TSIG record as it stands in its message.
struct Tsig {
    std::size_t at = 0;  // where it begins in the message
    dns::Name key, algorithm;
    std::uint64_t time_seconds = 0;
    std::uint16_t fudge_seconds = 0;
    base::Octets mac;
    std::uint16_t original_id = 0;
    TsigError error = TsigError::none;
    base::Octets other;
};
/// The TSIG record of `message`, which it closes, or none. `malformed` when it stands elsewhere,
/// twice, or is not well-formed (RFC 8945 section 5.2: FORMERR), and for what is no message.
Result<std::optional<Tsig>> find_tsig(base::Octets message);

/// Signs the messages of one side. `prior_mac`: of a server, the MAC of the request.
class TsigSigner {
public:
    explicit TsigSigner(TsigKey key, base::Octets prior_mac = {});
    ~TsigSigner();
    TsigSigner(TsigSigner&&) noexcept;
    TsigSigner& operator=(TsigSigner&&) noexcept;

    /// Appends the record to a whole message without one and counts it in the header. Errors:
    /// `limit` when the message becomes longer than 65535 octets.
    Status sign(std::vector<std::uint8_t>& message, base::Instant now);
    /// A message of a stream that goes without a signature; not the first, not the last.
    void pass_unsigned(base::Octets message);
    /// That of the last signed message.
    base::Octets mac() const noexcept;

private:
    struct Chain;
    friend class TsigVerifier;
    std::unique_ptr<Chain> chain_;
};

/// Verifies the messages of the other side, in their order. `prior_mac`: of a client, the MAC of
/// its request; a server that verifies a request has none.
class TsigVerifier {
public:
    explicit TsigVerifier(TsigKey key, base::Octets prior_mac = {});
    ~TsigVerifier();
    TsigVerifier(TsigVerifier&&) noexcept;
    TsigVerifier& operator=(TsigVerifier&&) noexcept;

    /// The next message, with its record or (not the first, and at most `unsigned_messages_max` in
    /// a row) without. Errors, `invalid`: what is wrong; `error()` has the number that a server
    /// sends back. An unsigned message is only trusted when a signed one follows: see `finish`.
    Status verify(base::Octets message, base::Instant now);
    /// After the last message, which has to be a signed one.
    Status finish();
    TsigError error() const noexcept { return error_; }
    /// That of the last signed message.
    base::Octets mac() const noexcept;

private:
    tl::unexpected<Error> refuse(TsigError error, std::string why);
    std::unique_ptr<TsigSigner::Chain> chain_;
    TsigError error_ = TsigError::none;
};

}  // namespace zc::transfer
