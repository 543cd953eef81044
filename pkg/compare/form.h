// Inside of package compare: a response read for comparing, its records in canonical form.
//
// One pass over the octets. A name or RDATA that is whole and in lower case where it stands is
// pointed to in the message itself; only what has to be decompressed or folded is copied, into
// memory that is kept for the next message.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/octets.h"
#include "dns/name.h"
#include "dns/types.h"

namespace zc::compare {

/// Memory that is given out in order and taken back all at once; what it gave stays where it is.
class Arena {
public:
    Arena();
    /// Room for `octets`, at most `piece_octets`; the next call may give the same again, unless
    /// `keep` was called.
    std::uint8_t* room(std::size_t octets) {
        if (piece_octets - used_ < octets) next_piece();
        return pieces_[at_].get() + used_;
    }
    void keep(std::size_t octets) noexcept { used_ += octets; }
    void clear() noexcept { at_ = used_ = 0; }

    // RDATA of the largest size, with the names in it decompressed, and slack for copies of 16.
    static constexpr std::size_t piece_octets = std::size_t{128} << 10;

private:
    void next_piece();

    std::vector<std::unique_ptr<std::uint8_t[]>> pieces_;
    std::size_t at_ = 0;
    std::size_t used_ = 0;
};

/// The parts of RDATA that have names, for one pass: octets, <character-string>s, names, the rest.
struct RdataShape {
    std::uint8_t prefix_octets = 0;
    std::uint8_t texts = 0;
    std::uint8_t names = 0;        // 0: octets alone, nothing is looked at
    bool folds = false;            // the names are lower case in canonical form
    std::int8_t tail_octets = -1;  // behind the names; -1: any number
};
/// The same that dns::fields_of says, ready for use (its test compares them). A6 is not in it: its
/// prefix is of a length that its first octet says.
RdataShape rdata_shape(dns::RrType type) noexcept;

/// A name of a message, whole.
struct HeldName {
    const std::uint8_t* folded = nullptr;  // lower case
    const std::uint8_t* kept = nullptr;    // in its case; the same octets where that is lower
    std::size_t octets = 0;

    bool in_lower_case() const noexcept { return folded == kept; }
    dns::NameView view() const noexcept { return dns::NameView(base::Octets(folded, octets)); }
};

/// A record, of any section, but for OPT.
struct Item {
    const std::uint8_t* owner = nullptr;  // folded
    const std::uint8_t* rdata = nullptr;  // names whole, and folded where canonical form does
    const std::uint8_t* owner_kept = nullptr;
    const std::uint8_t* rdata_kept = nullptr;
    std::uint32_t owner_octets = 0;
    std::uint32_t rdata_octets = 0;
    std::uint32_t ttl = 0;
    std::uint32_t saved_octets = 0;  // by compression, of owner and RDATA
    std::uint16_t type = 0;
    std::uint16_t rr_class = 0;
    /// The number of the name in the chain of ANSWER, in the order of the records, RRSIGs aside.
    /// Set by code that matches records out of order.
    std::uint32_t run = 0;
    bool dropped = false;  // likewise

    bool is(dns::RrType of) const noexcept { return type == static_cast<std::uint16_t>(of); }
    /// The type that an RRSIG signs; 0 for all other types.
    std::uint16_t covered() const noexcept {
        return is(dns::RrType::rrsig) ? base::load_u16(rdata) : std::uint16_t{0};
    }
    dns::NameView owner_view() const noexcept {
        return dns::NameView(base::Octets(owner, owner_octets));
    }
    base::Octets rdata_view() const noexcept { return {rdata, rdata_octets}; }
};

enum class Section : std::uint8_t { answer, authority, additional };
inline constexpr std::size_t section_count = 3;

/// Offsets in the RDATA of RRSIG (RFC 4034 section 3.1): type covered, algorithm, labels and
/// original TTL come before, expiration, inception and key tag between.
inline constexpr std::size_t rrsig_algorithm_at = 2, rrsig_labels_at = 3, rrsig_expiration_at = 8,
                             rrsig_signer_at = 18;
/// Behind the two names of a SOA: serial, refresh, retry, expire, minimum.
inline constexpr std::size_t soa_numbers_octets = 20;

struct Form {
    // Header, the rcode taken out.
    std::uint16_t flags = 0;
    std::uint16_t rcode = 0;  // twelve bits
    bool has_question = false;
    std::vector<Item> items;
    std::array<std::size_t, section_count + 1> section_begin{};
    bool edns = false;
    std::uint16_t edns_size = 0;
    std::uint8_t edns_version = 0;
    std::uint16_t edns_flags = 0;  // DO and what is behind it
    base::Octets edns_options;     // one behind the other, well-formed
    std::size_t opt_at = 0;        // records of ADDITIONAL before it
    std::size_t octets = 0;        // of the message

