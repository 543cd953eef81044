// SQLite: statements, transactions, and what can go wrong with a file as a `Result`.
//
// The only package that includes sqlite3.h. Nothing here knows what stands in a database.
//
// Errors, of every function that gives a Result: `full` no space left, `busy` another process holds
// the lock, `malformed` no database or a damaged one, `not_found` no such file, `io` the system
// refused (permission, read-only, failing disk), `limit` a value over SQLite's limit, `conflict` a
// constraint, `interrupted` (see `StopWatch`), `unsupported` SQL that this SQLite cannot compile.
// The location names the file.
//
// Threads: a `Database` with its statements belongs to one thread at a time.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/octets.h"
#include "base/result.h"
#include "base/time.h"

struct sqlite3;
struct sqlite3_stmt;

namespace zc::sqlite {

class Statement;

class Database {
public:
    enum class Mode : std::uint8_t {
        read_only,            // must exist
        read_write,           // must exist; `io` when it may not be written
        create,               // made if it does not exist
        with_foreign_memory,  // must exist, as FILE-shm must, of which nothing is written: the log
                              // of another process can be read where there is no place to write
        unchanging,  // must exist, and nobody changes it: read without locks and without its log
    };
    /// How long a statement waits for another process's lock before it fails with `busy`.
    static constexpr base::Duration wait_default = base::Duration::seconds(5);

    /// Opens `path`; a file that is no database is found by the first statement.
    static Result<Database> open(const std::string& path, Mode mode,
                                 base::Duration wait = wait_default);
    /// None: only to be assigned to.
    Database() noexcept = default;
    Database(Database&& other) noexcept;
    Database& operator=(Database&& other) noexcept;
    ~Database();

    /// Compiles one statement.
    Result<Statement> prepare(std::string_view sql);
    /// Runs one or more statements; rows they give are dropped.
    Status execute(const std::string& sql);
    /// The first column of the first row, of a query that gives an integer or nothing (then 0).
    Result<std::int64_t> integer(std::string_view sql);

    /// For a file of somebody else's: no value is longer than `value_octets_max` (then `limit`),
    /// and nothing in its schema runs what has effects.
    Status distrust(int value_octets_max);
    /// SQLite's quick_check: the structure of all pages and rows. Errors: `malformed`, with the
    /// first thing that is wrong.
    Status verify();

    /// Rows that the last INSERT, UPDATE or DELETE changed.
    std::int64_t changes() const noexcept;
    bool in_transaction() const noexcept;
    const std::string& path() const noexcept { return path_; }
    /// The library's own version, "3.40.1".
    static std::string_view version() noexcept;

private:
    Database(sqlite3* handle, std::string path) noexcept
        : handle_(handle), path_(std::move(path)) {}
    friend class Statement;
    friend class StopWatch;
    sqlite3* handle_ = nullptr;
    std::string path_;
};

/// While it lives, a flag that becomes true ends whatever the database is doing with `interrupted`,
/// within a few hundredths of a second. The database outlives it and stays where it is.
class StopWatch {
public:
    StopWatch(Database& database, const std::atomic<bool>* stop_or_null);
    StopWatch(const StopWatch&) = delete;
    StopWatch& operator=(const StopWatch&) = delete;
    ~StopWatch();

private:
    std::mutex mutex_;
    std::condition_variable ended_;
    bool has_ended_ = false;
    std::thread thread_;
};

/// A compiled statement: bind, step through its rows, reset, again. Parameters count from 1,
/// columns from 0, as SQLite's do. A value that `bind` borrows must live until `reset` or the next
/// `bind` of that parameter.
class Statement {
public:
    Statement() = default;
    Statement(Statement&& other) noexcept;
    Statement& operator=(Statement&& other) noexcept;
    ~Statement();

    Statement& bind(int parameter, std::int64_t value);
    Statement& bind(int parameter, std::string_view text);  // borrowed
    Statement& bind(int parameter, base::Octets octets);    // borrowed
    Statement& bind_null(int parameter);
    Statement& bind_or_null(int parameter, const std::optional<std::int64_t>& value);
    Statement& bind_or_null(int parameter, const std::optional<std::string>& text);  // borrowed

    /// True: the columns hold a row. False: no more rows; the statement is reset and can be bound
    /// anew. An error of an earlier `bind` comes out here.
    Result<bool> step();
    /// Steps to the end.
    Status run();
    /// Back to the start; bindings stay.
    void reset() noexcept;

    /// Columns of the current row, converted as SQLite does; views live until the next step or
    /// reset.
    int columns() const noexcept;
    bool is_null(int column) const noexcept;
    bool is_number(int column) const noexcept;  // as it is stored
    std::int64_t integer(int column) const noexcept;
    std::string_view text(int column) const noexcept;
    base::Octets octets(int column) const noexcept;
    std::optional<std::int64_t> optional_integer(int column) const noexcept;
    std::optional<std::string> optional_text(int column) const;
    std::string_view column_name(int column) const noexcept;

private:
    friend class Database;
    explicit Statement(sqlite3_stmt* handle) noexcept : handle_(handle) {}
    void note(int code) noexcept;
    sqlite3_stmt* handle_ = nullptr;
    int bind_error_ = 0;
};

/// BEGIN … COMMIT. Destroyed without `commit`: rolled back.
class Transaction {
public:
    enum class Kind : std::uint8_t {
        deferred,   // sees one state of the database from its first read on
        immediate,  // takes the writer's lock now, so that `busy` comes before the work and not
                    // after it
    };
    static Result<Transaction> begin(Database& database, Kind kind);
    Transaction(Transaction&& other) noexcept;
    Transaction& operator=(Transaction&&) = delete;
    ~Transaction();

    Status commit();

private:
    explicit Transaction(Database& database) noexcept : database_(&database) {}
    Database* database_;  // null: done
};

}  // namespace zc::sqlite
