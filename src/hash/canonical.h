// The hashes that tie transcripts, decisions and traces together. All are SHA-256, lower-case hex.
//
// There are two families, and the same conversation has a different hash in each:
//  * evaluation hashes (transcript_hash, route_hash), which snapshots and determinism runs compare;
//  * trace hashes (trace_*), which events and route decisions record. A trace hash first normalises
//    its value: map keys become strings and are sorted, tuples become lists, true, false and null
//    become "true", "false" and "nil".
// Both hash the canonical byte form of hash/etf.h. The remaining ones hash plain bytes.
#pragma once

#include <trinity/error.h>
#include <trinity/message.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/json_value.h"
#include "hash/etf.h"

namespace trinity::hash {

/// Evaluation hash of a conversation: messages as maps with symbol keys role, content, and only
/// where a message has them reasoning_content and tool_calls (maps of arguments, name).
Result<std::string> transcript_hash(std::span<const Message> messages);

/// Evaluation hash of a decision: the list [agent_id, role_id, logits], logits widened to double
/// and rounded to 6 decimals. Errors: `non_finite_logits`.
Result<std::string> route_hash(int agent_id, int role_id, std::span<const float> logits);
Result<std::string> route_hash(int agent_id, int role_id, std::span<const double> logits);

/// Trace hash of a conversation: messages as maps with string keys content, role, and only where a
/// message has them reasoning_content and tool_calls.
Result<std::string> trace_messages_hash(std::span<const Message> messages);

/// Trace hash of a text: the map {"text": text}.
Result<std::string> trace_text_hash(std::string_view text);

/// Trace hash of a float tensor: the map {"data": values rounded to 10 decimals, "shape": shape}.
/// Errors: `shape_mismatch` when the shape's product is not the number of values,
/// `non_finite_value`.
Result<std::string> trace_tensor_hash(std::span<const float> values,
                                      std::span<const std::int64_t> shape);
Result<std::string> trace_tensor_hash(std::span<const double> values,
                                      std::span<const std::int64_t> shape);

/// Trace hash of any value ("metadata" and "term" are the same rule). Errors: those of encode_term,
/// `unhashable_map_key` for a key that is not a string, symbol or integer, `ambiguous_map_key` when
/// two keys become the same string.
Result<std::string> trace_term_hash(const Term& value);
Result<std::string> trace_term_hash(const Json& value);

/// The value as trace hashes see it.
Result<Term> normalize_for_trace(const Term& value);

/// The hash that older benchmark reports give a data set; it depends on the number of cases alone.
/// (The map {count} with a symbol key, never compressed.)
Result<std::string> dataset_count_hash(std::uint64_t count);

/// SHA-256 of the compact JSON array of the ids, for example [1,2,3].
std::string token_ids_sha256(std::span<const std::int32_t> ids);

/// SHA-256 of the values as little-endian f32, row-major.
std::string f32_sha256(std::span<const float> values);

}  // namespace trinity::hash
