#include "edit/changes.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "edit/zone_edit.h"
#include "fold/zone_state.h"
#include "replica/entry.h"

namespace zc::edit {
namespace {

using Done = std::function<void(Result<Outcome>)>;

std::string cut(std::string text) {
    if (text.size() > replica::text_octets_max) text.resize(replica::text_octets_max);
    return text;
}

std::string key_of(dns::NameView name) {
    dns::Name folded(name);
    folded.fold_case();
    return {reinterpret_cast<const char*>(folded.wire().data()), folded.size()};
}

/// Commands on their way through the writer.
class Asking {
public:
    Asking(std::vector<Command> commands, const Asker& asker, Past past)
        : commands_(std::move(commands)), asker_(asker), past_(std::move(past)) {
        asker_.who = cut(asker_.who);
        asker_.where = cut(asker_.where);
        for (const Command& command : commands_)
            if (places_.try_emplace(key_of(command.zone), zones_.size()).second)
                zones_.push_back(command.zone);
    }

    const std::vector<dns::Name>& zones() const noexcept { return zones_; }
    const Asker& asker() const noexcept { return asker_; }
    const std::optional<dns::Name>& missing() const noexcept { return missing_; }

    /// Called again when another process came between.
    Result<std::vector<writer::ZoneChange>> make(const std::vector<writer::ZoneView>& views) {
        missing_.reset();
        EditContext context{asker_.who, asker_.now.nanoseconds / 1'000'000'000, &past_};
        std::vector<ZoneEdit> edits;
        edits.reserve(views.size());
        for (const writer::ZoneView& view : views) edits.emplace_back(view.apex, view.state);
        for (const Command& command : commands_) {
            ZoneEdit& edit = edits[places_.at(key_of(command.zone))];
            const Status status = edit.apply(command, context);
            if (status) continue;
            if (status.error().code == Errc::not_found) missing_ = command.zone;
            return fail(status.error().code, status.error().message, command.where);
        }
        std::vector<writer::ZoneChange> changes;
        for (std::size_t i = 0; i < edits.size(); ++i) {
            ZC_TRY(auto change, edits[i].change());
            if (change) changes.push_back({zones_[i], *std::move(change)});
        }
        if (!asker_.dry_run) return changes;
        ZC_TRY_STATUS(try_out(views, changes));
        return std::vector<writer::ZoneChange>();
    }

    Outcome outcome_of(const writer::Receipt& receipt) const {
        if (asker_.dry_run) return tried_;
        Outcome out;
        out.position = receipt.position;
        for (const writer::ZoneReceipt& zone : receipt.zones)
            out.zones.push_back({zone.apex, zone.differs, zone.differs && zone.version == 0,
                                 zone.serial_before, zone.serial, zone.version});
        return out;
    }

    /// An error of the zone as a whole begins with the name that is wrong. The last command about
    /// that name is the one to look at.
    void locate(Error& error) const {
        if (error.where.line != 0 || !error.where.source.empty()) return;
        for (auto one = commands_.rbegin(); one != commands_.rend(); ++one) {
            const bool has_owner = !one->owner.view().is_root() || one->type != dns::RrType{};
            const dns::Name& name = has_owner ? one->owner : one->zone;
            if (!error.message.starts_with(dns::to_string(name) + ' ')) continue;
            error.where = one->where;
            return;
        }
        if (commands_.size() == 1) error.where = commands_.front().where;
    }

private:
    /// The effect that the changes would have.
    Status try_out(const std::vector<writer::ZoneView>& views,
                   const std::vector<writer::ZoneChange>& changes) {
        tried_ = {};
        zone::ApplyScratch scratch;
        for (const writer::ZoneChange& one : changes) {
            const writer::ZoneView& view = views[places_.at(key_of(one.apex))];
            ZC_TRY(const fold::Advanced advanced,
                   fold::advance(one.apex, view.state, {&one.change, 1}, view.state.version + 1,
                                 scratch));
            const fold::Effect& effect = advanced.effects[0];
            tried_.zones.push_back({one.apex, effect.differs,
                                    effect.differs && !advanced.state.exists(),
                                    effect.serial_before, effect.serial, 0});
        }
        return {};
    }

    std::vector<Command> commands_;
    Asker asker_;
    Past past_;
    std::vector<dns::Name> zones_;               // each once, in the order of commands
    std::map<std::string, std::size_t> places_;  // in `zones_`
    std::optional<dns::Name> missing_;           // a zone that a command named
    Outcome tried_;
};

/// Tells the nearest zone above `missing` that is there, with the error.
void suggest(const dns::Name& missing, Error error, writer::Writer& writer, Done done) {
    writer::Request request;
    for (dns::NameView name = missing; !name.is_root();) {
        name = name.parent();
        request.zones.emplace_back(name);
    }
    if (request.zones.empty()) return done(tl::unexpected<Error>(std::move(error)));
    auto nearest = std::make_shared<std::optional<dns::Name>>();  // of `make`, for `done`
    request.make = [nearest](const std::vector<writer::ZoneView>& views) {
        const auto found = std::ranges::find_if(
            views, [](const writer::ZoneView& view) { return view.state.exists(); });
        if (found != views.end()) nearest->emplace(found->apex);
        return Result<std::vector<writer::ZoneChange>>(std::vector<writer::ZoneChange>());
    };
    writer.submit(std::move(request), [nearest, error = std::move(error),
                                       done = std::move(done)](const Result<writer::Receipt>&) {
        Error told = error;
        if (*nearest) told.message += "; did you mean " + dns::to_string(**nearest) + '?';
        done(tl::unexpected<Error>(std::move(told)));
    });
}

// Answers.

using term::Json;

bool is_refusal(Errc code) noexcept {
    switch (code) {
        case Errc::malformed:
        case Errc::limit:
        case Errc::not_found:
        case Errc::exists:
        case Errc::conflict:
        case Errc::invalid:
        case Errc::unsupported:
            return true;
        case Errc::io:
        case Errc::full:
        case Errc::busy:
        case Errc::timeout:
        case Errc::interrupted:
            break;
    }
    return false;
}

Json json_of(const Error& error) {
    Json json = Json::object();
    json.set("kind", base::to_string(error.code)).set("message", error.message);
    if (!error.where.source.empty()) json.set("source", error.where.source);
    if (error.where.line != 0) json.set("line", Json::number(error.where.line));
    return json;
}

Json json_of(const ZoneOutcome& zone, bool dry_run) {
    const auto number = [](std::uint64_t value) { return Json::number(value); };
    Json json = Json::object();
    json.set("zone", dns::to_string(zone.apex)).set("changed", Json::boolean(zone.changed));
    json.set("removed", Json::boolean(zone.removed));
    json.set("serial_before", number(zone.serial_before)).set("serial", number(zone.serial));
    if (!dry_run) json.set("version", number(zone.version));
    return json;
}

Json begin_answer(const char* outcome, std::uint64_t line) {
    Json json = Json::object();
    if (line != 0) json.set("line", Json::number(line));
    return std::move(json.set("outcome", outcome));
}

/// `line` 0: of all lines.
Json answer_of(const std::vector<Error>& errors, std::uint64_t line) {
    const bool refused =
        std::ranges::all_of(errors, [](const Error& error) { return is_refusal(error.code); });
    Json json = begin_answer(refused ? "refused" : "failed", line);
    Json list = Json::array();
    for (const Error& error : errors) list.add(json_of(error));
    return std::move(json.set("errors", std::move(list)));
}
Json answer_of(const Outcome& outcome, bool dry_run, std::uint64_t line) {
    const bool differs = std::ranges::any_of(outcome.zones, &ZoneOutcome::changed);
    Json json = begin_answer(!differs ? "unchanged" : dry_run ? "would apply" : "applied", line);
    if (!dry_run) json.set("position", Json::number(outcome.position));
    Json list = Json::array();
    for (const ZoneOutcome& zone : outcome.zones) list.add(json_of(zone, dry_run));
    return std::move(json.set("zones", std::move(list)));
}
Json answer_of(const Result<Outcome>& result, bool dry_run, std::uint64_t line) {
    return result ? answer_of(*result, dry_run, line)
                  : answer_of(std::vector<Error>{result.error()}, line);
}

/// The answers to single lines, in their order.
struct Answers {
    std::vector<std::string> lines;
    std::size_t left = 0;
    std::function<void(Answered)> done;

