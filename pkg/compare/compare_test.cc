// Comparing, as text: runs testdata/compare/.
//
//     pair NAME TYPE [OPTION…]      two responses to one question
//     older [HOW…]
//     NOERROR aa                    in the form of dns::message_text; "no response" for a timeout;
//     answer www.example. 300 A 192.0.2.1       "hex …" for octets of any kind
//     newer [HOW…]
//     …
//
// gives "same", or the rules that were needed, or the difference.
// OPTION: do, edns[=SIZE], tcp, rd, signed (the query has a TSIG), class=CH, strict, ttl=SECONDS,
// serial=LAG, off=RULE, lines (shows both side by side), problems (shows response_problems of both).
// HOW: whole (no name compressed), no-question, asks=NAME, opt-first, id=N, trailing=N.
//
// Every pair is also tried with each rule switched off: it is the same only while no rule that was
// needed is missing.
#include "compare/compare.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "compare/form.h"
#include "compare/message_script.h"
#include "testkit/script.h"

namespace zc::compare {
namespace {

using script::Encoder;
using script::message_from_text;
using script::Names;
using script::Octets;
using script::value;

std::string names_of(RuleSet rules) {
    std::string out;
    for (const RuleRow& row : compare::rules())
        if (rules.has(row.rule)) out += (out.empty() ? "" : ", ") + std::string(row.name);
    return out;
}

void require(bool holds, const std::string& what) {
    if (!holds) throw std::runtime_error(what);
}

struct Case {
    Octets query;
    dns::Question question;
    dns::Transport transport = dns::Transport::udp;
    Policy policy;
    bool lines = false, problems = false;

