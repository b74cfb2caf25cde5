// The HTML report: complete, self-contained, safe with hostile text.
#include <gtest/gtest.h>

#include "base/json_value.h"
#include "prove/eval/baseline.h"
#include "prove/eval/report.h"
#include "prove/lab_support.h"
#include "report/render_html.h"
#include "report/render_text.h"

namespace trinity::testing {
namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++found;
  return found;
}

/// Three cases, the last one of hostile text; lane "two" decides the second one otherwise.
std::vector<prove::LaneReport> two_lanes() {
  auto set = std::make_shared<prove::EvalCaseSet>();
  set->origin = "made <up>";
  for (const char* id : {"first", "second", "third"}) set->cases.push_back(made_case(id, 1, 0));
  set->cases[2].messages[0].content = "</td><script>alert(1)</script>\x01\xe2\x80\xae";
  std::vector<prove::LaneReport> lanes;
  for (const std::string name : {"one", "two"}) {
    prove::LaneReport lane;
    lane.profile.name = name;
    lane.profile.exactness =
        name == "one" ? backend::Exactness::oracle : backend::Exactness::decision_stable;
    lane.set = set;
    lane.model = "model";
    lane.fidelity_mode = "reference";
    lane.floors = {0.24, 1.06};
    lane.floors_from = "profile";
    lane.router.num_agents = 7;
    lane.router.num_roles = 3;
    std::vector<Result<Decision>> decisions;
    for (std::size_t i = 0; i < 3; ++i)
      decisions.push_back(made_decision(
          set->cases[i],
          made_logits(name == "two" && i == 1 ? 4 : 1, 0, static_cast<float>(i) + 0.5F, 2.0F)));
    lane.outcomes = prove::judge_cases(set->cases, std::move(decisions), {lane.floors});
    lane.determinism = prove::DeterminismReport{
        lane.profile.exactness, prove::Rung{3, 3, {"run 2"}, {}, {}}, {}, {}};
    lanes.push_back(std::move(lane));
  }
  return lanes;
}

std::string page_of(std::span<const prove::LaneReport> lanes, const std::string& oracle = "") {
  return report::render_html(prove::eval_document(lanes, {oracle, "trinity", "now"}));
}

TEST(EvalReport, HoldsEveryLaneCaseAndFinding) {
  const auto lanes = two_lanes();
  const std::string page = page_of(lanes);
  for (const char* part :
       {"one", "two", "first", "second", "third", "expected agent 1 Worker, got agent 4 Worker",
        "Agent margin", "Role margin", "Distance to", "Determinism", "equal decisions only",
        "3 of 3", "2 of 3", "1 failed", "the oracle"})
    EXPECT_TRUE(contains(page, part)) << part;
}

TEST(EvalReport, TheFiguresOfATextAreThoseOfThePage) {
  const auto lanes = two_lanes();
  const report::Document document = prove::eval_document(lanes, {"", "trinity", "now"});
  const std::string text = report::render_text(document, report::Style(false, 200));
  const std::string page = report::render_html(document);
  for (const char* part :
       {"2 passed", "1 failed", "2 of 3", "0.24 / 1.06", "3 of 3 equal", "1 Worker", "4 Worker",
        "within drift", "expected agent 1 Worker, got agent 4 Worker", "Compared with "}) {
    EXPECT_TRUE(contains(text, part)) << part << "\n" << text;
    EXPECT_TRUE(contains(page, part)) << part;
  }
  EXPECT_FALSE(contains(text, "Chart of")) << "charts are for pages";
  EXPECT_FALSE(contains(text, "<span")) << "markup is for pages";
}

TEST(EvalReport, LoadsNothingAndRunsNothing) {
  const std::string page = page_of(two_lanes());
  for (const char* part : {"<script", "http://", "https://", "src=", "@import", "url(", "<link"})
    EXPECT_FALSE(contains(page, part)) << part;
  EXPECT_TRUE(contains(page, "default-src 'none'"));
  EXPECT_TRUE(contains(page, "made &lt;up&gt;"));
  EXPECT_FALSE(contains(page, "\x01"));
}

TEST(EvalReport, EveryElementIsClosed) {
  const std::string page = page_of(two_lanes());
  for (const std::string tag : {"table", "tr", "td", "th", "svg", "details", "div", "span", "bdi",
                                "p", "h2", "title", "circle", "text", "b"})
    EXPECT_EQ(count(page, "<" + tag + ">") + count(page, "<" + tag + " "),
              count(page, "</" + tag + ">"))
        << tag;
}

