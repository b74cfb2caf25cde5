#include "model/embedding.h"

#include <string>

#include "base/try.h"

namespace trinity::model {

Status TableRows::gather(std::span<const int32_t> ids, std::span<float> out) const {
  const auto width = static_cast<size_t>(table_.shape[1]);
  for (size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= vocab_size()) return token_out_of_range(ids[i], vocab_size());
    TRINITY_CHECK(copy_row_f32(table_, ids[i], out.subspan(i * width, width)));
  }
  return {};
}

tl::unexpected<Error> token_out_of_range(int64_t id, int64_t vocab_size) {
  return fail(ErrorKind::invalid_input, "token_out_of_range",
              "token id " + std::to_string(id) + " lies outside the model's vocabulary of " +
                  std::to_string(vocab_size));
}

}  // namespace trinity::model
