// The charts of the evaluation report as inline SVG. Values are margins or distances, drawn on
// logarithmic axes, because the smallest ones matter and the range spans decades.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace trinity {

struct ChartSeries {
  std::string name;
  std::string colour;          // CSS colour
  bool ring = false;           // drawn hollow: the oracle
  std::vector<double> values;  // one a case; NaN where there is none
  double floor = 0;            // 0: none to draw
};

/// Colour of the n-th lane; they repeat after eight.
std::string lane_colour(std::size_t lane);

/// Every case as a column of dots, smallest value of the first series at the left; floors dashed.
std::string sorted_dots_chart(std::string_view title, std::span<const std::string> cases,
                              std::span<const ChartSeries> series);

/// One row for each of the `rows` cases whose smallest value is smallest, with its id; two panels
/// over the same rows.
std::string closest_rows_chart(std::span<const std::string> cases, std::string_view left_title,
                               std::span<const ChartSeries> left, std::string_view right_title,
                               std::span<const ChartSeries> right, std::size_t rows);

/// One line for each series, a tick at each value and a mark at the median.
std::string distance_strips_chart(std::string_view title, std::span<const std::string> cases,
                                  std::span<const ChartSeries> series);

}  // namespace trinity
