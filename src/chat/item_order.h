// The items of a streamed reply one after another: each is closed before the next opens.
//
// Some dialects write a reply as a list of items (thought, text, call of a tool) and their clients
// hang when two are open at once. A thought and a text end where the other begins. A call ends only
// with the reply, because its pieces may still come; so the first call goes out live, and whatever
// else arrives meanwhile waits for its end.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "chat/chat.h"

namespace trinity::chat {

struct ItemStep {
  enum class Action { open, append, close };
  enum class Item { reasoning, text, refusal, call };
  Action action;
  Item item;
  std::string piece;  // of append
  Call call;          // of a call: its id, its name and, when it is closed, its arguments
  std::string whole;  // of what is no call, when it is closed: its text
};

class ItemOrder {
 public:
  using Item = ItemStep::Item;

  /// The next piece, as Assembly::add returns it.
  std::vector<ItemStep> add(const Delta& delta);
  /// Closes what is open, unless it is a call.
  std::vector<ItemStep> close_open();
  /// The reply ended: everything is closed, and what waited goes out.
  std::vector<ItemStep> finish();

  std::optional<Item> open_item() const { return open_; }

 private:
  void write(Item item, const std::string& text, std::vector<ItemStep>& steps);
  void write_call(const Delta::CallPiece& piece, std::vector<ItemStep>& steps);
  void open(Item item, std::vector<ItemStep>& steps);
  void close(std::vector<ItemStep>& steps);

  std::optional<Item> open_;
  std::string whole_;           // of the open item
  Call call_;                   // the open call
  std::size_t live_index_ = 0;  // of the open call
  bool had_live_ = false;
  std::map<std::size_t, Call> waiting_calls_;
  std::map<Item, std::string> waiting_texts_;
};

}  // namespace trinity::chat
