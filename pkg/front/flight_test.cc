#include "front/flight.h"

#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include "ask/test_messages.h"

using namespace zc;
using namespace zc::ask;
using namespace zc::front;

namespace {

struct Asked {
    void shrink() noexcept {}
    Message query;
};

constexpr base::Duration ms(std::int64_t n) {
    return base::Duration::milliseconds(n);
}

template <std::size_t Marks>
auto put_in_flight(InFlight<Asked, Marks>& table, const char* name, base::Duration now) {
    const auto index = table.take(now);
    REQUIRE(index != table.none);
    table[index].query = question(table.id(index), name);
    return index;
}

}  // namespace

TEST_CASE("an answer finds its question by ID and name, answered before or not") {
    InFlight<Asked> table(4, 1, Belief::exact);
    const auto first = put_in_flight(table, "a.example.", ms(0)),
               second = put_in_flight(table, "b.example.", ms(0));
    const Message answer = answer_to(table[first].query, 1);
    CHECK(table.find(answer).index == first);
    CHECK(table.find(answer_to(table[second].query, 1)).index == second);
    CHECK(!table.is_answered(first));
    table.answered(first, ms(3));
    CHECK(table.find(answer).index == first);
    CHECK(table.is_answered(first));
    CHECK(table.any_waits());

    CHECK(table.forget(ms(7)));
    CHECK(table.find(answer).index == first);
    CHECK(!table.forget(ms(8)));
    CHECK(table.find(answer).stray == Stray::late);
    CHECK(table.longest() == second);
}

TEST_CASE("what is no answer to a question in flight is told by what it is") {
    InFlight<Asked> table(4, 1, Belief::exact);
    const auto index = put_in_flight(table, "a.example.", ms(0));
    const auto stray = [&](const Message& message) {
        const auto found = table.find(message);
        CHECK(found.index == table.none);
        return found.stray;
    };
    CHECK(stray({1, 2, 3}) == Stray::no_message);
    CHECK(stray(table[index].query) == Stray::no_message);  // a query, sent back
    const auto other = static_cast<std::uint16_t>(table.id(index) ^ 1U);
    CHECK(stray(answer_to(question(other, "a.example."), 1)) == Stray::late);
    CHECK(stray(answer_to(question(table.id(index), "b.example."), 1)) == Stray::other_question);
}

TEST_CASE("an answer is believed by its question to the last octet, or leniently by its name") {
    InFlight<Asked> exact(4, 1, Belief::exact), lenient(4, 1, Belief::lenient);
    struct Row {
        const char* asked;
        std::uint8_t questions;  // that the query claims
        Message answer;          // ID 0: that of the query
        bool exact, lenient;
    };
    const auto answer = [](const char* name, dns::RrType type = dns::RrType::a) {
        return answer_to(question(0, name, type), 1);
    };
    // As RFC 1035 allows a server that could not read the query.
    const auto without_question = [](std::uint8_t answers) {
        Message out(12);
        out[2] = 0x80;
        out[3] = 1;
        out[7] = answers;
        return out;
    };
    Message other_class = answer("a.example.");
    other_class[12 + 11 + 3] = 3;
    Message two_questions = answer("a.example.");
    two_questions[5] = 2;
    for (const Row& row :
         {Row{"a.example.", 1, answer("a.example."), true, true},
          Row{"A.exAmple.", 1, answer("A.exAmple."), true, true},
          Row{"A.exAmple.", 1, answer("a.example."), false, true},
          Row{"a.example.", 1, answer("A.eXample."), false, true},
          Row{"a.example.", 1, answer("b.example."), false, false},
          Row{"a.example.", 1, answer("a.example.org."), false, false},
          Row{"a.example.", 1, answer("a.example.", dns::RrType::aaaa), false, false},
          Row{"a.example.", 1, other_class, false, false},
          Row{"a.example.", 1, without_question(0), false, true},
          Row{"a.example.", 1, without_question(1), false, true},
          Row{"a.example.", 1, two_questions, false, true},
          // Whose question cannot be read: nothing that could be of another.
          Row{"a.example.", 2, without_question(0), true, true},
          Row{"a.example.", 2, without_question(1), false, true},
          Row{"a.example.", 2, answer("a.example."), false, true},
          Row{"a.example.", 0, without_question(0), true, true}}) {
        for (InFlight<Asked>* table : {&exact, &lenient}) {
            const auto index = put_in_flight(*table, row.asked, ms(0));
            (*table)[index].query[5] = row.questions;
            Message message = row.answer;
            base::store_u16(message.data(), table->id(index));
            const auto found = table->find(message);
            const bool wanted = table == &exact ? row.exact : row.lenient;
            INFO(row.asked, " ", int{row.questions}, " ", message.size());
            CHECK((found.index == index) == wanted);
            if (!wanted) CHECK(found.stray == Stray::other_question);
            table->release(index);
        }
    }
}

