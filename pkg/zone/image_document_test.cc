// IMAGE.md and the code have the same constants.
#include <cstdint>
#include <map>
#include <sstream>
#include <string>

#include <doctest/doctest.h>

#include "testkit/folder.h"
#include "zone/lookup.h"

namespace zc::zone {
namespace {

using Constants = std::map<std::string, std::uint64_t>;

const Constants of_code = {
    {"image_format_first", image_format_first},
    {"image_format", image_format},
    {"narrow_names_max", narrow_names_max},
    {"narrow_octets_max", narrow_octets_max},
    {"probes_max", probes_max},
    {"nsec3_hash_octets", nsec3_hash_octets},
    {"nsec3_iterations_max", nsec3_iterations_max},
    {"nsec3_iterations_known_max", nsec3_iterations_known_max},
    {"pointer_to_suffix", pointer_to_suffix},
    {"pointer_offset_max", pointer_offset_max},
    {"image_hash_start", image_hash_start},
    {"image_flag::state", image_flag::state},
    {"image_flag::wide", image_flag::wide},
    {"image_flag::has_signed_header", image_flag::has_signed_header},
    {"image_flag::nsec", image_flag::nsec},
    {"image_flag::nsec3", image_flag::nsec3},
    {"node_flag::cut", node_flag::cut},
    {"node_flag::occluded", node_flag::occluded},
    {"node_flag::wildcard_child", node_flag::wildcard_child},
    {"node_flag::dname", node_flag::dname},
    {"node_flag::cname", node_flag::cname},
    {"node_flag::nsec3_links", node_flag::nsec3_links},
    {"rrset_flag::always", rrset_flag::always},
    {"rrset_flag::type16", rrset_flag::type16},
    {"rrset_flag::count16", rrset_flag::count16},
    {"rrset_flag::octets32", rrset_flag::octets32},
    {"rrset_flag::signatures", rrset_flag::signatures},
    {"rrset_flag::patches", rrset_flag::patches},
    {"rrset_flag::glue", rrset_flag::glue},
    {"rrset_flag::patches16", rrset_flag::patches16},
};

/// The rows "| `name` | value |" of the document's table of constants.
Constants of_document() {
    std::istringstream in(testkit::read_file(ZC_TESTDATA_DIR "/../pkg/zone/IMAGE.md"));
    Constants out;
    bool in_table = false;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("| constant in ")) in_table = true;
        if (line.empty()) in_table = false;
        if (!in_table || !line.starts_with("| `")) continue;
        const std::size_t name_end = line.find('`', 3);
        REQUIRE(name_end != std::string::npos);
        const std::size_t value_at = line.find("| ", name_end) + 2;
        out[line.substr(3, name_end - 3)] = std::stoull(line.substr(value_at), nullptr, 0);
    }
    return out;
}

}  // namespace

TEST_CASE("the document of the image has the constants of the code") {
    const Constants document = of_document();
    for (const auto& [name, value] : of_code) {
        CAPTURE(name);
        REQUIRE(document.contains(name));
        CHECK_EQ(document.at(name), value);
    }
    CHECK_EQ(document.size(), of_code.size());
}

}  // namespace zc::zone
