// The reading of zone data, who is right, and the smallest form of a difference, as text: runs
// testdata/compare/reading/.
//
//     zone [ORIGIN]                 body: a master file; "ok"
//     placeholder ORIGIN STATE      a zone that cannot answer: pending, broken, unsigned
//     file NAME ORIGIN              testdata/zones/NAME
//     node KEY=VALUE                version=
//     read NAME TYPE [OPTION…]      the reading, and whether answer::respond() is right by it
//     judge NAME TYPE [OPTION…]     body: "old", a response, "new", a response, perhaps "referee",
//                                   a response; the verdict
//     minimise NAME TYPE [OPTION…]  body as of judge; the script
//
// Options: do, edns, rd, tcp, class=; of judge also blind (no zone data), ttl=N (tolerance), lag=N.
// A response is in the form of dns::message_text, or one of the lines "timeout", "garbage",
// "respond" (what answer::respond() says), "respond without WORDS" (but for lines that have them).
#include "compare/reading.h"

#include <algorithm>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "answer/answer.h"
#include "compare/minimise.h"
#include "compare/verdict.h"
#include "dns/presentation.h"
#include "testkit/script.h"
#include "testkit/value.h"

namespace zc::compare {
namespace {

using testkit::value;
using Octets = std::vector<std::uint8_t>;

std::string set_text(const dns::RrSet& set) {
    std::string out;
    for (const dns::Rdata& rdata : set.rdatas)
        out += dns::record_text({set.owner, set.type, dns::RrClass::in, set.ttl, rdata}) + '\n';
    return out;
}
std::string prefixed(const std::string& prefix, const std::string& lines) {
    std::string out;
    std::istringstream in(lines);
    for (std::string line; std::getline(in, line);) {
        out += prefix;
        out += line + '\n';
    }
    return out;
}

/// dns::message_text read back, as far as these scripts need it.
dns::Message parse_response(const std::string& text) {
    dns::Message out;
    out.qr = true;
    std::istringstream in(text);
    std::string line;
    for (bool head = true; std::getline(in, line); head = false) {
        std::istringstream words(line);
        std::string word;
        words >> word;
        if (head) {
            bool known = false;
            for (std::uint16_t n = 0; n < 24 && !known; ++n)
                if (dns::to_string(static_cast<dns::Rcode>(n)) == word) {
                    out.rcode = static_cast<dns::Rcode>(n);
                    known = true;
                }
            if (!known) throw std::runtime_error("no rcode: " + word);
            while (words >> word) {
                if (word == "aa")
                    out.aa = true;
                else if (word == "tc")
                    out.tc = true;
                else if (word == "ra")
                    out.ra = true;
                else if (word == "rd")
                    out.rd = true;
                else
                    throw std::runtime_error("no flag: " + word);
            }
            continue;
        }
        if (word == "edns") {
            out.edns.emplace();
            while (words >> word)
                if (word == "do") out.edns->dnssec_ok = true;
            continue;
        }
        auto& section = word == "answer"      ? out.answer
                        : word == "authority" ? out.authority
                                              : out.additional;
        if (word != "answer" && word != "authority" && word != "additional")
            throw std::runtime_error("no section: " + word);
        std::string owner, ttl, type, rdata;
        words >> owner >> ttl >> type;
        dns::Record record;
        record.owner = value(dns::Name::parse(owner));
        if (type == "CH") {
            record.rr_class = dns::RrClass::ch;
            words >> type;
        }
        record.ttl = static_cast<std::uint32_t>(std::stoul(ttl));
        record.type = value(dns::parse_record_type(type));
        std::getline(words, rdata);
        if (const auto parsed = dns::parse_rdata(rdata, record.type, dns::NameView(), record.rdata);
            !parsed)
            throw std::runtime_error(parsed.error().text());
        section.push_back(std::move(record));
    }
    return out;
}

class Bench {
public:
    std::string run(const testkit::Step& step) {
        if (step.directive == "zone") return zone(step.args, step.body);
        if (step.directive == "file")
            return zone(step.words().at(1), testkit::read_testdata("zones/" + step.words().at(0)));
        if (step.directive == "placeholder") return placeholder(step.words());
        if (step.directive == "node") {
            identity_.version = step.args.substr(step.args.find('=') + 1);
            return "ok";
        }
        question(step.words());
        if (step.directive == "read") return read();
        if (step.directive == "judge") return judged(step.body);
        if (step.directive == "minimise") return minimised(step.body);
        throw std::runtime_error("unknown directive " + step.directive);
    }

private:
    std::string zone(const std::string& origin, const std::string& text) {
        dns::MasterOptions options;
        if (!origin.empty()) options.origin = value(dns::Name::parse(origin));
        struct Line {
            dns::Name owner;
            dns::RrType type;
            std::uint32_t ttl;
            Octets rdata;
        };
        std::vector<Line> lines;
        const auto report = dns::read_master(
            text, options, [&](const dns::RecordView& record, std::uint64_t) -> Status {
                lines.push_back({dns::Name(record.owner), record.type, record.ttl,
                                 Octets(record.rdata.begin(), record.rdata.end())});
                return {};
            });
        if (!report.errors.empty()) return report.errors[0].text();
        const auto soa = std::ranges::find(lines, dns::RrType::soa, &Line::type);
        const dns::Name apex = soa == lines.end() ? options.origin : soa->owner;
        zone::Builder builder;
        builder.begin(apex);
        for (const Line& line : lines)
            if (const auto added = builder.add({line.owner, line.type, line.ttl, line.rdata});
                !added)
                return added.error().text();
        auto image = builder.build();
        if (!image) return image.error().text();
        zones_.insert({apex, *std::move(image)});
        return "ok";
    }
    std::string placeholder(const std::vector<std::string>& words) {
        const dns::Name apex = value(dns::Name::parse(words.at(0)));
        const zone::State state = words.at(1) == "pending"  ? zone::State::pending
                                  : words.at(1) == "broken" ? zone::State::broken
                                                            : zone::State::unsigned_;
        zones_.insert({apex, zone::placeholder(apex, state)});
        return "ok";
    }

