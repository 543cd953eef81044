#include "results/results.h"

#include <cstdint>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/seed.h"
#include "dns/message.h"
#include "sqlite/sqlite.h"
#include "testkit/folder.h"
#include "testkit/killed.h"
#include "testkit/script.h"
#include "testkit/small_disk.h"

namespace {

using namespace zc::judge;
using namespace zc::ask;
using namespace zc::results;  // NOLINT(google-build-using-namespace): the package under test
using zc::Errc;
using zc::base::Duration;
using zc::base::Instant;
using zc::base::Seed;
using zc::compare::Verdict;
using zc::compare::What;
using zc::compare::Where;
using zc::testkit::Folder;
using zc::testkit::Step;

/// Times of the tests: seconds after a day of 2026.
Instant at(std::int64_t seconds) {
    return {(1'767'225'600 + seconds) * 1'000'000'000};
}
std::string text(Instant instant) {
    return std::to_string(instant.nanoseconds / 1'000'000'000 - 1'767'225'600);
}

std::vector<std::uint8_t> query(const std::string& name, const std::string& type) {
    return zc::dns::encode_query(zc::dns::Name::parse(name).value(),
                                 zc::dns::parse_type(type).value(), {});
}

Results opened(const std::string& path) {
    auto results = Results::open(path);
    REQUIRE_MESSAGE(results, results.error().text());
    return *std::move(results);
}

/// By value: what stands in the head of a loop has to live as long as it.
template <class T>
T got(zc::Result<T> result) {
    REQUIRE_MESSAGE(result, result.error().text());
    return *std::move(result);
}

RunInfo info_of(const std::string& source) {
    RunInfo run;
    run.started = at(0);
    run.source = source;
    run.older = "192.0.2.1";
    run.newer = "store:new.db";
    run.settings = "{}";
    return run;
}

/// The same difference in every tenth question.
Stretch stretch(std::uint64_t first, std::uint64_t last) {
    Stretch out;
    out.first = first;
    out.last = last;
    for (std::uint64_t i = first; i <= last; ++i) {
        ++out.sums.asked;
        ++out.sums.compared;
        if (i % 10 != 0) {
            ++out.sums.same;
            continue;
        }
        ++out.sums.by_what[0];
        const auto verdict = i % 20 == 0 ? Verdict::undecided : Verdict::both_legal;
        out.cases.add({"cause", What::rcode, Where::exact, verdict, 1});
        Sample sample;
        sample.position = i;
        sample.query = query("n" + std::to_string(i) + ".example.", "A");
        sample.judgement.verdict = verdict;
        sample.judgement.what = What::rcode;
        sample.judgement.where = Where::exact;
        sample.cause = "cause";
        out.samples.push_back(sample);
    }
    return out;
}

std::vector<Stretch> one(Stretch value) {
    std::vector<Stretch> out;
    out.push_back(std::move(value));
    return out;
}

/// Everything in the file fits everything else.
void check_whole(const std::string& path) {
    auto results = Results::open_read_only(path);
    REQUIRE_MESSAGE(results, results.error().text());
    Sums of_runs;
    for (const RunInfo& run : got(results->runs())) {
        CHECK(run.sums.balanced());
        Sums of_minutes;
        for (const Minute& minute : got(results->minutes(run.id))) of_minutes.add(minute.sums);
        CHECK(of_minutes.asked == run.sums.asked);
        CHECK(of_minutes.explained == run.sums.explained);
        CHECK(of_minutes.unexplained == run.sums.unexplained);
        CHECK(of_minutes.by_what == run.sums.by_what);
        std::uint64_t explained = 0;
        std::uint64_t unexplained = 0;
        for (const CaseInfo& info : got(results->cases(run.id)))
            (info.explained() ? explained : unexplained) += info.count;
        CHECK(explained == run.sums.explained);
        CHECK(unexplained == run.sums.unexplained);
        of_runs.add(run.sums);
    }
    const Summary summary = results->summary().value();
    CHECK(summary.sums.asked == of_runs.asked);
    CHECK(summary.sums.unexplained == of_runs.unexplained);
}

// ------------------------------------------------------------------------------------------- text

std::vector<std::string> split(const std::string& line, char separator) {
    std::vector<std::string> out;
    std::istringstream in(line);
    for (std::string part; std::getline(in, part, separator);) {
        const auto from = part.find_first_not_of(' ');
        const auto to = part.find_last_not_of(' ');
        out.push_back(from == std::string::npos ? "" : part.substr(from, to - from + 1));
    }
    return out;
}

class Script {
public:
    std::string run(const Step& step) {
        const auto words = step.words();
        const auto number = [&words](std::size_t i) {
            return i < words.size() ? std::stoull(words[i]) : 0;
        };
        std::optional<std::uint64_t> one_run;
        if (!words.empty() && words[0].find_first_not_of("0123456789") == std::string::npos)
            one_run = number(0);
        if (step.directive == "begin" || step.directive == "unfinished") {
            RunInfo info = info_of(words.at(0));
            if (words.size() > 1) info.started = at(static_cast<std::int64_t>(number(1)));
            if (step.directive == "begin") {
                const auto id = results_.begin(info);
                return id ? "run " + std::to_string(*id) : id.error().text();
            }
            const auto found = results_.unfinished(info);
            if (!found) return found.error().text();
            return *found ? line_of(**found) : "none";
        }
        if (step.directive == "add") return status(add(step, number(0), number(1)));
        if (step.directive == "finish") return status(results_.finish(number(0), at(9999)));
        if (step.directive == "accept")
            return status(
                results_.accept(number(0), step.args.substr(step.args.find(' ') + 1), at(5000)));
        if (step.directive == "unaccept") return status(results_.unaccept(number(0)));
        if (step.directive == "reopen") {
            results_ = opened(path_);
            return "ok";
        }
        std::string out;
        if (step.directive == "runs") {
            for (const RunInfo& run : got(results_.runs())) out += line_of(run) + '\n';
        } else if (step.directive == "cases") {
            for (const CaseInfo& info : got(results_.cases(one_run))) out += line_of(info);
        } else if (step.directive == "minutes") {
            for (const Minute& minute : got(results_.minutes(one_run)))
                out += text(minute.begin) + " run " + std::to_string(minute.run) + " from " +
                       text(minute.first) + " to " + text(minute.last) + ": " +
                       sums_of(minute.sums) + '\n';
        } else if (step.directive == "samples") {
            const auto samples = results_.samples(number(0));
            if (!samples) return samples.error().message;
            for (const Sample& sample : *samples) {
                out += std::to_string(sample.position) + ' ' + text(sample.at) + ' ' +
                       std::string(zc::dns::to_string(sample.transport)) + ' ' +
                       std::to_string(sample.query.size()) + '/' +
                       std::to_string(sample.older.size()) + '/' +
                       std::to_string(sample.newer.size()) + '/' +
                       std::to_string(sample.referee.size()) + ' ' + sample.judgement.sentence;
                for (const std::string& facet : sample.facets) out += " [" + facet + ']';
                out += '\n';
            }
        } else if (step.directive == "summary") {
            const auto summary = results_.summary(one_run);
            if (!summary) return summary.error().message;
            out = sums_of(summary->sums) + "\ncases " + std::to_string(summary->cases) +
                  ", unexplained " + std::to_string(summary->unexplained_cases) +
                  "\nlast unexplained " +
                  (summary->last_unexplained ? text(*summary->last_unexplained) : "never") +
                  ", clean for " + std::to_string(summary->clean.whole_seconds()) + " s\n";
        } else {
            return "no such directive";
        }
        return out.empty() ? "none" : out;
    }

private:
    static std::string status(const zc::Status& status) {
        return status ? "ok"
                      : std::string(to_string(status.error().code)) + ": " + status.error().message;
    }

    static std::string sums_of(const Sums& sums) {
        return "asked " + std::to_string(sums.asked) + ", compared " +
               std::to_string(sums.compared) + ", same " + std::to_string(sums.same) +
               ", explained " + std::to_string(sums.explained) + ", unexplained " +
               std::to_string(sums.unexplained);
    }
    static std::string line_of(const RunInfo& run) {
        return "run " + std::to_string(run.id) + ' ' + run.source +
               (run.finished ? " finished" : "") + " at " + std::to_string(run.position) + ": " +
               sums_of(run.sums);
    }
    static std::string line_of(const CaseInfo& info) {
        std::string out = std::to_string(info.id) + " × " + std::to_string(info.count) + ' ' +
                          std::string(to_string(info.what)) + ", " +
                          std::string(to_string(info.where)) + ", " +
                          std::string(to_string(info.verdict)) + " \"" + info.cause + "\" runs " +
                          std::to_string(info.first_run) + "-" + std::to_string(info.last_run) +
                          " seen " + text(info.first_seen) + "-" + text(info.last_seen);
        if (info.samples > 0)
            out += ", " + std::to_string(info.samples) + " samples: " + info.example;
        if (info.rule) out += ", " + std::string(zc::compare::row_of(*info.rule).name);
        if (info.accepted) out += ", accepted: " + *info.accepted;
        return out + '\n';
    }

    /// Body: "stretch 1-100 same=90 timed_out=2", then "case 3 | what | where | verdict | cause",
    /// "sample POSITION NAME TYPE | what | where | verdict | cause | facet".
    zc::Status add(const Step& step, std::uint64_t run, std::uint64_t seconds) {
        std::vector<Stretch> stretches;
        std::istringstream body(step.body);
        for (std::string line; std::getline(body, line);) {
            std::istringstream words(line);
            std::string word;
            words >> word;
            if (word == "stretch") {
                Stretch stretch;
                char dash = 0;
                words >> stretch.first >> dash >> stretch.last;
                stretch.sums.asked = stretch.last == 0 ? 0 : stretch.last - stretch.first + 1;
                stretch.sums.compared = stretch.sums.asked;
                while (words >> word) {
                    const std::string name = word.substr(0, word.find('='));
                    const std::uint64_t value = std::stoull(word.substr(word.find('=') + 1));
                    if (name == "same") stretch.sums.same = value;
                    if (name == "asked") stretch.sums.asked = value;
                    if (name == "timed_out") {
                        stretch.sums.timed_out = value;
                        stretch.sums.compared -= value;
                    }
                }
                stretches.push_back(stretch);
                continue;
            }
            const auto parts = split(line, '|');
            const auto what = zc::compare::parse_what(parts.at(1)).value();
            const auto where = zc::compare::parse_where(parts.at(2)).value();
            const auto verdict = zc::compare::parse_verdict(parts.at(3)).value();
            if (word == "case") {
                std::uint64_t count = 0;
                words >> count;
                stretches.back().cases.add({parts.at(4), what, where, verdict, count});
            } else {
                Sample sample;
                std::string name;
                std::string type;
                words >> sample.position >> name >> type;
                sample.at = at(static_cast<std::int64_t>(seconds));
                sample.transport = zc::dns::Transport::tcp;
                sample.query = query(name, type);
                sample.older = {1, 2, 3};
                sample.cause = parts.at(4);
                sample.judgement = {verdict, what, where, std::nullopt, "because", "RFC 1034"};
                if (parts.size() > 5) sample.facets = {parts[5], "second"};
                stretches.back().samples.push_back(sample);
            }
        }
        return results_.add(run, std::move(stretches), at(static_cast<std::int64_t>(seconds)));
    }

    Folder folder_;
    std::string path_ = folder_ / "r.db";
    Results results_ = opened(path_);
};

}  // namespace

TEST_CASE("results behave as their scripts say") {
    zc::testkit::run_scripts("results", [] {
        auto script = std::make_shared<Script>();
        return [script](const Step& step) { return script->run(step); };
    });
}

TEST_CASE("every counter of a run comes back as it was kept") {
    const Folder folder;
    Results results = opened(folder / "r.db");
    const std::uint64_t run = results.begin(info_of("q")).value();
    Stretch all;
    all.first = 1;
    all.last = 100;
    std::uint64_t next = 1;
    Sums& sums = all.sums;
    sums.compared = 60;
    sums.timed_out = 20;
    sums.dropped = 15;
    sums.malformed = 5;
    sums.asked = 100;
    sums.same = 17;
    sums.identical = 3;
    const auto fill = [&next](auto& counters) {
        for (auto& counter : counters) counter = next++ * 1'000'000'007;
    };
    fill(sums.by_rule);
    fill(sums.by_what);
    fill(sums.by_where);
    fill(sums.by_verdict);
    for (auto& counters : sums.stray) fill(counters);
    fill(sums.timeouts);
    fill(sums.repeats);
    sums.unconfirmed = 3;
    REQUIRE(results.add(run, one(all), at(5)));
    const auto same_as_kept = [&all](const Sums& got) {
        CHECK(got.asked == all.sums.asked);
        CHECK(got.compared == all.sums.compared);
        CHECK(got.timed_out == all.sums.timed_out);
        CHECK(got.dropped == all.sums.dropped);
        CHECK(got.malformed == all.sums.malformed);
        CHECK(got.same == all.sums.same);
        CHECK(got.identical == all.sums.identical);
        CHECK(got.by_rule == all.sums.by_rule);
        CHECK(got.by_what == all.sums.by_what);
        CHECK(got.by_where == all.sums.by_where);
        CHECK(got.by_verdict == all.sums.by_verdict);
        CHECK(got.stray == all.sums.stray);
        CHECK(got.timeouts == all.sums.timeouts);
        CHECK(got.repeats == all.sums.repeats);
        CHECK(got.unconfirmed == 3);
    };
    same_as_kept(results.runs().value().front().sums);
    same_as_kept(results.minutes().value().front().sums);
}

TEST_CASE("a sample comes back with every octet") {
    const Folder folder;
    Results results = opened(folder / "r.db");
    const std::uint64_t run = results.begin(info_of("q")).value();
    Stretch value = stretch(10, 10);
    Sample& sample = value.samples.front();
    sample.at = at(77);
    sample.transport = zc::dns::Transport::tcp;
    sample.older = {0, 255, 1};
    sample.newer = std::vector<std::uint8_t>(65535, 7);
    sample.referee = {9};
    sample.judgement.rule = zc::compare::Rule::any_subset;
    sample.judgement.sentence = "who is \"right\"\n; DROP TABLE cases";
    sample.judgement.clause = "RFC 8482";
    sample.facets = {"rcode=NOERROR/NXDOMAIN", "aa=1/0"};
    const Sample kept = sample;
    REQUIRE(results.add(run, one(value), at(80)));
    const auto samples = results.samples(1).value();
    REQUIRE(samples.size() == 1);
    CHECK(samples[0].position == kept.position);
    CHECK(samples[0].at == kept.at);
    CHECK(samples[0].transport == kept.transport);
    CHECK(samples[0].query == kept.query);
    CHECK(samples[0].older == kept.older);
    CHECK(samples[0].newer == kept.newer);
    CHECK(samples[0].referee == kept.referee);
    CHECK(samples[0].judgement.rule == kept.judgement.rule);
    CHECK(samples[0].judgement.verdict == kept.judgement.verdict);
    CHECK(samples[0].judgement.sentence == kept.judgement.sentence);
    CHECK(samples[0].judgement.clause == kept.judgement.clause);
    CHECK(samples[0].facets == kept.facets);
    CHECK(samples[0].cause == kept.cause);
}

TEST_CASE("of a case that never ends only the first samples are kept, and every one is counted") {
    const Folder folder;
    Results results = opened(folder / "r.db");
    const std::uint64_t run = results.begin(info_of("q")).value();
    for (std::uint64_t i = 0; i < 20; ++i)
        REQUIRE(results.add(run, one(stretch(i * 100 + 1, i * 100 + 100)), at(1)));
    const auto cases = results.cases().value();
    REQUIRE(cases.size() == 2);
    for (const CaseInfo& info : cases) {
        CHECK(info.count == 100);
        CHECK(info.samples == Results::samples_kept_max);
        CHECK(results.samples(info.id).value().size() == Results::samples_kept_max);
    }
    CHECK_FALSE(cases[0].explained());
    CHECK(cases[1].explained());
    check_whole(folder / "r.db");
}

TEST_CASE("a file of something else, or of a newer format, is refused and left as it is") {
    const Folder folder;
    const auto code_of = [](const auto& result) {
        REQUIRE_FALSE(result);
        return result.error().code;
    };
    const auto both = [&](const std::string& path) {
        const std::string before = zc::testkit::read_file(path);
        CHECK(code_of(Results::open(path)) == Errc::unsupported);
        CHECK(code_of(Results::open_read_only(path)) == Errc::unsupported);
        CHECK(zc::testkit::read_file(path) == before);
    };
    zc::testkit::write_file(folder / "text", std::string(5000, 'x'));
    both(folder / "text");
    {
        auto database =
            zc::sqlite::Database::open(folder / "other", zc::sqlite::Database::Mode::create);
        REQUIRE(database);
        REQUIRE(database->execute("CREATE TABLE t(x)"));
    }
    both(folder / "other");
    opened(folder / "newer");
    {
        auto database =
            zc::sqlite::Database::open(folder / "newer", zc::sqlite::Database::Mode::read_write);
        REQUIRE(database);
        REQUIRE(database->execute("PRAGMA user_version=2"));
    }
    both(folder / "newer");
    CHECK(Results::open(folder / "newer").error().message ==
          "results of format 2, this zonectl knows 1; a newer zonectl made them");
    CHECK(code_of(Results::open_read_only(folder / "none")) == Errc::not_found);
    CHECK(code_of(Results::open(folder / "none/r.db")) == Errc::not_found);
    // An empty file belongs to nobody yet.
    zc::testkit::write_file(folder / "empty", "");
    CHECK(code_of(Results::open_read_only(folder / "empty")) == Errc::unsupported);
    CHECK(Results::open(folder / "empty"));
}

TEST_CASE("sums that were tampered with are an error, not wrong numbers") {
    const Folder folder;
    const std::string path = folder / "r.db";
    {
        Results results = opened(path);
        const std::uint64_t run = results.begin(info_of("q")).value();
        REQUIRE(results.add(run, one(stretch(1, 10)), at(1)));
    }
    for (const char* bad : {"asked", "asked=x", "asked=1x", "asked=-1", "nothing=1", "=",
                            "asked=99999999999999999999999"}) {
        auto database = zc::sqlite::Database::open(path, zc::sqlite::Database::Mode::read_write);
        REQUIRE(database);
        REQUIRE(database->execute(std::string("UPDATE runs SET tally='") + bad + "'"));
        auto results = Results::open_read_only(path);
        REQUIRE(results);
        const auto runs = results->runs();
        REQUIRE_FALSE(runs);
        CHECK(runs.error().code == Errc::malformed);
        CHECK_FALSE(results->summary());
    }
}

TEST_CASE("one at a time writes results, and of one pair") {
    const Folder folder;
    const RunInfo info = info_of("q");
    {
        Results first = opened(folder / "r.db"), second = opened(folder / "r.db");
        REQUIRE(first.claim(info.older, info.newer));
        const auto refused = second.claim(info.older, info.newer);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == zc::Errc::busy);
        REQUIRE(first.begin(info));
    }
    Results later = opened(folder / "r.db");
    const auto other = later.claim(info.older, "192.0.2.99");
    REQUIRE_FALSE(other);
    CHECK(other.error().code == zc::Errc::exists);
    CHECK(later.claim(info.older, info.newer));
    check_whole(folder / "r.db");
}

