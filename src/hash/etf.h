// The canonical byte form behind the conversation and decision hashes.
//
// A Term is a small tree of strings, symbols, integers, floats, lists, tuples and maps; it is
// written in the subset of Erlang's External Term Format (version byte 131) that the published
// hashes were made with. Two rules of that format are easy to miss and change the bytes:
//  * a list of 1..65535 integers that are all 0..255 is written as a byte string (tag 107);
//  * the compressed form is used only where zlib saves enough: it replaces the plain form when the
//    deflated body is at least 5 bytes shorter than the body, see encode_term_compressed.
// Maps are written in the order given; callers sort (string keys bytewise ascending).
#pragma once

#include <trinity/error.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace trinity::hash {

class Term;

/// Levels of lists, tuples and maps that a term may have.
inline constexpr int kMaxTermDepth = 512;

/// A name, written as a small UTF-8 atom (tag 119); at most 255 bytes.
struct Symbol {
  std::string name;
};

/// Any integer of up to 64 bits and a sign.
struct Integer {
  bool negative = false;
  std::uint64_t magnitude = 0;
};

struct Tuple {
  std::vector<Term> elements;  // at most 255
};

/// A tensor inside a term; written as the tuple {shape tuple, type tuple, list of values}, each
/// value rounded to 10 decimals.
struct FloatTensor {
  std::vector<std::int64_t> shape;
  std::vector<double> values;  // row-major
  int bits = 32;               // of the stored element type: 16, 32 or 64; 16 with brain = bf16
  bool brain = false;
};

struct Map {
  std::vector<std::pair<Term, Term>> entries;  // in the order they are written, at most 32
};

using List = std::vector<Term>;

class Term {
 public:
  using Value = std::variant<std::string, Symbol, Integer, double, List, Tuple, FloatTensor, Map>;

  Term() : value_(List{}) {}
  // Conversions are implicit so that nested terms read like the data they stand for.
  // NOLINTBEGIN(google-explicit-constructor)
  Term(std::string text) : value_(std::move(text)) {}
  Term(std::string_view text) : value_(std::string(text)) {}
  Term(const char* text) : value_(std::string(text)) {}
  Term(Symbol symbol) : value_(std::move(symbol)) {}
  Term(Integer integer) : value_(integer) {}
  Term(std::int64_t integer);
  Term(int integer) : Term(static_cast<std::int64_t>(integer)) {}
  Term(std::uint64_t integer) : value_(Integer{false, integer}) {}
  Term(double number) : value_(number) {}
  Term(List list) : value_(std::move(list)) {}
  Term(Tuple tuple) : value_(std::move(tuple)) {}
  Term(FloatTensor tensor) : value_(std::move(tensor)) {}
  Term(Map map) : value_(std::move(map)) {}
  // NOLINTEND(google-explicit-constructor)
  Term(bool) = delete;  // write Symbol{"true"}: hashes differ between the two spellings of truth

  const Value& value() const { return value_; }
  Value& value() { return value_; }

 private:
  Value value_;
};

/// Version byte and term. Errors: `map_too_large_for_hash` (more than 32 keys: the published order
/// of such maps is not defined), `term_too_large_for_hash` (a symbol or tuple over 255, or a length
/// over 32 bits), `non_finite_value` (NaN or infinity), `term_too_deep_for_hash`.
Result<std::string> encode_term(const Term& term);

/// encode_term, then the compressed form 131, 80, size, zlib stream (level 6) of the body when that
/// stream is no longer than the plain form less 6 bytes. The bytes of the stream come from classic
/// zlib; another deflate would give other hashes, see check_deflate.
Result<std::string> encode_term_compressed(const Term& term);

/// Compares the linked zlib with the deflate stream that the published hashes rely on.
/// Error `deflate_differs` when it compresses differently (zlib-ng and similar replacements).
Status check_deflate();

}  // namespace trinity::hash
