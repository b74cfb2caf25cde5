// route_hashes LANE BYTES
//   Routes the cases of lab/cases/tiny_router.json that are written out in at most BYTES bytes with
//   the tiny router and prints one line a case: its id, its route hash and the bits of its logits.
//   On an exact lane the output is the same for every compiler, processor and instruction set;
//   .ci/run compares two with diff.
#include <fmt/format.h>
#include <trinity/router.h>

#include <bit>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace {

int fail_with(const trinity::Error& error) {
  fmt::print(stderr, "{}: {}\n", error.tag, error.message);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: route_hashes LANE BYTES\n");
    return 2;
  }
  const size_t longest = std::stoul(argv[2]);
  std::ifstream file(TRINITY_SOURCE_DIR "/lab/cases/tiny_router.json");
  const auto cases = nlohmann::json::parse(file).at("cases");
  std::vector<std::string> ids;
  std::vector<trinity::RouterQuery> queries;
  for (const auto& one : cases) {
    std::vector<trinity::Message> messages;
    size_t bytes = 0;
    for (const auto& message : one.at("messages")) {
      messages.push_back({message.at("role"), message.value("content", "")});
      bytes += message.contains("content") ? messages.back().content.size() : longest + 1;
    }
    if (bytes > longest) continue;
    ids.push_back(one.at("id"));
    queries.emplace_back(messages);
  }

  trinity::RouterOptions options;
  options.profile = argv[1];
  const auto router = trinity::Router::load(options);
  if (!router) return fail_with(router.error());
  trinity::DecisionRule rule;
  rule.hashes = true;
  const auto decisions = router->route_batch(queries, {}, rule);
  for (size_t i = 0; i < decisions.size(); ++i) {
    if (!decisions[i]) return fail_with(decisions[i].error());
    fmt::print("{} {}", ids[i], decisions[i]->route_hash.value_or("-"));
    for (const float logit : decisions[i]->logits)
      fmt::print(" {:08x}", std::bit_cast<uint32_t>(logit));
    fmt::print("\n");
  }
}
