// Counts of what a server does, in the text format that Prometheus reads.
//
// A family has a name, a help text and the names of its labels; its values are found by the values
// of the labels. Adding is a lock and a look-up: it happens a few times a request, never a token.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace trinity::serve {

class Metrics {
 public:
  using Labels = std::initializer_list<std::string_view>;

  /// A number that only grows; `name` ends in "_total".
  class Counter {
   public:
    void add(Labels values, double amount = 1);
    /// Of all values, or of those whose last label is `last`.
    double sum(std::string_view last = {}) const;

   private:
    friend class Metrics;
    Counter(std::mutex& lock, std::size_t labels) : lock_(lock), labels_(labels) {}
    std::mutex& lock_;
    std::size_t labels_;
    std::map<std::vector<std::string>, double> values_;
  };

  /// Durations in seconds, in buckets from 50 µs to 100 s.
  class Histogram {
   public:
    static constexpr std::array<double, 19> kBounds = {5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3,
                                                       1e-2, 2e-2, 5e-2, 0.1,  0.2,  0.5,  1,
                                                       2,    5,    10,   30,   100};
    void observe(Labels values, double seconds);
    /// Of all values together, as far as the buckets tell: within one it is taken for even.
    /// Nothing: there was none.
    std::optional<double> quantile(double q) const;
    std::uint64_t count() const;

   private:
    friend class Metrics;
    struct Buckets {
      std::array<std::uint64_t, kBounds.size() + 1> counts{};
      double sum = 0;
    };
    Histogram(std::mutex& lock, std::size_t labels) : lock_(lock), labels_(labels) {}
    std::mutex& lock_;
    std::size_t labels_;
    Buckets all() const;  // under the lock
    std::map<std::vector<std::string>, Buckets> values_;
  };

  Counter& counter(std::string name, std::string help, std::vector<std::string> labels = {});
  Histogram& histogram(std::string name, std::string help, std::vector<std::string> labels = {});
  /// A value that is asked for when the text is made.
  void gauge(std::string name, std::string help, std::function<double()> value);

  /// Families in the order of their declaration, values in that of their labels.
  std::string text() const;

 private:
  struct Family {
    std::string name, help;
    std::vector<std::string> labels;
    std::unique_ptr<Counter> counter;
    std::unique_ptr<Histogram> histogram;
    std::function<double()> gauge;
  };
  mutable std::mutex lock_;
  std::vector<std::unique_ptr<Family>> families_;
};

}  // namespace trinity::serve
