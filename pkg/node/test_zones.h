// For tests of this package: zones good and bad, a source that gives what a test wants, those who
// answer, a log that can be read.
#pragma once

#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include "node/served.h"
#include "node/source.h"
#include "runtime/log.h"
#include "testkit/folder.h"
#include "zone/random_zone.h"

namespace zc::node::testing {

using zone::random::name;

struct Workers final : Readers {
    void make_room() override {
        if (no_memory) throw std::bad_alloc();
    }
    void publish(const catalogue::Catalogue& next, catalogue::Garbage&& old) override {
        ++published;
        catalogue = &next;
        garbage.push_back(std::move(old));
    }
    bool no_memory = false;
    int published = 0;
    const catalogue::Catalogue* catalogue = nullptr;
    std::vector<catalogue::Garbage> garbage;
};

inline zone::Image image_of(const std::string& apex, std::uint32_t serial) {
    auto image = zone::random::build(
        name(apex),
        {zone::random::record(apex, dns::RrType::soa, ". . " + std::to_string(serial) + " 1 1 1 1"),
         zone::random::record("www." + apex, dns::RrType::a, "192.0.2.1")});
    REQUIRE(image.has_value());
    return *std::move(image);
}

inline NewZone good(const std::string& apex, std::uint32_t serial) {
    NewZone zone;
    zone.apex = name(apex);
    zone.image = image_of(apex, serial);
    zone.records = 2;
    return zone;
}

inline NewZone bad(const std::string& apex) {
    NewZone zone;
    zone.apex = name(apex);
    zone.image = zone::placeholder(name(apex), zone::State::broken);
    zone.reason = catalogue::Reason::refused;
    zone.errors = {{Errc::malformed, "no SOA", {apex + "zone", 3}}};
    return zone;
}

template <class... Zones>
ZoneChanges changes_of(Zones&&... zones) {
    ZoneChanges changes;
    (changes.zones.push_back(std::forward<Zones>(zones)), ...);
    return changes;
}

/// All of them, as a first load gives them.
template <class... Zones>
Served::Replacement whole_of(Zones&&... zones) {
    Served::Replacement all{std::make_unique<catalogue::Catalogue>(8), 0, 0, {}, 0};
    [[maybe_unused]] const auto add = [&](NewZone zone) {
        all.zones += 1;
        all.records += zone.records;
        if (zone.reason) all.not_served.put(zone.apex, *zone.reason, first_error_of(zone));
        all.catalogue->insert({zone.apex, std::move(zone.image)});
    };
    (add(std::forward<Zones>(zones)), ...);
    return all;
}

/// The serial that is served of a zone; nothing: it is not served.
inline std::optional<std::uint32_t> serial_of(const Served& served, const std::string& apex) {
    const auto zone = served.catalogue().find_exact(name(apex));
    if (!zone || zone->state() != zone::State::serving) return std::nullopt;
    return zone->serial();
}

/// A source that says what a test wants.
struct FakeSource : Source {
    const std::string& path() const noexcept override { return name_of_it; }
    Status load(const Look&, LookResult&) override { return {}; }
    Status look_again(const catalogue::Catalogue&, const Look&, LookResult&) override { return {}; }
    void taken() noexcept override { ++takes; }
    void not_taken() noexcept override { ++forgets; }
    std::optional<StoreStand> stand() const noexcept override { return stands; }
    void only_last_is_read() noexcept override {}

    std::string name_of_it = "/a/store";
    int takes = 0, forgets = 0;
    std::optional<StoreStand> stands;
};

/// A log in a file.
class LogFile {
public:
    runtime::Log& log() noexcept { return *log_; }
    /// The events so far, without their times. Ends the log.
    std::string text() {
        log_.reset();
        std::string out;
        std::istringstream lines(testkit::read_file(folder_ / "log"));
        for (std::string line; std::getline(lines, line);)
            out += line.substr(line.find(' ') + 1) + '\n';
        return out;
    }
    ~LogFile() {
        log_.reset();
        ::close(fd_);
    }
    LogFile() = default;
    LogFile(const LogFile&) = delete;
    LogFile& operator=(const LogFile&) = delete;

private:
    testkit::Folder folder_;
    int fd_ = ::open((folder_ / "log").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    std::unique_ptr<runtime::Log> log_ = std::make_unique<runtime::Log>(
        runtime::Log::Options{runtime::Level::info, runtime::LogFormat::text, fd_});
};

}  // namespace zc::node::testing
