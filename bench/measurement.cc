#include "bench/measurement.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/stopwatch.h"

namespace trinity::bench {

double Samples::min() const {
  return values_.empty() ? 0 : *std::min_element(values_.begin(), values_.end());
}

double Samples::median() const {
  if (values_.empty()) return 0;
  std::vector<double> sorted = values_;
  std::sort(sorted.begin(), sorted.end());
  const size_t middle = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

double time_ms(const std::function<void()>& body) {
  const Stopwatch watch;
  body();
  return watch.elapsed_ms();
}

std::string json_string(const std::string& text) { return json_text(text); }

void report(const BenchSink& sink, const std::string& name, const Params& params,
            const std::string& unit, const Samples& samples) {
  std::string json, text;
  for (const auto& [key, value] : params) {
    json += fmt::format("{}{}:{}", json.empty() ? "" : ",", json_string(key), value);
    text += fmt::format(" {}={}", key, value);
  }
  sink(fmt::format(
           R"({{"name":{},"params":{{{}}},"unit":{},"min":{:.4f},"median":{:.4f},"runs":{}}})",
           json_string(name), json, json_string(unit), samples.min(), samples.median(),
           samples.count()),
       fmt::format("{:<18} {:>10.3f} {} (median {:.3f}, {} runs) {}", name, samples.min(), unit,
                   samples.median(), samples.count(), text));
}

}  // namespace trinity::bench
