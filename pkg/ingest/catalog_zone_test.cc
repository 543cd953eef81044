#include "ingest/catalog_zone.h"

#include <string>

#include <doctest/doctest.h>

#include "dns/presentation.h"

namespace zc::ingest {
namespace {

/// The members with blanks between, or the error.
std::string members_of(const std::string& text) {
    CatalogZone catalog(*dns::Name::parse("cat.test."));
    const auto report =
        dns::read_master(text, {}, [&](const dns::RecordView& record, std::uint64_t) -> Status {
            catalog.add(record);
            return {};
        });
    REQUIRE(report.errors.empty());
    const auto members = catalog.members();
    if (!members) return members.error().text();
    std::string out;
    for (const CatalogMember& member : *members)
        out += (out.empty() ? "" : " ") + dns::to_string(member.zone);
    return out;
}

/// The text that PowerDNS would keep of each member.
std::string options_of(const std::string& text) {
    CatalogZone catalog(*dns::Name::parse("cat.test."));
    const auto report = dns::read_master("version.cat.test. 0 TXT 2\n" + text, {},
                                         [&](const dns::RecordView& record, std::uint64_t) {
                                             catalog.add(record);
                                             return Status();
                                         });
    REQUIRE(report.errors.empty());
    const auto members = catalog.members();
    if (!members) return members.error().text();
    std::string out;
    for (const CatalogMember& member : *members)
        out += dns::to_string(member.zone) + ' ' + powerdns_options(member, "producer") + '\n';
    return out;
}

TEST_CASE("the members of a catalog zone are its PTR records one label below zones") {
    const std::string version = "version.cat.test. 0 TXT \"2\"\n";
    CHECK(members_of(version) == "");
    CHECK(members_of("cat.test. 0 SOA invalid. invalid. 1 2 3 4 5\n"
                     "cat.test. 0 NS invalid.\n"
                     "a.zones.cat.test. 0 PTR Two.Example.\n"
                     "VERSION.Cat.Test. 0 TXT 2\n"
                     "group.a.zones.cat.test. 0 TXT \"g\"\n"
                     "coo.a.zones.cat.test. 0 PTR other.test.\n"
                     "x.ext.a.zones.cat.test. 0 PTR not.this.\n"
                     "b.Zones.cat.test. 0 PTR one.example.\n"
                     "b.zones.cat.test. 0 TXT \"of no meaning\"\n"
                     "zones.cat.test. 0 PTR not.this.\n"
                     "a.zonez.cat.test. 0 PTR not.this.\n"
                     "cat.test. 0 PTR not.this.\n"
                     "c.zones.cat.test. 0 PTR .\n") == "two.example. one.example. .");
    CHECK(members_of(version +
                     "a.zones.cat.test. 0 PTR x.test.\nb.zones.cat.test. 0 PTR X.test.\n") ==
          "x.test.");
}

TEST_CASE("groups, a change of ownership and the unique label of a member are kept") {
    CHECK(options_of("a.zones.cat.test. 0 PTR x.test.\n") ==
          "x.test. {\"producer\":{\"unique\":\"a.\"}}\n");
    // In any order, properties before their member too; those of no member mean nothing.
    CHECK(
        options_of("group.A.zones.cat.test. 0 TXT \"g\\\"2\\\\\"\n"
                   "coo.a.zones.cat.test. 0 PTR Other.Test.\n"
                   "a.zones.cat.test. 0 PTR X.test.\n"
                   "b.zones.cat.test. 0 PTR y.test.\n"
                   "group.a.zones.cat.test. 0 TXT g1\n"
                   "GROUP.a.zones.cat.test. 0 TXT g1\n"
                   "group.gone.zones.cat.test. 0 TXT g1\n"
                   "coo.gone.zones.cat.test. 0 PTR x.\n"
                   "coo.b.zones.cat.test. 0 TXT x\n"
                   "group.b.zones.cat.test. 0 PTR x.\n"
                   "group.c.b.zones.cat.test. 0 TXT x\n") ==
        "x.test. {\"producer\":{\"coo\":\"other.test.\",\"group\":[\"g1\",\"g\\\\\\\"2\\\\\\\\\"],"
        "\"unique\":\"a.\"}}\n"
        "y.test. {\"producer\":{\"unique\":\"b.\"}}\n");
    CHECK(options_of("a.zones.cat.test. 0 PTR x.test.\n"
                     "coo.a.zones.cat.test. 0 PTR one.test.\n"
                     "coo.a.zones.cat.test. 0 PTR two.test.\n") ==
          "catalog zone cat.test.: invalid: more than one PTR record at coo.a.zones.cat.test.");
}

TEST_CASE("a catalog zone that must not be processed is an error") {
    CHECK(
        members_of("a.zones.cat.test. 0 PTR x.test.\n") ==
        "catalog zone cat.test.: invalid: 0 TXT records at version.cat.test., wanted one: is it a "
        "catalog zone?");
    CHECK(members_of("version.cat.test. 0 TXT \"1\"\n") ==
          "catalog zone cat.test.: invalid: catalog version \"1\", wanted \"2\"");
    CHECK(
        members_of("version.cat.test. 0 TXT \"2\"\nversion.cat.test. 0 TXT \"1\"\n") ==
        "catalog zone cat.test.: invalid: 2 TXT records at version.cat.test., wanted one: is it a "
        "catalog zone?");
    CHECK(members_of("version.cat.test. 0 TXT \"2\"\na.zones.cat.test. 0 PTR x.test.\n"
                     "A.zones.cat.test. 0 PTR y.test.\n") ==
          "catalog zone cat.test.: invalid: more than one PTR record at a.zones.cat.test.");
}

}  // namespace
}  // namespace zc::ingest
