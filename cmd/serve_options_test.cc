#include "serve_options.h"

#include <doctest/doctest.h>

#include "verbs.h"

namespace zc::cmd {

TEST_CASE("what a reload takes over are flags that there are") {
    CLI::App root{"", "zonectl"};
    Globals globals;
    ServeOptions options;
    add_globals(root, globals);
    CLI::App* serve = root.add_subcommand("serve");
    add_serve_flags(*serve, options);
    for (const std::string_view key : reloadable_keys()) {
        CAPTURE(key);
        const std::string flag = "--" + std::string(key);
        CHECK((serve->get_option_no_throw(flag) != nullptr ||
               root.get_option_no_throw(flag) != nullptr));
    }
}

TEST_CASE("a node tells clients how long it keeps a connection without a query") {
    ServeOptions options;
    options.tcp.idle = base::Duration::seconds(12);
    const auto told = identity(options, {});
    REQUIRE(told.has_value());
    CHECK((*told)->tcp_keepalive == 120);
}

}  // namespace zc::cmd
