// The compute thread: what fails on it reaches the caller, and what lives on it dies on it.
#include "router/extraction_service.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <new>
#include <system_error>
#include <thread>

#include "backend/forwarding_backend.h"
#include "backend_registry/registry.h"
#include "base/try.h"
#include "model/checkpoint_source.h"
#include "router/router_support.h"

namespace trinity::testing {
namespace {

using Loaded = router::ExtractionService::Loaded;

std::string tag_of_start(const std::function<Result<Loaded>()>& load) {
  const auto service = router::ExtractionService::start(load);
  return service ? "ok" : service.error().tag;
}

TEST(ExtractionService, WhatLoadingThrowsIsAnError) {
  EXPECT_EQ(tag_of_start([]() -> Result<Loaded> { throw std::bad_alloc(); }), "out_of_memory");
  EXPECT_EQ(tag_of_start([]() -> Result<Loaded> {
              throw std::system_error(EAGAIN, std::generic_category());
            }),
            "out_of_threads");
  EXPECT_EQ(tag_of_start(
                []() -> Result<Loaded> { throw std::system_error(EIO, std::generic_category()); }),
            "system_failure");
  EXPECT_EQ(tag_of_start([]() -> Result<Loaded> { throw std::runtime_error("odd"); }),
            "internal_error");
  EXPECT_EQ(tag_of_start([]() -> Result<Loaded> { throw 5; }), "internal_error");
  EXPECT_EQ(tag_of_start([]() -> Result<Loaded> {
              return fail(ErrorKind::missing, "its_own", "its own error");
            }),
            "its_own");
}

/// A backend that tells when it dies.
class Witness final : public backend::ForwardingBackend {
 public:
  explicit Witness(std::vector<std::string>& events)
      : backend::ForwardingBackend(take(backend::create_backend("reference", {1}))),
        events_(events) {}
  ~Witness() override { events_.emplace_back("backend"); }

 private:
  std::vector<std::string>& events_;
};

/// A source whose embedding throws for some tokens.
class ThrowingRows final : public model::TensorSource, public model::EmbeddingRows {
 public:
  ThrowingRows(const model::TensorSource& base, TensorView table)
      : base_(base), rows_(std::move(table)) {}
  Result<TensorView> tensor(const std::string& name) const override { return base_.tensor(name); }
  std::shared_ptr<const model::EmbeddingRows> embedding_rows() const override {
    return {std::shared_ptr<void>(), this};
  }
  int64_t vocab_size() const override { return rows_.vocab_size(); }
  Status gather(std::span<const int32_t> ids, std::span<float> out) const override {
    if (ids.front() == 1) throw std::bad_alloc();
    if (ids.front() == 2) throw std::runtime_error("odd");
    return rows_.gather(ids, out);
  }

 private:
  const model::TensorSource& base_;
  model::TableRows rows_;
};

TEST(ExtractionService, WhatWasMadeOnTheThreadDiesThereBackendLast) {
  for (const bool fails : {false, true}) {
    std::vector<std::string> events;
    std::thread::id made_on, died_on;
    {
      const auto service = router::ExtractionService::start([&]() -> Result<Loaded> {
        Loaded loaded;
        loaded.backend = std::make_unique<Witness>(events);
        made_on = std::this_thread::get_id();
        loaded.sources = std::shared_ptr<void>(nullptr, [&](void*) {
          died_on = std::this_thread::get_id();
          events.emplace_back("sources");
        });
        if (fails) return fail(ErrorKind::missing, "its_own", "its own error");
        return loaded;
      });
      EXPECT_EQ(service.has_value(), !fails);
    }
    EXPECT_EQ(events, (std::vector<std::string>{"sources", "backend"}));
    EXPECT_EQ(made_on, died_on);
    EXPECT_NE(made_on, std::this_thread::get_id());
  }
}

TEST(ExtractionService, WhatComputingThrowsIsTheErrorOfThatCall) {
  const Checkpoint checkpoint = take(Checkpoint::open(small_model()));
  const model::CheckpointSource base(checkpoint);
  const ThrowingRows source(base, take(base.tensor("model.embed_tokens.weight")));
  const model::ModelConfig config = take(model::load_model_config(small_model()));
  const auto service = take(router::ExtractionService::start([&]() -> Result<Loaded> {
    Loaded loaded;
    TRINITY_TRY(loaded.backend, backend::create_backend("reference", {1}));
    model::ExtractorOptions options;
    options.prefix_cache_bytes = 0;
    TRINITY_TRY(loaded.extractor,
                model::FeatureExtractor::create(*loaded.backend, source, config, options));
    return loaded;
  }));
  const auto tag = [&](int32_t first) {
    const router::ExtractionReply reply = take(service->submit({{{first, 3, 4}}, {}, {}})).get();
    return reply.states.front() ? "ok" : reply.states.front().error().tag;
  };
  EXPECT_EQ(tag(1), "out_of_memory");
  EXPECT_EQ(tag(2), "internal_error");
  EXPECT_EQ(tag(3), "ok") << "the thread goes on";
}

/// Megabytes of address space that this process uses.
rlim_t address_space() {
  std::ifstream file("/proc/self/statm");
  rlim_t pages = 0;
  file >> pages;
  return pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE));
}

/// In a child whose address space may grow by `room` only: 0 when loading gave a router or one of
/// the errors of a machine that is full.
int load_in_child(rlim_t room) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(120);  // a hang fails the test
    const rlim_t most = address_space() + room;
    const rlimit limit{most, most};
    if (::setrlimit(RLIMIT_AS, &limit) != 0) ::_exit(3);
    try {
      const auto router = Router::load(small_options());
      const bool expected = router || router.error().tag == "out_of_memory" ||
                            router.error().tag == "out_of_threads" ||
                            router.error().tag == "mmap_failed";
      ::_exit(expected ? 0 : 1);
    } catch (...) {
      ::_exit(2);
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST(ExtractionService, WithoutMemoryLoadingEndsInAnError) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "SKIPPED: a sanitizer reserves the address space that is limited here";
#endif
  small_model();  // made by the parent
  for (const rlim_t megabytes : {rlim_t{1}, rlim_t{4}, rlim_t{12}, rlim_t{40}, rlim_t{90}})
    EXPECT_EQ(load_in_child(megabytes << 20), 0) << megabytes << " MB";
}

}  // namespace
}  // namespace trinity::testing
