// The only source that knows SQLite. A connection belongs to one thread at a time; every statement
// is prepared once. Each failure becomes an error that says what to do (error_of).
#include <fmt/format.h>
#include <sqlite3.h>

#include <filesystem>
#include <string>
#include <utility>

#include "base/json.h"
#include "base/try.h"
#include "ledger/process_lock.h"
#include "ledger/store.h"

namespace trinity::ledger {
namespace {

namespace fs = std::filesystem;

constexpr int kApplicationId = 0x54724c67;  // "TrLg"
constexpr int kSchemaVersion = 1;
constexpr const char* kSchema = R"sql(
CREATE TABLE reservation(
  id INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,          -- milliseconds since 1970
  day INTEGER NOT NULL,            -- days since 1970, UTC: where it counts
  subjects TEXT NOT NULL,          -- a JSON list
  run TEXT NOT NULL,
  turn INTEGER NOT NULL,
  member TEXT NOT NULL,
  price_input INTEGER,             -- micro-USD a million tokens
  price_output INTEGER,
  price_cached_input INTEGER,
  reserved_micro_usd INTEGER NOT NULL,
  reserved_tokens INTEGER NOT NULL,
  reserved_calls INTEGER NOT NULL,
  state TEXT NOT NULL,             -- reserved, settled, cancelled, dropped, abandoned
  settled_at_ms INTEGER,
  micro_usd INTEGER,
  tokens INTEGER,
  calls INTEGER,
  estimated INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX unsettled ON reservation(id) WHERE state = 'reserved';
CREATE TABLE spent(
  subject TEXT NOT NULL,
  day INTEGER NOT NULL,
  micro_usd INTEGER NOT NULL,
  tokens INTEGER NOT NULL,
  calls INTEGER NOT NULL,
  PRIMARY KEY(subject, day)
) STRICT, WITHOUT ROWID;
)sql";

Error error_of(int code, const std::string& said, const fs::path& path) {
  const auto error = [&](const char* tag, const std::string& what) {
    return Error{ErrorKind::failed, tag,
                 fmt::format("the ledger {} {} ({})", path.string(), what, said)};
  };
  switch (code & 0xff) {
    case SQLITE_FULL:
      return error("ledger_disk_full", "cannot grow because its disk is full; make room there");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return error("corrupt_ledger",
                   "is damaged or no database; restore a copy, or move it away with its -wal and "
                   "-shm files and begin with nothing spent");
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return error("unwritable_ledger",
                   "cannot be written; let this user write to the file and its folder, or choose "
                   "another place");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return error("ledger_busy", "is held by another program; end what writes to it");
    case SQLITE_NOMEM:
      return error("out_of_memory", "needs more memory than there is; free some");
    default:
      return error("ledger_io_error", "cannot be read or written; look after its disk");
  }
}

class Statement {
 public:
  Statement() = default;
  Statement(Statement&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Statement& operator=(Statement&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Statement() { sqlite3_finalize(handle_); }

  sqlite3_stmt** place() { return &handle_; }
  Statement& begin() {
    sqlite3_reset(handle_);
    sqlite3_clear_bindings(handle_);
    next_ = 1;
    return *this;
  }
  Statement& bind(std::int64_t value) {
    sqlite3_bind_int64(handle_, next_++, value);
    return *this;
  }
  /// The text must live until the statement has run.
  Statement& bind(const std::string& text) {
    sqlite3_bind_text64(handle_, next_++, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
    return *this;
  }
  Statement& bind(const Amount& amount) {
    return bind(amount.micro_usd).bind(amount.tokens).bind(amount.calls);
  }
  Statement& bind(const std::optional<Price>& price) {
    if (price) return bind(price->input).bind(price->output).bind(price->cached_input);
    next_ += 3;  // stay null
    return *this;
  }
  int step() { return sqlite3_step(handle_); }
  void reset() { sqlite3_reset(handle_); }

  std::int64_t integer(int column) const { return sqlite3_column_int64(handle_, column); }
  std::string text(int column) const {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
    return bytes == nullptr
               ? std::string()
               : std::string(bytes,
                             static_cast<std::size_t>(sqlite3_column_bytes(handle_, column)));
  }
  Amount amount(int column) const {
    return {integer(column), integer(column + 1), integer(column + 2)};
  }

 private:
  sqlite3_stmt* handle_ = nullptr;
  int next_ = 1;
};

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(fs::path path) : path_(std::move(path)) {}
  ~SqliteStore() override {
    for (Statement* one : {&insert_, &end_, &spend_}) *one = Statement();
    sqlite3_close(database_);
  }

  const StoredState& state() const override { return state_; }

  Status open(const StoreOptions& options, Instant now) {
    TRINITY_TRY(lock_, lock_for_this_process(path_.string() + ".lock"));
    const int opened = sqlite3_open_v2(
        path_.c_str(), &database_,
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
        nullptr);
    if (opened != SQLITE_OK) return failed(opened);
    sqlite3_busy_timeout(database_, static_cast<int>(options.busy_timeout.count()));
    TRINITY_CHECK(check_identity());
    if (sqlite3_db_readonly(database_, "main") == 1) return failed(SQLITE_READONLY);
    TRINITY_TRY(const std::string mode, text_of("PRAGMA journal_mode=WAL"));
    if (mode != "wal")
      return fail(ErrorKind::failed, "unwritable_ledger",
                  fmt::format("the ledger {} cannot be kept here, because its file system does not "
                              "share memory between programs; put it on a local disk",
                              path_.string()));
    TRINITY_CHECK(
        run(options.survives_power_cuts ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL"));
    TRINITY_CHECK(run("BEGIN IMMEDIATE"));
    if (const Status ready = prepare_and_recover(now); !ready) return undone(ready.error());
    if (const Status done = run("COMMIT"); !done) return undone(done.error());
    return {};
  }

  Status write(std::span<const Entry> entries) override {
    TRINITY_CHECK(run("BEGIN IMMEDIATE"));
    for (const Entry& entry : entries)
      if (const Status written = write(entry); !written) return undone(written.error());
    if (const Status done = run("COMMIT"); !done) return undone(done.error());
    return {};
  }

 private:
  tl::unexpected<Error> failed(int code) const {
    const bool has_words = database_ != nullptr && sqlite3_extended_errcode(database_) == code;
    const char* said = has_words ? sqlite3_errmsg(database_) : sqlite3_errstr(code);
    return tl::unexpected(error_of(code, said, path_));
  }
  /// Takes the transaction back. The message is made before, so that it tells of the first failure.
  tl::unexpected<Error> undone(Error error) {
    if (sqlite3_get_autocommit(database_) == 0)
      sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
    return tl::unexpected(std::move(error));
  }
  Status run(const char* sql) {
    const int code = sqlite3_exec(database_, sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return failed(code);
    return {};
  }
  Status run(Statement& statement) {
    const int code = statement.step();
    if (code == SQLITE_DONE || code == SQLITE_ROW) {
      statement.reset();
      return {};
    }
    const tl::unexpected<Error> error = failed(code);
    statement.reset();
    return error;
  }
  Result<Statement> prepared(const char* sql) {
    Statement statement;
    const int code = sqlite3_prepare_v2(database_, sql, -1, statement.place(), nullptr);
    if (code != SQLITE_OK) return failed(code);
    return statement;
  }
  Result<std::string> text_of(const char* sql) {
    TRINITY_TRY(Statement statement, prepared(sql));
    const int code = statement.step();
    if (code == SQLITE_DONE) return std::string();
    if (code != SQLITE_ROW) return failed(code);
    return statement.text(0);
  }

  /// Whether the file is a ledger that this version understands, or empty.
  Status check_identity() {
    TRINITY_TRY(const std::string application, text_of("PRAGMA application_id"));
    TRINITY_TRY(const std::string version, text_of("PRAGMA user_version"));
    TRINITY_TRY(const std::string tables, text_of("SELECT count(*) FROM sqlite_schema"));
    is_new_ = application == "0" && version == "0" && tables == "0";
    if (is_new_) return {};
    if (application != std::to_string(kApplicationId))
      return fail(ErrorKind::invalid_input, "not_a_ledger",
                  fmt::format("{} is a database of something else and was left as it is; choose "
                              "another file for the ledger",
                              path_.string()));
    if (version != std::to_string(kSchemaVersion))
      return fail(ErrorKind::unsupported, "ledger_too_new",
                  fmt::format("the ledger {} has the form {}, of a newer version of this program "
                              "(this one knows {}); use that version, or another file",
                              path_.string(), version, kSchemaVersion));
    return {};
  }

  Status prepare_and_recover(Instant now) {
    if (is_new_) {
      TRINITY_CHECK(run(kSchema));
      TRINITY_CHECK(run(fmt::format("PRAGMA application_id={}", kApplicationId).c_str()));
      TRINITY_CHECK(run(fmt::format("PRAGMA user_version={}", kSchemaVersion).c_str()));
    }
    TRINITY_TRY(insert_,
                prepared("INSERT OR IGNORE INTO reservation(id, at_ms, day, subjects, run, "
                         "turn, member, price_input, price_output, price_cached_input, "
                         "reserved_micro_usd, reserved_tokens, reserved_calls, state) "
                         "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,'reserved')"));
    TRINITY_TRY(end_, prepared("UPDATE reservation SET settled_at_ms=?, micro_usd=?, tokens=?, "
                               "calls=?, state=?, estimated=? WHERE id=? AND state='reserved'"));
    TRINITY_TRY(spend_, prepared("INSERT INTO spent(subject, day, micro_usd, tokens, calls) "
                                 "VALUES(?,?,?,?,?) ON CONFLICT DO UPDATE SET "
                                 "micro_usd=micro_usd+excluded.micro_usd, "
                                 "tokens=tokens+excluded.tokens, calls=calls+excluded.calls"));
    TRINITY_CHECK(charge_abandoned(now));
    return load();
  }

  Status charge_abandoned(Instant now) {
    TRINITY_TRY(Statement open, prepared("SELECT id, day, subjects, reserved_micro_usd, "
                                         "reserved_tokens, reserved_calls FROM reservation "
                                         "WHERE state='reserved' ORDER BY id"));
    std::vector<Entry> entries;
    int code = SQLITE_ROW;
    while ((code = open.step()) == SQLITE_ROW) {
      Entry entry;
      entry.id = open.integer(0);
      entry.is_end = true;
      entry.at_ms = std::chrono::floor<std::chrono::milliseconds>(now).time_since_epoch().count();
      entry.day = static_cast<Day>(open.integer(1));
      const Result<Json> subjects = parse_json(open.text(2));
      if (!subjects || !subjects->is_array())
        return tl::unexpected(error_of(SQLITE_CORRUPT, "the subjects of a row are no list", path_));
      for (const Json& subject : *subjects) entry.subjects.push_back(subject.as_string());
      entry.amount = open.amount(3);
      entry.ending = Ending::abandoned;
      add(state_.abandoned_amount, entry.amount);
      entries.push_back(std::move(entry));
    }
    if (code != SQLITE_DONE) return failed(code);
    open = Statement();
    for (const Entry& entry : entries) TRINITY_CHECK(write(entry));
    state_.abandoned = static_cast<std::int64_t>(entries.size());
    return {};
  }

  Status load() {
    TRINITY_TRY(const std::string newest, text_of("SELECT coalesce(max(id), 0) FROM reservation"));
    state_.next_id = std::stoll(newest) + 1;
    TRINITY_TRY(Statement sums, prepared("SELECT subject, day, micro_usd, tokens, calls FROM spent "
                                         "ORDER BY subject, day"));
    int code = SQLITE_ROW;
    while ((code = sums.step()) == SQLITE_ROW)
      state_.sums.push_back({sums.text(0), static_cast<Day>(sums.integer(1)), sums.amount(2)});
    if (code != SQLITE_DONE) return failed(code);
    return {};
  }

  Status write(const Entry& entry) {
    if (!entry.is_end) {
      const std::string subjects = json_text(Json(entry.subjects));
      insert_.begin().bind(entry.id).bind(entry.at_ms).bind(std::int64_t{entry.day}).bind(subjects);
      insert_.bind(entry.purpose.run).bind(entry.purpose.turn).bind(entry.purpose.member);
      insert_.bind(entry.purpose.price).bind(entry.amount);
      return run(insert_);
    }
    const std::string state = ending_name(entry.ending);
    end_.begin().bind(entry.at_ms).bind(entry.amount).bind(state);
    end_.bind(std::int64_t{entry.estimated}).bind(entry.id);
    TRINITY_CHECK(run(end_));
    if (sqlite3_changes(database_) == 0) return {};  // it has ended already
    for (const std::string& subject : entry.subjects) {
      spend_.begin().bind(subject).bind(std::int64_t{entry.day}).bind(entry.amount);
      TRINITY_CHECK(run(spend_));
    }
    return {};
  }

  fs::path path_;
  Descriptor lock_;  // let go after the database is closed
  sqlite3* database_ = nullptr;
  bool is_new_ = false;
  Statement insert_, end_, spend_;
  StoredState state_;
};

}  // namespace

const char* ending_name(Ending ending) {
  switch (ending) {
    case Ending::settled:
      return "settled";
    case Ending::cancelled:
      return "cancelled";
    case Ending::dropped:
      return "dropped";
    case Ending::abandoned:
      return "abandoned";
  }
  return "settled";
}

Result<std::unique_ptr<Store>> Store::open(const StoreOptions& options, Instant now) {
  // The lock belongs to the file, whatever the name through which it is reached.
  std::error_code ignored;
  fs::path path = fs::weakly_canonical(options.path, ignored);
  if (ignored || path.empty()) path = options.path;
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::error_code looked;
  if (!fs::is_directory(folder, looked) && looked != std::errc::permission_denied)
    return fail(
        ErrorKind::missing, "missing_folder",
        fmt::format("the folder {} of the ledger does not exist; make it, or choose another "
                    "place",
                    folder.string()));
  if (fs::exists(path, ignored) && !fs::is_regular_file(path, ignored))
    return fail(
        ErrorKind::invalid_input, "not_a_ledger",
        fmt::format("{} is no regular file; choose another one for the ledger", path.string()));
  auto store = std::make_unique<SqliteStore>(path);
  TRINITY_CHECK(store->open(options, now));
  return store;
}

}  // namespace trinity::ledger
