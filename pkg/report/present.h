// Differences laid out for people: for the terminal and for the report.
#pragma once

#include <string>
#include <vector>

#include "ask/server.h"
#include "base/octets.h"
#include "compare/compare.h"
#include "dns/types.h"
#include "judge/stretch.h"

namespace zc::report {

/// One line of both answers. Empty text: that side has nothing there.
struct Row {
    std::string section;  // "header", "answer", …; "" what is no section
    std::string older, newer;
    bool differs = false;
};

/// The two answers of a sample beside each other: what both have in one row, what differs paired
/// within its section. No answer, and octets that are no message, are said in a row of their own.
std::vector<Row> side_by_side(const compare::Comparer& comparer, const judge::Sample& sample);

/// How to ask it by hand: "kdig @192.0.2.1 -p 5300 +norec +dnssec www.example. A", ready for a
/// shell. Empty for a question that kdig cannot ask.
std::string kdig_line(const ask::Server& server, base::Octets query, dns::Transport transport);

}  // namespace zc::report
