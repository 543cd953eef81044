// The writer of a node: the threads that work for it, and what it publishes.
//
//     control thread    Writing::begin          after the first load: what the log is ahead is served too
//                       writer_or_null()        takes changes from here on
//                       pause(), resume()       around a look, which compares with what is served
//                       store_was_taken_over()  after a look that another process's commit made necessary
//                       close(done)             the end
//
// A node that may not write (zone files, a store that is read-only or that another node has) has no
// writer, and says why.
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
    /// Null: this node takes no changes; see `refusal`.
    writer::Writer* writer_or_null() noexcept { return writer_.get(); }
    const writer::Writer* writer_or_null() const noexcept { return writer_.get(); }
    /// Why it takes none, for those who ask.
    const std::string& refusal() const noexcept { return refusal_; }

    /// Ends the threads: jobs that have begun end, others are lost.
    void stop() noexcept;

private:
    class Crew;
    class Publisher;
    std::unique_ptr<Crew> crew_;
    std::unique_ptr<Publisher> publisher_;
    std::unique_ptr<writer::Writer> writer_;
    std::string refusal_ = "the node is still loading";
};

}  // namespace zc::node