TEST(EvalReport, TheBaselineIsTheNamedLaneElseTheOracleElseTheSnapshot) {
  auto lanes = two_lanes();
  EXPECT_EQ(prove::choose_baseline(lanes, "").lane, 0u);
  EXPECT_EQ(prove::choose_baseline(lanes, "two").lane, 1u);
  const auto flipped = prove::distance_to(prove::choose_baseline(lanes, ""), lanes[1]).flipped;
  ASSERT_EQ(flipped.size(), 1u);
  EXPECT_EQ(flipped[0].id, "second");
  EXPECT_EQ(flipped[0].baseline_agent, 1);
  EXPECT_EQ(flipped[0].agent_id, 4);
  EXPECT_EQ(prove::distance_to(prove::choose_baseline(lanes, ""), lanes[0]).same_decisions, 3u);
  lanes.erase(lanes.begin());
  EXPECT_TRUE(prove::choose_baseline(lanes, "").name.empty());
  auto snapshot = std::make_shared<prove::EvalSnapshot>(prove::snapshot_of(lanes[0].outcomes));
  snapshot->origin = "file";
  lanes[0].snapshot = snapshot;
  for (std::size_t i = 0; i < 3; ++i) lanes[0].outcomes[i].recorded = &snapshot->cases[i];
  const prove::EvalBaseline baseline = prove::choose_baseline(lanes, "");
  EXPECT_TRUE(contains(baseline.name, "file"));
  const prove::BaselineDistance distance = prove::distance_to(baseline, lanes[0]);
  EXPECT_EQ(distance.same_decisions, 3u);
  for (const double value : distance.logit_distance) EXPECT_LT(value, 1e-6);
}

/// Every number of failed cases that a report states.
struct Failed {
  std::size_t summary = 0, record = 0, listed = 0;
  bool page = false, chip = false, finding = false, none = false;
};

Failed failed_in(const prove::LaneReport& lane, std::size_t expected) {
  const auto record = prove::lane_record(lane, false);
  const std::string page = page_of({&lane, 1});
  const std::string words = std::to_string(expected) + " failed";
  return {lane.summary().failed,
          static_cast<std::size_t>(record["failed"].as_uint64()),
          record["failed_cases"].size(),
          contains(page, "<span class=\"verdict bad\">" + words),
          contains(page, "<span class=\"chip bad\">" + words),
          contains(page, "it is not the same"),
          contains(page, "None: every decision")};
}

TEST(EvalReport, BrokenRepeatsAreToldAlikeEverywhere) {
  prove::LaneReport lane = two_lanes()[0];
  prove::Rung rung{1, 3, {"run 2"}, {"first", "third"}, {"first"}};
  lane.judge_repeats({backend::Exactness::exact, rung, {}, rung}, true);
  const Failed failed = failed_in(lane, 2);
  EXPECT_EQ(failed.summary, 2u);
  EXPECT_EQ(failed.record, 2u);
  EXPECT_EQ(failed.listed, 2u);
  EXPECT_TRUE(failed.page);
  EXPECT_TRUE(failed.chip);
  EXPECT_TRUE(failed.finding);
  EXPECT_FALSE(failed.none);
  const auto record = prove::lane_record(lane, false);
  EXPECT_EQ(record["passed"], 1);
  EXPECT_EQ(record["cases"][0]["status"], "fail");
  EXPECT_EQ(record["cases"][1]["status"], "ok");
  EXPECT_EQ(record["cases"][0]["findings"][0],
            "repeated in the same process, in other batches, it is not the same in all bits");
}

TEST(EvalReport, ALaneIsHeldToWhatItPromisesAndOnlyWhereThatCounts) {
  prove::LaneReport lane = two_lanes()[0];
  prove::Rung rung{1, 3, {"run 2"}, {"first", "third"}, {"first"}};
  lane.judge_repeats({backend::Exactness::decision_stable, rung, {}, {}}, true);
  EXPECT_EQ(lane.summary().failed_ids, std::vector<std::string>{"first"});
  prove::LaneReport unasserted = two_lanes()[0];
  for (prove::CaseOutcome& outcome : unasserted.outcomes)
    outcome.status = prove::CaseStatus::report_only;
  unasserted.judge_repeats({backend::Exactness::decision_stable, rung, {}, {}}, false);
  EXPECT_EQ(unasserted.summary().failed, 0u);
  EXPECT_EQ(unasserted.summary().unasserted, 1u);
}