    void take(std::size_t i, const Json& answer) {
        lines[i] = answer.serialize() + '\n';
        if (--left > 0) return;
        Answered all;
        for (const std::string& line : lines) all.body += line;
        done(std::move(all));
    }
};

void handle_each(std::vector<Result<Command>> lines, const Asked& asked, const Past& past,
                 writer::Writer& writer, std::function<void(Answered)> done) {
    if (lines.empty()) return done({});
    auto answers = std::make_shared<Answers>();  // of the callbacks of all requests
    answers->lines.resize(lines.size());
    answers->left = lines.size();
    answers->done = std::move(done);
    const bool dry_run = asked.asker.dry_run;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (!lines[i]) {
            answers->take(
                i, answer_of(std::vector<Error>{lines[i].error()}, lines[i].error().where.line));
            continue;
        }
        const std::uint64_t line = lines[i]->where.line;
        std::vector<Command> commands;
        commands.push_back(*std::move(lines[i]));
        submit(std::move(commands), asked.asker, past, writer,
               [answers, i, line, dry_run](const Result<Outcome>& result) {
                   answers->take(i, answer_of(result, dry_run, line));
               });
    }
}

std::string text_of_zone(const Json& zone, bool dry_run) {
    const std::string apex(zone["zone"].text());
    if (!zone["changed"].truth()) return apex + " unchanged";
    if (zone["removed"].truth()) return apex + (dry_run ? " would be removed" : " removed");
    const std::int64_t before = zone["serial_before"].integer(), serial = zone["serial"].integer();
    std::string out = apex + (dry_run ? " would have serial " : " serial ");
    if (before != 0 && before != serial) out += std::to_string(before) + " -> ";
    out += std::to_string(serial);
    if (!dry_run) out += ", version " + std::to_string(zone["version"].integer());
    return out;
}

}  // namespace

void submit(std::vector<Command> commands, const Asker& asker, Past past, writer::Writer& writer,
            Done done) {
    if (commands.empty()) return done(Outcome{});
    // Shared by the request and by who hears of its end.
    auto asking = std::make_shared<Asking>(std::move(commands), asker, std::move(past));
    writer::Request request;
    request.zones = asking->zones();
    request.who = asking->asker().who;
    request.where = asking->asker().where;
    request.make = [asking](const std::vector<writer::ZoneView>& views) {
        return asking->make(views);
    };
    writer.submit(std::move(request), [asking, &writer, done = std::move(done)](
                                          const Result<writer::Receipt>& receipt) {
        if (receipt) return done(asking->outcome_of(*receipt));
        Error error = receipt.error();
        asking->locate(error);
        if (error.code == Errc::not_found && asking->missing())
            return suggest(*asking->missing(), std::move(error), writer, done);
        done(tl::unexpected<Error>(std::move(error)));
    });
}

void handle_changes(const Asked& asked, const Past& past, writer::Writer& writer,
                    std::function<void(Answered)> done) {
    std::vector<Result<Command>> lines = parse_lines(asked.body, asked.source, asked.first_line);
    if (asked.each) return handle_each(std::move(lines), asked, past, writer, std::move(done));
    std::vector<Command> commands;
    std::vector<Error> errors;
    for (Result<Command>& line : lines) {
        if (line)
            commands.push_back(*std::move(line));
        else
            errors.push_back(std::move(line).error());
    }
    if (!errors.empty())
        return done({status_of(errors.front().code), answer_of(errors, 0).serialize() + '\n'});
    const bool dry_run = asked.asker.dry_run;
    submit(std::move(commands), asked.asker, past, writer,
           [dry_run, done = std::move(done)](const Result<Outcome>& result) {
               done({result ? 200 : status_of(result.error().code),
                     answer_of(result, dry_run, 0).serialize() + '\n'});
           });
}

std::vector<std::string> lines_of(const term::Json& answer) {
    std::vector<std::string> out;
    const std::string_view outcome = answer["outcome"].text();
    for (const Json& error : answer["errors"].elements()) {
        std::string line;
        if (!error["source"].is_null()) line += std::string(error["source"].text()) + ':';
        if (!error["line"].is_null()) line += std::to_string(error["line"].integer()) + ':';
        if (!line.empty()) line += ' ';
        out.push_back(line + std::string(error["kind"].text()) + ": " +
                      std::string(error["message"].text()));
    }
    for (const Json& zone : answer["zones"].elements())
        out.push_back(text_of_zone(zone, answer["position"].is_null()));
    if (out.empty()) out.emplace_back(outcome);
    return out;
}

Answered answer_of(const Error& error) {
    return {status_of(error.code), answer_of(std::vector<Error>{error}, 0).serialize() + '\n'};
}

unsigned status_of(Errc code) noexcept {
    switch (code) {
        case Errc::not_found:
            return 404;
        case Errc::exists:
        case Errc::conflict:
            return 409;
        case Errc::malformed:
        case Errc::limit:
        case Errc::invalid:
        case Errc::unsupported:
            return 422;
        case Errc::busy:
        case Errc::timeout:
        case Errc::interrupted:
            return 503;
        case Errc::full:
            return 507;
        case Errc::io:
            break;
    }
    return 500;
}

}  // namespace zc::edit
