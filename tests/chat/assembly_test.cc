// Pieces put together, put right, and put in order.
#include "chat/assembly.h"

#include <gtest/gtest.h>

#include "chat/item_order.h"
#include "chat/support.h"

namespace trinity::chat {
namespace {

TEST(Assembly, AStreamWithoutAFinishReasonIsAnError) {
  Assembly assembly;
  Delta delta;
  delta.text = "The answer is";
  assembly.add(delta);
  EXPECT_FALSE(assembly.has_finish());
  ASSERT_FALSE(assembly.finish());
  EXPECT_EQ(assembly.finish().error().tag, "invalid_response");
  EXPECT_EQ(assembly.so_far().message.text(), "The answer is");
  delta = {};
  delta.finish = FinishReason::stop;
  assembly.add(delta);
  EXPECT_TRUE(assembly.finish());
}

TEST(Assembly, CallsAreCountedAnewAndNamedOnce) {
  Assembly assembly;
  const auto add = [&](std::size_t index, const char* id, const char* name, const char* text) {
    Delta delta;
    delta.calls.push_back({index, id, name, text});
    return assembly.add(delta).calls[0];
  };
  using Piece = Delta::CallPiece;
  EXPECT_EQ(add(3, "a", "f", "{"), (Piece{0, "a", "f", "{"}));
  EXPECT_EQ(add(3, "a", "f", "}"), (Piece{0, "", "", "}"}));
  EXPECT_EQ(add(7, "b", "", ""), (Piece{1, "b", "", ""}));
  EXPECT_EQ(add(7, "", "g", "[]"), (Piece{1, "", "g", "[]"}));
  // A server that calls every call the first.
  EXPECT_EQ(add(7, "c", "h", "{}"), (Piece{2, "c", "h", "{}"}));
  EXPECT_EQ(add(~std::size_t{0}, "", "", "x").index, 3u);
  Delta end;
  end.finish = FinishReason::stop;
  EXPECT_EQ(assembly.add(end).finish, FinishReason::tool_calls);
  const auto reply = assembly.finish();
  ASSERT_TRUE(reply);
  EXPECT_EQ(
      reply->message.calls,
      (std::vector<Call>{{"a", "f", "{}"}, {"b", "g", "[]"}, {"c", "h", "{}"}, {"", "", "x"}}));
}

TEST(Assembly, ThePiecesOfAReplyAreThatReply) {
  testing::Random random(2);
  for (int round = 0; round < 500; ++round) {
    const ChatReply reply = testing::random_reply(random, Dialect::openai_chat);
    Assembly assembly;
    for (const Delta& piece : testing::pieces_of(reply, random)) {
      EXPECT_EQ(assembly.add(piece), piece);
    }
    EXPECT_EQ(*assembly.finish(), reply);
  }
}

TEST(ItemOrder, OneItemIsClosedBeforeTheNextOpensAndNothingIsLost) {
  using Action = ItemStep::Action;
  testing::Random random(3);
  for (int round = 0; round < 500; ++round) {
    // Pieces of three calls, texts and thoughts in any order.
    ItemOrder order;
    std::string texts[3];
    std::map<std::size_t, std::string> arguments;
    std::map<std::string, std::string> closed_calls;
    std::string closed_texts[3];
    std::optional<ItemStep::Item> open;
    std::string filled;
    const auto take = [&](const std::vector<ItemStep>& steps) {
      for (const ItemStep& step : steps) {
        if (step.action == Action::open) {
          EXPECT_FALSE(open);
          open = step.item;
          filled.clear();
          continue;
        }
        EXPECT_EQ(open, step.item);
        filled += step.piece;
        if (step.action == Action::append) continue;
        open.reset();
        if (step.item == ItemStep::Item::call) {
          EXPECT_EQ(step.call.arguments, filled);
          closed_calls[step.call.name] += filled;
        } else {
          EXPECT_EQ(step.whole, filled);
          closed_texts[static_cast<int>(step.item)] += filled;
        }
      }
    };
    for (int piece = 0; piece < 20; ++piece) {
      Delta delta;
      const std::string text = random.text();
      if (const std::size_t kind = random.below(6); kind == 0) {
        texts[0] += delta.reasoning = text;
      } else if (kind == 1) {
        texts[1] += delta.text = text;
      } else if (kind == 2) {
        texts[2] += delta.refusal = text;
      } else {
        const bool is_first = !arguments.contains(kind);
        arguments[kind] += text;
        delta.calls.push_back({kind, "", is_first ? "f" + std::to_string(kind) : "", text});
      }
      take(order.add(delta));
    }
    take(order.finish());
    EXPECT_FALSE(open);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(closed_texts[i], texts[i]);
    EXPECT_EQ(closed_calls.size(), arguments.size());
    for (const auto& [index, text] : arguments)
      EXPECT_EQ(closed_calls["f" + std::to_string(index)], text);
  }
}

}  // namespace
}  // namespace trinity::chat
