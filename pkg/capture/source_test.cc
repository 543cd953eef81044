#include "capture/source.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <string>
#include <thread>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/packet_builder.h"
#include "capture/reading.h"
#include "capture/sources.h"
#include "dns/presentation.h"
#include "testkit/folder.h"
#include "testkit/script.h"

namespace zc::capture {
namespace {

base::Octets octets_of(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string read_step(const testkit::Step& step) {
    SourceOptions options;
    std::uint64_t behind = 0;
    const auto words = step.words();
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i] == "edns") options.edns = true;
        if (words[i] == "dnssec_ok") options.dnssec_ok = true;
        if (words[i] == "behind") behind = std::stoul(words.at(i + 1));
    }
    auto source = open_input(Input::memory(octets_of(step.body)), options);
    if (!source) return "error " + source.error().text();
    REQUIRE((*source)->resume_behind(behind).has_value());
    const std::string text = text_of(read_all(**source));
    return text.empty() ? "nothing" : text;
}

struct Zones {
    catalogue::Catalogue catalogue{1};

    std::string zone(const testkit::Step& step) {
        zone::Builder builder;
        std::optional<dns::Name> apex;
        const auto report =
            dns::read_master(step.body, {}, [&](const dns::RecordView& record, std::uint64_t) {
                if (!apex) builder.begin(*(apex = dns::Name(record.owner)));
                return builder.add(record);
            });
        for (const Error& error : report.errors) return error.text();
        auto image = builder.build();
        if (!image) return image.error().text();
        catalogue.insert({*apex, *std::move(image)});
        return "ok";
    }
    std::string run(const testkit::Step& step) {
        FromZones options;
        const auto words = step.words();
        for (std::size_t i = 0; i + 1 < words.size(); ++i) {
            if (words[i] == "max") options.queries_max = std::stoul(words[i + 1]);
            if (words[i] == "seed") options.seed = std::stoul(words[i + 1]);
        }
        if (step.directive == "zone") return zone(step);
        if (step.directive == "pending") {
            const auto apex = dns::Name::parse(step.args);
            catalogue.insert({*apex, zone::placeholder(*apex, zone::State::pending)});
            return "ok";
        }
        if (step.directive == "ask") return text_of(read_all(*from_zones(catalogue, options)));
        if (step.directive == "apexes") {
            std::string text;
            for (const Given& query : read_all(*from_zones(catalogue, options)).queries) {
                const std::string question = question_of(query.message);
                std::string folded = question;
                for (char& c : folded)
                    c = static_cast<char>(dns::fold(static_cast<std::uint8_t>(c)));
                if (folded.substr(folded.size() - 4) == " soa") text += folded + "\n";
            }
            return text;
        }
        if (step.directive == "resume") {
            const Reading all = read_all(*from_zones(catalogue, options));
            for (std::size_t i = 0; i <= all.queries.size(); ++i) {
                const auto rest = from_zones(catalogue, options);
                REQUIRE(rest->resume_behind(i == 0 ? 0 : all.queries[i - 1].position).has_value());
                const Reading reading = read_all(*rest);
                REQUIRE(reading.queries.size() == all.queries.size() - i);
                for (std::size_t at = 0; at < reading.queries.size(); ++at) {
                    REQUIRE(reading.queries[at].message == all.queries[i + at].message);
                    REQUIRE(reading.queries[at].position == all.queries[i + at].position);
                    REQUIRE(reading.queries[at].transport == all.queries[i + at].transport);
                }
            }
            return "ok";
        }
        return "no such directive";
    }
};

std::string read_sample(const testkit::Step& step) {
    SourceOptions options;
    const auto words = step.words();
    for (std::size_t i = 1; i < words.size(); ++i) {
        if (words[i] == "answers") options.answers = SourceOptions::Answers::wanted;
        if (words[i] == "port")
            options.port = static_cast<std::uint16_t>(std::stoul(words.at(i + 1)));
    }
    auto source = open_file(testkit::testdata("capture/" + words.at(0)), options);
    if (!source) return "error " + source.error().message;
    return text_of(read_all(**source));
}

}  // namespace

TEST_CASE("real captures are read as testdata/capture/samples.txt says") {
    testkit::run_script("capture/samples.txt", [](const testkit::Step& step) {
        return step.directive == "read" ? read_sample(step) : "no such directive";
    });
}

TEST_CASE("text is read as testdata/capture/text.txt says") {
    testkit::run_script("capture/text.txt", [](const testkit::Step& step) {
        return step.directive == "read" ? read_step(step) : "no such directive";
    });
}

TEST_CASE("zones suggest what testdata/capture/zones.txt says") {
    Zones zones;
    testkit::run_script("capture/zones.txt",
                        [&](const testkit::Step& step) { return zones.run(step); });
}

