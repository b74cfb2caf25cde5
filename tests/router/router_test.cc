// The public router on a small model: what it reads, what it returns, what it refuses.
#include <gtest/gtest.h>
#include <trinity/router.h>

#include <cmath>
#include <limits>

#include "backend_registry/registry.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "hash/canonical.h"
#include "router/profile.h"
#include "router/router_support.h"
#include "tensor/bf16.h"
#include "tensor/safetensors.h"

namespace trinity::testing {
namespace {

const Conversation kConversation = {{"system", "Coordinate carefully."}, {"user", "Solve this."}};

/// The decision, or a test failure with the error's sentence.
Decision decided(Result<Decision> result) {
  if (!result) throw std::runtime_error(result.error().tag + ": " + result.error().message);
  return std::move(*result);
}

Extraction extracted(Router& router, const RouterQuery& query, const InputOptions& input = {},
                     bool all_positions = false) {
  return take(std::move(router.extract_batch({&query, 1}, input, all_positions).front()));
}

class RouterTest : public ::testing::Test {
 protected:
  static Router& router() {
    static const std::unique_ptr<Router> loaded = load(small_options());
    return *loaded;
  }
};

TEST_F(RouterTest, SaysWhatItRunsOn) {
  const RouterInfo& info = router().info();
  EXPECT_EQ(info.profile, "cpu_f32");
  EXPECT_EQ(info.backend, "cpu_f32");
  EXPECT_EQ(info.label, "trinity.cpu");
  const backend::LanePromise promise = promise_of(*backend::find_backend("cpu_f32"));
  EXPECT_EQ(info.exactness, backend::exactness_name(promise.kept));
  EXPECT_EQ(info.broken_promise, promise.broken);
  EXPECT_FALSE(info.tiny_router);
  EXPECT_TRUE(info.has_head);
  EXPECT_EQ(info.num_agents, 7);
  EXPECT_EQ(info.num_roles, 3);
  EXPECT_EQ(info.hidden_size, 64);
  EXPECT_EQ(info.max_tokens, 512);
  EXPECT_GT(info.weight_bytes, 100000u);
  EXPECT_TRUE(info.warnings.empty());
}

TEST_F(RouterTest, EXT1_TheTranscriptIsReadAsRoleLines) {
  const Extraction got = extracted(router(), kConversation);
  EXPECT_EQ(got.text, "system: Coordinate carefully.\nuser: Solve this.");
  EXPECT_EQ(got.token_count, static_cast<int64_t>(got.ids.size()));
  EXPECT_EQ(got.hidden.size(), 64u);
}

TEST_F(RouterTest, EXT2_TheRowBeforeTheLastIsRead) {
  for (const bool full : {false, true}) {
    InputOptions input;
    input.full = full;
    const Extraction one = extracted(router(), kConversation, input);
    const Extraction all = extracted(router(), kConversation, {}, true);
    ASSERT_EQ(all.hidden.size(), one.ids.size() * 64);
    EXPECT_EQ(one.hidden_index, one.token_count - 2);
    EXPECT_TRUE(std::equal(one.hidden.begin(), one.hidden.end(),
                           all.hidden.begin() + one.hidden_index * 64));
  }
}

TEST_F(RouterTest, EXT3_ASingleTokenIsItsOwnRow) {
  const Extraction got = extracted(router(), Ids{65});
  EXPECT_EQ(got.token_count, 1);
  EXPECT_EQ(got.hidden_index, 0);
}

TEST_F(RouterTest, EXT6_ABatchIsItsSingleExtractionsInOrder) {
  const std::vector<RouterQuery> queries = {kConversation, RawText{"plain text"}, Ids{1, 2, 3}};
  const auto batch = router().extract_batch(queries);
  ASSERT_EQ(batch.size(), 3u);
  for (size_t i = 0; i < queries.size(); ++i)
    EXPECT_EQ(take(batch[i]).hidden, extracted(router(), queries[i]).hidden);
}

TEST_F(RouterTest, MessagesTextAndIdsAreTheSameInput) {
  const Extraction from_messages = extracted(router(), kConversation);
  const Extraction from_text = extracted(router(), RawText{from_messages.text});
  const Extraction from_ids = extracted(router(), from_messages.ids);
  EXPECT_EQ(from_text.ids, from_messages.ids);
  EXPECT_EQ(from_text.hidden, from_messages.hidden);
  EXPECT_EQ(from_ids.hidden, from_messages.hidden);
  EXPECT_TRUE(from_ids.text.empty());
}

TEST_F(RouterTest, ADecisionCarriesWhatIsNeededToCheckIt) {
  const Decision decision = decided(router().route(kConversation, {}, hashed()));
  EXPECT_EQ(decision.logits.size(), 10u);
  EXPECT_EQ(decision.num_agents, 7u);
  EXPECT_EQ(decision.agent_id,
            std::max_element(decision.agent_logits().begin(), decision.agent_logits().end()) -
                decision.agent_logits().begin());
  EXPECT_EQ(decision.role_id,
            std::max_element(decision.role_logits().begin(), decision.role_logits().end()) -
                decision.role_logits().begin());
  EXPECT_EQ(decision.role_name, role_name(decision.role_id));
  EXPECT_EQ(decision.transcript_hash, take(hash::transcript_hash(kConversation)));
  EXPECT_EQ(decision.trace_messages_hash, take(hash::trace_messages_hash(kConversation)));
  EXPECT_EQ(decision.route_hash,
            take(hash::route_hash(decision.agent_id, decision.role_id, decision.logits)));
  EXPECT_EQ(decision.profile, "cpu_f32");
  EXPECT_EQ(decision.exactness, router().info().exactness);
  EXPECT_EQ(decision.input_mode, InputMode::plain);
  EXPECT_EQ(decision.tie_mode, TieMode::embed_offsets);
  EXPECT_FALSE(decision.agent_probabilities);
  EXPECT_FALSE(decision.agent_seed);
  EXPECT_GE(decision.timings_ms.total, decision.timings_ms.prefill);
}

TEST_F(RouterTest, ATextAloneIsOneUserMessageAsOnTheCommandLine) {
  const std::string want = fingerprint(router().route(Conversation{{"user", "Hi there"}}));
  const std::string text = "Hi there";
  EXPECT_EQ(fingerprint(router().route("Hi there")), want);
  EXPECT_EQ(fingerprint(router().route(text)), want);
  EXPECT_EQ(fingerprint(router().route(std::string_view(text))), want);
  EXPECT_EQ(fingerprint(router().route({{"user", "Hi there"}})), want);
  EXPECT_EQ(decided(router().route("Hi there", {}, hashed())).transcript_hash,
            take(hash::transcript_hash(Conversation{{"user", "Hi there"}})));
  const Conversation two = {{"system", "Be brief."}, {"user", text}};
  EXPECT_EQ(fingerprint(router().route({{"system", "Be brief."}, {"user", text}})),
            fingerprint(router().route(two)));
  EXPECT_EQ(decided(router().route(RawText{"user: Hi there"})).logits,
            decided(router().route("Hi there")).logits);
  EXPECT_NE(decided(router().route(RawText{"Hi there"})).logits,
            decided(router().route("Hi there")).logits);
}

TEST_F(RouterTest, DecisionsFromTextOrIdsHaveNoTranscriptHash) {
  EXPECT_FALSE(decided(router().route(RawText{"user: hi"}, {}, hashed())).transcript_hash);
  EXPECT_FALSE(decided(router().route(Ids{1, 2, 3}, {}, hashed())).trace_messages_hash);
  EXPECT_TRUE(decided(router().route(Ids{1, 2, 3}, {}, hashed())).route_hash);
}

TEST_F(RouterTest, HashesAreThereWhenTheyAreAskedFor) {
  const Decision plain = decided(router().route(kConversation));
  EXPECT_FALSE(plain.transcript_hash);
  EXPECT_FALSE(plain.trace_messages_hash);
  EXPECT_FALSE(plain.route_hash);
  EXPECT_EQ(plain.logits, decided(router().route(kConversation, {}, hashed())).logits);
}

TEST_F(RouterTest, AViewMeansWhatTheQueryMeansAndCopiesNothing) {
  const std::vector<RouterQuery> queries = {kConversation, "Hi there", RawText{"user: hi"},
                                            Ids{1, 2, 3}, RouterQuery()};
  std::vector<QueryView> views(queries.begin(), queries.end());
  const auto* messages = std::get_if<std::span<const Message>>(&views[0].value);
  ASSERT_NE(messages, nullptr);
  EXPECT_EQ(messages->data(), std::get<Conversation>(queries[0].value).data());
  views[1] = "Hi there";
  const auto owned = router().route_batch(queries, {}, hashed());
  const auto viewed = router().route_batch(views, {}, hashed());
  for (size_t i = 0; i < queries.size(); ++i) {
    EXPECT_EQ(fingerprint(viewed[i]), fingerprint(owned[i])) << i;
    EXPECT_EQ(fingerprint(router().route(views[i], {}, hashed())), fingerprint(owned[i])) << i;
  }
  EXPECT_EQ(take(router().extract_batch(views)[1]).text, "user: Hi there");
  EXPECT_EQ(tag_of(owned[4]), "empty_transcript");
}

TEST_F(RouterTest, ShowsTheHeadThatDecides) {
  const auto head = router().head();
  ASSERT_TRUE(head);
  EXPECT_EQ(head->num_agents, 7u);
  EXPECT_EQ(head->num_roles, 3u);
  EXPECT_EQ(head->hidden_size, 64u);
  EXPECT_EQ(head->weights.size(), 640u);
  EXPECT_EQ(router().info().head, small_model() / "router_head.safetensors");
  const Extraction read = extracted(router(), kConversation);
  EXPECT_EQ(take(router().logits(read.hidden)), decided(router().route(kConversation)).logits);
  EXPECT_EQ(tag_of(router().logits(std::vector<float>(3))), "hidden_size_mismatch");
}

TEST_F(RouterTest, MovesAndKeepsDeciding) {
  const std::string want = fingerprint(router().route(kConversation));
  Result<Router> loaded = Router::load(small_options());
  ASSERT_TRUE(loaded);
  EXPECT_EQ(fingerprint(loaded->route(kConversation)), want);
  std::vector<Router> pool;
  pool.push_back(std::move(*loaded));
  pool.push_back(take(Router::load(small_options())));
  pool.front() = std::move(pool.back());
  EXPECT_EQ(fingerprint(pool.front().route(kConversation)), want);
}

TEST_F(RouterTest, ARequestThatCameTooLateOrWasCancelledIsNotComputed) {
  RequestOptions late, stopped, in_time;
  late.deadline = std::chrono::steady_clock::now();
  std::stop_source source;
  stopped.cancel = source.get_token();
  in_time.deadline = std::chrono::steady_clock::now() + std::chrono::hours(1);
  EXPECT_TRUE(router().route(kConversation, {}, {}, stopped)) << "nobody cancelled it yet";
  source.request_stop();
  EXPECT_EQ(tag_of(router().route(kConversation, {}, {}, late)), "deadline_exceeded");
  EXPECT_EQ(tag_of(router().route(kConversation, {}, {}, stopped)), "cancelled");
  EXPECT_TRUE(router().route(kConversation, {}, {}, in_time));
  for (const auto& one :
       router().extract_batch(std::vector<QueryView>{kConversation, "Hi"}, {}, false, stopped))
    EXPECT_EQ(tag_of(one), "cancelled");
}

TEST_F(RouterTest, InputModesReadDifferentTexts) {
  std::vector<std::string> texts;
  for (const InputMode mode : {InputMode::plain, InputMode::chat, InputMode::chat_raw}) {
    InputOptions input;
    input.input_mode = mode;
    texts.push_back(extracted(router(), kConversation, input).text);
    EXPECT_EQ(decided(router().route(kConversation, input)).input_mode, mode);
  }
  EXPECT_NE(texts[0], texts[1]);
  EXPECT_NE(texts[1], texts[2]);
  EXPECT_NE(texts[1].find("user: Solve this."), std::string::npos)
      << "the transcript is one message";
}

TEST_F(RouterTest, SpecialTokenTextInContentIsPlainUnlessAskedFor) {
  const Conversation message = {{"user", "say <|x|> now"}};
  const Ids plain = extracted(router(), message).ids;
  InputOptions input;
  input.parse_special_tokens = true;
  const Ids parsed = extracted(router(), message, input).ids;
  EXPECT_EQ(std::count(plain.begin(), plain.end(), 259), 0);
  EXPECT_EQ(std::count(parsed.begin(), parsed.end(), 259), 1);
}

TEST_F(RouterTest, SamplingReplaysFromItsSeed) {
  DecisionRule rule;
  rule.agent_selection = rule.role_selection = SelectionMode::sample;
  rule.seed = int64_t{42};
  const Decision first = decided(router().route(kConversation, {}, rule));
  const Decision second = decided(router().route(kConversation, {}, rule));
  EXPECT_EQ(first.agent_id, second.agent_id);
  EXPECT_EQ(first.role_id, second.role_id);
  EXPECT_EQ(first.agent_seed, (SeedTriple{42, 43, 44}));
  EXPECT_EQ(first.role_seed, (SeedTriple{59, 73, 85}));
  ASSERT_TRUE(first.agent_probabilities);
  EXPECT_EQ(first.agent_probabilities->size(), 7u);
  rule.seed = std::monostate();
  const Decision fresh = decided(router().route(kConversation, {}, rule));
  ASSERT_TRUE(fresh.agent_seed);
  rule.seed = *fresh.agent_seed;
  EXPECT_EQ(decided(router().route(kConversation, {}, rule)).agent_id, fresh.agent_id);
}

TEST_F(RouterTest, ADecisionRuleNeverChangesTheLogits) {
  const auto logits = decided(router().route(kConversation)).logits;
  DecisionRule rule;
  rule.agent_selection = SelectionMode::softmax;
  rule.role_selection = SelectionMode::sample;
  rule.temperature = 3;
  rule.seed = SeedTriple{1, 2, 3};
  const Decision other = decided(router().route(kConversation, {}, rule));
  EXPECT_EQ(other.logits, logits);
  EXPECT_EQ(other.rule.agent_selection, SelectionMode::softmax);
  EXPECT_EQ(other.role_seed, (SeedTriple{18, 33, 46}));
}

TEST_F(RouterTest, TheCacheShowsInCountsOnly) {
  const auto fresh = load(small_options());
  const RawText text = {"user: a text of some length that nobody routed before"};
  const Extraction first = extracted(*fresh, text), second = extracted(*fresh, text);
  EXPECT_EQ(first.cached_tokens, 0);
  EXPECT_EQ(second.cached_tokens, second.token_count - 2);
  EXPECT_EQ(second.hidden, first.hidden);
  InputOptions uncached;
  uncached.prefix_cache = false;
  EXPECT_EQ(extracted(*fresh, text, uncached).cached_tokens, 0);
  RouterOptions options = small_options();
  options.prefix_cache_bytes = 0;
  const auto without = load(options);
  (void)extracted(*without, text);
  EXPECT_EQ(extracted(*without, text).cached_tokens, 0);
  EXPECT_EQ(extracted(*without, text).hidden, first.hidden);
}

TEST_F(RouterTest, SaysWhatItsCacheHoldsAndSaves) {
  RouterOptions options = small_options();
  options.prefix_cache_bytes = size_t{1} << 20;
  const auto fresh = load(options);
  EXPECT_EQ(fresh->info().prefix_cache_bytes, size_t{1} << 20);
  EXPECT_EQ(fresh->prefix_cache_stats().byte_budget, size_t{1} << 20);
  EXPECT_EQ(fresh->prefix_cache_stats().lookups, 0u);
  const RawText text = {"user: a text of some length that nobody routed before"};
  (void)extracted(*fresh, text);
  const Extraction second = extracted(*fresh, text);
  const PrefixCacheStats stats = fresh->prefix_cache_stats();
  EXPECT_EQ(stats.lookups, 2u);
  EXPECT_EQ(stats.hits, 1u);
  EXPECT_EQ(stats.reused_tokens, static_cast<uint64_t>(second.cached_tokens));
  EXPECT_EQ(stats.entries, 1u);
  EXPECT_GT(stats.pages, 0u);
  EXPECT_GT(stats.bytes, 0u);
  EXPECT_LE(stats.bytes, stats.byte_budget);
  // Automatic: something, and no more than there is.
  const RouterInfo& info = router().info();
  EXPECT_GT(info.prefix_cache_bytes, size_t{1} << 20);
  EXPECT_LT(info.prefix_cache_bytes, available_memory().value());
}

TEST_F(RouterTest, N8_EveryLaneDecidesAlikeWhereMarginsAreNotSmall) {
  std::vector<RouterQuery> queries;
  RandomText random(3);
  for (int i = 0; i < 25; ++i) queries.push_back(Conversation{{"user", random.text(10)}});
  const auto want = router().route_batch(queries);
  for (const char* profile : {"reference", "reference_bf16", "reference_exact",
                              "reference_exact_int8", "cpu_bf16", "cpu_int8"}) {
    auto other = Router::load(small_options(profile));
    if (!other && other.error().tag == "profile_unavailable") continue;  // others still count
    ASSERT_TRUE(other) << other.error().message;
    EXPECT_EQ(other->info().profile, profile);
    const auto got = other->route_batch(queries);
    int compared = 0;
    for (size_t i = 0; i < queries.size(); ++i) {
      if (*want[i]->margins.agent < 1 || *want[i]->margins.role < 1) continue;
      EXPECT_EQ(got[i]->agent_id, want[i]->agent_id) << profile << " query " << i;
      EXPECT_EQ(got[i]->role_id, want[i]->role_id) << profile << " query " << i;
      ++compared;
    }
    EXPECT_GE(compared, 5);
  }
}

// ---- refusals ----

std::string route_error(Router& router, const RouterQuery& query, const InputOptions& input = {}) {
  const auto decision = router.route(query, input);
  return decision ? "no error" : decision.error().tag;
}

TEST_F(RouterTest, RefusesWhatItCannotRead) {
  InputOptions chat_raw;
  chat_raw.input_mode = InputMode::chat_raw;
  EXPECT_EQ(route_error(router(), Conversation{}), "empty_transcript");
  EXPECT_EQ(route_error(router(), RawText{}), "empty_transcript");
  EXPECT_EQ(route_error(router(), ""), "empty_transcript");
  EXPECT_EQ(route_error(router(), Ids{}), "empty_transcript");
  EXPECT_EQ(route_error(router(), Conversation{{"user", "\xff\xfe"}}), "invalid_utf8");
  EXPECT_EQ(route_error(router(), RawText{"\xc3"}), "invalid_utf8");
  EXPECT_EQ(route_error(router(), Conversation{{"wizard", "hi"}}, chat_raw),
            "unsupported_message_role");
  EXPECT_EQ(route_error(router(), Ids{1, 300}), "token_out_of_range");
  EXPECT_EQ(route_error(router(), Ids{1, -1}), "token_out_of_range");
  EXPECT_EQ(route_error(router(), Ids(513, 5)), "input_too_long");
  EXPECT_EQ(route_error(router(), Ids(512, 5)), "no error");
  EXPECT_EQ(route_error(router(), Conversation{{"user", ""}}), "no error");
}

TEST_F(RouterTest, MessagesShowForeignTextSafely) {
  const std::string foreign = "\xff\x1b[2J\xc3";
  InputOptions chat_raw;
  chat_raw.input_mode = InputMode::chat_raw;
  RouterOptions profile = small_options(foreign), model = small_options();
  model.model = small_model() / foreign;
  for (const Error& error : {router().route(Conversation{{foreign, "hi"}}, chat_raw).error(),
                             parse_input_mode(foreign).error(), parse_tie_mode(foreign).error(),
                             Router::load(profile).error(), Router::load(model).error(),
                             backend::create_backend(foreign, {}).error()}) {
    EXPECT_TRUE(is_valid_utf8(error.message)) << error.tag;
    EXPECT_EQ(error.message.find('\x1b'), std::string::npos) << error.tag;
  }
}

TEST_F(RouterTest, RefusesWrongRules) {
  DecisionRule rule;
  rule.agent_selection = SelectionMode::softmax;
  for (const double temperature : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN()}) {
    rule.temperature = temperature;
    const auto decision = router().route(kConversation, {}, rule);
    ASSERT_FALSE(decision);
    EXPECT_EQ(decision.error().tag, "invalid_temperature");
  }
}

TEST_F(RouterTest, ABadQueryDoesNotDisturbTheOthers) {
  const std::vector<RouterQuery> queries = {Conversation{{"user", "\xff"}},
                                            kConversation,
                                            Ids{},
                                            Ids{7, 8, 9},
                                            Ids{999},
                                            RawText{},
                                            Ids(600, 1),
                                            RawText{"fine"},
                                            Conversation{},
                                            kConversation,
                                            Conversation{{"user", "last"}}};
  const std::vector<std::string> want = {
      "invalid_utf8",       "no error",         "empty_transcript", "no error",
      "token_out_of_range", "empty_transcript", "input_too_long",   "no error",
      "empty_transcript",   "no error",         "no error"};
  const auto decisions = router().route_batch(queries);
  ASSERT_EQ(decisions.size(), queries.size());
  for (size_t i = 0; i < queries.size(); ++i) {
    EXPECT_EQ(decisions[i] ? "no error" : decisions[i].error().tag, want[i]) << i;
    if (decisions[i]) {
      EXPECT_EQ(fingerprint(decisions[i]), fingerprint(router().route(queries[i]))) << i;
    }
  }
  EXPECT_TRUE(router().route_batch(std::vector<QueryView>()).empty());
}

// ---- loading ----

/// A copy of the small model that a test may damage.
class DamagedModel : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(folder / "m");
    for (const char* name :
         {"config.json", "tokenizer.json", "model.safetensors", "router_head.safetensors"})
      std::filesystem::copy_file(small_model() / name, folder / "m" / name);
    options = small_options();
    options.model = folder / "m";
  }

  /// The error must have the tag; its sentence must name `part`.
  void expect_refused(const std::string& tag, const std::string& part) {
    const auto result = Router::load(options);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().tag, tag) << result.error().message;
    EXPECT_NE(result.error().message.find(part), std::string::npos) << result.error().message;
  }

  void write_head(const std::string& name, const std::vector<int64_t>& shape,
                  const std::vector<float>& values) {
    const auto written =
        write_safetensors(folder / "m/router_head.safetensors",
                          {{name, {DType::f32, shape, std::as_bytes(std::span(values))}}});
    ASSERT_TRUE(written);
  }

  TemporaryFolder folder;
  RouterOptions options;
};

