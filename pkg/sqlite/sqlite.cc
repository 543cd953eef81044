#include "sqlite/sqlite.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <limits>
#include <utility>

#include <sqlite3.h>
#include <sys/stat.h>

#include "base/check.h"

namespace zc::sqlite {
namespace {

Errc kind_of(int code, int system_error) {
    switch (code & 0xff) {
        case SQLITE_FULL:
            return Errc::full;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return Errc::busy;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
        case SQLITE_FORMAT:
            return Errc::malformed;
        case SQLITE_CANTOPEN:
            return system_error == ENOENT ? Errc::not_found : Errc::io;
        case SQLITE_TOOBIG:
            return Errc::limit;
        case SQLITE_CONSTRAINT:
            return Errc::conflict;
        case SQLITE_INTERRUPT:
            return Errc::interrupted;
        case SQLITE_ERROR:
        case SQLITE_RANGE:
        case SQLITE_MISUSE:
            return Errc::unsupported;
        default:
            break;
    }
    // SQLite says "disk I/O error" where the journal or the shared memory file finds no room.
    return system_error == ENOSPC || system_error == EDQUOT ? Errc::full : Errc::io;
}

constexpr auto look_interval = std::chrono::milliseconds(20);
constexpr const char* read_only_words = "read-only: no permission to change it, or its folder";

std::string words_for(Errc kind, int code, int system_error, const char* message) {
    std::string words;
    if (kind == Errc::full) {
        words = "no space left on the device";
    } else if (kind == Errc::busy) {
        words = "another process is changing it";
    } else if (code == SQLITE_READONLY_ROLLBACK || code == SQLITE_READONLY_RECOVERY) {
        words =
            "not closed cleanly: what was being changed has to be undone first, as opening it once "
            "with sqlite3 does";
    } else if ((code & 0xff) == SQLITE_READONLY) {
        words = read_only_words;
    } else if ((code & 0xff) == SQLITE_CANTOPEN && system_error != 0) {
        // NOLINTNEXTLINE(concurrency-mt-unsafe): glibc's has a buffer per thread since 2.32.
        words = std::strerror(system_error);
    } else {
        return message;
    }
    return words + " (SQLite: " + message + ")";
}

tl::unexpected<Error> error_of(sqlite3* handle, int code, const std::string& path) {
    const int extended = handle != nullptr ? sqlite3_extended_errcode(handle) : code;
    const int system_error = handle != nullptr ? sqlite3_system_errno(handle) : 0;
    const int exact = extended != SQLITE_OK ? extended : code;
    const Errc kind = kind_of(exact, system_error);
    const char* const message = handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
    return fail(kind, words_for(kind, exact, system_error, message), {.source = path});
}

/// "file:/a%3fb?immutable=1", for a path with anything in it.
std::string uri_of(const std::string& path, const char* parameter) {
    static constexpr char hex[] = "0123456789abcdef";
    std::string uri = "file:";
    for (const char c : path) {
        if (c == '%' || c == '?' || c == '#') {
            const auto octet = static_cast<unsigned char>(c);
            uri += {'%', hex[octet >> 4], hex[octet & 15]};
        } else {
            uri += c;
        }
    }
    return uri + '?' + parameter;
}

}  // namespace

Result<Database> Database::open(const std::string& path, Mode mode, base::Duration wait) {
    // SQLite waits in opening a pipe, and takes a device for an empty database.
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode))
        return fail(Errc::io, "not a regular file", {.source = path});
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    std::string name = path;
    switch (mode) {
        case Mode::read_only:
            flags |= SQLITE_OPEN_READONLY;
            break;
        case Mode::read_write:
            flags |= SQLITE_OPEN_READWRITE;
            break;
        case Mode::create:
            flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
            break;
        case Mode::with_foreign_memory:
            flags |= SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
            name = uri_of(path, "readonly_shm=1");
            break;
        case Mode::unchanging:
            flags |= SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
            name = uri_of(path, "immutable=1");
            break;
    }
    sqlite3* handle = nullptr;
    const int code = sqlite3_open_v2(name.c_str(), &handle, flags, nullptr);
    Database database(handle, path);  // also on failure: SQLite wants the handle closed
    if (code != SQLITE_OK) return error_of(handle, code, path);
    // A file that may not be written is opened to be read. SQLite says so at the first change, or
    // says that there is no log.
    if (mode == Mode::read_write && sqlite3_db_readonly(handle, "main") == 1)
        return fail(Errc::io, read_only_words, {.source = path});
    sqlite3_busy_timeout(handle, static_cast<int>(wait.nanoseconds / 1'000'000));
    return database;
}

