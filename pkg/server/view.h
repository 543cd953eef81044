// What a worker looks at for one batch: everything that control may replace while it runs.
#pragma once

#include "answer/answer.h"
#include "runtime/published.h"
#include "server/server.h"
#include "store/catalogue.h"

namespace zc::server {

struct View {
    const store::Catalogue* catalogue;
    const answer::Identity* identity;
    const Settings* settings;
};

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
