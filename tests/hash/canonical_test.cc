// The hashes of conversations, decisions and trace values: published self-test values and the rules
// that lead to them.
#include "hash/canonical.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "base/json_value.h"
#include "base/sha256.h"

namespace trinity::hash {
namespace {

constexpr const char* kDefaultPrompt = "Select a TRINITY role for this reasoning task.";

std::vector<Message> user(const std::string& content) { return {{"user", content}}; }

template <typename Value>
std::string value_of(const Result<Value>& result) {
  return result ? *result : "error " + result.error().tag;
}

TEST(CanonicalHash, N3TraceMessages) {
  EXPECT_EQ(value_of(trace_messages_hash(user("hello"))),
            "f08a41138f0ae20bd9529ec45f6bccf323fd400841a625fae74682481abe83f3");
  EXPECT_EQ(value_of(trace_messages_hash(user(kDefaultPrompt))),
            "160f3555f85542c01df2f5018270f1bd3ebe1e9f6ea19b54a8c44057b55d0244");
  const std::string empty = "4309bcba566dde47811c47fa17eda8251761909a39934d3ae48cb5fb2f90cb14";
  EXPECT_EQ(value_of(trace_messages_hash({})), empty);
  EXPECT_EQ(value_of(trace_term_hash(Json::array())), empty);
  EXPECT_EQ(value_of(trace_term_hash(Term(List{}))), empty);
}

TEST(CanonicalHash, N3EvaluationTranscript) {
  EXPECT_EQ(value_of(transcript_hash(user("hello"))),
            "d61de449171757cb0f4f6d6f68d3e5743ef7aeb3026f0375483775e9454ab7ca");
}

TEST(CanonicalHash, N3TraceTexts) {
  EXPECT_EQ(value_of(trace_text_hash("ACCEPT")),
            "2bffcf814329d15faedcea4141dc086947fb29a094265f0b712462c611c4507d");
  EXPECT_EQ(value_of(trace_text_hash("ACCEPT: mock route demo verified the worker response.")),
            "74b135c374bbd59e140a39950b95ae792670b4751407d183c29ec230c8e91abe");
  EXPECT_EQ(value_of(trace_text_hash("Result: 6 * 7 = 42.")),
            "c12bb32a90fd0618a238f915cb51f4fbf9ff82fe5ed9b6c1a8493ddbcd172fe9");
}

TEST(CanonicalHash, N3TraceTensors) {
  const std::vector<float> values = {0.5f, -1.25f, 2.0f, 0.1f};
  const std::vector<std::int64_t> shape = {1, 4};
  EXPECT_EQ(value_of(trace_tensor_hash(values, shape)),
            "f877f4f24cda23286836d03809925da13d57abe2c6e0717174cf1102bb7feb09");
  const std::vector<float> zeros(600, 0.0f);
  const std::vector<std::int64_t> wide = {2, 300};
  EXPECT_EQ(value_of(trace_tensor_hash(zeros, wide)),
            "3a5afb4cc253e3618574fbe2939cf2ecc59c4f9f6462a51405a5295827f449fd");
}

TEST(CanonicalHash, N3TraceMetadata) {
  EXPECT_EQ(value_of(trace_term_hash(Json::object())),
            "b4a8f2004204a45f555670630886971855bb02047daa96fd8d66fde8b979e37a");
  const Json metadata = {{"a", 1},    {"b", {1, 2, 3}}, {"c", "x"},
                         {"d", true}, {"e", nullptr},   {"f", 1.5}};
  const std::string expected = "7b5951f99f7256b5ba8207e642adf714947a456b41072eaa1afeb2e3a5d7206e";
  EXPECT_EQ(value_of(trace_term_hash(metadata)), expected);

  // The same value from symbols, in another order.
  const Term term = Map{{{Symbol{"f"}, 1.5},
                         {Symbol{"e"}, Symbol{"nil"}},
                         {Symbol{"d"}, Symbol{"true"}},
                         {Symbol{"c"}, Symbol{"x"}},
                         {Symbol{"b"}, Tuple{{1, 2, 3}}},
                         {Symbol{"a"}, 1}}};
  EXPECT_EQ(value_of(trace_term_hash(term)), expected);
}

TEST(CanonicalHash, N3TokenIds) {
  EXPECT_EQ(token_ids_sha256(std::vector<std::int32_t>{1, 2, 3}),
            "a615eeaee21de5179de080de8c3052c8da901138406ba71c38c032845f7d54f4");
  EXPECT_EQ(token_ids_sha256(std::vector<std::int32_t>{872, 25, 8427, 264, 4984, 687, 3333, 3476,
                                                       369, 419, 32711, 3383, 13}),
            "2f6c06666471f42b481bb881d0784a13387990de5a2a1f09baa8bde6bc48c658");
  EXPECT_EQ(token_ids_sha256({}), sha256_hex(std::string_view("[]")));
}

TEST(CanonicalHash, N3TranscriptText) {
  EXPECT_EQ(sha256_hex(std::string_view("user: Select a TRINITY role for this reasoning task.")),
            "46e3f569cb686c50c9f8721262dd41fc18fa583cbbba9f6b5375ae1120559571");
}

TEST(CanonicalHash, N3DatasetCount) {
  EXPECT_EQ(value_of(dataset_count_hash(5)),
            "d9cbc9ca189e046d068afb309cd711dfb0ee09b4a4175a88cf869367e1c967dd");
}

TEST(CanonicalHash, FloatBytesAreLittleEndian) {
  const std::vector<float> values = {1.0f, -2.0f};
  EXPECT_EQ(f32_sha256(values),
            sha256_hex(std::string_view("\x00\x00\x80\x3f\x00\x00\x00\xc0", 8)));
}

TEST(CanonicalHash, TheTwoConversationHashesDiffer) {
  EXPECT_NE(value_of(transcript_hash(user("x"))), value_of(trace_messages_hash(user("x"))));
}

TEST(CanonicalHash, RolesContentsAndBordersAllCount) {
  const std::vector<Message> base = {{"user", "ab"}, {"assistant", "c"}};
  const std::vector<std::vector<Message>> others = {
      {{"user", "ab"}, {"user", "c"}},      {{"user", "a"}, {"assistant", "bc"}}, {{"user", "ab"}},
      {{"assistant", "c"}, {"user", "ab"}}, {{"ab", "user"}, {"c", "assistant"}},
  };
  for (const auto& other : others) {
    EXPECT_NE(value_of(transcript_hash(base)), value_of(transcript_hash(other)));
    EXPECT_NE(value_of(trace_messages_hash(base)), value_of(trace_messages_hash(other)));
  }
}

TEST(CanonicalHash, RouteHashSeesSixDecimalsOfDoubleOrFloatLogits) {
  const std::vector<double> rounded = {1.25, -3.5, 0.023438};
  const std::vector<float> raw = {1.25f, -3.5f, 0.0234375f};
  EXPECT_EQ(value_of(route_hash(0, 2, rounded)), value_of(route_hash(0, 2, raw)));
  EXPECT_NE(value_of(route_hash(0, 2, rounded)), value_of(route_hash(1, 2, rounded)));
  EXPECT_NE(value_of(route_hash(0, 2, rounded)), value_of(route_hash(0, 1, rounded)));
  const std::vector<double> changed = {1.25, -3.5, 0.023439};
  EXPECT_NE(value_of(route_hash(0, 2, rounded)), value_of(route_hash(0, 2, changed)));
}

TEST(CanonicalHash, RefusesNonFiniteLogits) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
        -std::numeric_limits<float>::infinity()}) {
    const auto result = route_hash(0, 0, std::vector<float>{1.0f, bad});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().tag, "non_finite_logits");
  }
}

