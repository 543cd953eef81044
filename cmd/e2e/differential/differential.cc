// Asks several name servers the same questions and says where their answers differ.
//
//   differential --subject NAME=PORT --peer NAME=PORT… --zones zones.list --queries FILE
//                [--known FILE] [--samples N] [--window N] [--limit N] [--no-larger-than PEER]
//
// Every difference between the subject and a peer is explained by a rule of --known, or reported:
// grouped by the kind of difference, with counts, samples as kdig command lines, and the records.
// A query whose answer is truncated over UDP is asked again over TCP. With --no-larger-than the
// mean size of equal responses over UDP may not be over that peer's. Exit code 0: none unexplained;
// 1: some; 2: could not tell.
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>

#include "ask.h"
#include "compare.h"
#include "response.h"

namespace zc::e2e {
namespace {

constexpr std::size_t tcp_octets_max = 65535;
constexpr std::uint64_t unanswered_max =
    100;  // then a server is gone, and the rest is not worth its time

struct Options {
    std::vector<Server> servers;  // the subject first
    std::string zones, queries, known, no_larger_than;
    std::size_t samples = 3, window = 64;
    std::uint64_t limit = ~std::uint64_t{0};
};

struct Group {
    std::uint64_t count = 0;
    std::vector<std::string> samples;
};

/// Sizes of responses to the same question over UDP, both whole.
struct Sizes {
    std::uint64_t compared = 0, subject_octets = 0, peer_octets = 0, larger = 0;
};

base::Octets octets(const std::string& text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string kdig_line(const Query& query, const Server& server, Over over) {
    std::string out = "kdig @" + server.address + " -p " + std::to_string(server.port) + " +norec";
    const std::size_t space = query.text.find(' ');
    const std::size_t flags = query.text.find(' ', space + 1);
    out +=
        " '" + query.text.substr(0, space) + "' " + query.text.substr(space + 1, flags - space - 1);
    if (query.dnssec_ok) out += " +dnssec";
    out += over == Over::tcp ? " +tcp" : " +notcp +ignore";
    if (query.wire[11] != 0)
        out += " +bufsize=" + std::to_string(query.udp_octets_max);
    else
        out += " +noedns";
    return out;
}

/// A question in flight, and what the subject answered when it had to be asked again over TCP.
struct Open {
    Query query;
    std::optional<Response> datagram;
};

class Run {
public:
    Run(Options options, Apexes apexes, std::vector<Rule> rules)
        : options_(std::move(options)),
          apexes_(std::move(apexes)),
          rules_(std::move(rules)),
          sizes_(options_.servers.size()),
          asker_(options_.servers, options_.window,
                 [this](std::uint64_t id, Over over, const std::vector<std::string>& responses) {
                     done(id, over, responses);
                 }) {}

    /// True: every difference is explained.
    bool all() {
        std::ifstream file(options_.queries);
        if (!file) throw std::runtime_error("cannot read " + options_.queries);
        std::string line;
        while (asked_ < options_.limit && std::getline(file, line)) {
            auto query = parse_query(line);
            if (!query) throw std::runtime_error(options_.queries + ": " + query.error().text());
            while (!asker_.has_room()) asker_.turn();
            if (asker_.unanswered() > unanswered_max)
                throw std::runtime_error("more than " + std::to_string(unanswered_max) +
                                         " questions without answer");
            const Over over = query->over_tcp ? Over::tcp : Over::udp;
            std::string message = query->wire;
            open_.emplace(asked_, Open{.query = std::move(*query), .datagram = std::nullopt});
            asker_.ask(asked_++, over, std::move(message));
        }
        while (asker_.turn()) {
        }
        report();
        return unexplained_ == 0 && faulty_ == 0 && asker_.unanswered() == 0 && small_enough();
    }

private:
    bool small_enough() const {
        for (std::size_t i = 1; i < sizes_.size(); ++i)
            if (options_.servers[i].name == options_.no_larger_than &&
                sizes_[i].subject_octets > sizes_[i].peer_octets) {
                std::cout << "LARGER than " << options_.no_larger_than << "\n";
                return false;
            }
        return true;
    }

    void done(std::uint64_t id, Over over, const std::vector<std::string>& messages) {
        Open& open = open_.at(id);
        const Query& query = open.query;
        const std::size_t limit = over == Over::tcp ? tcp_octets_max : query.udp_octets_max;
        std::vector<Response> responses;
        bool truncated = false, complete = true;
        for (std::size_t i = 0; i < messages.size(); ++i) {
            complete &= !messages[i].empty();
            if (messages[i].empty()) {
                add("no answer from " + options_.servers[i].name, query, over, {});
                responses.emplace_back();
                continue;
            }
            responses.push_back(read_response(octets(messages[i]), octets(query.wire), limit));
            truncated |= responses.back().truncated;
            // RFC 4035 section 3.1.6. BIND copies the bit.
            if (i == 0 && responses[0].checking_disabled) report_fault(0, "CD is set", query, over);
            for (const std::string& fault : responses.back().faults)
                report_fault(i, fault, query, over);
        }
        if (complete && truncated && over == Over::udp) {
            // The cut depends on the other records that are sent: the whole answers are compared.
            open.datagram = std::move(responses[0]);
            asker_.ask(id, Over::tcp, query.wire);
            return;
        }
        ++compared_;
        if (complete) judge(query, over, responses);
        if (complete && open.datagram) compare_own(query, *open.datagram, responses[0]);
        open_.erase(id);
    }

    void report_fault(std::size_t server, const std::string& fault, const Query& query, Over over) {
        if (server == 0) ++faulty_;
        add((server == 0 ? "FAULT of " : "fault of ") + options_.servers[server].name + ": " +
                fault,
            query, over, {});
    }

    /// The subject over UDP against itself over TCP: truncated only when it has to be (ANY always
    /// is over UDP: RFC 8482 section 4.4), and otherwise the same.
    void compare_own(const Query& query, const Response& datagram, const Response& whole) {
        if (datagram.truncated) {
            if (query.type != rr::any && whole.size <= query.udp_octets_max)
                report_fault(0, "truncated, and would fit", query, Over::udp);
        } else if (const Difference own = compare(query, datagram, whole, apexes_);
                   !own.signature.empty()) {
            report_fault(0, "over UDP not what it is over TCP: " + own.signature, query, Over::udp);
        }
    }

    void judge(const Query& query, Over over, const std::vector<Response>& responses) {
        std::vector<Difference> differences(1);
        std::set<std::string> agreeing;
        const auto agree_text = [&] {
            std::string out;
            for (const std::string& name : agreeing) out += (out.empty() ? "" : "+") + name;
            return out;
        };
        for (std::size_t i = 1; i < responses.size(); ++i) {
            differences.push_back(compare(query, responses[0], responses[i], apexes_));
            if (!differences[i].signature.empty()) continue;
            agreeing.insert(options_.servers[i].name);
            if (over == Over::udp) {
                Sizes& sizes = sizes_[i];
                ++sizes.compared;
                sizes.subject_octets += responses[0].size;
                sizes.peer_octets += responses[i].size;
                sizes.larger += responses[0].size > responses[i].size;
            }
        }
        // Twice, because a rule may want that other peers agree: one whose difference is explained
        // does.
        std::vector<bool> settled(responses.size(), false);
        bool equal = true;
        for (bool progress = true; progress;) {
            progress = false;
            const std::string agree = agree_text();
            for (std::size_t i = 1; i < responses.size(); ++i) {
                Difference& difference = differences[i];
                if (difference.signature.empty() || settled[i]) continue;
                equal = false;
                difference.facts["peer"] = options_.servers[i].name;
                difference.facts["agree"] = agree;
                difference.facts["transport"] = over == Over::tcp ? "tcp" : "udp";
                Rule* rule = explain(rules_, difference);
                if (rule == nullptr) continue;
                ++rule->count;
                settled[i] = true;
                progress = true;
                agreeing.insert(options_.servers[i].name);
            }
        }
        std::string group;
        std::vector<std::string> lines;
        for (std::size_t i = 1; i < responses.size(); ++i) {
            const Difference& difference = differences[i];
            if (difference.signature.empty() || settled[i]) continue;
            const std::string& peer = options_.servers[i].name;
            group += (group.empty() ? "" : " | ") + peer + ": " + difference.signature;
            std::string facts = "  against " + peer + " (";
            for (const auto& [fact, value] : difference.facts)
                if (value != "0" && fact != "peer" && !fact.starts_with("answer") &&
                    !fact.starts_with("authority"))
                    facts += fact + "=" + value + " ";
            facts.back() = ')';
            lines.push_back(std::move(facts));
            for (const std::string& line : difference.lines) lines.push_back("    " + line);
        }
        equal_ += equal;
        if (!group.empty()) {
            ++unexplained_;
            add(group, query, over, lines);
        }
    }

    void add(const std::string& name, const Query& query, Over over,
             const std::vector<std::string>& lines) {
        Group& group = groups_[name];
        ++group.count;
        if (group.samples.size() >= options_.samples) return;
        std::string text = kdig_line(query, options_.servers[0], over);
        for (const std::string& line : lines) text += "\n  " + line;
        group.samples.push_back(std::move(text));
    }

    void report() const {
        std::cout << asked_ << " queries to " << options_.servers.size() << " servers, "
                  << compared_ << " comparisons (truncated ones again over TCP)\n"
                  << "equal everywhere " << equal_ << ", unexplained " << unexplained_
                  << ", faulty " << faulty_ << ", without answer " << asker_.unanswered()
                  << ", datagrams repeated " << asker_.repeats() << "\n";
        for (std::size_t i = 1; i < sizes_.size(); ++i) {
            const Sizes& s = sizes_[i];
            if (s.compared == 0) continue;
            const auto n = static_cast<double>(s.compared);
            std::printf(
                "size where equal to %s (UDP): mean %.1f against %.1f octets, larger in %.3f %% of "
                "%llu\n",
                options_.servers[i].name.c_str(), static_cast<double>(s.subject_octets) / n,
                static_cast<double>(s.peer_octets) / n, 100.0 * static_cast<double>(s.larger) / n,
                static_cast<unsigned long long>(s.compared));
        }
        std::fflush(stdout);
        std::cout << "\nknown differences\n";
        for (const Rule& rule : rules_)
            std::cout << "  " << rule.count << "  " << rule.name << "\n";
        std::vector<std::pair<std::string, const Group*>> sorted;
        for (const auto& [name, group] : groups_) sorted.emplace_back(name, &group);
        std::sort(sorted.begin(), sorted.end(),
                  [](const auto& a, const auto& b) { return a.second->count > b.second->count; });
        for (const auto& [name, group] : sorted) {
            std::cout << "\n== " << group->count << " ==  " << name << "\n";
            for (const std::string& sample : group->samples) std::cout << "  " << sample << "\n";
        }
    }

    Options options_;
    Apexes apexes_;
    std::vector<Rule> rules_;
    std::map<std::uint64_t, Open> open_;
    std::map<std::string, Group> groups_;
    std::vector<Sizes> sizes_;
    std::uint64_t asked_ = 0, compared_ = 0, equal_ = 0, unexplained_ = 0, faulty_ = 0;
    Asker asker_;
};

std::uint64_t number(const std::string& text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        throw std::runtime_error("not a number: " + text);
    return value;
}

Server parse_server(const std::string& text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) throw std::runtime_error("want NAME=PORT, found " + text);
    return {.name = text.substr(0, equals),
            .address = "127.0.0.1",
            .port = static_cast<std::uint16_t>(number(text.substr(equals + 1)))};
}

Options parse_options(std::span<char*> arguments) {
    Options out;
    for (std::size_t i = 1; i < arguments.size(); i += 2) {
        const std::string flag = arguments[i];
        if (i + 1 == arguments.size()) throw std::runtime_error(flag + " without value");
        const std::string value = arguments[i + 1];
        if (flag == "--subject")
            out.servers.insert(out.servers.begin(), parse_server(value));
        else if (flag == "--peer")
            out.servers.push_back(parse_server(value));
        else if (flag == "--zones")
            out.zones = value;
        else if (flag == "--queries")
            out.queries = value;
        else if (flag == "--known")
            out.known = value;
        else if (flag == "--no-larger-than")
            out.no_larger_than = value;
        else if (flag == "--samples")
            out.samples = number(value);
        else if (flag == "--window")
            out.window = number(value);
        else if (flag == "--limit")
            out.limit = number(value);
        else
            throw std::runtime_error("unknown flag " + flag);
    }
    if (out.servers.size() < 2 || out.queries.empty() || out.zones.empty())
        throw std::runtime_error("want --subject, --peer, --zones and --queries");
    return out;
}

Apexes read_apexes(const std::string& path) {
    std::ifstream file(path);
    if (!file) throw std::runtime_error("cannot read " + path);
    Apexes out;
    for (std::string line; std::getline(file, line);)
        out.insert(fold(name_from_text(line.substr(0, line.find('\t')))));
    return out;
}

int run(std::span<char*> arguments) {
    Options options = parse_options(arguments);
    Apexes apexes = read_apexes(options.zones);
    std::vector<Rule> rules;
    if (!options.known.empty()) {
        auto read = read_rules(options.known);
        if (!read) throw std::runtime_error(read.error().text());
        rules = std::move(*read);
    }
    return Run(std::move(options), std::move(apexes), std::move(rules)).all() ? 0 : 1;
}

}  // namespace
}  // namespace zc::e2e

int main(int argc, char** argv) {
    try {
        return zc::e2e::run({argv, static_cast<std::size_t>(argc)});
    } catch (const std::exception& error) {
        std::fprintf(stderr, "differential: %s\n", error.what());
        return 2;
    }
}