    /// Reads a response to a query with `question`, as `question_of` gives it. Null, or what is
    /// wrong with it, in a word; then nothing else is set. Both are borrowed.
    const char* read(base::Octets question, base::Octets response);

    std::span<Item> section(Section which) noexcept {
        const auto i = static_cast<std::size_t>(which);
        return std::span(items).subspan(section_begin[i], section_begin[i + 1] - section_begin[i]);
    }
    std::span<const Item> section(Section which) const noexcept {
        const auto i = static_cast<std::size_t>(which);
        return std::span(items).subspan(section_begin[i], section_begin[i + 1] - section_begin[i]);
    }
    bool aa() const noexcept { return (flags & 0x0400U) != 0; }
    bool tc() const noexcept { return (flags & 0x0200U) != 0; }
    bool is_noerror() const noexcept { return rcode == 0; }
    /// Octet for octet but for the ID.
    bool is_identical(const Form& other) const noexcept;

private:
    class Pass;

    /// `name.kept` in lower case; `rest_in_lower_case`: what is behind the first `in_place` octets
    /// is.
    const std::uint8_t* folded_of(const HeldName& name, std::size_t in_place,
                                  bool rest_in_lower_case);

    // Names by the offset where they begin: what a pointer most often leads to.
    struct Known {
        HeldName name;
        std::uint64_t stamp = 0;
    };
    static constexpr std::size_t known_slots = 16;
    Known& known(std::size_t offset) noexcept { return known_[(offset >> 1U) % known_slots]; }
    std::uint64_t stamp(std::size_t offset) const noexcept {
        return std::uint64_t{generation_} << 32U | offset;
    }
    bool is_at(const Known& name, std::size_t offset) const noexcept {
        return name.stamp == stamp(offset);
    }

    base::Octets message_;
    std::array<Known, known_slots> known_;
    std::uint32_t generation_ = 0;  // of the message that is read
    HeldName last_whole_;           // the last name without a pointer
    Arena arena_;
};

/// The octets of the one question of `query`: name, type, class. Empty: it has none that is
/// well-formed and whole.
base::Octets question_of(base::Octets query) noexcept;

/// The name, type and class of `question`.
struct Wanted {
    Wanted() = default;
    explicit Wanted(base::Octets question);
    dns::Name name;  // folded
    std::uint16_t type = 0;
    std::uint16_t rr_class = 0;

    bool is(dns::RrType of) const noexcept { return type == static_cast<std::uint16_t>(of); }
};

/// Where the records of ANSWER lead, from the question on.
struct Chain {
    dns::NameView last;       // the name that the CNAMEs lead to
    std::size_t links = 0;    // CNAMEs followed
    bool is_final = false;    // there is data of the type asked for at `last`
    bool comes_back = false;  // `last` was an owner before
    const Item* last_link_or_null = nullptr;
};
Chain chain_of(const Form& form, const Wanted& wanted);

/// A response that sends the client on to another server: NS in AUTHORITY, no SOA there, and
/// nothing that answers.
bool is_referral(const Form& form, const Chain& chain);
/// NS in AUTHORITY, or their RRSIG, that a client can do without.
bool is_courtesy_ns(const Form& form, const Chain& chain, const Item& item);
/// An address that the client of a referral has nowhere else (RFC 9471 section 2.1).
bool is_needed_glue(const Form& form, bool referral, const Item& item);
/// A record that signs the message, so no record of a zone: TSIG (RFC 8945), SIG(0) (RFC 2931).
bool is_message_signature(const Item& item) noexcept;
/// `item` is the address of a name server that an NS in `section` of `form` names.
bool is_address_of_ns(const Form& form, const Item& item);
/// The DNAME in ANSWER that a CNAME is made of; null when it is not.
const Item* dname_of_or_null(const Form& form, const Item& cname);

bool same_owner(const Item& a, const Item& b) noexcept;
/// The order in which records are compared: by run, owner, type, type covered, class, RDATA. The
/// records of an RRset stand together in it.
bool is_before(const Item& a, const Item& b) noexcept;
/// By run, owner, type and type covered alone: below 0, 0, above 0.
int compare_sets(const Item& a, const Item& b) noexcept;
/// The same without TTL and case.
int compare_data(const Item& a, const Item& b) noexcept;
/// Sets `run` of the records of ANSWER.
void number_runs(std::span<Item> answer) noexcept;

}  // namespace zc::compare
