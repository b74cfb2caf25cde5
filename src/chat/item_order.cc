#include "chat/item_order.h"

#include <utility>

#include "chat/assembly.h"

namespace trinity::chat {

using Action = ItemStep::Action;

void ItemOrder::open(Item item, std::vector<ItemStep>& steps) {
  open_ = item;
  whole_.clear();
  steps.push_back({Action::open, item, {}, call_, {}});
}

void ItemOrder::close(std::vector<ItemStep>& steps) {
  if (!open_) return;
  steps.push_back({Action::close, *open_, {}, std::exchange(call_, {}), std::exchange(whole_, {})});
  open_.reset();
}

void ItemOrder::write(Item item, const std::string& text, std::vector<ItemStep>& steps) {
  if (text.empty()) return;
  if (open_ == Item::call) {
    waiting_texts_[item] += text;
    return;
  }
  if (open_ != item) {
    close(steps);
    open(item, steps);
  }
  whole_ += text;
  steps.push_back({Action::append, item, text, {}, {}});
}

void ItemOrder::write_call(const Delta::CallPiece& piece, std::vector<ItemStep>& steps) {
  const bool is_live = open_ == Item::call && live_index_ == piece.index;
  Call& call = is_live ? call_ : waiting_calls_[piece.index];
  if (call.id.empty()) call.id = piece.id;
  if (call.name.empty()) call.name = piece.name;
  call.arguments += piece.arguments;
  append_extra(call.extra, piece.extra);
  if (is_live) {
    if (!piece.arguments.empty())
      steps.push_back({Action::append, Item::call, piece.arguments, {}, {}});
  } else if (!had_live_ && !call.name.empty()) {
    close(steps);
    had_live_ = true;
    live_index_ = piece.index;
    call_ = std::move(call);
    waiting_calls_.erase(piece.index);
    open(Item::call, steps);
    if (!call_.arguments.empty())
      steps.push_back({Action::append, Item::call, call_.arguments, {}, {}});
  }
}

std::vector<ItemStep> ItemOrder::add(const Delta& delta) {
  std::vector<ItemStep> steps;
  write(Item::reasoning, delta.reasoning, steps);
  write(Item::text, delta.text, steps);
  write(Item::refusal, delta.refusal, steps);
  for (const Delta::CallPiece& piece : delta.calls) write_call(piece, steps);
  return steps;
}

std::vector<ItemStep> ItemOrder::close_open() {
  std::vector<ItemStep> steps;
  if (open_ != Item::call) close(steps);
  return steps;
}

std::vector<ItemStep> ItemOrder::finish() {
  std::vector<ItemStep> steps;
  close(steps);
  for (auto& [item, text] : std::exchange(waiting_texts_, {})) write(item, text, steps);
  close(steps);
  for (auto& [index, call] : std::exchange(waiting_calls_, {})) {
    call_ = std::move(call);
    open(Item::call, steps);
    if (!call_.arguments.empty())
      steps.push_back({Action::append, Item::call, call_.arguments, {}, {}});
    close(steps);
  }
  return steps;
}

}  // namespace trinity::chat