TEST_CASE("a batch keeps its octets when it grows and when it moves") {
    Batch batch;
    std::vector<std::uint8_t> message(12), answer(60000);
    for (std::size_t i = 0; i < Batch::queries_max; ++i) {
        REQUIRE(!batch.full());
        message[0] = static_cast<std::uint8_t>(i);
        answer[0] = answer[59999] = static_cast<std::uint8_t>(i);
        batch.add({.message = message,
                   .recorded = i % 3 == 0 ? base::Octets(answer) : base::Octets{},
                   .position = i + 1});
    }
    CHECK(batch.full());
    const Batch moved = std::move(batch);
    REQUIRE(moved.size() == Batch::queries_max);
    for (std::size_t i = 0; i < Batch::queries_max; ++i) {
        const Query& query = moved.queries()[i];
        REQUIRE(query.message.size() == 12);
        CHECK(query.message[0] == static_cast<std::uint8_t>(i));
        REQUIRE(query.recorded.size() == (i % 3 == 0 ? 60000 : 0));
        if (i % 3 == 0) CHECK(query.recorded[59999] == static_cast<std::uint8_t>(i));
        CHECK(query.position == i + 1);
    }
}

TEST_CASE("every reason to skip has a name of its own") {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < skipped_count; ++i)
        names.emplace_back(to_string(static_cast<Skipped>(i)));
    std::ranges::sort(names);
    CHECK(std::ranges::adjacent_find(names) == names.end());
    CHECK(names.front() != "");
}

TEST_CASE("a text of many blocks is read whole, with lines that are too long") {
    std::string text;
    for (int i = 0; i < 50000; ++i) {
        text += "n" + std::to_string(i) + ".example. A\n";
        if (i % 10000 == 0) text += std::string(5000, 'x') + " A\n";
        if (i % 10000 == 1) text += std::string(700000, 'y') + " A\n";  // longer than a block
    }
    auto source = open_input(Input::memory(octets_of(text)), {});
    REQUIRE(source.has_value());
    const Reading reading = read_all(**source);
    CHECK(reading.queries.size() == 50000);
    CHECK(text_of(reading.counts) == "bad-line 10\n");
    CHECK(reading.queries.back().position == 50010);
    CHECK(question_of(reading.queries.back().message) == "n49999.example. A");
}

TEST_CASE("a text goes on behind any of its lines") {
    std::string text = "; comment\n";
    for (int i = 0; i < 700; ++i)
        text += i % 7 == 3 ? "\n" : "n" + std::to_string(i) + ".example. A\n";
    auto first = open_input(Input::memory(octets_of(text)), {});
    const Reading all = read_all(**first);
    REQUIRE(all.queries.size() == 600);
    for (const std::size_t i : {0U, 1U, 2U, 255U, 256U, 257U, 599U}) {
        auto source = open_input(Input::memory(octets_of(text)), {});
        REQUIRE((*source)->resume_behind(all.queries[i].position).has_value());
        const Reading rest = read_all(**source);
        REQUIRE(rest.queries.size() == 599 - i);
        if (i < 599) CHECK(rest.queries[0].message == all.queries[i + 1].message);
    }
}

TEST_CASE("a file is opened by what is in it, a pipe too") {
    const testkit::Folder folder;
    CHECK(open_file(folder / "none", {}).error().code == Errc::not_found);
    testkit::write_file(folder / "text", "a.example A\nb.example A\n");
    auto text = open_file(folder / "text", {});
    REQUIRE(text.has_value());
    CHECK(read_all(**text).queries.size() == 2);
    CHECK((*text)->expected() == 2);
    CHECK((*text)->resumable());
    const int fd = ::open((folder / "text").c_str(), O_RDONLY | O_CLOEXEC);
    auto by_number = open_file("/dev/fd/" + std::to_string(fd), {});
    REQUIRE(by_number.has_value());
    CHECK(read_all(**by_number).queries.size() == 2);
    CHECK_FALSE((*by_number)->resumable());
    ::close(fd);

    building::PcapFile pcap;
    pcap.add(building::udp_packet(building::ends(), building::query("a.example.")));
    const std::string octets(pcap.octets().begin(), pcap.octets().end());
    testkit::write_file(folder / "pcap", octets);
    CHECK(read_all(**open_file(folder / "pcap", {})).queries.size() == 1);

    REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
    std::FILE* const writer =
        ::popen(("cat " + (folder / "pcap") + " > " + (folder / "pipe")).c_str(), "w");
    REQUIRE(writer != nullptr);
    auto pipe = open_file(folder / "pipe", {});
    REQUIRE(pipe.has_value());
    CHECK_FALSE((*pipe)->resumable());
    CHECK(read_all(**pipe).queries.size() == 1);
    CHECK(::pclose(writer) == 0);
}