TEST_CASE("room is made by what was answered, never by what waits") {
    InFlight<Asked> table(2, 1, Belief::exact);
    const auto first = put_in_flight(table, "a.example.", ms(0)),
               second = put_in_flight(table, "b.example.", ms(1));
    CHECK(table.take(ms(2)) == table.none);
    table.answered(second, ms(2));
    CHECK(table.take(ms(2)) == second);
    CHECK(table.take(ms(2)) == table.none);
    CHECK(table.longest() == first);
    table.release(first);
    CHECK(table.longest() == second);
    CHECK(table.take(ms(3)) == first);
}

TEST_CASE("each question that waits comes to a mark once, in the order it was asked") {
    InFlight<Asked, 2> table(8, 1, Belief::exact);
    using Index = InFlight<Asked, 2>::Index;
    std::vector<Index> asked;
    for (int i = 0; i < 4; ++i) asked.push_back(put_in_flight(table, "a.example.", ms(i)));
    const auto pass = [&table](std::size_t mark, base::Duration now, base::Duration age) {
        std::vector<Index> out;
        table.pass(mark, now, age, [&out](Index index) { out.push_back(index); });
        return out;
    };
    CHECK(pass(0, ms(9), ms(10)).empty());
    CHECK(pass(0, ms(11), ms(10)) == std::vector<Index>{asked[0], asked[1]});
    CHECK(pass(0, ms(11), ms(10)).empty());
    table.release(asked[2]);  // the next to come
    table.answered(asked[0], ms(11));
    CHECK(pass(0, ms(20), ms(10)) == std::vector<Index>{asked[3]});
    CHECK(pass(1, ms(20), ms(15)) == std::vector<Index>{asked[1], asked[3]});
    const Index later = put_in_flight(table, "a.example.", ms(30));
    CHECK(pass(0, ms(41), ms(10)) == std::vector<Index>{later});
    CHECK(pass(1, ms(41), ms(15)).empty());
}

TEST_CASE("octets are those of what is held now") {
    InFlight<Asked> table(4, 1, Belief::exact);
    const auto first = put_in_flight(table, "a.example.", ms(0)),
               second = put_in_flight(table, "b.example.", ms(0));
    table.hold(first, 100);
    table.hold(second, 20);
    table.hold(first, 50);
    CHECK(table.octets() == 70);
    table.answered(first, ms(1));
    CHECK(table.octets() == 70);
    table.forget_answered();
    CHECK(table.octets() == 20);
    table.release(second);
    CHECK(table.octets() == 0);
}

TEST_CASE("nobody is given up while answers lie unread, but not for ever") {
    Unread unread;
    CHECK(unread.may_expire(false, ms(0)));
    CHECK(!unread.may_expire(true, ms(5000)));
    CHECK(!unread.may_expire(true, ms(5099)));
    CHECK(unread.may_expire(true, ms(5100)));
    CHECK(unread.may_expire(false, ms(5101)));
    CHECK(!unread.may_expire(true, ms(6000)));
}

TEST_CASE("all IDs in use are different, and go round") {
    InFlight<Asked> table(in_flight_most, 7, Belief::exact);
    std::vector<bool> seen(65536);
    std::size_t distinct = 0;
    for (std::uint32_t i = 0; i < in_flight_most; ++i) {
        const auto index = table.take(ms(0));
        REQUIRE(index != table.none);
        if (!seen[table.id(index)]) ++distinct;
        seen[table.id(index)] = true;
    }
    CHECK(distinct == in_flight_most);
    CHECK(table.take(ms(0)) == table.none);
}
