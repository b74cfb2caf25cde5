#include "model/prefix_cache.h"

#include <algorithm>
#include <utility>

namespace trinity::model {
namespace {

int64_t common_prefix(std::span<const int32_t> a, std::span<const int32_t> b) {
  const size_t limit = std::min(a.size(), b.size());
  return std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(limit), b.begin()).first -
         a.begin();
}

std::span<const int32_t> from(std::span<const int32_t> ids, int64_t begin) {
  return ids.subspan(static_cast<size_t>(begin));
}

}  // namespace

PrefixCache::PrefixCache(size_t byte_budget, double equal_length) : equal_length_(equal_length) {
  stats_.byte_budget = byte_budget;
  root_ = add_node(nullptr, {}, 0);
}

// ---- looking up ---------------------------------------------------------------------------------

PrefixCache::Place PrefixCache::walk(std::span<const int32_t> ids) const {
  const auto wanted = static_cast<int64_t>(ids.size());
  Place place{root_, 0};
  while (place.length < wanted && place.length == place.node->end()) {
    const auto next = place.node->children.find(ids[static_cast<size_t>(place.length)]);
    if (next == place.node->children.end()) break;
    place.node = next->second;
    place.length += common_prefix(place.node->ids, from(ids, place.length));
  }
  return place;
}

PrefixCache::Match PrefixCache::find(std::span<const int32_t> ids, int64_t max_length) {
  ++stats_.lookups;
  const auto wanted = std::clamp<int64_t>(max_length, 0, static_cast<int64_t>(ids.size()));
  const Place place = walk(ids.first(static_cast<size_t>(wanted)));
  if (place.length == 0) return {};
  ++stats_.hits;
  stats_.reused_tokens += static_cast<uint64_t>(place.length);
  // The rest of a run that is used in part has not been used: it may be what will go.
  use(place.length == place.node->end() ? place.node : place.node->parent);
  const Node* leaf = place.node;
  while (leaf->kv == nullptr) leaf = leaf->children.begin()->second;
  return {leaf->kv->fork(place.length), place.length};
}

int64_t PrefixCache::longest(std::span<const int32_t> ids) const { return walk(ids).length; }

/// Marks the node and all above it as used now.
void PrefixCache::use(Node* node) {
  ++uses_;
  for (; node != nullptr; node = node->parent) {
    std::set<Node*, WorthLess>::node_type held;
    if (node->kv != nullptr) held = leaves_.extract(node);
    node->clock = clock_;
    node->used = uses_;
    if (node->kv != nullptr) node->worth = clock_ + cost_of(*node);
    if (held) leaves_.insert(std::move(held));
  }
}

// ---- storing ------------------------------------------------------------------------------------

bool PrefixCache::insert(std::span<const int32_t> ids, std::unique_ptr<backend::KvCache> kv) {
  const auto length = static_cast<int64_t>(ids.size());
  const int64_t page = kv->page_tokens();
  const size_t size =
      page > 0 ? static_cast<size_t>((length + page - 1) / page) * kv->page_bytes() : kv->bytes();
  if (size + ids.size_bytes() > stats_.byte_budget) return false;
  page_tokens_ = page;
  page_bytes_ = kv->page_bytes();
  const Place place = walk(ids);
  if (place.length == length) {
    use(place.node);
    return true;
  }
  try {
    Node* const leaf = store(place, ids, std::move(kv));
    make_room(leaf);
    use(leaf);
  } catch (...) {
    clear();
    throw;
  }
  return true;
}

PrefixCache::Node* PrefixCache::store(const Place& place, std::span<const int32_t> ids,
                                      std::unique_ptr<backend::KvCache> kv) {
  if (place.length > 0) {
    const Node* other = place.node;
    while (other->kv == nullptr) other = other->children.begin()->second;
    kv->share(*other->kv, place.length);
  }
  Node* node = place.node;
  if (place.length < node->end()) node = split(*node, place.length);
  if (node->kv == nullptr) {
    node = add_node(node, from(ids, place.length), place.length);
  } else {  // it goes on
    leave(*node);
    const auto rest = from(ids, place.length);
    node->ids.insert(node->ids.end(), rest.begin(), rest.end());
  }
  kept_ = node;
  node->unpaged_bytes = page_tokens_ > 0 ? 0 : kv->bytes();
  node->kv = std::move(kv);
  enter(*node);
  return node;
}

/// A node that is not counted yet.
PrefixCache::Node* PrefixCache::add_node(Node* parent, std::span<const int32_t> ids,
                                         int64_t begin) {
  Node& node = nodes_.emplace_back();
  node.self = std::prev(nodes_.end());
  node.ids.assign(ids.begin(), ids.end());
  node.begin = begin;
  node.parent = parent;
  if (parent != nullptr) parent->children[node.ids.front()] = &node;
  return &node;
}

