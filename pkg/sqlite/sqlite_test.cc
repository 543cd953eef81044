#include "sqlite/sqlite.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <string>
#include <thread>

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "testkit/folder.h"

namespace {

using zc::Errc;
using zc::base::Duration;
using zc::sqlite::Database;
using zc::sqlite::Statement;
using zc::sqlite::StopWatch;
using zc::sqlite::Transaction;
using zc::testkit::Folder;
using zc::testkit::write_file;

Database created(const std::string& path, Duration wait = Database::wait_default) {
    auto database = Database::open(path, Database::Mode::create, wait);
    REQUIRE_MESSAGE(database, database.error().text());
    return *std::move(database);
}

}  // namespace

TEST_CASE("what was bound is read back octet for octet, NULL and empty told apart") {
    const Folder folder;
    Database database = created(folder / "a");
    REQUIRE(
        database.execute("CREATE TABLE t(a INTEGER, b TEXT, c BLOB, d TEXT, e BLOB, f INTEGER)"));
    auto insert = database.prepare("INSERT INTO t VALUES(?, ?, ?, ?, ?, ?)");
    REQUIRE(insert);
    const std::string text("a\0b\xff", 4);
    const std::array<std::uint8_t, 3> octets = {0, 1, 255};
    insert->bind(1, std::int64_t{-5}).bind(2, text).bind(3, zc::base::Octets(octets));
    insert->bind(4, std::string_view()).bind(5, zc::base::Octets()).bind_null(6);
    REQUIRE(insert->run());
    CHECK(database.changes() == 1);

    auto select = database.prepare("SELECT * FROM t");
    REQUIRE(select);
    const auto row = select->step();
    REQUIRE(row);
    REQUIRE(*row);
    CHECK(select->columns() == 6);
    CHECK(select->column_name(1) == "b");
    CHECK(select->integer(0) == -5);
    CHECK(select->text(1) == text);
    CHECK(std::ranges::equal(select->octets(2), octets));
    CHECK_FALSE(select->is_null(3));
    CHECK(select->text(3).empty());
    CHECK_FALSE(select->is_null(4));
    CHECK(select->octets(4).empty());
    CHECK(select->is_null(5));
    CHECK_FALSE(select->optional_integer(5).has_value());
    CHECK(select->optional_text(3) == "");
    CHECK_FALSE(*select->step());
}

TEST_CASE("a file that is not there is not_found, a folder and an unreadable place are io") {
    const Folder folder;
    const auto missing = Database::open(folder / "missing", Database::Mode::read_only);
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code == Errc::not_found);
    CHECK(missing.error().where.source == folder / "missing");
    const auto directory = Database::open(folder / ".", Database::Mode::read_write);
    REQUIRE_FALSE(directory);
    CHECK(directory.error().code == Errc::io);
}

TEST_CASE("a pipe and a device are no databases, and nobody waits for them") {
    const Folder folder;
    REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
    REQUIRE(::symlink((folder / "pipe").c_str(), (folder / "link").c_str()) == 0);
    for (const std::string& path : {folder / "pipe", folder / "link", std::string("/dev/null")}) {
        for (const auto mode :
             {Database::Mode::read_only, Database::Mode::read_write, Database::Mode::create,
              Database::Mode::with_foreign_memory, Database::Mode::unchanging}) {
            const auto database = Database::open(path, mode);
            REQUIRE_FALSE(database);
            CHECK(database.error().code == Errc::io);
            CHECK(database.error().message == "not a regular file");
        }
    }
}

TEST_CASE("a file that is no database is malformed") {
    const Folder folder;
    write_file(folder / "text", std::string(5000, 'x'));
    auto database = Database::open(folder / "text", Database::Mode::read_only);
    REQUIRE(database);
    const auto count = database->integer("SELECT count(*) FROM sqlite_schema");
    REQUIRE_FALSE(count);
    CHECK(count.error().code == Errc::malformed);
    CHECK(count.error().where.source == folder / "text");
}

TEST_CASE("a second writer is told that the database is busy, and by whom it is not changed") {
    const Folder folder;
    Database first = created(folder / "a");
    Database second = created(folder / "a", Duration::milliseconds(1));
    REQUIRE(first.execute("CREATE TABLE t(a)"));
    auto writing = Transaction::begin(first, Transaction::Kind::immediate);
    REQUIRE(writing);
    const auto refused = Transaction::begin(second, Transaction::Kind::immediate);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::busy);
    CHECK(refused.error().message.find("another process is changing it") != std::string::npos);
    REQUIRE(writing->commit());
    CHECK(Transaction::begin(second, Transaction::Kind::immediate));
}