TEST_CASE("what is compressed is read through a pipe too, and to where it is cut off") {
    const testkit::Folder folder;
    const std::string sample = testkit::testdata("capture/loopback.pcapng.zst");
    const std::string octets = testkit::read_testdata("capture/loopback.pcapng.zst");
    SourceOptions options;
    options.port = 32970;
    auto whole = open_file(sample, options);
    REQUIRE(whole.has_value());
    CHECK((*whole)->resumable());
    const Reading all = read_all(**whole);
    CHECK(all.queries.size() == 11);
    CHECK((*whole)->expected() == 11);

    auto resumed = open_file(sample, options);
    REQUIRE((*resumed)->resume_behind(all.queries[4].position).has_value());
    CHECK(read_all(**resumed).queries.size() == 6);

    REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
    std::FILE* const writer =
        ::popen(("cat '" + sample + "' > '" + (folder / "pipe") + "'").c_str(), "w");
    REQUIRE(writer != nullptr);
    auto pipe = open_file(folder / "pipe", options);
    REQUIRE(pipe.has_value());
    CHECK_FALSE((*pipe)->resumable());
    CHECK(read_all(**pipe).queries.size() == 11);
    CHECK(::pclose(writer) == 0);

    const std::string packed = testkit::read_testdata("capture/queries.pcap.gz");
    testkit::write_file(folder / "cut", packed.substr(0, packed.size() - 8));
    auto cut = open_file(folder / "cut", {});
    REQUIRE(cut.has_value());
    const Reading before = read_all(**cut);
    CHECK(before.queries.size() == 1);
    CHECK(before.error.find("the gzip data is cut off") != std::string::npos);
    // Less than a header: nothing can be told of it.
    testkit::write_file(folder / "head", octets.substr(0, 9));
    CHECK(open_file(folder / "head", options).error().message == "the zstd data is cut off");
    testkit::write_file(folder / "empty", "");
    auto empty = open_file(folder / "empty", options);
    REQUIRE(empty.has_value());
    CHECK(read_all(**empty).queries.empty());
}

TEST_CASE("a text that only begins like something compressed is a text") {
    for (const std::string text : {"BZh A\n", "BZh91.example A\n", "B A\n"}) {
        auto source = open_input(Input::memory(octets_of(text)), {});
        REQUIRE(source.has_value());
        CHECK(read_all(**source).queries.size() == 1);
    }
}

TEST_CASE("a pipe that gives nothing is left when that is asked for") {
    const testkit::Folder folder;
    REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
    const int writer = ::open((folder / "pipe").c_str(), O_RDWR | O_CLOEXEC);
    REQUIRE(writer >= 0);
    constexpr std::string_view lines = "a.example A\nb.example A\n";
    REQUIRE(::write(writer, lines.data(), lines.size()) == ssize_t{lines.size()});
    std::atomic<bool> stop{false};
    SourceOptions options;
    options.stop_or_null = &stop;
    auto source = open_file(folder / "pipe", options);
    REQUIRE(source.has_value());
    std::thread stops([&stop] {
        ::poll(nullptr, 0, 50);
        stop = true;
    });
    Batch batch;
    CHECK((*source)->read(batch).has_value());
    CHECK(batch.size() == 2);
    const Status status = (*source)->read(batch);
    REQUIRE_FALSE(status.has_value());
    CHECK(status.error().code == Errc::interrupted);
    CHECK((*source)->ended());
    stops.join();
    ::close(writer);
}

TEST_CASE("what a slow pipe has given is not kept back for what it may give") {
    const testkit::Folder folder;
    REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
    const int writer = ::open((folder / "pipe").c_str(), O_RDWR | O_CLOEXEC);
    REQUIRE(writer >= 0);
    const auto write_text = [&](std::string_view text) {
        REQUIRE(::write(writer, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    };
    std::atomic<bool> stop{false}, done{false};
    std::thread stops([&] {
        for (int i = 0; i < 500 && !done; ++i) ::poll(nullptr, 0, 10);
        stop = true;
    });
    SourceOptions options;
    options.stop_or_null = &stop;
    write_text("a A\n");  // fewer octets than a header of a capture has
    auto source = open_file(folder / "pipe", options);
    REQUIRE(source.has_value());
    Batch batch;
    for (const std::string_view text :
         {std::string_view(), std::string_view("b A\nc A\nd"), std::string_view(" A\n")}) {
        write_text(text);
        CHECK((*source)->read(batch).has_value());
        CHECK(batch.size() == (text.size() > 4 ? 2 : 1));
    }
    CHECK_FALSE(stop);
    done = true;
    stops.join();
    ::close(writer);
}

}  // namespace zc::capture
