// A worker's view for one batch: everything that control may replace while it runs.
#pragma once

#include <span>

#include "answer/answer.h"
#include "catalogue/catalogue.h"
#include "runtime/mapped_file.h"
#include "runtime/published.h"
#include "server/server.h"

namespace zc::server {

struct View {
    const catalogue::Catalogue* catalogue;
    const answer::Identity* identity;
    const Settings* settings;
};

/// Nothing but the root, and that broken.
const catalogue::Catalogue& broken_catalogue();

/// Answers each query by itself, those whose zone cannot be read by SERVFAIL.
void respond_one_by_one(std::span<answer::Exchange> batch, const View& view) noexcept;

/// answer::respond. A question whose zone cannot be read from a mapped file gets SERVFAIL.
inline void respond(std::span<answer::Exchange> batch, const View& view) noexcept {
    if (!runtime::guarded([&]() noexcept { answer::respond(batch, *view.catalogue); })) [[unlikely]]
        respond_one_by_one(batch, view);
}

/// How a worker's thread sees it: the shared pointer, and its own index among the readers.
class ViewReader {
public:
    ViewReader(runtime::Published<View>& published, std::size_t index)
        : published_(&published), index_(index) {}

    const View& enter() noexcept { return published_->enter(index_); }
    void leave() noexcept { published_->leave(index_); }

private:
    runtime::Published<View>* published_;
    std::size_t index_;
};

}  // namespace zc::server
