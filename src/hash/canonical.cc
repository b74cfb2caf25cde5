#include "hash/canonical.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <vector>

#include "base/json_value.h"
#include "base/sha256.h"
#include "base/try.h"
#include "base/utf8.h"
#include "hash/rounding.h"

namespace trinity::hash {
namespace {

constexpr int kLogitPlaces = 6;
constexpr int kTensorPlaces = 10;

Result<std::string> compressed_sha256(const Term& term) {
  TRINITY_TRY(const auto bytes, encode_term_compressed(term));
  return sha256_hex(std::string_view(bytes));
}

template <typename Real>
Result<std::string> hash_route(int agent_id, int role_id, std::span<const Real> logits) {
  List rounded;
  rounded.reserve(logits.size());
  for (const Real logit : logits) {
    if (!std::isfinite(logit)) {
      return fail(ErrorKind::invalid_input, "non_finite_logits",
                  "a NaN or infinite logit cannot be hashed; check the model and its weights");
    }
    rounded.emplace_back(round_decimal(static_cast<double>(logit), kLogitPlaces));
  }
  return compressed_sha256(List{agent_id, role_id, std::move(rounded)});
}

template <typename Real>
Result<std::string> hash_tensor(std::span<const Real> values, std::span<const std::int64_t> shape) {
  // Dimensions are divided out of the count, so no product of theirs can overflow.
  std::uint64_t rest = values.size();
  bool fits = true;
  bool empty = false;
  List dimensions;
  for (const std::int64_t dimension : shape) {
    dimensions.emplace_back(dimension);
    if (dimension < 0) fits = false;
    if (dimension == 0) empty = true;
    if (dimension > 0 && !empty) {
      fits = fits && rest % static_cast<std::uint64_t>(dimension) == 0;
      rest /= static_cast<std::uint64_t>(dimension);
    }
  }
  if (!fits || (empty ? !values.empty() : rest != 1)) {
    return fail(ErrorKind::invalid_input, "shape_mismatch",
                "the tensor to hash has " + std::to_string(values.size()) +
                    " values, which its shape does not hold; pass both from the same tensor");
  }
  List data;
  data.reserve(values.size());
  for (const Real value : values) {
    data.emplace_back(round_decimal(static_cast<double>(value), kTensorPlaces));
  }
  return compressed_sha256(Map{{{"data", std::move(data)}, {"shape", std::move(dimensions)}}});
}

// Sorts the entries of a map bytewise by their string keys and refuses equal ones.
Result<Term> sorted_map(std::vector<std::pair<std::string, Term>> entries) {
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  Map map;
  map.entries.reserve(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (i > 0 && entries[i].first == entries[i - 1].first) {
      return fail(ErrorKind::invalid_input, "ambiguous_map_key",
                  "two keys of a map to hash are both written '" + excerpt(entries[i].first) +
                      "'; rename one of them");
    }
  }
  for (auto& [key, value] : entries) map.entries.emplace_back(std::move(key), std::move(value));
  return Term(std::move(map));
}

Result<std::string> key_text(const Term& key) {
  if (const auto* text = std::get_if<std::string>(&key.value())) return *text;
  if (const auto* symbol = std::get_if<Symbol>(&key.value())) {
    return symbol->name == "nil" ? std::string() : symbol->name;
  }
  if (const auto* integer = std::get_if<Integer>(&key.value())) {
    std::string digits = std::to_string(integer->magnitude);
    if (integer->negative && integer->magnitude != 0) digits.insert(digits.begin(), '-');
    return digits;
  }
  return fail(ErrorKind::invalid_input, "unhashable_map_key",
              "a map to hash has a key that is not a string, symbol or integer; use string keys");
}

Status check_depth(int depth) {
  if (depth <= kMaxTermDepth) return {};
  return fail(ErrorKind::invalid_input, "term_too_deep_for_hash",
              "the value to hash is nested deeper than " + std::to_string(kMaxTermDepth) +
                  " levels; hash a flatter one");
}

Result<Term> normalize(const Term& value, int depth);

struct Normalizer {
  int depth;

