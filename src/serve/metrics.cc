#include "serve/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace trinity::serve {
namespace {

/// A label's value as the format wants it: quotes, backslashes and line feeds escaped.
void append_value(std::string& out, std::string_view value) {
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
}

/// `{a="x",b="y"}`; nothing without labels.
std::string label_text(const std::vector<std::string>& names,
                       const std::vector<std::string>& values, std::string_view bound = {}) {
  if (names.empty() && bound.empty()) return "";
  std::string out = "{";
  for (std::size_t n = 0; n < names.size(); ++n) {
    if (n > 0) out += ',';
    out += names[n] + "=\"";
    append_value(out, values[n]);
    out += '"';
  }
  if (!bound.empty()) {
    if (!names.empty()) out += ',';
    out.append("le=\"").append(bound).append("\"");
  }
  return out + "}";
}

std::vector<std::string> key_of(Metrics::Labels values, std::size_t count) {
  std::vector<std::string> key(values.begin(), values.end());
  key.resize(count);
  return key;
}

}  // namespace

void Metrics::Counter::add(Labels values, double amount) {
  const std::scoped_lock held(lock_);
  values_[key_of(values, labels_)] += amount;
}

double Metrics::Counter::sum(std::string_view last) const {
  const std::scoped_lock held(lock_);
  double sum = 0;
  for (const auto& [values, number] : values_)
    if (last.empty() || (!values.empty() && values.back() == last)) sum += number;
  return sum;
}

Metrics::Histogram::Buckets Metrics::Histogram::all() const {
  Buckets all;
  for (const auto& [values, buckets] : values_) {
    for (std::size_t n = 0; n < all.counts.size(); ++n) all.counts[n] += buckets.counts[n];
    all.sum += buckets.sum;
  }
  return all;
}

std::uint64_t Metrics::Histogram::count() const {
  const std::scoped_lock held(lock_);
  std::uint64_t count = 0;
  for (const std::uint64_t one : all().counts) count += one;
  return count;
}

std::optional<double> Metrics::Histogram::quantile(double q) const {
  const std::scoped_lock held(lock_);
  const Buckets buckets = all();
  std::uint64_t count = 0;
  for (const std::uint64_t one : buckets.counts) count += one;
  if (count == 0) return std::nullopt;
  const double rank = q * static_cast<double>(count);
  double below = 0;
  for (std::size_t n = 0; n < kBounds.size(); ++n) {
    const auto here = static_cast<double>(buckets.counts[n]);
    if (here > 0 && below + here >= rank) {
      const double low = n == 0 ? 0 : kBounds[n - 1];
      return low + (kBounds[n] - low) * std::max(0.0, rank - below) / here;
    }
    below += here;
  }
  return kBounds.back();
}

void Metrics::Histogram::observe(Labels values, double seconds) {
  const std::scoped_lock held(lock_);
  Buckets& buckets = values_[key_of(values, labels_)];
  const auto bucket = std::lower_bound(kBounds.begin(), kBounds.end(), seconds) - kBounds.begin();
  ++buckets.counts[static_cast<std::size_t>(bucket)];
  buckets.sum += seconds;
}

Metrics::Counter& Metrics::counter(std::string name, std::string help,
                                   std::vector<std::string> labels) {
  const std::scoped_lock held(lock_);
  auto& family = *families_.emplace_back(std::make_unique<Family>());
  family.counter.reset(new Counter(lock_, labels.size()));
  family.name = std::move(name), family.help = std::move(help), family.labels = std::move(labels);
  return *family.counter;
}

Metrics::Histogram& Metrics::histogram(std::string name, std::string help,
                                       std::vector<std::string> labels) {
  const std::scoped_lock held(lock_);
  auto& family = *families_.emplace_back(std::make_unique<Family>());
  family.histogram.reset(new Histogram(lock_, labels.size()));
  family.name = std::move(name), family.help = std::move(help), family.labels = std::move(labels);
  return *family.histogram;
}

void Metrics::gauge(std::string name, std::string help, std::function<double()> value) {
  const std::scoped_lock held(lock_);
  auto& family = *families_.emplace_back(std::make_unique<Family>());
  family.name = std::move(name), family.help = std::move(help), family.gauge = std::move(value);
}

std::string Metrics::text() const {
  // Gauges ask other rooms, which may be adding to counters just now: not under the lock.
  std::vector<std::pair<const Family*, double>> gauges;
  std::vector<const Family*> families;
  {
    const std::scoped_lock held(lock_);
    for (const auto& family : families_) families.push_back(family.get());
  }
  for (const Family* family : families)
    if (family->gauge) gauges.emplace_back(family, family->gauge());

  const std::scoped_lock held(lock_);
  std::string out;
  for (const Family* family : families) {
    const char* type = family->counter ? "counter" : family->histogram ? "histogram" : "gauge";
    out +=
        fmt::format("# HELP {} {}\n# TYPE {} {}\n", family->name, family->help, family->name, type);
    if (family->gauge) {
      const auto found = std::find_if(gauges.begin(), gauges.end(),
                                      [&](const auto& gauge) { return gauge.first == family; });
      out += fmt::format("{} {}\n", family->name, found->second);
    } else if (family->counter) {
      for (const auto& [values, number] : family->counter->values_)
        out += fmt::format("{}{} {}\n", family->name, label_text(family->labels, values), number);
    } else {
      for (const auto& [values, buckets] : family->histogram->values_) {
        std::uint64_t below = 0;
        for (std::size_t n = 0; n <= Histogram::kBounds.size(); ++n) {
          below += buckets.counts[n];
          const std::string bound = n < Histogram::kBounds.size()
                                        ? fmt::format("{}", Histogram::kBounds[n])
                                        : std::string("+Inf");
          out += fmt::format("{}_bucket{} {}\n", family->name,
                             label_text(family->labels, values, bound), below);
        }
        const std::string labels = label_text(family->labels, values);
        out += fmt::format("{0}_sum{1} {2}\n{0}_count{1} {3}\n", family->name, labels, buckets.sum,
                           below);
      }
    }
  }
  return out;
}

}  // namespace trinity::serve
