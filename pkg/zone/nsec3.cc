// OpenSSL 3 deprecates its plain SHA1_* functions in favour of EVP, which allocates and locks on
// every digest: not for a query.
#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/sha.h>

#include "zone/lookup.h"

namespace zc::zone {

void nsec3_hash(dns::NameView name, base::Octets rdata,
                std::uint8_t (&hash)[nsec3_hash_octets]) noexcept {
    const std::uint16_t iterations = base::load_u16(rdata.data() + 2);
    const base::Octets salt = rdata.subspan(5, rdata[4]);
    SHA_CTX context;
    SHA1_Init(&context);
    SHA1_Update(&context, name.wire().data(), name.size());
    SHA1_Update(&context, salt.data(), salt.size());
    SHA1_Final(hash, &context);
    for (std::uint16_t i = 0; i < iterations; ++i) {
        SHA1_Init(&context);
        SHA1_Update(&context, hash, sizeof hash);
        SHA1_Update(&context, salt.data(), salt.size());
        SHA1_Final(hash, &context);
    }
}

}  // namespace zc::zone
