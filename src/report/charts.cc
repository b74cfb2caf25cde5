#include "report/charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>

#include "base/printable.h"
#include "report/html.h"

namespace trinity::report {
namespace {

constexpr std::size_t kRowLabelColumns = 30;
constexpr std::size_t kHintColumns = 80;
constexpr std::size_t kLaneColours = 8;  // of the style sheet (report/page.cc)
constexpr const char* kSvgBegin =
    R"(<svg viewBox="0 0 {} {}" role="img" aria-label="{}" class="chart{}">)";

/// A logarithmic axis from pixel `begin` to pixel `end`, which may run downwards.
class LogAxis {
 public:
  /// Covers the positive values; zeros and below lie at the axis's low end.
  LogAxis(double low, double high, double begin, double end) : begin_(begin), end_(end) {
    if (!(low > 0) || !(high >= low)) low = 0.1, high = 10;
    low_ = std::log10(below(std::max(low, 1e-7)));
    high_ = std::log10(above(high));
    if (high_ - low_ < 0.5) high_ = low_ + 0.5;
  }

  double at(double value) const {
    const double share = value > 0 ? (std::log10(value) - low_) / (high_ - low_) : 0.0;
    return begin_ + std::clamp(share, 0.0, 1.0) * (end_ - begin_);
  }

  /// Round values with a label, few enough to read.
  std::vector<double> ticks() const {
    const bool dense = high_ - low_ <= 3.2;
    std::vector<double> out;
    for (int decade = static_cast<int>(std::floor(low_)); decade <= std::ceil(high_); ++decade)
      for (const double digit : {1.0, 2.0, 5.0}) {
        if (!dense && digit != 1.0) continue;
        const double value = digit * std::pow(10.0, decade);
        if (std::log10(value) >= low_ - 1e-9 && std::log10(value) <= high_ + 1e-9)
          out.push_back(value);
      }
    return out;
  }

 private:
  static double below(double value) {
    const double decade = std::pow(10.0, std::floor(std::log10(value)));
    for (const double digit : {5.0, 2.0})
      if (digit * decade <= value) return digit * decade;
    return decade;
  }
  static double above(double value) {
    const double decade = std::pow(10.0, std::floor(std::log10(value)));
    for (const double digit : {1.0, 2.0, 5.0})
      if (digit * decade >= value * (1 - 1e-9)) return digit * decade;
    return 10 * decade;
  }

