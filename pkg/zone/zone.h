// One zone as one immutable, position-independent, canonical block of octets: the image.
//
// Everything that a query needs of a zone is in its image: names in canonical order with an index,
// RRsets ready to be copied into a message, zone cuts with their glue, the orders of NSEC and
// NSEC3. The same content gives the same octets, in whatever order it was added.
//
// Sketch: 2.1 million zones of 9 records: 36 octets a record, 329 a zone; an exact match touches
// the first two or three cache lines, a negative answer the first two (the apex with its SOA comes
// first).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/octets.h"
#include "base/result.h"
#include "dns/name.h"
#include "dns/rrset.h"
#include "dns/types.h"

namespace zc::zone {

/// How far a zone can answer; all states but `serving` answer SERVFAIL for the apex and all below.
enum class State : std::uint8_t {
    serving,  // has its records
    pending,  // known, not loaded yet (EDE 14, not ready)
    broken,   // its data was refused (EDE 24, invalid data)
    // NOLINTNEXTLINE(readability-identifier-naming): `unsigned` is a keyword
    unsigned_,  // should be signed and cannot be here: answers without signatures would be bogus
};

struct ImageDigest {
    std::uint64_t low = 0, high = 0;  // XXH3-128
    bool operator==(const ImageDigest&) const = default;
};

/// An owned image, 8-octet aligned. Empty after being moved from.
class Image {
public:
    Image() = default;
    explicit Image(base::Octets octets);  // a copy
    /// Room for whoever makes an image in place; nothing stands in it yet.
    static Image of_size(std::uint32_t octets);
    std::uint8_t* data() noexcept { return data_.get(); }
    base::Octets octets() const noexcept { return {data_.get(), size_}; }
    /// Gives the octets away: freed with `Image::free`.
    std::uint8_t* release() noexcept {
        size_ = 0;
        return data_.release();
    }
    static void free(std::uint8_t* octets) noexcept;

private:
    struct Free {
        void operator()(std::uint8_t* octets) const noexcept { Image::free(octets); }
    };
    std::unique_ptr<std::uint8_t[], Free> data_;
    std::uint32_t size_ = 0;
};

/// XXH3-128 of the whole image: guards it on disk and at start.
ImageDigest digest(base::Octets image) noexcept;

/// Checks an image that comes from outside (disk, a peer) in full: every offset and length within
/// bounds, names valid, order canonical, index, flags and links those that the content gives. An
/// image that passes is safe to answer from. Octet for octet it is the image that `Builder` makes of
/// its records, now or when it was built.
Status validate(base::Octets image);

/// The head alone: size, format, apex, and that index and nodes lie inside. For an image that a
/// digest shows to be what `Builder` made: then the rest is as it was made too. Cost: that of a
/// name, whatever the size.
Status validate_head(base::Octets image);

/// Something legal that the operator may not have meant.
struct Warning {
    dns::Name owner;
    std::string message;  // "CNAME target mail.example. does not exist in the zone"
};

/// Collects the records of one zone and compiles them. Reusable: `build` leaves it empty with its
/// memory kept, so that a thread that compiles a million zones allocates once.
class Builder {
public:
    Builder();
    ~Builder();
    Builder(Builder&&) noexcept;
    Builder& operator=(Builder&&) noexcept;

    /// Forgets everything and begins a zone. `before`: as it was built before there was image
    /// format 2 and before NSEC3 iterations were limited; for `validate`.
    enum class Rules : std::uint8_t { now, before };
    void begin(dns::NameView apex, Rules rules = Rules::now);
    /// Adds a record. Order does not matter; a duplicate counts once; different TTLs in one RRset
    /// become the lowest (RFC 2181 section 5.2). Errors: `invalid` for an owner outside the zone or
    /// a type that is no zone data, `malformed` for RDATA that is not well-formed wire format
    /// (checked here unless `checked` says that it was).
    enum class Rdata : std::uint8_t { unchecked, checked };
    Status add(const dns::RecordView& record, Rdata rdata = Rdata::unchecked);

    /// Compiles. Errors, `invalid`: no SOA or more than one, CNAME beside other data (RFC 2181
    /// section 10.1; RRSIG, NSEC, KEY and NXT may stand beside it), two CNAME or DNAME at one name,
    /// NSEC3 with more than `nsec3_iterations_max` iterations, an image over 2^32 - 1 octets. Every
    /// problem is found, not just the first. Afterwards the builder is empty. `warnings` may be
    /// null; looking for them costs time. `stopped` is asked some times a second; once true,
    /// building ends with `interrupted`.
    Result<Image> build(std::vector<Warning>* warnings_or_null = nullptr,
                        std::vector<Error>* all_errors_or_null = nullptr,
                        const std::function<bool()>& stopped = {});

    std::size_t records() const noexcept;

private:
    struct Work;
    std::unique_ptr<Work> work_;
};

/// An image without records that only says why it cannot answer.
Image placeholder(dns::NameView apex, State state);

/// Reads a zone's records back. They come in canonical order of owners, apex
/// first, types ascending with SOA first at the apex; each RRSIG behind the RRset it covers; NSEC3
/// and their RRSIGs last, by hash. Cost: linear. For export, comparison, transfer out; never for
/// answering.
class Zone;
void for_each_record(const Zone& zone, const std::function<void(const dns::RecordView&)>& record);

/// A sentence for the operator of a zone whose proofs by NSEC3 take more than
/// `nsec3_iterations_ordinary` rounds of hashing for a name; empty: they do not. Cost: that of a
/// look at one record.
std::string costly_hashing(const Zone& zone);

/// A borrowed image that has been built here or validated, or whose digest and head are right. As
/// cheap as a pointer.
class Zone {
public:
    explicit Zone(const std::uint8_t* image) noexcept : image_(image) {}
    const std::uint8_t* image() const noexcept { return image_; }
    base::Octets octets() const noexcept;
    State state() const noexcept;
    dns::NameView apex() const noexcept;
    std::uint32_t names() const noexcept;    // owner names, empty non-terminals included
    std::uint64_t records() const noexcept;  // all, occluded ones and signatures included
    std::uint32_t serial() const noexcept;   // of the SOA; 0 when not serving

private:
    const std::uint8_t* image_;
};

}  // namespace zc::zone
