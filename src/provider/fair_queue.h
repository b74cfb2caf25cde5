// Calls that wait for their turn: clients take turns, and the calls of one client keep their order.
//
// Somebody who sends a hundred requests at once waits for them himself; another's single request is
// next.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>

namespace trinity::provider {

template <typename Item>
class FairQueue {
 public:
  void push(const std::string& client, Item item) {
    std::deque<Item>& own = items_[client];
    if (own.empty()) turns_.push_back(client);
    own.push_back(std::move(item));
    ++size_;
  }

  std::optional<Item> pop() {
    if (turns_.empty()) return std::nullopt;
    const std::string client = std::move(turns_.front());
    turns_.pop_front();
    const auto own = items_.find(client);
    Item item = std::move(own->second.front());
    own->second.pop_front();
    --size_;
    if (own->second.empty()) {
      items_.erase(own);
    } else {
      turns_.push_back(client);
    }
    return item;
  }

  /// Takes an item out, wherever it waits.
  bool remove(const std::string& client, const Item& item) {
    const auto own = items_.find(client);
    if (own == items_.end()) return false;
    for (auto at = own->second.begin(); at != own->second.end(); ++at) {
      if (!(*at == item)) continue;
      own->second.erase(at);
      --size_;
      if (own->second.empty()) {
        items_.erase(own);
        for (auto turn = turns_.begin(); turn != turns_.end(); ++turn)
          if (*turn == client) {
            turns_.erase(turn);
            break;
          }
      }
      return true;
    }
    return false;
  }

  std::size_t size() const { return size_; }

 private:
  std::map<std::string, std::deque<Item>> items_;
  std::deque<std::string> turns_;  // clients that have items
  std::size_t size_ = 0;
};

}  // namespace trinity::provider
