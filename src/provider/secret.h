// A key that is used and never shown.
//
// It has no way into a message, a log or JSON but `reveal`, which only the writer of a request's
// header calls, and redaction. What somebody else says of a request passes `redacted_by` before
// anybody sees it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace trinity::provider {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}

  bool empty() const { return value_.empty(); }
  const std::string& reveal() const { return value_; }

 private:
  std::string value_;
};

/// A text of somebody else's, fit to be shown: every one of the secrets taken out, and everything
/// that looks like a key (sk-..., Bearer ...); made printable and cut to `most` columns.
std::string fit_to_show(std::string_view text, const std::vector<Secret>& secrets,
                        std::size_t most = 300);

}  // namespace trinity::provider