TEST_CASE("a transaction that is not committed leaves nothing") {
    const Folder folder;
    Database database = created(folder / "a");
    REQUIRE(database.execute("CREATE TABLE t(a)"));
    {
        auto transaction = Transaction::begin(database, Transaction::Kind::deferred);
        REQUIRE(transaction);
        REQUIRE(database.execute("INSERT INTO t VALUES(1)"));
        CHECK(database.in_transaction());
    }
    CHECK_FALSE(database.in_transaction());
    CHECK(database.integer("SELECT count(*) FROM t").value() == 0);
}

TEST_CASE("a database that may grow no more is full, and the rows before are there") {
    const Folder folder;
    Database database = created(folder / "a");
    REQUIRE(database.execute("PRAGMA page_size=4096; CREATE TABLE t(a); PRAGMA max_page_count=4"));
    const auto status = database.execute("INSERT INTO t VALUES(zeroblob(100000))");
    REQUIRE_FALSE(status);
    CHECK(status.error().code == Errc::full);
    CHECK(database.integer("SELECT count(*) FROM t").value() == 0);
}

TEST_CASE(
    "a constraint is a conflict, wrong SQL unsupported, a parameter that is not there "
    "unsupported") {
    const Folder folder;
    Database database = created(folder / "a");
    REQUIRE(database.execute("CREATE TABLE t(a UNIQUE); INSERT INTO t VALUES(1)"));
    CHECK(database.execute("INSERT INTO t VALUES(1)").error().code == Errc::conflict);
    CHECK(database.execute("NONSENSE").error().code == Errc::unsupported);
    CHECK(database.prepare("SELECT nothing FROM t").error().code == Errc::unsupported);
    auto insert = database.prepare("INSERT INTO t VALUES(?)");
    REQUIRE(insert);
    insert->bind(2, std::int64_t{1});
    CHECK(insert->run().error().code == Errc::unsupported);
    insert->bind(1, std::int64_t{2});
    CHECK(insert->run());
}

TEST_CASE("a database opened to be read refuses a change") {
    const Folder folder;
    REQUIRE(created(folder / "a").execute("CREATE TABLE t(a)"));
    auto database = Database::open(folder / "a", Database::Mode::read_only);
    REQUIRE(database);
    const auto status = database->execute("INSERT INTO t VALUES(1)");
    REQUIRE_FALSE(status);
    CHECK(status.error().code == Errc::io);
    CHECK(status.error().message.starts_with("read-only"));
}

TEST_CASE("a database that nobody can change is read without the files beside it") {
    const Folder folder;
    const std::string path = folder / "a?b#c%3fd";
    {
        Database database = created(path);
        REQUIRE(database.execute(
            "PRAGMA journal_mode=WAL; CREATE TABLE t(a); INSERT INTO t VALUES(7)"));
    }
    auto database = Database::open(path, Database::Mode::unchanging);
    REQUIRE(database);
    CHECK(database->integer("SELECT a FROM t") == 7);
    CHECK(folder.files() == 1);
    CHECK(database->execute("INSERT INTO t VALUES(1)").error().message.starts_with("read-only"));
}

TEST_CASE("a database whose pages are damaged is found out, a good one is not") {
    const Folder folder;
    {
        Database database = created(folder / "a");
        REQUIRE(
            database.execute("CREATE TABLE t(a); CREATE TABLE other(a);"
                             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                             "LIMIT 2000) INSERT INTO t SELECT hex(randomblob(40)) FROM n"));
        CHECK(database.verify());
    }
    std::string file = zc::testkit::read_file(folder / "a");
    REQUIRE(file.size() > 40'000);
    file.replace(20'480, 40, 40, '\xff');
    write_file(folder / "a", file);
    auto database = Database::open(folder / "a", Database::Mode::read_only);
    REQUIRE(database);
    const auto status = database->verify();
    REQUIRE_FALSE(status);
    CHECK(status.error().code == Errc::malformed);
    CHECK(status.error().where.source == folder / "a");
}

TEST_CASE(
    "what a stranger's database can do is bounded, and a stop is heard inside of a statement") {
    const Folder folder;
    Database database = created(folder / "a");
    REQUIRE(
        database.execute("CREATE TABLE t(a); INSERT INTO t VALUES(zeroblob(20000)); "
                         "CREATE VIEW endless AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
                         "SELECT i + 1 FROM n) SELECT count(*) FROM n"));
    REQUIRE(database.distrust(10'000));
    CHECK(database.execute("SELECT a FROM t").error().code == Errc::limit);
    std::atomic<bool> stop = false;
    const StopWatch watch(database, &stop);
    CHECK(database.integer("SELECT 7") == 7);
    std::thread stopper([&stop] { stop = true; });
    CHECK(database.integer("SELECT * FROM endless").error().code == Errc::interrupted);
    stopper.join();
}

TEST_CASE("a value over SQLite's limit is an error of kind limit") {
    const Folder folder;
    Database database = created(folder / "a");
    REQUIRE(database.execute("CREATE TABLE t(a)"));
    CHECK(database.execute("INSERT INTO t VALUES(zeroblob(2000000000))").error().code ==
          Errc::limit);
}