  Result<Term> operator()(const Symbol& symbol) const { return Term(symbol.name); }
  Result<Term> operator()(const List& list) const {
    List normalized;
    normalized.reserve(list.size());
    for (const Term& element : list) {
      TRINITY_TRY(auto value, normalize(element, depth + 1));
      normalized.push_back(std::move(value));
    }
    return Term(std::move(normalized));
  }
  Result<Term> operator()(const Tuple& tuple) const { return (*this)(tuple.elements); }
  Result<Term> operator()(const Map& map) const {
    std::vector<std::pair<std::string, Term>> entries;
    for (const auto& [key, element] : map.entries) {
      TRINITY_TRY(auto text, key_text(key));
      TRINITY_TRY(auto value, normalize(element, depth + 1));
      entries.emplace_back(std::move(text), std::move(value));
    }
    return sorted_map(std::move(entries));
  }
  template <typename Unchanged>
  Result<Term> operator()(const Unchanged& value) const {
    return Term(value);
  }
};

Result<Term> normalize(const Term& value, int depth) {
  TRINITY_CHECK(check_depth(depth));
  return std::visit(Normalizer{depth}, value.value());
}

// JSON has no symbols or tuples, so this is the whole normalisation.
Result<Term> normalize_json(const Json& value, int depth) {
  TRINITY_CHECK(check_depth(depth));
  switch (value.type()) {
    case JsonType::null:
      return Term("nil");
    case JsonType::boolean:
      return Term(value.as_bool() ? "true" : "false");
    case JsonType::number:
      if (const auto integer = value.to_uint64()) return Term(*integer);
      if (const auto integer = value.to_int64()) return Term(*integer);
      return Term(value.as_double());
    case JsonType::string:
      return Term(value.as_string());
    case JsonType::array: {
      List list;
      list.reserve(value.size());
      for (const auto& element : value) {
        TRINITY_TRY(auto normalized, normalize_json(element, depth + 1));
        list.push_back(std::move(normalized));
      }
      return Term(std::move(list));
    }
    case JsonType::object: {
      std::vector<std::pair<std::string, Term>> entries;
      for (const auto& [key, element] : value.items()) {
        TRINITY_TRY(auto normalized, normalize_json(element, depth + 1));
        entries.emplace_back(key, std::move(normalized));
      }
      return sorted_map(std::move(entries));
    }
  }
  return Term("nil");
}

/// Tool calls as a list of maps, whose keys `key` makes of names.
template <typename Key>
List tool_call_terms(std::span<const ToolCall> calls, Key key) {
  List list;
  list.reserve(calls.size());
  for (const ToolCall& call : calls) {
    list.emplace_back(Map{{{key("arguments"), call.arguments}, {key("name"), call.name}}});
  }
  return list;
}

}  // namespace

Result<std::string> transcript_hash(std::span<const Message> messages) {
  List list;
  list.reserve(messages.size());
  for (const Message& message : messages) {
    Map map{{{Symbol{"role"}, message.role}, {Symbol{"content"}, message.content}}};
    if (message.reasoning_content)
      map.entries.emplace_back(Symbol{"reasoning_content"}, *message.reasoning_content);
    if (!message.tool_calls.empty())
      map.entries.emplace_back(
          Symbol{"tool_calls"},
          tool_call_terms(message.tool_calls, [](const char* key) { return Term(Symbol{key}); }));
    list.emplace_back(std::move(map));
  }
  return compressed_sha256(std::move(list));
}

Result<std::string> route_hash(int agent_id, int role_id, std::span<const float> logits) {
  return hash_route(agent_id, role_id, logits);
}

Result<std::string> route_hash(int agent_id, int role_id, std::span<const double> logits) {
  return hash_route(agent_id, role_id, logits);
}

Result<std::string> trace_messages_hash(std::span<const Message> messages) {
  List list;
  list.reserve(messages.size());
  for (const Message& message : messages) {
    Map map;  // keys in bytewise order
    map.entries.emplace_back("content", message.content);
    if (message.reasoning_content)
      map.entries.emplace_back("reasoning_content", *message.reasoning_content);
    map.entries.emplace_back("role", message.role);
    if (!message.tool_calls.empty())
      map.entries.emplace_back(
          "tool_calls",
          tool_call_terms(message.tool_calls, [](const char* key) { return Term(key); }));
    list.emplace_back(std::move(map));
  }
  return compressed_sha256(std::move(list));
}

Result<std::string> trace_text_hash(std::string_view text) {
  return compressed_sha256(Map{{{"text", text}}});
}

Result<std::string> trace_tensor_hash(std::span<const float> values,
                                      std::span<const std::int64_t> shape) {
  return hash_tensor(values, shape);
}

Result<std::string> trace_tensor_hash(std::span<const double> values,
                                      std::span<const std::int64_t> shape) {
  return hash_tensor(values, shape);
}

Result<Term> normalize_for_trace(const Term& value) { return normalize(value, 0); }

Result<std::string> trace_term_hash(const Term& value) {
  TRINITY_TRY(const auto normalized, normalize(value, 0));
  return compressed_sha256(normalized);
}

Result<std::string> trace_term_hash(const Json& value) {
  TRINITY_TRY(const auto normalized, normalize_json(value, 0));
  return compressed_sha256(normalized);
}

Result<std::string> dataset_count_hash(std::uint64_t count) {
  TRINITY_TRY(const auto bytes, encode_term(Map{{{Symbol{"count"}, count}}}));
  return sha256_hex(std::string_view(bytes));
}

std::string token_ids_sha256(std::span<const std::int32_t> ids) {
  std::string json = "[";
  char digits[16];
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i > 0) json.push_back(',');
    json.append(digits, std::to_chars(digits, digits + sizeof digits, ids[i]).ptr);
  }
  json.push_back(']');
  return sha256_hex(std::string_view(json));
}

std::string f32_sha256(std::span<const float> values) {
  if constexpr (std::endian::native == std::endian::little) {
    return sha256_hex(std::as_bytes(values));
  }
  Sha256 hash;
  for (const float value : values) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const char bytes[] = {static_cast<char>(bits), static_cast<char>(bits >> 8),
                          static_cast<char>(bits >> 16), static_cast<char>(bits >> 24)};
    hash.update(std::string_view(bytes, sizeof bytes));
  }
  return hash.hex();
}

}  // namespace trinity::hash
