#include "node/node.h"

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "http/client.h"
#include "node/test_zones.h"
#include "term/json.h"

using namespace zc;
using namespace node::testing;
using testkit::Folder;

namespace {

constexpr base::Duration patience = base::Duration::seconds(30);

std::string zone_text(int serial) {
    return "@ 3600 SOA ns hostmaster " + std::to_string(serial) +
           " 7200 900 86400 3600\n@ NS ns\nwww A 192.0.2.1\n";
}

node::Settings settings_with(const std::string& nsid) {
    node::Settings out;
    auto identity = std::make_shared<answer::Identity>();
    identity->nsid = nsid;
    out.identity = std::move(identity);
    out.drain = base::Duration::milliseconds(100);
    out.values = {{"nsid", {nsid}, true}, {"workers", {nsid}, false}};
    return out;
}

/// A node on a thread of this process, and the flags that it reads at a reload.
class Running {
public:
    Running() {
        std::filesystem::create_directory(folder_ / "zones");
        write("a.example.", zone_text(1));
    }
    ~Running() {
        if (!thread_.joinable()) return;
        while (!ended_) static_cast<void>(http::request(socket_, "POST", "/stop", "", patience));
        thread_.join();
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

    node::Options options() const {
        node::Options out;
        out.zones = folder_ / "zones";
        out.server.listen = {*net::parse_endpoint("127.0.0.1:0")};
        out.server.workers = 1;
        out.control = socket_;
        out.log.level = runtime::Level::error;
        out.version = "test";
        out.draw_seed = base::numbers_of(base::Seed(1));
        return out;
    }
    void start(const node::Options& options) {
        node_ = std::make_unique<node::Node>(options, settings_with("a"), [this] {
            const std::lock_guard lock(mutex_);
            return next_;
        });
        thread_ = std::thread([this] {
            ending_ = node_->run();
            ended_ = true;
        });
    }
    void start() { start(options()); }
    void await_serving() {
        while (!ended_ && ask("GET", "/status")["state"].text() != "serving")
            std::this_thread::yield();
        REQUIRE(!ended_);
    }
    node::Ending ending() {
        thread_.join();
        return ending_;
    }
    /// Null: no answer.
    term::Json ask(const char* method, const char* target) const {
        const auto response = http::request(socket_, method, target, "", patience);
        if (!response) return {};
        auto json = term::parse_json(response->body);
        return json ? *std::move(json) : term::Json();
    }
    void write(const std::string& zone, const std::string& text) const {
        testkit::write_file(folder_ / "new", text);
        std::filesystem::rename(folder_ / "new", folder_ / ("zones/" + zone + "zone"));
    }
    void next_settings(tl::expected<node::Settings, std::vector<Error>> next) {
        const std::lock_guard lock(mutex_);
        next_ = std::move(next);
    }

private:
    const Folder folder_;
    const std::string socket_ = folder_ / "control";
    std::mutex mutex_;
    tl::expected<node::Settings, std::vector<Error>> next_ = settings_with("a");  // with the lock
    std::unique_ptr<node::Node> node_;
    std::thread thread_;
    node::Ending ending_;
    std::atomic<bool> ended_{false};
};

}  // namespace

TEST_CASE("a node loads, serves, reloads and ends when it is told to") {
    Running node;
    node.start();
    node.await_serving();
    const term::Json status = node.ask("GET", "/status");
    CHECK(status["zones"].integer() == 1);
    CHECK(status["version"].text() == "test");
    CHECK(node.ask("GET", "/health")["healthy"].truth());

    node.write("a.example.", zone_text(2));
    node.write("b.example.", "@ 3600 SOA ns\n");
    const term::Json report = node.ask("POST", "/reload");
    CHECK(!report["ok"].truth());
    CHECK(report["zones"]["changed"].integer() == 1);
    CHECK(report["zones"]["failed"].integer() == 1);
    CHECK(report["zones"]["details"].elements().size() == 2);
    CHECK(!node.ask("GET", "/health?max-not-served=0")["healthy"].truth());

    CHECK(node.ask("POST", "/stop")["state"].text() == "stopping");
    const node::Ending ending = node.ending();
    CHECK(ending.code == 0);
    CHECK(!ending.thread_left);
}

TEST_CASE("settings of a reload are taken over all together, or not at all") {
    Running node;
    node.start();
    node.await_serving();
    node.next_settings(settings_with("b"));
    CHECK(node.ask("POST", "/reload")["settings"].serialize() ==
          R"([{"key":"nsid","applied":true},{"key":"workers","applied":false}])");
    // The restart is still due; the identity is as it was told.
    CHECK(node.ask("POST", "/reload")["settings"].serialize() ==
          R"([{"key":"workers","applied":false}])");

    node.next_settings(tl::unexpected(std::vector<Error>{{Errc::invalid, "nsid: no", {}}}));
    term::Json report = node.ask("POST", "/reload");
    CHECK(report["settings"].elements().empty());
    CHECK(report["problems"].serialize() == R"(["invalid: nsid: no"])");

    node::Settings out_of_range = settings_with("c");
    out_of_range.server.tcp.connections_max = 0;
    node.next_settings(std::move(out_of_range));
    report = node.ask("POST", "/reload");
    CHECK(report["settings"].elements().empty());
    CHECK(report["problems"].elements().size() == 1);
}

TEST_CASE("a node that is to be strict ends with 2 when a zone is bad") {
    Running node;
    node.write("b.example.", "@ 3600 SOA ns\n");
    node::Options options = node.options();
    options.strict = true;
    options.log.level = runtime::Level::error;
    node.start(options);
    CHECK(node.ending().code == 2);
}

TEST_CASE("with progressive loading a node ends up with all zones") {
    Running node;
    for (int i = 0; i < 20; ++i) node.write("z" + std::to_string(i) + ".example.", zone_text(i));
    node::Options options = node.options();
    options.progressive = true;
    node.start(options);
    node.await_serving();
    const term::Json status = node.ask("GET", "/status");
    CHECK(status["zones"].integer() == 21);
    CHECK(status["records"].integer() == 63);
    CHECK(status["not_served"]["total"].integer() == 0);
}

TEST_CASE("what an operator has to mend is thrown, and says where") {
    Running node;
    node::Options options = node.options();
    const auto message = [&] {
        try {
            const node::Node made(options, settings_with("a"), nullptr);
        } catch (const std::runtime_error& error) {
            return std::string(error.what());
        }
        return std::string();
    };
    SUBCASE("no such folder of zones") {
        options.zones += "/nothing";
        CHECK(message().find(options.zones) != std::string::npos);
    }
    SUBCASE("no such store") {
        options.store = options.zones + "/store";
        CHECK(message().find(options.store) != std::string::npos);
    }
    SUBCASE("the control socket of a node that lives") {
        node.start();
        node.await_serving();
        CHECK(message().find(*options.control) != std::string::npos);
    }
    SUBCASE("no folder for the control socket") {
        options.control = options.zones + "/none/control";
        CHECK(message().find(*options.control) != std::string::npos);
        options.control_may_be_missing = true;
        CHECK(message().empty());
    }
}