/// Cuts a run in two at a position inside it; returns the new node above.
PrefixCache::Node* PrefixCache::split(Node& node, int64_t at) {
  const auto count = at - node.begin;
  leave(node);
  Node* const above =
      add_node(node.parent, std::span(node.ids).first(static_cast<size_t>(count)), node.begin);
  above->clock = node.clock;
  above->used = node.used;
  node.ids.erase(node.ids.begin(), node.ids.begin() + count);
  node.begin = at;
  node.parent = above;
  above->children[node.ids.front()] = &node;
  enter(*above);
  enter(node);
  return above;
}

// ---- giving up ----------------------------------------------------------------------------------

void PrefixCache::make_room(Node* kept) {
  while (stats_.bytes > stats_.byte_budget && !leaves_.empty()) evict(**leaves_.begin());
  kept_ = nullptr;
  leaves_.insert(kept);
}

void PrefixCache::evict(Node& leaf) {
  clock_ = std::max(clock_, leaf.worth);
  ++stats_.evictions;
  const int64_t end = page_tokens_ > 0 ? (leaf.end() - 1) / page_tokens_ * page_tokens_ : 0;
  stats_.evicted_tokens += static_cast<uint64_t>(leaf.end() - std::max(end, leaf.begin));
  if (end <= leaf.begin) return remove(leaf);
  leave(leaf);
  leaf.ids.resize(static_cast<size_t>(end - leaf.begin));
  leaf.kv = leaf.kv->fork(end);
  enter(leaf);
}

void PrefixCache::remove(Node& leaf) {
  Node& parent = *leaf.parent;
  leave(leaf);
  parent.children.erase(leaf.ids.front());
  nodes_.erase(leaf.self);
  if (&parent != root_ && parent.children.size() == 1) merge(parent);
}

/// Makes one run of a node and its only child. The run keeps the time of the node's last use: a
/// beginning that was in use must not go because of what followed it long ago.
void PrefixCache::merge(Node& parent) {
  Node& child = *parent.children.begin()->second;
  leave(parent);
  leave(child);
  child.ids.insert(child.ids.begin(), parent.ids.begin(), parent.ids.end());
  child.begin = parent.begin;
  child.parent = parent.parent;
  child.parent->children[child.ids.front()] = &child;
  child.clock = std::max(child.clock, parent.clock);
  child.used = std::max(child.used, parent.used);
  nodes_.erase(parent.self);
  enter(child);
}

// ---- counting -----------------------------------------------------------------------------------

size_t PrefixCache::pages_of(const Node& node) const {
  if (page_tokens_ == 0) return 0;
  const int64_t end = node.kv != nullptr ? node.end() + page_tokens_ - 1 : node.end();
  return static_cast<size_t>(end / page_tokens_ - node.begin / page_tokens_);
}

size_t PrefixCache::bytes_of(const Node& node) const {
  return pages_of(node) * page_bytes_ + node.unpaged_bytes + node.ids.size() * sizeof(int32_t);
}

/// What the leaf's own tokens cost to compute, by the byte that they take.
double PrefixCache::cost_of(const Node& leaf) const {
  const auto begin = static_cast<double>(leaf.begin), end = static_cast<double>(leaf.end());
  const double tokens = end - begin + (end * end - begin * begin) / (2 * equal_length_);
  return tokens / static_cast<double>(bytes_of(leaf));
}

/// Around every change of a node: it is taken out of all counts, and counted again.
void PrefixCache::leave(Node& node) {
  stats_.pages -= pages_of(node);
  stats_.bytes -= bytes_of(node);
  if (node.kv == nullptr) return;
  --stats_.entries;
  leaves_.erase(&node);
}

void PrefixCache::enter(Node& node) {
  stats_.pages += pages_of(node);
  stats_.bytes += bytes_of(node);
  if (node.kv == nullptr) return;
  ++stats_.entries;
  node.worth = node.clock + cost_of(node);
  if (&node != kept_) leaves_.insert(&node);
}

PrefixCacheStats PrefixCache::stats() const { return stats_; }

void PrefixCache::visit(
    const std::function<void(std::span<const int32_t>, const backend::KvCache&)>& see) const {
  for (const Node& leaf : nodes_) {
    if (leaf.kv == nullptr) continue;
    std::vector<int32_t> path(static_cast<size_t>(leaf.end()));
    for (const Node* node = &leaf; node != nullptr; node = node->parent)
      std::copy(node->ids.begin(), node->ids.end(), path.begin() + node->begin);
    see(path, *leaf.kv);
  }
}

void PrefixCache::clear() {
  leaves_.clear();
  kept_ = nullptr;
  while (nodes_.size() > 1) nodes_.pop_back();
  root_->children.clear();
  stats_.bytes = stats_.pages = stats_.entries = 0;
}

}  // namespace trinity::model