TEST_F(DamagedModel, TheCopyWorks) { EXPECT_TRUE(Router::load(options)); }

TEST_F(DamagedModel, MissingPartsAreNamed) {
  options.model = folder / "nowhere";
  expect_refused("missing_file", "nowhere");
  options.model = folder / "m";
  std::filesystem::remove(folder / "m/config.json");
  expect_refused("missing_file", "config.json");
}

TEST_F(DamagedModel, AFolderWithoutWeightsIsNamed) {
  std::filesystem::remove(folder / "m/model.safetensors");
  std::filesystem::remove(folder / "m/router_head.safetensors");
  expect_refused("missing_weights", "m");
}

TEST_F(DamagedModel, WithoutATokenizerOnlyIdsCanBeRouted) {
  std::filesystem::remove(folder / "m/tokenizer.json");
  const auto router = load(options);
  EXPECT_EQ(route_error(*router, kConversation), "missing_tokenizer");
  EXPECT_EQ(route_error(*router, RawText{"x"}), "missing_tokenizer");
  EXPECT_EQ(fingerprint(router->route(Ids{1, 2, 3})),
            fingerprint(load(small_options())->route(Ids{1, 2, 3})));
  const auto decisions = router->route_batch(std::vector<RouterQuery>{kConversation, Ids{4, 5}});
  EXPECT_FALSE(decisions[0]);
  EXPECT_TRUE(decisions[1]);
}