Database::Database(Database&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)), path_(std::move(other.path_)) {}

Database& Database::operator=(Database&& other) noexcept {
    std::swap(handle_, other.handle_);
    std::swap(path_, other.path_);
    return *this;
}

Database::~Database() {
    // _v2: a statement that outlives the database (a mistake) keeps it open instead of crashing.
    sqlite3_close_v2(handle_);
}

Result<Statement> Database::prepare(std::string_view sql) {
    ZC_CHECK(sql.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()));
    sqlite3_stmt* statement = nullptr;
    const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) return error_of(handle_, code, path_);
    return Statement(statement);
}

Status Database::execute(const std::string& sql) {
    const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return error_of(handle_, code, path_);
    return {};
}

Result<std::int64_t> Database::integer(std::string_view sql) {
    ZC_TRY(Statement statement, prepare(sql));
    ZC_TRY(const bool row, statement.step());
    return row ? statement.integer(0) : 0;
}

Status Database::distrust(int value_octets_max) {
    sqlite3_limit(handle_, SQLITE_LIMIT_LENGTH, value_octets_max);
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    return execute("PRAGMA cell_size_check = ON");
}

Status Database::verify() {
    ZC_TRY(Statement check, prepare("PRAGMA quick_check(1)"));
    ZC_TRY(const bool some, check.step());
    if (some && check.text(0) == "ok") return {};
    return fail(Errc::malformed,
                "damaged: " + (some ? std::string(check.text(0)) : std::string("no answer")),
                {.source = path_});
}

StopWatch::StopWatch(Database& database, const std::atomic<bool>* stop_or_null) {
    if (stop_or_null == nullptr) return;
    thread_ = std::thread([this, handle = database.handle_, stop_or_null] {
        std::unique_lock lock(mutex_);
        // Again and again: a statement that begins after the first would not hear of it.
        while (!ended_.wait_for(lock, look_interval, [this] { return has_ended_; })) {
            if (stop_or_null->load(std::memory_order_relaxed)) sqlite3_interrupt(handle);
        }
    });
}

StopWatch::~StopWatch() {
    if (!thread_.joinable()) return;
    {
        const std::lock_guard lock(mutex_);
        has_ended_ = true;
    }
    ended_.notify_one();
    thread_.join();
}

std::int64_t Database::changes() const noexcept {
    return sqlite3_changes64(handle_);
}

bool Database::in_transaction() const noexcept {
    return sqlite3_get_autocommit(handle_) == 0;
}

std::string_view Database::version() noexcept {
    return sqlite3_libversion();
}

Statement::Statement(Statement&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)),
      bind_error_(std::exchange(other.bind_error_, 0)) {}

Statement& Statement::operator=(Statement&& other) noexcept {
    std::swap(handle_, other.handle_);
    std::swap(bind_error_, other.bind_error_);
    return *this;
}

Statement::~Statement() {
    sqlite3_finalize(handle_);
}

void Statement::note(int code) noexcept {
    if (code != SQLITE_OK && bind_error_ == 0) bind_error_ = code;
}

Statement& Statement::bind(int parameter, std::int64_t value) {
    note(sqlite3_bind_int64(handle_, parameter, value));
    return *this;
}

