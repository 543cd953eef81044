#include "report/present.h"

#include "dns/message.h"
#include "dns/name.h"

namespace zc::report {
namespace {

using In = compare::DifferenceLine::In;

constexpr std::size_t hex_octets_max = 64;

std::string hex(base::Octets octets) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const std::uint8_t octet : octets.first(std::min(octets.size(), hex_octets_max))) {
        out += digits[octet >> 4U];
        out += digits[octet & 15U];
    }
    if (octets.size() > hex_octets_max) out += "…";
    return out;
}

/// A row's text for octets that have no lines; empty for a message.
std::string no_message(base::Octets octets) {
    if (octets.empty()) return "(no answer)";
    const auto message = dns::parse_message(octets);
    if (message) return {};
    return "(no DNS message: " + message.error().message + "; " + std::to_string(octets.size()) +
           " octets: " + hex(octets) + ')';
}

/// For a POSIX shell.
std::string quoted(const std::string& text) {
    std::string out;
    bool plain = !text.empty();
    for (const char c : text) {
        const bool safe = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' || c == ':' ||
                          c == '/' || c == '+' || c == '=' || c == '@' || c == '%' || c == ',';
        plain = plain && safe;
        if (c == '\'')
            out += "'\\''";
        else
            out += c;
    }
    return plain ? out : '\'' + out + '\'';
}

}  // namespace

std::vector<Row> side_by_side(const compare::Comparer& comparer, const judge::Sample& sample) {
    const compare::Asked asked{sample.query, sample.transport};
    const compare::Difference difference = comparer.difference(asked, sample.older, sample.newer);
    std::vector<Row> out;
    const std::string older_problem = no_message(sample.older);
    const std::string newer_problem = no_message(sample.newer);
    if (!older_problem.empty() || !newer_problem.empty())
        out.push_back({"", older_problem, newer_problem, older_problem != newer_problem});
    // Lines of one side follow each other, as those of the other do: the nth of one stands beside
    // the nth of the other.
    const auto& lines = difference.lines;
    for (std::size_t at = 0; at < lines.size();) {
        if (lines[at].in == In::both) {
            out.push_back({lines[at].section, lines[at].text, lines[at].text, false});
            ++at;
            continue;
        }
        const std::string& section = lines[at].section;
        std::vector<std::string> older;
        std::vector<std::string> newer;
        while (at < lines.size() && lines[at].in != In::both && lines[at].section == section) {
            (lines[at].in == In::older ? older : newer).push_back(lines[at].text);
            ++at;
        }
        for (std::size_t i = 0; i < std::max(older.size(), newer.size()); ++i)
            out.push_back({section, i < older.size() ? older[i] : "",
                           i < newer.size() ? newer[i] : "", true});
    }
    return out;
}

std::string kdig_line(const ask::Server& server, base::Octets query, dns::Transport transport) {
    const auto message = dns::parse_message(query);
    if (!message || message->questions.size() != 1) return {};
    const dns::Question& question = message->questions.front();
    std::string out = "kdig @" + dns::to_string(server.endpoint.address);
    if (server.endpoint.port != 53) out += " -p " + std::to_string(server.endpoint.port);
    if (server.by == ask::Server::By::tcp || transport == dns::Transport::tcp) out += " +tcp";
    if (!message->rd) out += " +norec";
    if (message->cd) out += " +cd";
    if (message->ad) out += " +ad";
    if (message->edns) {
        out += message->edns->dnssec_ok ? " +dnssec" : " +edns";
        out += " +bufsize=" + std::to_string(message->edns->udp_octets);
    }
    if (question.rr_class != dns::RrClass::in) out += " -c " + dns::to_string(question.rr_class);
    return out + ' ' + quoted(dns::to_string(question.name)) + ' ' + dns::to_string(question.type);
}

}  // namespace zc::report
