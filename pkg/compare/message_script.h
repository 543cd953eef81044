// Messages from text and messages written in other ways, for the tests, the fuzzer and the
// benchmark of this package. Not part of the product.
#pragma once

#include <algorithm>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/seed.h"
#include "dns/message.h"
#include "dns/presentation.h"

namespace zc::compare::script {

using Octets = std::vector<std::uint8_t>;

template <class T>
T value(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().text());
    return *std::move(result);
}

inline std::uint16_t number(const std::string& text) {
    std::size_t used = 0;
    const unsigned long out = std::stoul(text, &used);
    if (used != text.size() || out > 0xffff) throw std::runtime_error("not a number: " + text);
    return static_cast<std::uint16_t>(out);
}

inline Octets from_hex(const std::string& text) {
    Octets out;
    if (text.size() % 2 != 0) throw std::runtime_error("odd number of hex digits");
    for (std::size_t at = 0; at < text.size(); at += 2)
        out.push_back(static_cast<std::uint8_t>(std::stoul(text.substr(at, 2), nullptr, 16)));
    return out;
}

/// The question of a message, its record lines in the form of dns::message_text.
inline dns::Message message_from_text(const dns::Question& question, const std::string& text) {
    dns::Message out;
    out.id = 0x1234;
    out.qr = true;
    out.questions.push_back(question);
    std::istringstream in(text);
    std::string line;
    bool first = true;
    while (std::getline(in, line)) {
        std::istringstream words(line);
        std::string word;
        words >> word;
        if (first) {
            first = false;
            static constexpr dns::Rcode rcodes[] = {
                dns::Rcode::noerror,  dns::Rcode::formerr, dns::Rcode::servfail,
                dns::Rcode::nxdomain, dns::Rcode::notimp,  dns::Rcode::refused,
                dns::Rcode::yxdomain, dns::Rcode::badvers, dns::Rcode::badcookie};
            const auto* const rcode = std::ranges::find_if(
                rcodes, [&](dns::Rcode each) { return dns::to_string(each) == word; });
            if (rcode == std::end(rcodes)) throw std::runtime_error("no rcode: " + word);
            out.rcode = *rcode;
            while (words >> word) {
                if (word == "aa")
                    out.aa = true;
                else if (word == "tc")
                    out.tc = true;
                else if (word == "rd")
                    out.rd = true;
                else if (word == "ra")
                    out.ra = true;
                else if (word == "z")
                    out.z = true;
                else if (word == "ad")
                    out.ad = true;
                else if (word == "cd")
                    out.cd = true;
                else
                    throw std::runtime_error("no flag: " + word);
            }
            continue;
        }
        if (word == "edns") {
            dns::Edns edns;
            words >> word;
            edns.udp_octets = number(word);
            while (words >> word) {
                if (word == "do") {
                    edns.dnssec_ok = true;
                } else if (word == "version") {
                    words >> word;
                    edns.version = static_cast<std::uint8_t>(number(word));
                } else if (word == "flags") {
                    words >> word;
                    edns.other_flags = number(word);
                }
            }
            out.edns = edns;
        } else if (word == "option") {
            dns::EdnsOption option;
            words >> word;
            option.code = number(word);
            if (words >> word) option.value = from_hex(word);
            if (!out.edns) throw std::runtime_error("option without edns");
            out.edns->options.push_back(option);
        } else if (word == "answer" || word == "authority" || word == "additional") {
            dns::Record record;
            std::vector<dns::Record>& section = word == "answer"      ? out.answer
                                                : word == "authority" ? out.authority
                                                                      : out.additional;
            words >> word;
            record.owner = value(dns::Name::parse(word));
            words >> word;
            record.ttl = static_cast<std::uint32_t>(std::stoul(word));
            words >> word;
            if (word == "CH") {
                record.rr_class = dns::RrClass::ch;
                words >> word;
            }
            record.type = value(dns::parse_type(word));
            std::string rdata;
            std::getline(words, rdata);
            const Status parsed = dns::parse_rdata(rdata, record.type, {}, record.rdata);
            if (!parsed) throw std::runtime_error(line + ": " + parsed.error().text());
            section.push_back(record);
        } else {
            throw std::runtime_error("no line of a message: " + line);
        }
    }
    return out;
}

/// How names are written.
enum class Names : std::uint8_t { whole, pointers, random };

/// Octets of a message, by code that shares nothing with the encoder of package dns. `random`
/// draws for each label of a name whether a pointer is used, if it could be, in any type's RDATA.
class Encoder {
public:
    explicit Encoder(Names names, std::uint64_t seed = 0) : names_(names), seed_(seed) {}

