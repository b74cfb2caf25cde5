// Any bytes as a question: what is answered once is answered the same again, and recognised.
#include <cstdint>

#include "input.h"
#include "reckoner/solver.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace trinity::reckoner;
  const std::string text = trinity::fuzz::bytes_or_edit(
      data, size, "What is (2 + 3) * 4^2, and how many words are in \"a b\" on 2024-02-29?");
  const auto solution = solve(text);
  (void)solve(text, Care::hasty);
  if (!solution) return 0;
  trinity::fuzz::require(solution->answer.empty() != solution->refusal.empty(),
                         "an answer or a refusal");
  const auto again = solve(text);
  trinity::fuzz::require(again && again->answer == solution->answer, "the same answer again");
  return 0;
}