    void question(const std::vector<std::string>& words) {
        dns::QueryOptions options;
        options.id = 0x1234;
        transport_ = dns::Transport::udp;
        blind_ = false;
        policy_ = {};
        for (std::size_t i = 2; i < words.size(); ++i) {
            const std::string& word = words[i];
            const std::string rest = word.substr(word.find('=') + 1);
            if (word == "do") {
                options.edns.emplace();
                options.edns->dnssec_ok = true;
            } else if (word == "edns") {
                options.edns.emplace();
            } else if (word == "rd") {
                options.rd = true;
            } else if (word == "tcp") {
                transport_ = dns::Transport::tcp;
            } else if (word == "blind") {
                blind_ = true;
            } else if (word.starts_with("class=")) {
                options.qclass = value(dns::parse_class(rest));
            } else if (word.starts_with("ttl=")) {
                policy_.ttl_tolerance = static_cast<std::uint32_t>(std::stoul(rest));
            } else if (word.starts_with("lag=")) {
                policy_.serial_lag = static_cast<std::uint32_t>(std::stoul(rest));
            } else {
                throw std::runtime_error("unknown option " + word);
            }
        }
        query_ = dns::encode_query(value(dns::Name::parse(words.at(0))),
                                   value(dns::parse_type(words.at(1))), options);
        facts_ = value(read_query(query_));
    }

    Octets respond() const {
        Octets out(65535);
        const answer::Outcome outcome = answer::respond(
            query_, {.transport = transport_, .client = {}, .now = {}, .node = &identity_}, zones_,
            out);
        out.resize(outcome.response_octets);
        return out;
    }

    static std::string texts(const std::vector<Fault>& faults) {
        std::string out;
        for (const Fault& one : faults)
            out += std::string(to_string(one.what)) + ": " + one.sentence + " (" + one.clause +
                   "), step " + std::to_string(one.step + 1) + "\n";
        return out;
    }

    std::string read() const {
        const Reading reading = read_zones(zones_, facts_);
        std::string out = std::string(to_string(reading.where)) + ", " +
                          dns::to_string(reading.rcode) + (reading.authoritative ? " aa" : "") +
                          (reading.is_signed ? ", signed" : "") + "\n";
        for (std::size_t i = 0; i < reading.steps.size(); ++i) {
            const ReadingStep& one = reading.steps[i];
            out += std::to_string(i + 1) + ". " + one.sentence +
                   (one.clause.empty() ? "" : " (" + one.clause + ")") + "\n";
        }
        for (std::size_t i = 0; i < reading.answer.size(); ++i) {
            out += prefixed("answer ", set_text(reading.answer[i]));
            stops(reading, i + 1, out);
        }
        stops(reading, 0, out);
        if (reading.soa) out += prefixed("authority ", set_text(*reading.soa));
        if (reading.cut) out += prefixed("cut ", set_text(*reading.cut));
        if (reading.ds) out += prefixed("ds ", set_text(*reading.ds));
        for (const dns::RrSet& set : reading.glue) out += prefixed("glue ", set_text(set));
        if (reading.computed)
            out += reading.computed->rdatas.empty()
                       ? "or any " + dns::to_string(reading.computed->type) + "\n"
                       : prefixed("or ", set_text(*reading.computed));
        for (const Proof& proof : reading.proofs)
            out += "proof " + std::string(to_string(proof.of)) + ": " + dns::to_string(proof.name) +
                   " below " + dns::to_string(proof.closest_encloser) + "\n";
        const auto message = dns::parse_message(respond());
        if (!message) return out + "respond: malformed\n";
        RuleSet taken;
        const auto faults = faults_of(reading, facts_, *message, taken);
        out += faults.empty() ? "respond is right" : "respond:\n" + texts(faults);
        for (const RuleRow& row : rules())
            if (taken.has(row.rule)) out += " (" + std::string(row.name) + ")";
        return out + "\n";
    }
    static void stops(const Reading& reading, std::size_t rrsets, std::string& out) {
        for (const Reading::Stop& stop : reading.may_stop)
            if (stop.rrsets == rrsets)
                out += "may end here: " + std::string(row_of(stop.rule).name) +
                       (stop.or_servfail ? ", or SERVFAIL" : "") + (stop.soa ? ", with SOA" : "") +
                       (stop.cut ? ", with the NS of the cut " + dns::to_string(stop.cut->owner)
                                 : "") +
                       "\n";
    }

