// Inside of package dns: RDATA out of the tokens of a master file.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>

#include "base/octets.h"
#include "base/result.h"
#include "dns/lexer.h"
#include "dns/name_text.h"
#include "dns/type_table.h"

namespace zc::dns {

/// Room for the largest RDATA; what does not fit is dropped and remembered.
class RdataBuffer {
public:
    static constexpr std::size_t octets_max = 0xffff;

    void clear() noexcept {
        size_ = 0;
        overflowed_ = false;
    }
    void u8(std::uint64_t value) noexcept {
        if (std::uint8_t* at = take(1)) *at = static_cast<std::uint8_t>(value);
    }
    void u16(std::uint64_t value) noexcept {
        if (std::uint8_t* at = take(2)) base::store_u16(at, static_cast<std::uint16_t>(value));
    }
    void u32(std::uint64_t value) noexcept {
        if (std::uint8_t* at = take(4)) base::store_u32(at, static_cast<std::uint32_t>(value));
    }
    void octets(base::Octets source) noexcept {
        if (source.empty()) return;
        if (std::uint8_t* at = take(source.size())) std::memcpy(at, source.data(), source.size());
    }
    void text(std::string_view source) noexcept {
        if (source.empty()) return;
        if (std::uint8_t* at = take(source.size())) std::memcpy(at, source.data(), source.size());
    }

    void shrink(std::size_t size) noexcept { size_ = size; }

    std::size_t size() const noexcept { return size_; }
    bool overflowed() const noexcept { return overflowed_; }
    base::Octets view() const noexcept { return base::Octets(octets_).first(size_); }
    /// The octets so far, to be corrected or put in order.
    base::MutableOctets written() noexcept { return base::MutableOctets(octets_).first(size_); }

private:
    std::uint8_t* take(std::size_t count) noexcept {
        if (octets_max - size_ < count) {
            overflowed_ = true;
            return nullptr;
        }
        size_ += count;
        return octets_.data() + size_ - count;
    }

    std::array<std::uint8_t, octets_max>
        octets_;  // not cleared: 64 kB a record would be most of the work
    std::size_t size_ = 0;
    bool overflowed_ = false;
};

/// Reads the rest of an entry as RDATA. Made once for many records (it is large): it allocates for
/// errors only.
class RdataParser {
public:
    /// Reads up to the end of the lexer's entry. False: `take_error()` says why.
    bool parse(Lexer& lexer, RrType type, NameView origin);
    /// The RDATA, until the next `parse`.
    base::Octets rdata() const noexcept { return out_.view(); }
    Error take_error() noexcept { return std::move(error_); }

private:
    bool fields(const TypeRow& row);
    bool field(Field kind);
    bool number(Field kind);
    bool unknown_form(RrType type);

    // One token each; `wanted` goes into the error when there is none.
    bool take(const char* wanted);
    bool take_word(const char* wanted);
    bool at_entry_end();

    bool number(std::uint64_t limit, std::uint64_t& value, const char* wanted);
    bool ttl();
    bool time();
    bool name();
    bool character_string();
    bool character_strings();
    bool text_long();
    bool tag();
    bool decoded(std::string_view text, std::size_t octets_max);
    bool hex_digits(std::string_view digits, std::uint32_t& nibbles, std::uint32_t& partial);
    bool hex_rest();
    bool hex_counted8();
    bool base32hex_counted8();
    bool base64_rest(bool may_be_empty);
    bool base64_counted16();
    bool type_number();
    bool mnemonic_or_number(Field kind);
    bool type_bitmap();
    bool nxt_bitmap();
    bool ipv4();
    bool ipv6();
    bool octet_groups(std::size_t groups);
    bool nodeid();
    bool wks();
    bool loc();
    bool loc_angle(std::uint32_t degrees_max, char positive, char negative);
    bool loc_metres(std::uint64_t& centimetres, std::uint64_t limit, bool may_be_negative,
                    std::uint64_t base_cm);
    bool apl();
    bool gateway(std::uint64_t kind);
    bool ipseckey();
    bool amtrelay();
    bool svc_params();
    bool svc_param();
    bool svc_value(std::uint16_t key, std::string_view value);
    bool svc_mandatory(std::string_view value);
    bool svc_alpn(std::string_view value);
    bool svc_key(std::string_view text, std::uint16_t& key);
    bool hip();
    bool nsap();
    bool atma();
    bool isdn();
    bool a6();

    bool found_instead(const char* wanted);
    bool failed(std::string what);
    bool lexer_fault();

    Lexer* lexer_ = nullptr;  // of the RDATA being parsed
    NameView origin_;
    const TypeRow* row_or_null_ = nullptr;
    RrType type_{};
    Token token_;
    bool pushed_back_ = false;  // token_ is to be taken once more
    std::uint32_t taken_ = 0;   // tokens of this RDATA so far: the field an error is about
    RdataBuffer out_;
    Error error_{Errc::malformed, {}, {}};
};

/// "3600", "1h30m", "1W": seconds, units in any case; false when it is none or over 2^32 - 1.
bool parse_seconds(std::string_view text, std::uint64_t& seconds) noexcept;

/// The name of a lexer's fault.
std::string fault_text(const Lexer& lexer);

}  // namespace zc::dns