TEST(CanonicalHash, RefusesATensorWhoseShapeDoesNotFit) {
  const std::vector<float> six(6, 1.0f);
  using Shape = std::vector<std::int64_t>;
  const auto huge = std::numeric_limits<std::int64_t>::max();
  for (const Shape& shape : {Shape{2, 2}, Shape{7}, Shape{0}, Shape{-2, -3}, Shape{}, Shape{0, 6},
                             Shape{4, 1}, Shape{huge, huge, 6}, Shape{huge, 0}}) {
    const auto result = trace_tensor_hash(six, shape);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().tag, "shape_mismatch");
  }
  EXPECT_TRUE(trace_tensor_hash(six, Shape{2, 3}));
  EXPECT_TRUE(trace_tensor_hash(six, Shape{1, 6, 1}));
  EXPECT_TRUE(trace_tensor_hash(std::vector<float>{1.0f}, Shape{}));
  EXPECT_TRUE(trace_tensor_hash(std::vector<float>{}, Shape{0, huge}));
  const auto nan = trace_tensor_hash(std::vector<double>{std::nan("")}, Shape{1});
  ASSERT_FALSE(nan);
  EXPECT_EQ(nan.error().tag, "non_finite_value");
}

TEST(TraceNormalisation, KeysBecomeStringsSortedBytewise) {
  const Term mixed =
      Map{{{"b", 1}, {Symbol{"a"}, 2}, {7, 3}, {Symbol{"nil"}, 4}, {-1, 5}, {"é", 6}}};
  const Term sorted = Map{{{"", 4}, {"-1", 5}, {"7", 3}, {"a", 2}, {"b", 1}, {"é", 6}}};
  const auto normalized = normalize_for_trace(mixed);
  ASSERT_TRUE(normalized);
  EXPECT_EQ(*encode_term(*normalized), *encode_term(sorted));
}