TEST_CASE("opened to be read, results cannot be changed") {
    const Folder folder;
    const std::string path = folder / "r.db";
    Results results = opened(path);
    const std::uint64_t run = results.begin(info_of("q")).value();
    REQUIRE(results.add(run, one(stretch(1, 20)), at(1)));
    auto reader = Results::open_read_only(path);
    REQUIRE(reader);
    CHECK(reader->cases().value().size() == 2);
    CHECK(reader->accept(1, "no", at(2)).error().code == Errc::io);
    CHECK(reader->add(run, one(stretch(21, 30)), at(2)).error().code == Errc::io);
    // And what the writer adds is seen.
    REQUIRE(results.add(run, one(stretch(21, 40)), at(2)));
    CHECK(reader->summary().value().sums.asked == 40);
}

TEST_CASE("killed at any moment, results are whole and hold exactly what their position says") {
    Seed seed(77);
    const Folder folder;
    const std::string path = folder / "r.db";
    std::uint64_t most = 0;
    for (int crash = 0; crash < 15; ++crash) {
        int ends[2];
        REQUIRE(::pipe(ends) == 0);
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            ::close(ends[0]);
            auto results = Results::open(path);
            if (!results) ::_exit(1);
            auto found = results->unfinished(info_of("q"));
            if (!found) ::_exit(1);
            std::uint64_t position = 0;
            std::uint64_t run = 0;
            if (*found) {
                position = (**found).position;
                run = (**found).id;
            } else {
                const auto begun = results->begin(info_of("q"));
                if (!begun) ::_exit(1);
                run = *begun;
            }
            for (;;) {
                std::vector<Stretch> some;
                some.push_back(stretch(position + 1, position + 40));
                some.push_back(stretch(position + 41, position + 77));
                if (!results->add(run, std::move(some), at(static_cast<std::int64_t>(position))))
                    ::_exit(1);
                position += 77;
                const char byte = 1;
                if (::write(ends[1], &byte, 1) != 1) ::_exit(1);
            }
        }
        ::close(ends[1]);
        const std::uint64_t wait_for = seed.below(4);
        const zc::base::Duration more{static_cast<std::int64_t>(seed.below(4'000'000))};
        const std::uint64_t acknowledged = zc::testkit::kill_after(child, ends[0], wait_for, more);

        opened(path);  // takes over what the write-ahead log has
        check_whole(path);
        auto results = Results::open_read_only(path);
        REQUIRE(results);
        const auto runs = results->runs().value();
        CHECK(runs.size() <= 1);
        if (runs.empty()) continue;
        const RunInfo& run = runs.front();
        CHECK(run.position % 77 == 0);
        CHECK(run.position >= most + acknowledged * 77);
        CHECK(run.position <= most + acknowledged * 77 + 77);
        CHECK(run.sums.asked == run.position);
        CHECK(run.sums.unexplained == run.position / 20);
        CHECK(run.sums.explained == (run.position + 10) / 20);
        most = run.position;
    }
    CHECK(most > 0);
}

