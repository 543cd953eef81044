// Inside of package compare: two forms side by side.
#pragma once

#include <vector>

#include "compare/form.h"
#include "compare/rules.h"

namespace zc::compare {

/// Matches the records of two responses, as if all rules were on, and says which of them it needed.
/// Keeps its memory.
class Matcher {
public:
    /// True when nothing is different but for what a rule of the kind `normalise` covers. `needed`
    /// has the rules that were used: without one of them the pair would be different. Sets `run`
    /// and `dropped` of items in the forms.
    bool match(Form& older, Form& newer, base::Octets question, const Policy& policy,
               RuleSet& needed);

private:
    using Order = std::vector<Item*>;

    bool match_section(Section section, RuleSet& needed);
    bool match_in_order(std::span<const Item> a, std::span<const Item> b, Section section,
                        RuleSet& needed);
    /// Few records, and the same data on both sides, none of it twice: true, in whatever order.
    bool match_by_key(Section section, RuleSet& needed);
    bool match_sorted(Section section, RuleSet& needed);
    bool match_record(const Item& a, const Item& b, Section section, RuleSet& needed) const;
    /// Drops the records of a set that only one side has, if it can do without.
    bool drop(std::span<Item* const> set, bool of_older, Section section, RuleSet& needed);
    bool same_order(Section section) const;
    const Chain& chain(bool of_older);

    Form* older_ = nullptr;
    Form* newer_ = nullptr;
    base::Octets question_;
    Wanted wanted_;  // read with the chains
    const Policy* policy_ = nullptr;
    Order order_a_, order_b_;
    bool in_order_ = true;  // all sections so far, and nothing was dropped
    bool recoded_ = false;  // a pair of records is compressed in different ways
    bool chains_known_ = false;
    Chain older_chain_, newer_chain_;
    bool older_refers_ = false, newer_refers_ = false;
};

/// Two signatures of a message (is_message_signature) that are the same but for time and MAC.
bool equal_but_mac(const Item& a, const Item& b) noexcept;

}  // namespace zc::compare
