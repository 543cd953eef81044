// zonectl zone check, print, compile: zone files without a node.
#include "zone/zone.h"

#include <cstdio>
#include <filesystem>
#include <memory>

#include "dns/name.h"
#include "dns/presentation.h"
#include "ingest/zone_files.h"
#include "verbs.h"
#include "whole_file.h"

namespace zc::cmd {
namespace {

struct ZoneOptions {
    std::string origin;
    std::uint32_t default_ttl = ingest::ZoneFileOptions().default_ttl;
    std::vector<std::string> files;
    std::string output;
    bool strict = false;
};

CLI::Option* add_origin(CLI::App& app, ZoneOptions& options) {
    add_number(app, dns::default_ttl_limit, options.default_ttl,
               "TTL of records if the file gives none");
    return add_text(app, "--origin", options.origin, "NAME",
                    "Apex of the zone; default: from the file's name, ORIGIN.zone",
                    [](const std::string& text) {
                        const auto name = dns::Name::parse(text);
                        return name ? std::string() : name.error().message;
                    });
}

Result<dns::Name> apex_of(const ZoneOptions& options, const std::string& path) {
    if (!options.origin.empty()) return dns::Name::parse(options.origin);
    auto apex = ingest::apex_of_file(std::filesystem::path(path).filename().string());
    if (!apex)
        return fail(apex.error().code, apex.error().message + "; --origin NAME tells the apex",
                    {path});
    return apex;
}

ingest::LoadedZone load(const ZoneOptions& options, const std::string& path, const dns::Name& apex,
                        ingest::Warnings warnings) {
    ingest::ZoneFileOptions file_options;
    file_options.default_ttl = options.default_ttl;
    file_options.warnings = warnings;
    if (options.strict) file_options.misplaced = ingest::Misplaced::refuse_zone;
    return ingest::load_zone_file(path, apex, file_options);
}

/// The file itself could not be read: that is no answer about the zone.
bool unreadable(const ingest::LoadedZone& zone) {
    for (const Error& error : zone.errors)
        if (error.where.line == 0 && (error.code == Errc::io || error.code == Errc::not_found))
            return true;
    return false;
}

term::Json json_of(const std::string& path, const dns::Name& apex, const ingest::LoadedZone& zone) {
    term::Json errors = term::Json::array();
    for (const Error& error : zone.errors) {
        term::Json json = term::Json::object();
        json.set("file", error.where.source).set("line", term::Json::number(error.where.line));
        json.set("kind", base::to_string(error.code)).set("message", error.message);
        errors.add(std::move(json));
    }
    term::Json warnings = term::Json::array();
    for (const auto* list : {&zone.left_out, &zone.oddities}) {
        for (const Error& warning : *list) {
            term::Json json = term::Json::object();
            json.set("file", warning.where.source);
            json.set("line", term::Json::number(warning.where.line));
            json.set("message", warning.message);
            warnings.add(std::move(json));
        }
    }
    for (const zone::Warning& warning : zone.warnings) {
        term::Json json = term::Json::object();
        json.set("owner", dns::to_string(warning.owner)).set("message", warning.message);
        warnings.add(std::move(json));
    }
    term::Json json = term::Json::object();
    json.set("file", path).set("zone", dns::to_string(apex));
    json.set("ok", term::Json::boolean(zone.errors.empty()));
    json.set("records", term::Json::number(zone.records));
    json.set("left_out", term::Json::number(zone.left_out_count));
    json.set("errors", std::move(errors)).set("warnings", std::move(warnings));
    return json;
}

void print_check(term::Terminal& terminal, const std::string& path, const dns::Name& apex,
                 const ingest::LoadedZone& zone) {
    using term::Style;
    for (const Error& error : zone.errors)
        terminal.line(term::Text(Style::red, "error") + ": " + error.text());
    const auto warn = [&](const std::string& where, const std::string& what) {
        terminal.line(term::Text(Style::yellow, "warning") + ": " + where + ": " + what);
    };
    const auto place = [](const Error& warning) {
        return warning.where.source + ':' + std::to_string(warning.where.line);
    };
    for (const Error& warning : zone.left_out) warn(place(warning), warning.message + ", left out");
    if (zone.left_out_count > zone.left_out.size())
        warn(path,
             std::to_string(zone.left_out_count - zone.left_out.size()) + " more records left out");
    for (const Error& warning : zone.oddities) warn(place(warning), warning.message);
    for (const zone::Warning& warning : zone.warnings)
        terminal.line(term::Text(Style::yellow, "warning") + ": " + path + ": " +
                      dns::to_string(warning.owner) + ": " + warning.message);
    term::Text out = path + ": zone " + dns::to_string(apex) + ' ';
    if (zone.errors.empty()) {
        const zone::Zone view(zone.image.octets().data());
        out += term::Text(Style::green, "good") + ", " + term::grouped(zone.records) +
               " records, serial " + std::to_string(view.serial());
    } else {
        out += term::Text(Style::red, "refused") + ", " + std::to_string(zone.errors.size()) +
               (zone.errors.size() == 1 ? " error" : " errors");
    }
    terminal.line(out);
}

int run_check(const ZoneOptions& options, Invocation& invocation) {
    int code = 0;
    for (const std::string& path : options.files) {
        const auto apex = apex_of(options, path);
        if (!apex) {
            invocation.terminal.complain(apex.error());
            code = 2;
            continue;
        }
        const ingest::LoadedZone zone = load(options, path, *apex, ingest::Warnings::collect);
        if (invocation.terminal.json()) {
            invocation.terminal.out(json_of(path, *apex, zone));
        } else {
            print_check(invocation.terminal, path, *apex, zone);
        }
        if (unreadable(zone)) code = 2;
        if (!zone.errors.empty() && code == 0) code = 1;
    }
    return code;
}

/// Loads the one file of `print` and `compile`; complains and gives none when it is bad.
std::optional<ingest::LoadedZone> load_good(const ZoneOptions& options, Invocation& invocation,
                                            int& code) {
    const std::string& path = options.files.front();
    const auto apex = apex_of(options, path);
    if (!apex) {
        invocation.terminal.complain(apex.error());
        code = 2;
        return std::nullopt;
    }
    ingest::LoadedZone zone = load(options, path, *apex, ingest::Warnings::skip);
    for (const Error& warning : zone.left_out)
        invocation.terminal.complain("left out: " + warning.text());
    if (zone.left_out_count > zone.left_out.size())
        invocation.terminal.complain(std::to_string(zone.left_out_count - zone.left_out.size()) +
                                     " more records left out");
    if (zone.errors.empty()) return zone;
    for (const Error& error : zone.errors) invocation.terminal.complain(error);
    code = unreadable(zone) ? 2 : 1;
    return std::nullopt;
}

int run_print(const ZoneOptions& options, Invocation& invocation) {
    constexpr std::size_t block_octets = 1 << 16;
    int code = 0;
    const auto zone = load_good(options, invocation, code);
    if (!zone) return code;
    std::string out;
    const auto print = [&](const dns::RecordView& record) {
        dns::append_record_text(out, record);
        if (out.size() >= block_octets) {
            invocation.terminal.data(out);
            out.clear();
        }
    };
    zone::for_each_record(zone::Zone(zone->image.octets().data()), print);
    invocation.terminal.data(out);
    return 0;
}

int run_compile(const ZoneOptions& options, Invocation& invocation) {
    int code = 0;
    const auto zone = load_good(options, invocation, code);
    if (!zone) return code;
    const base::Octets octets = zone->image.octets();
    const std::string_view image(reinterpret_cast<const char*>(octets.data()), octets.size());
    if (const Status status = write_whole(options.output, image); !status) {
        invocation.terminal.complain(status.error());
        return 2;
    }
    const zone::ImageDigest digest = zone::digest(zone->image.octets());
    std::array<char, 33> hex{};
    static_cast<void>(std::snprintf(hex.data(), hex.size(), "%016llx%016llx",
                                    static_cast<unsigned long long>(digest.high),
                                    static_cast<unsigned long long>(digest.low)));
    if (invocation.terminal.json()) {
        term::Json json = term::Json::object();
        json.set("zone", dns::to_string(zone->apex)).set("image", options.output);
        json.set("records", term::Json::number(zone->records));
        json.set("octets", term::Json::number(std::uint64_t{zone->image.octets().size()}));
        json.set("digest", hex.data());
        invocation.terminal.out(json);
    } else {
        invocation.terminal.line(dns::to_string(zone->apex) + ' ' + term::grouped(zone->records) +
                                 " records, " + term::grouped(zone->image.octets().size()) +
                                 " octets, digest " + hex.data());
    }
    return 0;
}

/// FILE of the verbs that take exactly one.
void add_file(CLI::App& app, ZoneOptions& options) {
    options.files.resize(1);
    add_text(app, "file", options.files.front(), "FILE",
             "Zone file (RFC 1035 section 5); - is stdin")
        ->required();
}

}  // namespace

Action define_zone_check(CLI::App& app) {
    auto options = std::make_shared<ZoneOptions>();
    add_origin(app, *options);
    add_switch(app, "--strict", options->strict,
               "Refuse a zone if the file has records outside of it, as serve --strict does");
    add_list(app, "file", options->files, "FILE", "Zone file (RFC 1035 section 5); - is stdin")
        ->required();
    app.footer(
        "Exit code 1: a zone would be refused. Warnings name records that are legal but may be a "
        "mistake, records that can never be answered, and records that are left out because they "
        "are outside of the zone (or NSEC3 at a name that is no hash).");
    return [options](Invocation& invocation) { return run_check(*options, invocation); };
}

Action define_zone_print(CLI::App& app) {
    auto options = std::make_shared<ZoneOptions>();
    add_origin(app, *options);
    add_file(app, *options);
    app.footer(
        "Prints every record whole on one line, names in canonical order. Two files of the same "
        "content print the same.");
    return [options](Invocation& invocation) { return run_print(*options, invocation); };
}

Action define_zone_compile(CLI::App& app) {
    auto options = std::make_shared<ZoneOptions>();
    add_origin(app, *options);
    add_text(app, "-o,--output", options->output, "IMAGE", "File of the image")->required();
    add_file(app, *options);
    return [options](Invocation& invocation) { return run_compile(*options, invocation); };
}

}  // namespace zc::cmd
