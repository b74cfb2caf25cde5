// Routes a conversation from C++: load once, ask as often as needed, from any thread.
//
// Usage: embed_router [MODEL_FOLDER]. Without a folder the tiny router inside the library decides.
#include <trinity/router.h>

#include <cstdio>

int main(int argument_count, char** arguments) {
  trinity::RouterOptions options;
  if (argument_count > 1) options.model = arguments[1];

  const auto router = trinity::Router::load(options);
  if (!router) {
    std::fprintf(stderr, "%s\n", router.error().message.c_str());
    return 1;
  }

  const auto decision = router->route({{"user", "Write a function that returns the n-th prime."},
                                       {"assistant", "def nth_prime(n): ..."},
                                       {"user", "Please check this for off-by-one errors."}});
  if (!decision) {
    std::fprintf(stderr, "%s\n", decision.error().message.c_str());
    return 1;
  }

  std::printf("agent %d as %s, margins %.2f / %.2f, %zu tokens, %.2f ms, profile %s%s\n",
              decision->agent_id, decision->role_name.c_str(), decision->margins.agent.value_or(0),
              decision->margins.role.value_or(0), decision->token_count, decision->timings_ms.total,
              decision->profile.c_str(),
              decision->tiny_router ? " (embedded tiny router: a demonstration)" : "");
  return 0;
}
