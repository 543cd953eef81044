#include "http/message.h"

#include <doctest/doctest.h>

#include "http/response_head.h"

namespace zc::http {

TEST_CASE("a header field is found by its name in any case, the first of several") {
    const std::vector<Field> fields = {{"X-API-Key", "one"}, {"x-api-key", "two"}, {"X", "three"}};
    REQUIRE(find_or_null(fields, "x-api-KEY") != nullptr);
    CHECK(*find_or_null(fields, "x-api-KEY") == "one");
    CHECK(*find_or_null(fields, "x") == "three");
    CHECK(find_or_null(fields, "x-api") == nullptr);
    CHECK(find_or_null(fields, "") == nullptr);
}

TEST_CASE("an event has a data line for each line of its data") {
    struct Row {
        std::string_view name, data, text;
    };
    const Row rows[] = {
        {"", "", "data: \n\n"},
        {"", "one", "data: one\n\n"},
        {"zone", "one\ntwo", "event: zone\ndata: one\ndata: two\n\n"},
        {"", "a\rb\r\nc\n", "data: a\ndata: b\ndata: c\ndata: \n\n"},
    };
    for (const Row& row : rows) CHECK(event_text(row.name, row.data) == row.text);
}

TEST_CASE("the head of a response says how long the body is") {
    Response response;
    response.body = "12345";
    response.fields = {{"X-A", "b"}};
    ResponseHead head;
    head.keep_alive = true;
    const std::string same =
        "\r\nServer: zonectl\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Cache-Control: no-store\r\nX-A: b\r\n";
    CHECK(head_text(response, head) == "HTTP/1.1 200 OK" + same + "Content-Length: 5\r\n\r\n");
    head.framing = ResponseHead::Framing::chunked;
    CHECK(head_text(response, head) ==
          "HTTP/1.1 200 OK" + same + "Transfer-Encoding: chunked\r\n\r\n");
    head.framing = ResponseHead::Framing::until_close;
    head.version = 10;
    head.keep_alive = false;
    CHECK(head_text(response, head) == "HTTP/1.0 200 OK" + same + "\r\n");
}

TEST_CASE("a response without a body has neither a type nor a length") {
    Response response;
    response.status = 204;
    response.fields = {{"cache-control", "private"}};
    CHECK(head_text(response, ResponseHead()) ==
          "HTTP/1.1 204 No Content\r\nServer: zonectl\r\ncache-control: private\r\n"
          "Connection: close\r\n\r\n");
    CHECK(has_body(200));
    CHECK_FALSE(has_body(304));
}

TEST_CASE("a field that would forge another is not sent") {
    Response response;
    CHECK(is_sendable(response));
    const Field bad[] = {
        {"X", "a\r\nSet-Cookie: b"}, {"X\n", "a"}, {"X:", "a"}, {"X Y", "a"}, {"", "a"},
        {"X", std::string(1, '\0')}, {"X", "\x7f"}};
    for (const Field& field : bad) {
        response.fields = {field};
        CHECK_FALSE(is_sendable(response));
    }
    response.fields = {{"X", "a\tb \xc3\xa4"}};
    CHECK(is_sendable(response));
    response.content_type = "text/plain\n";
    CHECK_FALSE(is_sendable(response));
}

}  // namespace zc::http