TEST_F(DamagedModel, ABrokenTokenizerIsRefused) {
  folder.put("m/tokenizer.json", "{\"model\":");
  EXPECT_FALSE(Router::load(options));
}

TEST_F(DamagedModel, WithoutAHeadItReadsButDoesNotRoute) {
  std::filesystem::remove(folder / "m/router_head.safetensors");
  const auto router = load(options);
  EXPECT_FALSE(router->info().has_head);
  EXPECT_EQ(router->info().num_agents, 0);
  const auto decision = router->route(kConversation);
  ASSERT_FALSE(decision);
  EXPECT_EQ(decision.error().tag, "missing_router_head");
  EXPECT_EQ(decision.error().kind, ErrorKind::missing);
  EXPECT_EQ(extracted(*router, kConversation).hidden.size(), 64u);
  options.head = small_model() / "router_head.safetensors";
  EXPECT_TRUE(load(options)->route(kConversation));
}

TEST_F(DamagedModel, WhoNeedsAHeadIsToldWhileLoading) {
  std::filesystem::remove(folder / "m/router_head.safetensors");
  EXPECT_FALSE(load(options)->head());
  EXPECT_EQ(tag_of(load(options)->logits(std::vector<float>(64))), "missing_router_head");
  options.needs_head = true;
  expect_refused("missing_router_head", "router_head.safetensors");
  options.head = small_model() / "router_head.safetensors";
  EXPECT_EQ(load(options)->info().head, options.head);
}

