// tokenize: text to ids on one thread, over a mixed text made on the spot.
#include <random>

#include "base/try.h"
#include "bench/benchmarks.h"
#include "bench/measurement.h"
#include "router/model_files.h"

namespace trinity::bench {
namespace {

/// English, code, numbers and some non-Latin scripts, shuffled by a fixed seed.
std::string mixed_text(size_t bytes) {
  static const char* const parts[] = {
      "The quick brown fox jumps over the lazy dog, and nobody is surprised. ",
      "for (int i = 0; i < count; ++i) {\n    total += values[i] * weights[i];\n}\n",
      "SELECT name, COUNT(*) FROM orders WHERE price > 19.95 GROUP BY name;\n",
      "We don't know whether it'll rain tomorrow; they've said it's 60% likely.\n\n",
      "Die Größe der Straße übertrifft die Erwartungen. ",
      "Привет, мир! Как дела сегодня? ",
      "自然语言处理是人工智能的一个重要方向。",
      "def mean(xs):\n\treturn sum(xs) / len(xs) if xs else float('nan')\n",
      "{\"id\": 4711, \"tags\": [\"alpha\", \"beta\"], \"nested\": {\"ok\": true}}\n",
      "Therefore, by induction, the claim holds for every n >= 1. 🙂 ",
      "supercalifragilistic interoperability notwithstanding heretofore ",
  };
  std::mt19937 random(11);
  std::string text;
  while (text.size() < bytes) {
    text += parts[random() % std::size(parts)];
    for (int word = static_cast<int>(random() % 4); word > 0; --word) {
      for (int letter = 3 + static_cast<int>(random() % 7); letter > 0; --letter)
        text += static_cast<char>('a' + random() % 26);
      text += ' ';
    }
  }
  return text;
}

}  // namespace

Status run_tokenize(const BenchOptions& options, const BenchSink& sink) {
  TRINITY_TRY(const auto files, options.model.empty() ? router::open_tiny_router()
                                                      : router::open_model_folder(options.model));
  TRINITY_TRY(const text::Tokenizer tokenizer, files->tokenizer());
  const std::string text = mixed_text(options.short_mode ? 100'000 : 4'000'000);
  const double megabytes = static_cast<double>(text.size()) / 1e6;
  Samples speed;
  for (int run = 0; run < (options.runs > 0 ? options.runs : options.short_mode ? 2 : 7); ++run) {
    Status status;
    const double milliseconds = time_ms([&] {
      if (auto ids = tokenizer.encode(text, text::SpecialTokens::plain); !ids)
        status = tl::unexpected(std::move(ids.error()));
    });
    TRINITY_CHECK(std::move(status));
    if (run > 0) speed.add(megabytes / (milliseconds / 1000));
  }
  report(sink, "tokenize", {{"bytes", std::to_string(text.size())}, {"threads", "1"}}, "MB/s",
         speed);
  return {};
}

}  // namespace trinity::bench