TEST_CASE("a full disk refuses the stretch, says so, and what was kept stays whole") {
    const Folder folder;
    const std::string path = folder / "r.db";
    CHECK(zc::testkit::on_small_disk(folder / ".", "size=2m", [&]() -> std::string {
              auto results = Results::open(path);
              if (!results) return results.error().text();
              const auto run = results->begin(info_of("q"));
              if (!run) return run.error().text();
              std::uint64_t position = 0;
              for (int i = 0; i < 2000; ++i) {
                  Stretch value = stretch(position + 1, position + 10);
                  CaseCount other = value.cases[0];
                  other.cause = value.samples.front().cause = "cause " + std::to_string(i);
                  value.cases = {};
                  value.cases.add(other);
                  value.samples.front().newer.assign(20'000, 5);
                  const auto status = results->add(*run, one(value), at(i));
                  if (status) {
                      position += 10;
                      continue;
                  }
                  if (status.error().code != Errc::full) return status.error().text();
                  const auto info = results->one_run(*run);
                  if (!info) return info.error().text();
                  if (info->position != position || info->sums.asked != position)
                      return "position " + std::to_string(info->position) + ", wanted " +
                             std::to_string(position);
                  return position > 0 ? "" : "nothing fitted";
              }
              return "the disk never was full";
          }) == "");
}