TEST_F(DamagedModel, AHeadThatIsNamedMustExist) {
  options.head = folder / "no_head.safetensors";
  expect_refused("missing_file", "no_head");
}

TEST_F(DamagedModel, AHeadOfAnotherWidthIsRefusedWithBothNumbers) {
  write_head("trinity_router_head", {10, 32}, std::vector<float>(320, 0.5f));
  expect_refused("hidden_size_mismatch", "32");
  expect_refused("hidden_size_mismatch", "64");
}

TEST_F(DamagedModel, AFileWithoutTheHeadTensorIsRefused) {
  write_head("something_else", {10, 64}, std::vector<float>(640, 0.5f));
  expect_refused("missing_router_head_tensor", "something_else");
}

TEST_F(DamagedModel, AHeadWithNaNIsRefused) {
  std::vector<float> values(640, 0.5f);
  values[5] = std::numeric_limits<float>::quiet_NaN();
  write_head("trinity_router_head", {10, 64}, values);
  EXPECT_FALSE(Router::load(options));
}

TEST_F(DamagedModel, HeadsOfOtherCountsAreAccepted) {
  std::vector<float> values(5 * 64);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 7) - 3;
  write_head("trinity_router_head", {5, 64}, values);
  const auto router = load(options);
  EXPECT_EQ(router->info().num_agents, 2);
  EXPECT_EQ(decided(router->route(kConversation)).logits.size(), 5u);
}

