// The report of the matrix on narrow terminals, with many lanes and hostile names.
#include <gtest/gtest.h>

#include "base/printable.h"
#include "prove/matrix/report.h"
#include "report/render_html.h"
#include "report/render_text.h"

namespace trinity::testing {
namespace {

prove::MatrixReport report_on(std::size_t lanes) {
  prove::MatrixReport report;
  report.model_name = "a model with a long name, adapted by the bundle of another long name";
  report.model.emplace();
  report.model->oracle = "lane 0";
  report.model->steps = {"embedding", "layer 0 attention", "layer 0 mlp"};
  report.model->cases = 3;
  for (std::size_t i = 0; i < lanes; ++i) {
    prove::MatrixLane lane;
    lane.name = i == 1 ? "plugin:\x1b]2;PWNED\x07" : "lane " + std::to_string(i);
    report.lanes.lanes.push_back(lane);
    for (const char* op : {"embed", "rms_norm", "attention_with_a_long_name"}) {
      prove::OpVerdict verdict;
      verdict.lane = lane.name;
      verdict.op = op;
      verdict.worst_error = 1e-7 * static_cast<double>(i);
      verdict.failed_cases = i == 2 ? 1 : 0;
      if (i == 2)
        verdict.findings = {"row 3 of shape [1, 1024] is away by 1.2e+03, \u202e limit 1"};
      report.ops.verdicts.push_back(verdict);
    }
    prove::LaneTimes times;
    times.lane = lane.name;
    times.min_ms = 1234.5;
    times.tokens = 9999;
    report.model->times.push_back(times);
    report.model->logit_distance.push_back(1e-3);
    report.model->differing.emplace_back(lanes, i);
    if (i > 0) report.model->layers.push_back({lane.name, "lane 0", {0, 1e-3}, {0, 1e-2}, {}});
  }
  report.model->flips.push_back({"lane 2", "case \u009b2J", {1, 0, 0.5, 1}, {2, 0, 0.5, 1}, true});
  report.lanes.missing.push_back(
      {"cuda", "this build has no such lane, and a reason that is long"});
  return report;
}

std::string text_of(const prove::MatrixReport& report, std::size_t columns) {
  return report::render_text(prove::matrix_document(report, {"trinity", "now"}),
                             report::Style(false, columns));
}

TEST(MatrixDocument, FitsAnyTerminalWithAnyNumberOfLanes) {
  for (const std::size_t lanes : {1U, 2U, 3U, 8U})
    for (const std::size_t columns : {60U, 80U, 120U, 200U}) {
      const std::string text = text_of(report_on(lanes), columns);
      for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        const std::string line = text.substr(begin, end - begin);
        EXPECT_LE(display_width(line), columns) << line;
        EXPECT_EQ(printable(line), line);
        begin = end + 1;
      }
    }
}

TEST(MatrixDocument, LanesThatHaveNoRoomGoBelow) {
  const std::string narrow = text_of(report_on(8), 80);
  const std::string wide = text_of(report_on(8), 200);
  const auto tables = [](const std::string& text) {
    std::size_t found = 0;
    for (std::size_t at = text.find("  operation"); at != std::string::npos;
         at = text.find("  operation", at + 1))
      ++found;
    return found;
  };
  EXPECT_EQ(tables(wide), 1U);
  EXPECT_GT(tables(narrow), 1U);
  for (int lane = 2; lane < 8; ++lane)
    EXPECT_NE(narrow.find("lane " + std::to_string(lane)), std::string::npos);
}

TEST(MatrixDocument, TextAndPageSayTheSame) {
  const prove::MatrixReport report = report_on(4);
  const std::string text = text_of(report, 200);
  const std::string page = report::render_html(prove::matrix_document(report, {"trinity", "now"}));
  for (const char* part :
       {"profiles disagree", "outside: 2.0e-07", "Operations", "Layers", "Decisions", "1234.5",
        "1.0e-03", "0.500 / 1.000", "not under the floor", "row 3 of shape [1, 1024]",
        "this build has no such lane", "the oracle", R"(plugin:\x1b]2;PWNED\x07)"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << text;
    EXPECT_NE(page.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(page.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace trinity::testing
