#include "node/image_file_events.h"

#include <utility>

#include <unistd.h>

#include "node/without_memory.h"
#include "runtime/mapped_file.h"

namespace zc::node {

ImageFileEvents::ImageFileEvents(boost::asio::io_context& io, std::function<void()> written)
    : events_(io), written_(std::move(written)) {}

void ImageFileEvents::begin() {
    if (events_.is_open()) return;
    const int own = ::dup(runtime::mapped_file_events());
    if (own < 0) return;
    events_.assign(own);
    wait();
}

void ImageFileEvents::wait() {
    sooner_or_later([this] {
        events_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                           [this](const boost::system::error_code& error) {
                               if (error) return;
                               if (runtime::take_mapped_file_events()) tell([this] { written_(); });
                               wait();
                           });
    });
}

void ImageFileEvents::close() noexcept {
    boost::system::error_code ignored;
    events_.close(ignored);
}

}  // namespace zc::node
