#include "provider/breaker.h"

#include <algorithm>

namespace trinity::provider {

using std::chrono::milliseconds;

bool counts_against_member(FailureClass failure) {
  return failure == FailureClass::timeout || failure == FailureClass::overloaded ||
         failure == FailureClass::http || failure == FailureClass::invalid_response;
}

std::optional<milliseconds> Breaker::refuses(Time now) {
  if (!until_) return std::nullopt;
  if (now < *until_)
    return std::chrono::duration_cast<milliseconds>(*until_ - now) + milliseconds(1);
  if (trying_) return next_rest_;
  trying_ = true;
  return std::nullopt;
}

void Breaker::succeeded() {
  in_a_row_ = 0;
  next_rest_ = milliseconds(0);
  until_.reset();
  trying_ = false;
}

void Breaker::failed(FailureClass failure, Time now) {
  const bool was_try = trying_;
  trying_ = false;
  if (!counts_against_member(failure)) {
    // An answer, if not the wanted one: the member is there.
    if (failure == FailureClass::rejected || failure == FailureClass::context_length ||
        failure == FailureClass::content_filter || failure == FailureClass::unsupported)
      succeeded();
    return;
  }
  ++in_a_row_;
  if (options_.failures <= 0 || (in_a_row_ < options_.failures && !was_try)) return;
  if (until_ && now < *until_) return;  // calls that had begun before the rest
  next_rest_ = next_rest_ == milliseconds(0) ? options_.rest
                                             : std::min(next_rest_ * 2, options_.longest_rest);
  until_ = now + next_rest_;
}

}  // namespace trinity::provider
