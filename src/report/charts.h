// The charts of a page as inline SVG. Values are margins or distances, drawn on logarithmic axes,
// because the smallest ones matter and the range spans decades.
#pragma once

#include <string>
#include <vector>

#include "report/text.h"

namespace trinity::report {

struct ChartSeries {
  std::string name;
  Swatch mark;                 // a ring is drawn hollow: the oracle
  std::vector<double> values;  // one a case; NaN where there is none
  double floor = 0;            // 0: none to draw
};

struct Chart {
  enum class Kind {
    /// Every case as a column of dots, smallest value of the first series at the left; floors
    /// dashed.
    sorted_dots,
    /// One row for each of the `rows` cases whose smallest value is smallest, with its id; two
    /// panels (`series` and `right`) over the same rows.
    closest_rows,
    /// One line for each series, a tick at each value and a mark at the median.
    distance_strips,
  };

  Kind kind = Kind::sorted_dots;
  std::string label;  // names it for people who hear the page
  std::string title;
  std::vector<std::string> cases;
  std::vector<ChartSeries> series;
  std::string right_title = {};
  std::vector<ChartSeries> right = {};
  std::size_t rows = 0;
};

/// Colour of the n-th lane; they repeat after eight.
Swatch lane_swatch(std::size_t lane);

/// The chart as an element of a page.
std::string svg_of(const Chart& chart);

}  // namespace trinity::report