  double begin_, end_;
  double low_ = 0, high_ = 1;
};

std::string tick_text(double value) {
  return value >= 0.001 && value < 10000 ? fmt::format("{:g}", value)
                                         : fmt::format("{:.0e}", value);
}

/// A label under its tick; one at the end of the axis ends there, because what is beyond is cut.
std::string tick_label(double x, double y, double right, const std::string& text) {
  const bool last = x + 16 > right;
  return fmt::format(R"(<text x="{:.1f}" y="{}" class="tick {}">{}</text>)",
                     last ? std::min(x + 8, right) : x, y, last ? "end" : "mid", text);
}

/// Smallest and largest positive value, floors included.
std::pair<double, double> range_of(std::span<const ChartSeries> series) {
  double low = std::numeric_limits<double>::infinity();
  double high = 0;
  const auto take = [&](double value) {
    if (!(value > 0) || !std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  };
  for (const ChartSeries& one : series) {
    take(one.floor);
    for (const double value : one.values) take(value);
  }
  return {low, high};
}

std::string dot(double x, double y, const ChartSeries& series, double radius,
                const std::string& hint) {
  const std::string look =
      series.mark.ring ? fmt::format(R"(style="fill:var(--page);stroke:{};stroke-width:{}")",
                                     series.mark.colour, radius < 3 ? 0.7 : 1.4)
                       : fmt::format(R"(style="fill:{};fill-opacity:.85")", series.mark.colour);
  return fmt::format(R"(<circle cx="{:.1f}" cy="{:.1f}" r="{}" {}><title>{}</title></circle>)", x,
                     y, series.mark.ring ? radius + 1.2 : radius, look, html_text(hint));
}

std::string hint_of(const std::string& id, const ChartSeries& series, double value) {
  return fmt::format("{}, {}: {}", printable(id, kHintColumns), series.name, short_number(value));
}

double smallest(std::span<const ChartSeries> series, std::size_t index) {
  double low = std::numeric_limits<double>::infinity();
  for (const ChartSeries& one : series)
    if (!std::isnan(one.values[index])) low = std::min(low, one.values[index]);
  return low;
}

/// One panel of closest_rows_chart: axis, floors, dots.
std::string rows_panel(std::string_view title, std::span<const ChartSeries> series,
                       std::span<const std::string> cases, std::span<const std::size_t> shown,
                       double left, double right, double top, double row_height) {
  const auto [low, high] = range_of(series);
  const LogAxis axis(low, high, left, right);
  const double bottom = top + row_height * static_cast<double>(shown.size());
  std::string out = fmt::format(R"(<text x="{}" y="{}" class="axis-title">{}</text>)", left,
                                top - 24, html_text(title));
  for (const double tick : axis.ticks()) {
    out += fmt::format(R"(<line x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}" class="grid"/>)",
                       axis.at(tick), top, bottom);
    out += tick_label(axis.at(tick), top - 6, right, tick_text(tick));
  }
  for (const ChartSeries& one : series)
    if (one.floor > 0)
      out += fmt::format(
          R"(<line x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}" style="stroke:{3}" class="floor"><title>floor of {4}: {5}</title></line>)",
          axis.at(one.floor), top, bottom, one.mark.colour, html_text(one.name),
          short_number(one.floor));
  for (std::size_t row = 0; row < shown.size(); ++row) {
    const double y = top + row_height * (static_cast<double>(row) + 0.5);
    for (const ChartSeries& one : series) {
      const double value = one.values[shown[row]];
      if (!std::isnan(value))
        out += dot(axis.at(value), y, one, 3.2, hint_of(cases[shown[row]], one, value));
    }
  }
  return out;
}

double median(std::vector<double> values) {
  std::erase_if(values, [](double value) { return std::isnan(value); });
  if (values.empty()) return std::nan("");
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::string sorted_dots_chart(std::string_view title, std::span<const std::string> cases,
                              std::span<const ChartSeries> series) {
  constexpr double width = 540, height = 290, left = 44, right = 530, top = 34, bottom = 262;
  const auto [low, high] = range_of(series);
  const LogAxis axis(low, high, bottom, top);
  std::vector<std::size_t> order(cases.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return smallest(series.first(1), a) < smallest(series.first(1), b);
  });
  std::string out = fmt::format(fmt::runtime(kSvgBegin), width, height, html_text(title), "");
  out += fmt::format(R"(<text x="{}" y="16" class="axis-title">{}</text>)", left, html_text(title));
  for (const double tick : axis.ticks()) {
    out += fmt::format(R"(<line x1="{1}" x2="{2}" y1="{0:.1f}" y2="{0:.1f}" class="grid"/>)",
                       axis.at(tick), left, right);
    out += fmt::format(R"(<text x="{}" y="{:.1f}" class="tick end">{}</text>)", left - 6,
                       axis.at(tick) + 3.5, tick_text(tick));
  }
  for (const ChartSeries& one : series)
    if (one.floor > 0)
      out += fmt::format(
          R"(<line x1="{1}" x2="{2}" y1="{0:.1f}" y2="{0:.1f}" style="stroke:{3}" class="floor"><title>floor of {4}: {5}</title></line>)",
          axis.at(one.floor), left, right, one.mark.colour, html_text(one.name),
          short_number(one.floor));
  const double step = (right - left) / static_cast<double>(std::max<std::size_t>(order.size(), 1));
  const double radius = order.size() > 90 ? 1.7 : order.size() > 45 ? 2.3 : 3.2;
  for (const ChartSeries& one : series)
    for (std::size_t place = 0; place < order.size(); ++place) {
      const double value = one.values[order[place]];
      if (std::isnan(value)) continue;
      out += dot(left + step * (static_cast<double>(place) + 0.5), axis.at(value), one, radius,
                 hint_of(cases[order[place]], one, value));
    }
  out += fmt::format(R"(<text x="{}" y="{}" class="tick">{} cases, closest decision first</text>)",
                     left, height - 8, cases.size());
  return out + "</svg>";
}

std::string closest_rows_chart(std::span<const std::string> cases, std::string_view left_title,
                               std::span<const ChartSeries> left, std::string_view right_title,
                               std::span<const ChartSeries> right, std::size_t rows) {
  constexpr double width = 1100, top = 48, row_height = 17, labels = 220;
  std::vector<std::size_t> order(cases.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto closest = [&](std::size_t i) {
    return std::min(smallest(left, i), smallest(right, i));
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return closest(a) < closest(b); });
  order.resize(std::min(rows, order.size()));
  const double height = top + row_height * static_cast<double>(order.size()) + 10;
  std::string out = fmt::format(fmt::runtime(kSvgBegin), width, height,
                                "margins of the closest decisions", " wide");
  for (std::size_t row = 0; row < order.size(); ++row) {
    const double y = top + row_height * static_cast<double>(row);
    if (row % 2 == 0)
      out += fmt::format(R"(<rect x="0" y="{}" width="{}" height="{}" class="band"/>)", y, width,
                         row_height);
    out += fmt::format(R"(<text x="{}" y="{}" class="row-label end">{}</text>)", labels - 12,
                       y + 12.5, html_text(printable(cases[order[row]], kRowLabelColumns)));
  }
  out += rows_panel(left_title, left, cases, order, labels, 640, top, row_height);
  out += rows_panel(right_title, right, cases, order, 672, 1090, top, row_height);
  return out + "</svg>";
}

std::string distance_strips_chart(std::string_view title, std::span<const std::string> cases,
                                  std::span<const ChartSeries> series) {
  constexpr double width = 1100, top = 44, row_height = 34, left = 220, right = 1090;
  const double height = top + row_height * static_cast<double>(series.size()) + 8;
  const auto [low, high] = range_of(series);
  const LogAxis axis(low, high, left, right);
  std::string out = fmt::format(fmt::runtime(kSvgBegin), width, height, html_text(title), " wide");
  out += fmt::format(R"(<text x="{}" y="16" class="axis-title">{}</text>)", left, html_text(title));
  for (const double tick : axis.ticks()) {
    out += fmt::format(R"(<line x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}" class="grid"/>)",
                       axis.at(tick), top, height - 8);
    out += tick_label(axis.at(tick), top - 6, right, tick_text(tick));
  }
  for (std::size_t row = 0; row < series.size(); ++row) {
    const ChartSeries& one = series[row];
    const double y = top + row_height * (static_cast<double>(row) + 0.5);
    out += fmt::format(R"(<text x="{}" y="{}" class="row-label end">{}</text>)", left - 12, y + 4,
                       html_text(one.name));
    for (std::size_t i = 0; i < one.values.size(); ++i)
      if (!std::isnan(one.values[i]))
        out += fmt::format(
            R"(<line x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}" style="stroke:{3}" class="strip"><title>{4}</title></line>)",
            axis.at(one.values[i]), y - 9, y + 9, one.mark.colour,
            html_text(hint_of(cases[i], one, one.values[i])));
    if (const double middle = median(one.values); !std::isnan(middle))
      out += fmt::format(
          R"(<path d="M{0:.1f} {1} l-5 -7 h10 z" class="median"><title>median {2}</title></path>)",
          axis.at(middle), y - 9, short_number(middle));
  }
  return out + "</svg>";
}

}  // namespace

Swatch lane_swatch(std::size_t lane) {
  return {fmt::format("var(--lane-{})", lane % kLaneColours), false};
}

std::string svg_of(const Chart& chart) {
  switch (chart.kind) {
    case Chart::Kind::sorted_dots:
      return sorted_dots_chart(chart.title, chart.cases, chart.series);
    case Chart::Kind::closest_rows:
      return closest_rows_chart(chart.cases, chart.title, chart.series, chart.right_title,
                                chart.right, chart.rows);
    case Chart::Kind::distance_strips:
      return distance_strips_chart(chart.title, chart.cases, chart.series);
  }
  return {};
}

}  // namespace trinity::report
