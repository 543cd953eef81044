// Every allocation on a node's control thread is made to fail once, from the word to reload to its
// end. The node goes on to serve what it served, or serves what is new; the next reload has all.
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "http/client.h"
#include "ingest/powerdns.h"
#include "merge/store_import.h"
#include "term/json.h"
#include "testkit/failing_memory.h"
#include "testkit/folder.h"
#include "verbs.h"

// Asio takes its own memory from here.
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t octets) noexcept {
    void* memory = zc::testkit::FailingMemory::allocate_or_null(1);
    if (memory == nullptr) return nullptr;
    std::free(memory);  // NOLINT(cppcoreguidelines-no-malloc)
    return ::posix_memalign(&memory, alignment, octets) == 0 ? memory : nullptr;
}

namespace zc::cmd {
namespace {

using testkit::Folder;
using testkit::write_file;

constexpr base::Duration patience = base::Duration::seconds(20);
// With who may get no answer: its connection is one of the things for which there is no memory.
constexpr base::Duration little_patience = base::Duration::seconds(1);

/// `zonectl serve` on a thread of this process.
class ServingNode {
public:
    ServingNode(const Folder& folder, std::vector<std::string> source)
        : socket_(folder / "control") {
        std::vector<std::string> arguments = {
            "serve", "--config",  "/dev/null", "--listen",    "127.0.0.1:0", "--workers",
            "1",     "--control", socket_,     "--log-level", "error"};
        arguments.insert(arguments.end(), source.begin(), source.end());
        thread_ = std::thread([this, arguments] {
            const testkit::FailingThread control;
            code_ = run(arguments);
            ended_ = true;
        });
        while (!ended_ && port_ == 0) {
            const auto status = http::request(socket_, "GET", "/status", "", patience);
            if (!status) {
                std::this_thread::yield();
                continue;
            }
            const auto json = term::parse_json(status->body);
            REQUIRE(json);
            const std::string at((*json)["listen"].elements().at(0).text());
            if ((*json)["state"].text() == "serving")
                port_ = static_cast<std::uint16_t>(std::stoi(at.substr(at.rfind(':') + 1)));
        }
        REQUIRE(!ended_);
    }
    ~ServingNode() {
        while (!ended_) static_cast<void>(http::request(socket_, "POST", "/stop", "", patience));
        thread_.join();
        CHECK(code_ == 0);
    }
    ServingNode(const ServingNode&) = delete;
    ServingNode& operator=(const ServingNode&) = delete;

    /// The report; empty if none came.
    std::string reload(base::Duration longest = patience) const {
        const auto response = http::request(socket_, "POST", "/reload", "", longest);
        return response ? response->body : std::string();
    }
    /// The last octet of the address of www.a.example.; -1: no such answer.
    int served() const {
        static constexpr std::string_view query(
            "\0\1\0\0\0\1\0\0\0\0\0\0\3www\1a\7example\0\0\1\0\1", 31);
        const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port_);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const timeval wait{.tv_sec = 20, .tv_usec = 0};
        ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
        REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
        REQUIRE(::send(fd, query.data(), query.size(), 0) == ssize_t{31});
        std::uint8_t answer[512];
        const ssize_t octets = ::recv(fd, answer, sizeof answer, 0);
        ::close(fd);
        if (octets < 40 || (answer[3] & 15) != 0 || answer[7] != 1) return -1;
        return answer[octets - 1];
    }

private:
    const std::string socket_;
    std::uint16_t port_ = 0;
    std::atomic<bool> ended_ = false;
    int code_ = -1;
    std::thread thread_;
};

/// `change` makes 192.0.2.N the address that is to be served.
template <class Change>
int fail_each(const ServingNode& node, std::uint64_t step, const Change& change) {
    int failures = 0;
    int last = node.served();
    for (std::uint64_t number = 1;; number += step) {
        const int next = last == 200 ? 1 : last + 1;
        change(next);
        const testkit::FailingMemory memory(number);
        const std::string said = node.reload(little_patience);
        testkit::FailingMemory::stop();
        const bool failed = testkit::FailingMemory::asked() >= number;
        CAPTURE(number);
        const int served = node.served();
        CHECK((served == last || served == next));
        const auto report = term::parse_json(said);
        // A report that all went well has to be true.
        if (report && !(*report)["zones"].members().empty() &&
            (*report)["problems"].elements().empty())
            CHECK(served == next);
        const std::string again = node.reload();
        CAPTURE(again);
        CHECK((*term::parse_json(again))["problems"].elements().empty());
        last = node.served();
        REQUIRE(last == next);
        if (!failed) return failures;
        ++failures;
    }
}

std::string zone_text(int last) {
    return "@ 3600 SOA ns hostmaster 1 7200 900 86400 3600\n@ NS ns\nwww A 192.0.2." +
           std::to_string(last) + '\n';
}

/// A new file each time, so that a change is seen whatever the clock's resolution is.
void replace_file(const std::string& path, const std::string& text) {
    write_file(path + "~", text);
    std::filesystem::rename(path + "~", path);
}

TEST_CASE("a reload of zone files without memory keeps what is served, and the next has all") {
    const Folder folder;
    std::filesystem::create_directory(folder / "zones");
    const auto write = [&](int last) {
        replace_file(folder / "zones/a.example.zone", zone_text(last));
        // One that is refused every other time, one that comes and goes.
        replace_file(folder / "zones/b.example.zone",
                     zone_text(last) + (last % 2 == 0 ? "x A 192.0.2\n" : ""));
        if (last % 3 == 0)
            std::filesystem::remove(folder / "zones/c.example.zone");
        else
            replace_file(folder / "zones/c.example.zone", zone_text(last));
    };
    write(1);
    const ServingNode node(folder, {"--zones", folder / "zones"});
    CHECK(fail_each(node, 2, write) > 25);
}

TEST_CASE("a reload of a store without memory keeps what is served, and the next has all") {
    const Folder folder;
    std::filesystem::create_directory(folder / "zones");
    const auto write = [&](int last) {
        write_file(folder / "zones/a.example.zone", zone_text(last));
        if (last % 3 == 0)
            std::filesystem::remove(folder / "zones/c.example.zone");
        else
            write_file(folder / "zones/c.example.zone", zone_text(last));
        // Now and then it is another store, of which everything is loaded anew.
        if (last % 4 == 0) std::filesystem::remove(folder / "store");
        merge::StoreImportOptions options;
        options.prune = merge::Prune::yes;
        options.removed_percent_max = 100;
        auto import = merge::StoreImport::begin(folder / "store", options);
        REQUIRE(import);
        REQUIRE(ingest::import_zones(folder / "zones", {}, *import));
        REQUIRE(import->finish({}));
    };
    write(1);
    const ServingNode node(folder, {"--store", folder / "store"});
    CHECK(fail_each(node, 3, write) > 15);
}

}  // namespace
}  // namespace zc::cmd
