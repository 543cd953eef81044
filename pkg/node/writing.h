// The writer of a node: the threads that work for it, and what it publishes.
//
//     control thread    begin                   at the first change: what the log is ahead is published
//                       writer_or_null()        takes changes from here on; paused while a look
//                                               compares with what is served
//                       stop()                  the end, after the writer has closed
//
// A node that may not write (a store that is read-only or that another node has) has no writer.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "base/result.h"
#include "base/time.h"
#include "writer/writer.h"

namespace zc::node {

class Writing {
public:
    /// Takes over what is durable. Called on the control thread.
    struct To {
        std::function<void(std::vector<writer::PublishedZone>)> publish;
        std::function<void(const store::Position&, base::Instant at)> reached;
        std::function<void()> store_has_moved;
    };
    Writing(boost::asio::io_context& io, To to);
    ~Writing();
    Writing(const Writing&) = delete;
    Writing& operator=(const Writing&) = delete;

    /// Publishes what the log has beyond the rows. Errors: those of Writer::open; there is no writer
    /// then, and nothing else is wrong with the node: `busy` another node has the store, `io` it may
    /// not be written.
    Status begin(const std::string& store_path);
    /// Null: `begin` has not succeeded.
    writer::Writer* writer_or_null() noexcept { return writer_.get(); }

    /// Ends the threads: jobs that have begun end, others are lost.
    void stop() noexcept;

private:
    class Crew;
    class Publisher;
    std::unique_ptr<Crew> crew_;
    std::unique_ptr<Publisher> publisher_;
    std::unique_ptr<writer::Writer> writer_;
};

}  // namespace zc::node