    Asked asked() const { return {.query = query, .transport = transport}; }
};

Case read_case(const std::vector<std::string>& words) {
    require(words.size() >= 2, "pair NAME TYPE [OPTION…]");
    Case out;
    out.question.name = value(dns::Name::parse(words[0]));
    out.question.type = value(dns::parse_type(words[1]));
    dns::QueryOptions options;
    options.id = 0x1234;
    bool is_signed = false;
    for (std::size_t i = 2; i < words.size(); ++i) {
        const std::size_t equals = words[i].find('=');
        const std::string key = words[i].substr(0, equals);
        const std::string rest = equals == std::string::npos ? "" : words[i].substr(equals + 1);
        if (key == "do") {
            if (!options.edns) options.edns = dns::Edns{};
            options.edns->dnssec_ok = true;
        } else if (key == "edns") {
            if (!options.edns) options.edns = dns::Edns{};
            if (!rest.empty()) options.edns->udp_octets = script::number(rest);
        } else if (key == "tcp") {
            out.transport = dns::Transport::tcp;
        } else if (key == "rd") {
            options.rd = true;
        } else if (key == "signed") {
            is_signed = true;
        } else if (key == "class") {
            options.qclass = value(dns::parse_class(rest));
        } else if (key == "strict") {
            out.policy = Policy::strict();
        } else if (key == "ttl") {
            out.policy.ttl_tolerance = script::number(rest);
        } else if (key == "serial") {
            out.policy.serial_lag = script::number(rest);
        } else if (key == "off") {
            out.policy.rules.remove(value(parse_rule(rest)));
        } else if (key == "lines") {
            out.lines = true;
        } else if (key == "problems") {
            out.problems = true;
        } else {
            throw std::runtime_error("unknown option " + words[i]);
        }
    }
    out.question.rr_class = options.qclass;
    out.query = dns::encode_query(out.question.name, out.question.type, options);
    if (is_signed) {
        auto message = value(dns::parse_message(out.query));
        message.additional.push_back(
            message_from_text(out.question,
                              "NOERROR\nadditional key. 0 TSIG hmac-sha256. 1 300 3 c2ln 1 0 0\n")
                .additional.front());
        out.query = value(dns::encode_message(message));
    }
    return out;
}

Octets read_message(const Case& of, const std::string& how, const std::string& text) {
    if (text == "no response\n") return {};
    if (text.starts_with("hex ")) {
        std::string digits;
        for (const char c : text.substr(4))
            if (c != ' ' && c != '\n') digits += c;
        return script::from_hex(digits);
    }
    dns::Message message = message_from_text(of.question, text);
    Names names = Names::pointers;
    bool opt_first = false;
    std::size_t trailing = 0;
    std::istringstream words(how);
    for (std::string word; words >> word;) {
        const std::string rest = word.substr(std::min(word.find('='), word.size() - 1) + 1);
        if (word == "whole")
            names = Names::whole;
        else if (word == "no-question")
            message.questions.clear();
        else if (word == "opt-first")
            opt_first = true;
        else if (word.starts_with("asks="))
            message.questions.front().name = value(dns::Name::parse(rest));
        else if (word.starts_with("id="))
            message.id = script::number(rest);
        else if (word.starts_with("trailing="))
            trailing = script::number(rest);
        else
            throw std::runtime_error("unknown word " + word);
    }
    Octets out = Encoder(names).encode(message, opt_first);
    out.insert(out.end(), trailing, 0);
    return out;
}

bool has_tolerance(RuleSet needed) {
    return needed.has(Rule::ttl) || needed.has(Rule::serial) || needed.has(Rule::signatures) ||
           needed.has(Rule::message_signature);
}

/// The laws that hold for every pair.
void check_laws(const Case& of, const Octets& older, const Octets& newer) {
    Policy with_all = of.policy;
    with_all.rules = RuleSet::all();
    const Asked asked = of.asked();
    const Sameness all = Comparer(with_all).same(asked, older, newer);
    require(Comparer(with_all).same(asked, newer, older).same == all.same, "not symmetric");
    require(Comparer(with_all).same(asked, newer, older).needed == all.needed,
            "other rules the other way round");
    for (const RuleRow& row : compare::rules()) {
        Policy without = with_all;
        without.rules.remove(row.rule);
        const Sameness less = Comparer(without).same(asked, older, newer);
        require(less.same == (all.same && !all.needed.has(row.rule)),
                "without " + std::string(row.name) + ": same " + std::to_string(less.same));
    }
    if (all.same && !has_tolerance(all.needed))
        require(canonical(asked, older, with_all) == canonical(asked, newer, with_all),
                "the same, and of different canonical forms");
    for (const Octets* side : {&older, &newer}) {
        const Octets once = canonical(asked, *side, with_all);
        require(canonical(asked, once, with_all) == once, "canonical form has another one");
        require(Comparer(with_all).same(asked, *side, *side).same == !once.empty(),
                "not the same as itself");
    }
    // A difference told the other way round is the same one.
    const Difference there = Comparer(of.policy).difference(asked, older, newer);
    const Difference back = Comparer(of.policy).difference(asked, newer, older);
    require(there.what == back.what && there.where == back.where && there.legal == back.legal &&
                there.facets.size() == back.facets.size(),
            "another difference the other way round: " + back.cause);
}

std::string run_pair(const testkit::Step& step) {
    const Case of = read_case(step.words());
    std::string how[2];
    std::string text[2];
    int side = -1;
    std::istringstream body(step.body);
    for (std::string line; std::getline(body, line);) {
        const std::string word = line.substr(0, line.find(' '));
        if (word == "older" || word == "newer") {
            side = word == "older" ? 0 : 1;
            how[side] = line.substr(word.size());
        } else {
            require(side >= 0, "a line before older and newer: " + line);
            text[side] += line + "\n";
        }
    }
    const Octets older = read_message(of, how[0], text[0]);
    const Octets newer = read_message(of, how[1], text[1]);
    check_laws(of, older, newer);
    std::string out;
    Comparer comparer(of.policy);
    const Sameness same = comparer.same(of.asked(), older, newer);
    if (same.same) {
        out = same.needed.empty() ? "same\n" : "same by " + names_of(same.needed) + "\n";
    } else {
        const Difference difference = comparer.difference(of.asked(), older, newer);
        out = "different: " + std::string(to_string(difference.what)) + " " +
              std::string(to_string(difference.where)) + "\n";
        for (const std::string& facet : difference.facets) out += "  " + facet + "\n";
        if (difference.legal) out += "legal " + std::string(row_of(*difference.legal).name) + "\n";
        out += "cause " + difference.cause + "\n";
        if (of.lines)
            for (const DifferenceLine& line : difference.lines)
                out += std::string(line.in == DifferenceLine::In::both    ? "  "
                                   : line.in == DifferenceLine::In::older ? "- "
                                                                          : "+ ") +
                       line.section + " " + line.text + "\n";
    }
    if (of.problems) {
        for (const std::string& problem : response_problems(of.asked(), older))
            out += "older: " + problem + "\n";
        for (const std::string& problem : response_problems(of.asked(), newer))
            out += "newer: " + problem + "\n";
    }
    return out;
}

TEST_CASE("Pairs of responses are the same, or different, as their scripts say") {
    testkit::run_scripts("compare", [] {
        return [](const testkit::Step& step) -> std::string {
            if (step.directive == "pair") return run_pair(step);
            throw std::runtime_error("unknown directive " + step.directive);
        };
    });
}

TEST_CASE("A cause is bounded, and another one stays another one") {
    Case of;
    of.question.name = value(dns::Name::parse("www.example."));
    of.question.type = dns::RrType::a;
    dns::QueryOptions options;
    options.id = 0x1234;
    of.query = dns::encode_query(of.question.name, of.question.type, options);
    const auto with_types = [&](int first) {
        std::string text = "NOERROR aa\n";
        for (int i = 0; i < 2000; ++i)
            text += "answer www.example. 300 TYPE" + std::to_string(first + i) + " \\# 1 00\n";
        return read_message(of, "", text);
    };
    const Octets older = read_message(of, "", "NOERROR aa\n");
    Comparer comparer{Policy()};
    const std::string one = comparer.difference(of.asked(), older, with_types(2000)).cause;
    const std::string other = comparer.difference(of.asked(), older, with_types(1999)).cause;
    CHECK(one.size() == Difference::cause_octets_max);
    CHECK(other.size() == Difference::cause_octets_max);
    CHECK(one != other);
    CHECK(one == comparer.difference(of.asked(), older, with_types(2000)).cause);
}

TEST_CASE("Every rule, label and place has a name that is read back") {
    for (const RuleRow& row : rules()) {
        CHECK(value(parse_rule(row.name)) == row.rule);
        CHECK(&row_of(row.rule) == &row);
        CHECK_FALSE(row.clause.empty());
        CHECK_FALSE(row.reason.empty());
    }
    CHECK(rules().size() == rule_count);
    CHECK(parse_rule("no-such").error().code == Errc::not_found);
    for (std::size_t i = 0; i < what_count; ++i)
        CHECK(value(parse_what(to_string(static_cast<What>(i)))) == static_cast<What>(i));
    for (std::size_t i = 0; i < where_count; ++i)
        CHECK(value(parse_where(to_string(static_cast<Where>(i)))) == static_cast<Where>(i));
    CHECK(parse_what("ttl").error().code == Errc::not_found);
    CHECK(RuleSet::all().bits() == (1U << rule_count) - 1);
    CHECK(RuleSet::from_bits(RuleSet::all().bits()) == RuleSet::all());
}

}  // namespace
}  // namespace zc::compare
