// Do the NSECs and NSEC3s of a response prove what they have to? Evaluated as a validator does it,
// not compared with those of the zone: a signer on the fly makes others, as good.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "compare/reading.h"
#include "dns/message.h"

namespace zc::compare {

/// The records of AUTHORITY that deny something.
class Denials {
public:
    explicit Denials(const std::vector<dns::Record>& authority);

    /// Whether `proof` holds for a question of type `qtype`.
    bool prove(const Proof& proof, dns::RrType qtype) const;
    /// "the NSEC that matches …", for a fault's sentence.
    static std::string wanted(const Proof& proof, dns::RrType qtype);
    static std::string clause(const Proof& proof);

private:
    struct Nsec {
        dns::Name owner, next;
        base::Octets types;
    };
    struct Nsec3 {
        dns::Name apex;
        base::Octets rdata;  // begins with algorithm, flags, iterations, salt
        std::vector<std::uint8_t> hash, next;
        base::Octets types;
        bool opt_out = false;
    };

    bool prove_nsec(const Proof& proof, dns::RrType qtype) const;
    bool prove_nsec3(const Proof& proof, dns::RrType qtype) const;
    const Nsec* match(dns::NameView name) const;
    bool covers(dns::NameView name) const;         // and the name does not exist
    bool is_empty_name(dns::NameView name) const;  // an NSEC covers it and leads to below it
    const Nsec3* match3(dns::NameView name, dns::NameView apex) const;
    const Nsec3* cover3(dns::NameView name, dns::NameView apex) const;
    struct Encloser {
        dns::Name name;
        bool opt_out = false;  // of the NSEC3 that covers the next closer name
    };
    std::optional<Encloser> closest_encloser(dns::NameView name, dns::NameView apex) const;

    /// All NSEC3s of a zone have the same parameters (RFC 5155 section 8.2), so one hash a name.
    const std::vector<std::uint8_t>& hash_of(dns::NameView name, const Nsec3& one) const;

    std::vector<Nsec> nsecs_;
    std::vector<Nsec3> nsec3s_;
    mutable std::map<std::pair<std::string, std::string>, std::vector<std::uint8_t>> hashes_;
};

}  // namespace zc::compare