TEST(EvalReport, WhatPartsFromANamedOracleBeyondTheDriftFails) {
  auto lanes = two_lanes();
  prove::CaseOutcome& turned = lanes[1].outcomes[1];
  turned.findings.clear();
  turned.status = prove::CaseStatus::ok;
  // Two logits move by 0.8 and turn a decision whose margin was 1.5.
  auto& logits = turned.decision->logits;
  logits = lanes[0].outcomes[1].decision->logits;
  logits[1] -= 0.8F;
  logits[4] += 0.8F;
  EXPECT_EQ(lanes[1].summary().failed, 0u);
  prove::hold_to(prove::choose_baseline(lanes, "one"), lanes[1]);
  EXPECT_EQ(lanes[1].summary().failed_ids, std::vector<std::string>{"second"});
  EXPECT_EQ(prove::lane_record(lanes[1], false)["failed"], 1);
  EXPECT_TRUE(contains(page_of(lanes, "one"), "1 failed"));
}

TEST(EvalReport, IsReadInTheDarkOnATelephoneAndWithAScreenReader) {
  const std::string page = page_of(two_lanes());
  EXPECT_TRUE(contains(page, "prefers-color-scheme: dark"));
  EXPECT_TRUE(contains(page, "<html lang=\"en\">"));
  EXPECT_EQ(count(page, "<h1>"), 1u);
  EXPECT_EQ(count(page, "<main>"), 1u);
  // Every table lies in a box that scrolls, and every header cell says what it heads.
  EXPECT_GE(count(page, "class=\"scroll\" role=\"region\""), count(page, "<table"));
  EXPECT_EQ(count(page, "<th>") + count(page, "<th "), count(page, "<th scope="));
  EXPECT_FALSE(contains(page, "<th scope=\"col\"></th>"));
  // Colours come from the style sheet, which knows both schemes.
  const std::string body = page.substr(page.find("</style>"));
  for (const char* colour : {"#fff", "#1c2330", "fill=\"#"})
    EXPECT_FALSE(contains(body, colour)) << colour;
}

TEST(EvalReport, LongAndHostileIdsStayInTheirCells) {
  auto lanes = two_lanes();
  auto set = std::make_shared<prove::EvalCaseSet>(*lanes[0].set);
  set->cases[0].id = std::string(300, 'x') + "\u202e";
  set->cases[1].id = "a\u202eb\u009b2J";
  for (prove::LaneReport& lane : lanes) {
    lane.set = set;
    for (std::size_t i = 0; i < 3; ++i) lane.outcomes[i].eval_case = &set->cases[i];
  }
  const std::string page = page_of(lanes);
  EXPECT_FALSE(contains(page, std::string(120, 'x')));
  EXPECT_FALSE(contains(page, "\u202e"));
  EXPECT_FALSE(contains(page, "\u009b"));
  EXPECT_TRUE(contains(page, R"(a\u202eb\u009b2J)"));
}

TEST(EvalReport, TheLastTickIsNotCut) {
  const std::vector<std::string> ids = {"a", "b"};
  const std::string chart = report::svg_of({report::Chart::Kind::distance_strips,
                                            "distances",
                                            "distance",
                                            ids,
                                            {{"lane", {"red"}, {1e-4, 1e-3}, 0}}});
  const std::size_t last = chart.rfind("class=\"tick");
  EXPECT_EQ(chart.compare(last, 16, "class=\"tick end\""), 0) << chart.substr(last, 80);
}

TEST(EvalReport, NumbersAreShort) {
  EXPECT_EQ(report::short_number(0.0581), "0.058");
  EXPECT_EQ(report::short_number(3.4159), "3.42");
  EXPECT_EQ(report::short_number(127.4), "127");
  EXPECT_EQ(report::short_number(0), "0");
  EXPECT_EQ(report::short_number(std::nan("")), "–");
}

TEST(LaneRecord, HoldsWhatScriptsRelyOn) {
  const auto lanes = two_lanes();
  const auto record = prove::lane_record(lanes[1], true);
  EXPECT_EQ(record["profile"], "two");
  EXPECT_EQ(record["passed"], 2);
  EXPECT_EQ(record["failed"], 1);
  EXPECT_TRUE(record["seconds"].is_number());
  EXPECT_EQ(record["determinism"]["process"]["equal"], 3);
  EXPECT_EQ(record["determinism"]["process"]["of"], 3);
  EXPECT_TRUE(record["determinism"]["restart"].is_null());
  EXPECT_TRUE(record["determinism"]["batch"].is_null());
  EXPECT_EQ(record["determinism"]["claims_equal_bits"], false);
  ASSERT_EQ(record["cases"].size(), 3u);
  for (const auto& one : record["cases"])
    for (const char* key : {"id", "agent_id", "role_id", "margins", "token_count",
                            "transcript_hash", "route_hash", "status", "agent_logits"})
      EXPECT_TRUE(one.contains(key)) << key;
  EXPECT_EQ(record["cases"][1]["status"], "fail");
}

}  // namespace
}  // namespace trinity::testing
