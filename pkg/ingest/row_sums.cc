#include "ingest/row_sums.h"

namespace zc::ingest {

namespace {

struct Words {
    std::string_view text, key;
};

Words words_of(Fate fate) noexcept {
    switch (fate) {
        case Fate::served:
            return {"served as they are", "served_as_they_are"};
        case Fate::repaired:
            return {"repaired", "repaired"};
        case Fate::disabled:
            return {"disabled", "disabled"};
        case Fate::powerdns_only:
            return {"PowerDNS only", "powerdns_only"};
        case Fate::made_anew:
            return {"made anew", "made_anew"};
        case Fate::without_type:
            return {"without type", "without_type"};
        case Fate::same_twice:
            return {"same twice", "same_twice"};
        case Fate::not_served:
            return {"of zones not served", "of_zones_not_served"};
        case Fate::unchanged:
            return {"of unchanged zones", "of_unchanged_zones"};
        case Fate::refused:
            return {"refused", "refused"};
    }
    return {};
}

}  // namespace

std::string_view to_string(Fate fate) noexcept {
    return words_of(fate).text;
}

std::string_view key_of(Fate fate) noexcept {
    return words_of(fate).key;
}

}  // namespace zc::ingest
