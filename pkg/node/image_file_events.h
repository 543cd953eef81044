// The kernel's word that somebody has written to a mapped image file.
#pragma once

#include <functional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

namespace zc::node {

/// Threads: one, the control thread.
class ImageFileEvents {
public:
    /// `written` is called for each write, once the file is unreadable (runtime/mapped_file.h).
    ImageFileEvents(boost::asio::io_context& io, std::function<void()> written);

    /// Begins to wait, once a file is mapped. Nothing happens if it waits already, or if the kernel
    /// gives no such word.
    void begin();
    void close() noexcept;

private:
    void wait();

    boost::asio::posix::stream_descriptor events_;
    const std::function<void()> written_;
};

}  // namespace zc::node