TEST(TraceNormalisation, SymbolsBecomeStringsAndTuplesLists) {
  const Term value = Tuple{{Symbol{"false"}, Symbol{"nil"}, List{Tuple{{Symbol{"x"}, 1.5}}}}};
  const auto normalized = normalize_for_trace(value);
  ASSERT_TRUE(normalized);
  EXPECT_EQ(*encode_term(*normalized), *encode_term(List{"false", "nil", List{List{"x", 1.5}}}));
}

TEST(TraceNormalisation, TensorsKeepTheirTuples) {
  const FloatTensor tensor{{1, 2}, {1.0, 2.0}, 32, false};
  const auto normalized = normalize_for_trace(Map{{{Symbol{"t"}, tensor}}});
  ASSERT_TRUE(normalized);
  EXPECT_EQ(*encode_term(*normalized), *encode_term(Map{{{"t", tensor}}}));
}

TEST(TraceNormalisation, RefusesKeysItCannotName) {
  const auto list_key = trace_term_hash(Term(Map{{{List{1}, 1}}}));
  ASSERT_FALSE(list_key);
  EXPECT_EQ(list_key.error().tag, "unhashable_map_key");
  const auto twice = trace_term_hash(Term(Map{{{"a", 1}, {Symbol{"a"}, 2}}}));
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().tag, "ambiguous_map_key");
}

TEST(TraceNormalisation, RefusesLargeMapsAndDeepValues) {
  Json large;
  for (int i = 0; i < 33; ++i) large[std::to_string(i)] = i;
  const auto result = trace_term_hash(large);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().tag, "map_too_large_for_hash");

  Json deep = 1;
  for (int i = 0; i < 600; ++i) deep = Json::array({deep});
  const auto too_deep = trace_term_hash(deep);
  ASSERT_FALSE(too_deep);
  EXPECT_EQ(too_deep.error().tag, "term_too_deep_for_hash");
}

TEST(TraceNormalisation, JsonIntegersKeepTheirWholeRange) {
  const auto largest = std::numeric_limits<std::uint64_t>::max();
  const auto smallest = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(value_of(trace_term_hash(Json(largest))), value_of(trace_term_hash(Term(largest))));
  EXPECT_EQ(value_of(trace_term_hash(Json(smallest))), value_of(trace_term_hash(Term(smallest))));
  EXPECT_NE(value_of(trace_term_hash(Json(1))), value_of(trace_term_hash(Json(1.0))));
}

TEST(MessageHashes, CoverEverythingThatAMessageSays) {
  const std::vector<Message> plain = {{"assistant", "a"}};
  std::vector<std::vector<Message>> all(5, plain);
  all[1][0].reasoning_content = "";
  all[2][0].reasoning_content = "t";
  all[3][0].tool_calls = {{"f", "{}"}};
  all[4][0].tool_calls = {{"f", "{}"}, {"g", "{}"}};
  std::set<std::string> hashes;
  for (const auto& messages : all) {
    hashes.insert(*transcript_hash(messages));
    hashes.insert(*trace_messages_hash(messages));
  }
  EXPECT_EQ(hashes.size(), 10u);
}

}  // namespace
}  // namespace trinity::hash
