#include "server/view.h"

namespace zc::server {

const catalogue::Catalogue& broken_catalogue() {
    static const catalogue::Catalogue& catalogue = *[] {
        auto* const made =
            new catalogue::Catalogue(0);  // never freed: a worker may end after `main`
        const dns::Name root;
        made->insert({root, zone::placeholder(root, zone::State::broken)});
        return made;
    }();
    return catalogue;
}

void respond_one_by_one(std::span<answer::Exchange> batch, const View& view) noexcept {
    for (answer::Exchange& exchange : batch) {
        const std::span<answer::Exchange> one(&exchange, 1);
        if (!runtime::guarded([&]() noexcept { answer::respond(one, *view.catalogue); }))
            answer::respond(one, broken_catalogue());
    }
}

}  // namespace zc::server
