#include "flags/batches.h"

#include <fmt/format.h>

#include "base/try.h"

namespace trinity::flags {
void Tally::add_failure(const wire::RecordOrigin& origin, const Error& error) {
  if (failed_ == 0) first_failure_ = wire::located_message(origin, error);
  ++records_;
  ++failed_;
  if (error.kind == ErrorKind::missing) ++missing_;
}

int Tally::finish() const {
  if (failed_ == 0) return 0;
  if (records_ == 1) {
    terminal::warn(first_failure_);
  } else {
    terminal::warn(fmt::format("{} of {} records failed; the first one: {}", failed_, records_,
                               first_failure_));
  }
  return missing_ == records_ ? 3 : 1;
}

Status run_batches(wire::RecordReader& reader, terminal::Output& output, std::size_t batch,
                   const std::function<Status(std::span<const wire::Line>)>& answer) {
  bool any = false;
  for (bool more = true; more;) {
    std::vector<wire::Line> records;
    Status status;
    while (records.size() < batch) {
      Result<std::optional<wire::Line>> record = reader.next();
      if (!record) status = tl::unexpected<Error>(std::move(record.error()));
      more = record && record->has_value();
      if (!more) break;
      records.push_back(std::move(**record));
    }
    if (!records.empty()) {  // what came before a failure is answered all the same
      any = true;
      TRINITY_CHECK(answer(records));
      TRINITY_CHECK(output.flush());
    }
    TRINITY_CHECK(std::move(status));
  }
  if (!any)
    return fail(ErrorKind::invalid_input, "empty_input",
                "the input holds no record; give one JSON object a line, or a text as argument");
  return {};
}

Result<int> conclude_records(const Tally& tally, Status done) {
  if (!done && tally.empty()) return tl::unexpected(std::move(done.error()));
  return terminal::conclude(tally.finish(), {done});
}

}  // namespace trinity::flags
