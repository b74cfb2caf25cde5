// Samples of one measured thing and their report line.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "bench/bench.h"

namespace trinity::bench {

/// Parameter name and its JSON value, already encoded.
using Params = std::vector<std::pair<std::string, std::string>>;

class Samples {
 public:
  void add(double value) { values_.push_back(value); }
  double min() const;
  double median() const;
  size_t count() const { return values_.size(); }

 private:
  std::vector<double> values_;
};

/// Milliseconds of one call.
double time_ms(const std::function<void()>& body);

void report(const BenchSink& sink, const std::string& name, const Params& params,
            const std::string& unit, const Samples& samples);

/// Encodes a string as a JSON value.
std::string json_string(const std::string& text);

}  // namespace trinity::bench