Statement& Statement::bind(int parameter, std::string_view text) {
    // A null pointer would bind NULL instead of the empty text.
    note(sqlite3_bind_text64(handle_, parameter, text.data() != nullptr ? text.data() : "",
                             text.size(), SQLITE_STATIC, SQLITE_UTF8));
    return *this;
}

Statement& Statement::bind(int parameter, base::Octets octets) {
    note(octets.empty() ? sqlite3_bind_zeroblob(handle_, parameter, 0)
                        : sqlite3_bind_blob64(handle_, parameter, octets.data(), octets.size(),
                                              SQLITE_STATIC));
    return *this;
}

Statement& Statement::bind_null(int parameter) {
    note(sqlite3_bind_null(handle_, parameter));
    return *this;
}

Statement& Statement::bind_or_null(int parameter, const std::optional<std::int64_t>& value) {
    return value ? bind(parameter, *value) : bind_null(parameter);
}

Statement& Statement::bind_or_null(int parameter, const std::optional<std::string>& text) {
    return text ? bind(parameter, std::string_view(*text)) : bind_null(parameter);
}

Result<bool> Statement::step() {
    sqlite3* const database = sqlite3_db_handle(handle_);
    const char* const path = sqlite3_db_filename(database, nullptr);
    if (const int code = std::exchange(bind_error_, 0); code != SQLITE_OK) {
        reset();
        return error_of(nullptr, code, path != nullptr ? path : "");
    }
    const int code = sqlite3_step(handle_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) {
        reset();
        return false;
    }
    auto error = error_of(database, code, path != nullptr ? path : "");
    reset();
    return error;
}

Status Statement::run() {
    for (;;) {
        ZC_TRY(const bool row, step());
        if (!row) return {};
    }
}

void Statement::reset() noexcept {
    sqlite3_reset(handle_);
}

int Statement::columns() const noexcept {
    return sqlite3_column_count(handle_);
}

bool Statement::is_number(int column) const noexcept {
    const int type = sqlite3_column_type(handle_, column);
    return type == SQLITE_INTEGER || type == SQLITE_FLOAT;
}

bool Statement::is_null(int column) const noexcept {
    return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

std::int64_t Statement::integer(int column) const noexcept {
    return sqlite3_column_int64(handle_, column);
}

std::string_view Statement::text(int column) const noexcept {
    // The pointer before the size: SQLite may convert, which changes the size.
    const void* const data = sqlite3_column_text(handle_, column);
    if (data == nullptr) return {};
    return {static_cast<const char*>(data),
            static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

base::Octets Statement::octets(int column) const noexcept {
    const void* const data = sqlite3_column_blob(handle_, column);
    if (data == nullptr) return {};
    return {static_cast<const std::uint8_t*>(data),
            static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

std::optional<std::int64_t> Statement::optional_integer(int column) const noexcept {
    if (is_null(column)) return std::nullopt;
    return integer(column);
}

std::optional<std::string> Statement::optional_text(int column) const {
    if (is_null(column)) return std::nullopt;
    return std::string(text(column));
}

std::string_view Statement::column_name(int column) const noexcept {
    const char* const name = sqlite3_column_name(handle_, column);
    return name != nullptr ? name : "";
}

Result<Transaction> Transaction::begin(Database& database, Kind kind) {
    ZC_TRY_STATUS(database.execute(kind == Kind::immediate ? "BEGIN IMMEDIATE" : "BEGIN DEFERRED"));
    return Transaction(database);
}

Transaction::Transaction(Transaction&& other) noexcept
    : database_(std::exchange(other.database_, nullptr)) {}

Transaction::~Transaction() {
    // A failed statement may have rolled back already (disk full): then there is nothing to do.
    if (database_ != nullptr && database_->in_transaction())
        static_cast<void>(database_->execute("ROLLBACK"));
}

Status Transaction::commit() {
    ZC_TRY_STATUS(database_->execute("COMMIT"));
    database_ = nullptr;
    return {};
}

}  // namespace zc::sqlite
