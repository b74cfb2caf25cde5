// Byte-pair merging: every method against a naive implementation of the definition, on random
// tables.
#include "text/bpe.h"

#include <algorithm>
#include <map>
#include <utility>

#include "support.h"
#include "text/tokenizer_json.h"

namespace trinity {
namespace {

using testing::Ids;
using testing::RandomText;

/// A vocabulary of the 256 bytes and random longer tokens over `letters`, with one or two merges
/// each.
struct RandomModel {
  std::vector<std::string> tokens;  // [id]
  std::vector<text::MergeRule> rules;
};

RandomModel random_model(RandomText& random, std::size_t merges, const std::string& letters) {
  RandomModel model;
  std::map<std::string, std::int32_t> ids;
  std::map<std::pair<std::int32_t, std::int32_t>, bool> listed;
  for (int byte = 0; byte < 256; ++byte) {
    model.tokens.push_back(std::string(1, static_cast<char>(byte)));
    ids[model.tokens.back()] = byte;
  }
  const auto any_token = [&] {
    const std::size_t made = model.tokens.size() - 256;
    if (made == 0 || random.below(2)) {
      return static_cast<std::int32_t>(
          static_cast<unsigned char>(letters[random.below(letters.size())]));
    }
    return static_cast<std::int32_t>(256 + random.below(made));
  };
  for (std::size_t attempt = 0; model.rules.size() < merges && attempt < 20 * merges; ++attempt) {
    const std::int32_t left = any_token();
    const std::int32_t right = any_token();
    const std::string product = model.tokens[static_cast<std::size_t>(left)] +
                                model.tokens[static_cast<std::size_t>(right)];
    if (product.size() > 12 || std::exchange(listed[{left, right}], true)) continue;
    auto [entry, is_new] = ids.try_emplace(product, static_cast<std::int32_t>(model.tokens.size()));
    if (is_new) model.tokens.push_back(product);
    model.rules.push_back({left, right, entry->second});
  }
  return model;
}

text::Bpe make_bpe(const RandomModel& model) {
  text::Vocabulary vocabulary;
  for (std::size_t id = 0; id < model.tokens.size(); ++id) {
    EXPECT_TRUE(vocabulary.add(model.tokens[id], static_cast<std::int64_t>(id)));
  }
  EXPECT_TRUE(vocabulary.build_index());
  Result<text::Bpe> bpe = text::Bpe::create(std::move(vocabulary), model.rules);
  EXPECT_TRUE(bpe);
  return std::move(*bpe);
}

/// The definition: the lowest-ranked neighbouring pair merges, the leftmost first.
Ids naive(const RandomModel& model, const std::string& piece) {
  Ids ids;
  for (const char byte : piece) ids.push_back(static_cast<unsigned char>(byte));
  while (true) {
    std::size_t best_rank = model.rules.size();
    std::size_t best = 0;
    for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
      for (std::size_t rank = 0; rank < best_rank; ++rank) {
        if (model.rules[rank].left == ids[i] && model.rules[rank].right == ids[i + 1]) {
          best_rank = rank;
          best = i;
          break;
        }
      }
    }
    if (best_rank == model.rules.size()) return ids;
    ids[best] = model.rules[best_rank].product;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

Ids merged(const text::Bpe& bpe, const std::string& piece, text::Bpe::Method method) {
  Ids ids;
  bpe.merge(piece, method, ids);
  return ids;
}

std::string random_piece(RandomText& random, const std::string& letters, std::size_t longest) {
  std::string piece(1 + random.below(longest), ' ');
  // Runs and repetitions make overlapping pairs.
  for (auto& c : piece) c = letters[random.below(letters.size())];
  if (random.below(4) == 0) std::fill(piece.begin(), piece.end(), piece[0]);
  return piece;
}

TEST(Bpe, EveryMethodEqualsTheDefinitionOnOrderedTables) {
  RandomText random(11);
  for (int round = 0; round < 150; ++round) {
    const std::string letters = std::string("abcd").substr(0, 1 + random.below(4));
    const RandomModel model = random_model(random, random.below(40), letters);
    const text::Bpe bpe = make_bpe(model);
    for (int i = 0; i < 40; ++i) {
      const std::string piece = random_piece(random, letters, i < 30 ? 12 : 200);
      const Ids expected = naive(model, piece);
      ASSERT_EQ(merged(bpe, piece, text::Bpe::Method::array), expected) << piece;
      ASSERT_EQ(merged(bpe, piece, text::Bpe::Method::heap), expected) << piece;
      if (bpe.merges().is_ordered()) {
        ASSERT_EQ(merged(bpe, piece, text::Bpe::Method::rounds), expected) << piece;
      }
      Ids ids;
      bpe.encode(piece, ids);
      ASSERT_EQ(ids, expected) << piece;
    }
  }
}

TEST(Bpe, ShuffledTablesAreMergedByTheDefinitionToo) {
  // No trained table looks like this: parts ranked after their products, tokens that do not encode
  // to themselves. The vocabulary shortcut and the heap must still be right.
  RandomText random(12);
  std::mt19937 shuffler(13);
  std::size_t unordered = 0;
  std::size_t unstable = 0;
  for (int round = 0; round < 150; ++round) {
    const std::string letters = "abc";
    RandomModel model = random_model(random, 5 + random.below(30), letters);
    std::shuffle(model.rules.begin(), model.rules.end(), shuffler);
    const text::Bpe bpe = make_bpe(model);
    if (!bpe.merges().is_ordered()) ++unordered;
    for (std::size_t id = 256; id < model.tokens.size(); ++id) {
      const Ids expected = naive(model, model.tokens[id]);
      if (expected != Ids{static_cast<std::int32_t>(id)}) ++unstable;
      for (int twice = 0; twice < 2; ++twice) {
        Ids ids;
        bpe.encode(model.tokens[id], ids);
        ASSERT_EQ(ids, expected) << model.tokens[id];
      }
    }
    for (int i = 0; i < 40; ++i) {
      const std::string piece = random_piece(random, letters, i < 30 ? 12 : 200);
      const Ids expected = naive(model, piece);
      ASSERT_EQ(merged(bpe, piece, text::Bpe::Method::array), expected) << piece;
      ASSERT_EQ(merged(bpe, piece, text::Bpe::Method::heap), expected) << piece;
      if (bpe.merges().is_ordered()) {
        ASSERT_EQ(merged(bpe, piece, text::Bpe::Method::rounds), expected) << piece;
      }
      Ids ids;
      bpe.encode(piece, ids);
      ASSERT_EQ(ids, expected) << piece;
    }
    // Long enough for the rounds, which this table may not use.
    std::string piece(5000, ' ');
    for (auto& c : piece) c = letters[random.below(letters.size())];
    Ids ids;
    bpe.encode(piece, ids);
    ASSERT_EQ(ids, merged(bpe, piece, text::Bpe::Method::array));
  }
  EXPECT_GT(unordered, 100u);
  EXPECT_GT(unstable, 100u);
}

TEST(Bpe, MethodsAgreeOnTheGenuineTable) {
  TRINITY_REQUIRE_CONFORMANCE(testing::qwen3_file);
  Result<text::TokenizerModel> model =
      text::read_tokenizer_json(testing::read_conformance(testing::qwen3_file));
  ASSERT_TRUE(model);
  EXPECT_EQ(model->merges.size(), 151387u);
  Result<text::Bpe> bpe = text::Bpe::create(std::move(model->vocabulary), model->merges);
  ASSERT_TRUE(bpe);
  EXPECT_TRUE(bpe->merges().is_ordered());
  RandomText random(14);
  for (int round = 0; round < 300; ++round) {
    const std::string piece =
        round % 2 ? random.text(1 + random.below(100))
                  : random_piece(random, "etaoinshrdluETAOIN", round < 290 ? 300 : 9000);
    const Ids expected = merged(*bpe, piece, text::Bpe::Method::array);
    EXPECT_EQ(merged(*bpe, piece, text::Bpe::Method::heap), expected) << piece;
    EXPECT_EQ(merged(*bpe, piece, text::Bpe::Method::rounds), expected) << piece;
  }
}

TEST(Bpe, EveryGenuineTokenEncodesAsTheMergesSay) {
  TRINITY_REQUIRE_CONFORMANCE(testing::qwen3_file);
  Result<text::TokenizerModel> model =
      text::read_tokenizer_json(testing::read_conformance(testing::qwen3_file));
  ASSERT_TRUE(model);
  Result<text::Bpe> bpe = text::Bpe::create(std::move(model->vocabulary), model->merges);
  ASSERT_TRUE(bpe);
  for (std::int32_t id = 0; id < bpe->vocabulary().id_end(); ++id) {
    const std::string token(bpe->vocabulary().bytes(id));
    Ids ids;
    bpe->encode(token, ids);
    ASSERT_EQ(ids, merged(*bpe, token, text::Bpe::Method::heap)) << id;
  }
}

TEST(Bpe, RefusesATableItCannotUse) {
  RandomText random(15);
  RandomModel model = random_model(random, 10, "ab");
  text::Vocabulary vocabulary;
  for (std::size_t id = 1; id < model.tokens.size(); ++id) {  // the byte 0 is left out
    ASSERT_TRUE(vocabulary.add(model.tokens[id], static_cast<std::int64_t>(id)));
  }
  ASSERT_TRUE(vocabulary.build_index());
  EXPECT_EQ(testing::tag_of(text::Bpe::create(std::move(vocabulary), model.rules)),
            "invalid_tokenizer");
}

}  // namespace
}  // namespace trinity