    Octets encode(const dns::Message& message, bool opt_first = false) {
        out_.clear();
        offsets_.clear();
        u16(message.id);
        u16((message.qr ? 0x8000U : 0U) | static_cast<unsigned>(message.opcode) << 11U |
            (message.aa ? 0x0400U : 0U) | (message.tc ? 0x0200U : 0U) |
            (message.rd ? 0x0100U : 0U) | (message.ra ? 0x0080U : 0U) | (message.z ? 0x0040U : 0U) |
            (message.ad ? 0x0020U : 0U) | (message.cd ? 0x0010U : 0U) |
            (static_cast<unsigned>(message.rcode) & 0xfU));
        u16(message.questions.size());
        u16(message.answer.size());
        u16(message.authority.size());
        u16(message.additional.size() + (message.edns ? 1 : 0));
        for (const dns::Question& question : message.questions) {
            name(question.name.wire(), false);
            u16(static_cast<unsigned>(question.type));
            u16(static_cast<unsigned>(question.rr_class));
        }
        for (const dns::Record& each : message.answer) record(each);
        for (const dns::Record& each : message.authority) record(each);
        if (opt_first) opt(message);
        for (const dns::Record& each : message.additional) record(each);
        if (!opt_first) opt(message);
        return out_;
    }

private:
    void u16(std::size_t v) {
        out_.push_back(static_cast<std::uint8_t>(v >> 8U));
        out_.push_back(static_cast<std::uint8_t>(v));
    }
    void octets(base::Octets source) { out_.insert(out_.end(), source.begin(), source.end()); }
    void name(base::Octets wire, bool may_point) {
        for (std::size_t at = 0;; at += 1U + wire[at]) {
            const Octets suffix(wire.begin() + static_cast<std::ptrdiff_t>(at), wire.end());
            const auto known = offsets_.find(suffix);
            if (wire[at] != 0 && may_point && known != offsets_.end() &&
                (names_ == Names::pointers || (names_ == Names::random && seed_.below(3) > 0))) {
                u16(0xc000U | known->second);
                return;
            }
            if (out_.size() <= 0x3fff) {
                if (names_ == Names::random && known != offsets_.end() && seed_.below(2) == 0)
                    known->second = out_.size();
                offsets_.emplace(suffix, out_.size());
            }
            octets(wire.subspan(at, 1U + wire[at]));
            if (wire[at] == 0) return;
        }
    }
    void record(const dns::Record& record) {
        name(record.owner.wire(), names_ != Names::whole);
        u16(static_cast<unsigned>(record.type));
        u16(static_cast<unsigned>(record.rr_class));
        u16(record.ttl >> 16U);
        u16(record.ttl & 0xffffU);
        const std::size_t length_at = out_.size();
        u16(0);
        std::array<dns::NamePlace, dns::rdata_names_max> places;
        const std::size_t count =
            record.rdata.empty() ? 0 : dns::names_in(record.type, record.rdata, places);
        std::size_t at = 0;
        for (std::size_t i = 0; i < count; ++i) {
            octets(base::Octets(record.rdata).subspan(at, places[i].offset - at));
            name(base::Octets(record.rdata).subspan(places[i].offset, places[i].octets),
                 names_ == Names::random || (names_ == Names::pointers &&
                                             places[i].kind == dns::Field::name_compressible));
            at = places[i].offset + std::size_t{places[i].octets};
        }
        octets(base::Octets(record.rdata).subspan(at));
        base::store_u16(&out_[length_at], static_cast<std::uint16_t>(out_.size() - length_at - 2));
    }
    void opt(const dns::Message& message) {
        if (!message.edns) return;
        const dns::Edns& edns = *message.edns;
        out_.push_back(0);
        u16(41);
        u16(edns.udp_octets);
        out_.push_back(static_cast<std::uint8_t>(static_cast<unsigned>(message.rcode) >> 4U));
        out_.push_back(edns.version);
        u16((edns.dnssec_ok ? 0x8000U : 0U) | edns.other_flags);
        std::size_t size = 0;
        for (const dns::EdnsOption& option : edns.options) size += 4 + option.value.size();
        u16(size);
        for (const dns::EdnsOption& option : edns.options) {
            u16(option.code);
            u16(option.value.size());
            octets(option.value);
        }
    }

    Names names_;
    base::Seed seed_;
    Octets out_;
    std::map<Octets, std::size_t> offsets_;
};

}  // namespace zc::compare::script