    Octets response(const std::string& text) const {
        if (text == "timeout\n") return {};
        if (text == "garbage\n") return {0x12, 0x34, 0x80};
        if (text == "respond\n") return respond();
        dns::Message message;
        if (text.starts_with("respond without ")) {
            const std::string words = text.substr(16, text.size() - 17);
            std::istringstream in(dns::message_text(value(dns::parse_message(respond()))));
            std::string kept;
            bool found = false;
            for (std::string line; std::getline(in, line);) {
                if (line.find(words) == std::string::npos)
                    kept += line + "\n";
                else
                    found = true;
            }
            if (!found) throw std::runtime_error("respond has no line with " + words);
            message = parse_response(kept);
        } else {
            message = parse_response(text);
        }
        message.id = 0x1234;
        message.questions.push_back({facts_.qname, facts_.qtype, facts_.qclass});
        message.rd = message.rd || facts_.recursion_desired;
        if (facts_.edns && !message.edns) {
            message.edns.emplace();
            message.edns->dnssec_ok = facts_.dnssec_ok;
        }
        return value(dns::encode_message(message));
    }
    struct Sides {
        Octets older, newer, referee;
    };
    Sides sides(const std::string& body) const {
        std::string parts[3];
        std::string* part = nullptr;
        std::istringstream in(body);
        for (std::string line; std::getline(in, line);) {
            if (line == "old")
                part = &parts[0];
            else if (line == "new")
                part = &parts[1];
            else if (line == "referee")
                part = &parts[2];
            else if (part == nullptr)
                throw std::runtime_error("a response of whom?");
            else
                *part += line + "\n";
        }
        return {response(parts[0]), response(parts[1]),
                parts[2].empty() ? Octets{} : response(parts[2])};
    }

    std::string judged(const std::string& body) const {
        const Sides all = sides(body);
        Comparer comparer(policy_);
        const Asked asked{query_, transport_};
        const Sameness sameness = comparer.same(asked, all.older, all.newer);
        const Difference difference = comparer.difference(asked, all.older, all.newer);
        const Reading reading = read_zones(zones_, facts_);
        const Evidence evidence{zones_, reading};
        const Judgement judgement = judge(comparer, asked, all.older, all.newer, difference,
                                          blind_ ? nullptr : &evidence, all.referee);
        return std::string(sameness.same ? "the same; " : "") +
               std::string(to_string(judgement.verdict)) + ": " +
               std::string(to_string(judgement.what)) + ", " +
               std::string(to_string(judgement.where)) +
               (judgement.rule ? ", " + std::string(row_of(*judgement.rule).name) : "") + "\n" +
               judgement.sentence + "\n" +
               (judgement.clause.empty() ? "" : judgement.clause + "\n");
    }

    std::string minimised(const std::string& body) const {
        const Sides all = sides(body);
        const auto result = minimise(zones_, {query_, transport_}, all.older, all.newer);
        if (!result) return result.error().text();
        return std::to_string(result->records_before) + " to " +
               std::to_string(result->records_after) + " records\n" + result->script;
    }

    catalogue::Catalogue zones_{0x5eed};
    answer::Identity identity_;
    Octets query_;
    QueryFacts facts_;
    dns::Transport transport_ = dns::Transport::udp;
    bool blind_ = false;
    Policy policy_;
};

TEST_CASE("what zone data says, and who is right, is as the scripts say") {
    testkit::run_scripts("compare/reading", [] {
        return [bench = std::make_shared<Bench>()](const testkit::Step& step) {
            return bench->run(step);
        };
    });
}

TEST_CASE("verdicts have names that can be read back") {
    for (std::size_t i = 0; i < verdict_count; ++i) {
        const auto verdict = static_cast<Verdict>(i);
        REQUIRE(parse_verdict(to_string(verdict)).has_value());
        CHECK(*parse_verdict(to_string(verdict)) == verdict);
    }
    CHECK(!parse_verdict("guilty").has_value());
}

}  // namespace
}  // namespace zc::compare