TEST_F(DamagedModel, NaNInAnEmbeddingRowIsAnErrorOfTheInputsThatUseIt) {
  const auto file = take(SafetensorsFile::open(folder / "m/model.safetensors"));
  const TensorInfo* table = file.find("model.embed_tokens.weight");
  ASSERT_NE(table, nullptr);
  std::string bytes = slurp(folder / "m/model.safetensors");
  const size_t row = 'x';  // bytes are their own ids
  for (size_t i = 0; i < 2; ++i) {
    const uint16_t nan = 0x7FC0;
    std::memcpy(bytes.data() + table->offset + (row * 64 + i) * 2, &nan, 2);
  }
  folder.put("m/model.safetensors", bytes);
  const auto router = load(options);
  const auto decisions =
      router->route_batch(std::vector<RouterQuery>{RawText{"abc x abc"}, RawText{"abc abc"}});
  ASSERT_FALSE(decisions[0]);
  EXPECT_EQ(decisions[0].error().tag, "non_finite_logits");
  EXPECT_EQ(fingerprint(decisions[1]),
            fingerprint(load(small_options())->route(RawText{"abc abc"})));
}

TEST_F(DamagedModel, ConfigWarningsAreShown) {
  std::string config = small_config();
  const std::string theta = "\"rope_theta\":1000000,";
  config.erase(config.find(theta), theta.size());
  folder.put("m/config.json", config);
  const auto router = load(options);
  ASSERT_EQ(router->info().warnings.size(), 1u);
  EXPECT_NE(router->info().warnings[0].find("rope_theta"), std::string::npos);
}

TEST_F(DamagedModel, SLM9_AnUnknownProfileIsRefusedBeforeAnythingIsRead) {
  options.model = folder / "nowhere";
  options.profile = "does_not_exist";
  expect_refused("unknown_profile", "does_not_exist");
}

TEST_F(DamagedModel, TheDefaultProfileIsTheSameEverywhere) {
  options.profile.clear();
  EXPECT_EQ(load(options)->info().profile, "cpu_f32");
}

TEST_F(DamagedModel, TheFastProfileIsShownByItsName) {
  options.profile = "fast";
  EXPECT_EQ(load(options)->info().profile, router::fast_profile()->name);
}

}  // namespace
}  // namespace trinity::testing
