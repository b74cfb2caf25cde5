#include "hash/etf.h"

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/sha256.h"
#include "base/try.h"
#include "hash/rounding.h"

namespace trinity::hash {
namespace {

enum Tag : unsigned char {
  kNewFloat = 70,
  kCompressed = 80,
  kSmallInteger = 97,
  kInteger = 98,
  kSmallTuple = 104,
  kNil = 106,
  kString = 107,
  kList = 108,
  kBinary = 109,
  kSmallBig = 110,
  kMap = 116,
  kSmallAtom = 119,
  kVersion = 131,
};

constexpr std::size_t kMaxMapKeys = 32;
constexpr std::size_t kMaxByteListLength = 65535;
constexpr int kTermPlaces = 10;

tl::unexpected<Error> too_large(const std::string& what) {
  return fail(ErrorKind::invalid_input, "term_too_large_for_hash",
              what + " does not fit the canonical encoding; hash a smaller value");
}

// Is this list one that the format writes as a byte string?
bool is_byte_list(const List& list) {
  if (list.empty() || list.size() > kMaxByteListLength) return false;
  return std::all_of(list.begin(), list.end(), [](const Term& element) {
    const auto* integer = std::get_if<Integer>(&element.value());
    return integer != nullptr && integer->magnitude <= 255 &&
           (!integer->negative || integer->magnitude == 0);
  });
}

class Encoder {
 public:
  Status encode(const Term& term, int depth) {
    if (depth > kMaxTermDepth) {
      return fail(ErrorKind::invalid_input, "term_too_deep_for_hash",
                  "the value to hash is nested deeper than " + std::to_string(kMaxTermDepth) +
                      " levels; hash a flatter one");
    }
    return std::visit([&](const auto& value) { return write(value, depth); }, term.value());
  }

  std::string bytes;

 private:
  void put(unsigned char byte) { bytes.push_back(static_cast<char>(byte)); }

  void put_big_endian(std::uint64_t value, int count) {
    for (int shift = 8 * (count - 1); shift >= 0; shift -= 8) {
      put(static_cast<unsigned char>(value >> shift));
    }
  }

  Status put_length(std::size_t length, const char* what) {
    if (length > std::numeric_limits<std::uint32_t>::max()) return too_large(what);
    put_big_endian(length, 4);
    return {};
  }

  Status write(const std::string& text, int) {
    put(kBinary);
    TRINITY_CHECK(put_length(text.size(), "a string over 4 GiB"));
    bytes += text;
    return {};
  }

  Status write(const Symbol& symbol, int) {
    if (symbol.name.size() > 255) return too_large("a symbol over 255 bytes");
    put(kSmallAtom);
    put(static_cast<unsigned char>(symbol.name.size()));
    bytes += symbol.name;
    return {};
  }

  Status write(const Integer& integer, int) {
    const std::uint64_t magnitude = integer.magnitude;
    const bool negative = integer.negative && magnitude != 0;
    if (!negative && magnitude <= 255) {
      put(kSmallInteger);
      put(static_cast<unsigned char>(magnitude));
    } else if (magnitude <= (negative ? 0x80000000u : 0x7FFFFFFFu)) {
      put(kInteger);
      put_big_endian(negative ? std::uint64_t{0} - magnitude : magnitude, 4);
    } else {
      const int count = (std::bit_width(magnitude) + 7) / 8;
      put(kSmallBig);
      put(static_cast<unsigned char>(count));
      put(negative ? 1 : 0);
      for (int i = 0; i < count; ++i) put(static_cast<unsigned char>(magnitude >> (8 * i)));
    }
    return {};
  }

  Status write(double number, int) {
    if (!std::isfinite(number)) {
      return fail(ErrorKind::invalid_input, "non_finite_value",
                  "a NaN or infinity cannot be hashed; remove it from the value");
    }
    put(kNewFloat);
    put_big_endian(std::bit_cast<std::uint64_t>(number), 8);
    return {};
  }

  Status write(const List& list, int depth) {
    if (is_byte_list(list)) {
      put(kString);
      put_big_endian(list.size(), 2);
      for (const Term& element : list) {
        put(static_cast<unsigned char>(std::get<Integer>(element.value()).magnitude));
      }
      return {};
    }
    if (!list.empty()) {
      put(kList);
      TRINITY_CHECK(put_length(list.size(), "a list over 2^32 elements"));
      for (const Term& element : list) {
        TRINITY_CHECK(encode(element, depth + 1));
      }
    }
    put(kNil);
    return {};
  }

  Status write(const Tuple& tuple, int depth) {
    if (tuple.elements.size() > 255) return too_large("a tuple over 255 elements");
    put(kSmallTuple);
    put(static_cast<unsigned char>(tuple.elements.size()));
    for (const Term& element : tuple.elements) {
      TRINITY_CHECK(encode(element, depth + 1));
    }
    return {};
  }

  Status write(const FloatTensor& tensor, int depth) {
    Tuple shape;
    for (const std::int64_t dimension : tensor.shape) shape.elements.emplace_back(dimension);
    Tuple type;
    type.elements = {Symbol{tensor.brain ? "bf" : "f"}, tensor.bits};
    List values;
    values.reserve(tensor.values.size());
    for (const double value : tensor.values) {
      values.emplace_back(round_decimal(value, kTermPlaces));
    }
    return write(Tuple{{std::move(shape), std::move(type), std::move(values)}}, depth);
  }

  Status write(const Map& map, int depth) {
    if (map.entries.size() > kMaxMapKeys) {
      return fail(ErrorKind::invalid_input, "map_too_large_for_hash",
                  "a map of " + std::to_string(map.entries.size()) +
                      " keys has no defined order to hash; use at most 32 keys");
    }
    put(kMap);
    put_big_endian(map.entries.size(), 4);
    for (const auto& [key, value] : map.entries) {
      TRINITY_CHECK(encode(key, depth + 1));
      TRINITY_CHECK(encode(value, depth + 1));
    }
    return {};
  }
};

// zlib's defaults are the parameters of the published hashes: window bits 15, memory level 8,
// default strategy; only the level is given.
Result<std::string> deflate(std::string_view body) {
  uLongf size = compressBound(static_cast<uLong>(body.size()));
  std::string stream(size, '\0');
  const int status =
      compress2(reinterpret_cast<Bytef*>(stream.data()), &size,
                reinterpret_cast<const Bytef*>(body.data()), static_cast<uLong>(body.size()), 6);
  if (status != Z_OK) {
    return fail(ErrorKind::failed, "deflate_failed",
                "zlib could not compress the value to hash (status " + std::to_string(status) +
                    "); free some memory and try again");
  }
  stream.resize(size);
  return stream;
}

}  // namespace

Term::Term(std::int64_t integer)
    : value_(Integer{integer < 0, integer < 0
                                      ? std::uint64_t{0} - static_cast<std::uint64_t>(integer)
                                      : static_cast<std::uint64_t>(integer)}) {}

Result<std::string> encode_term(const Term& term) {
  Encoder encoder;
  encoder.bytes.push_back(static_cast<char>(kVersion));
  TRINITY_CHECK(encoder.encode(term, 0));
  return std::move(encoder.bytes);
}

Result<std::string> encode_term_compressed(const Term& term) {
  TRINITY_TRY(auto plain, encode_term(term));
  if (plain.size() < 6) return plain;
  const std::string_view body = std::string_view(plain).substr(1);
  if (body.size() > std::numeric_limits<std::uint32_t>::max())
    return too_large("a value over 4 GiB");
  TRINITY_TRY(const auto stream, deflate(body));
  if (stream.size() > plain.size() - 6) return plain;

  std::string compressed = {static_cast<char>(kVersion), static_cast<char>(kCompressed)};
  for (int shift = 24; shift >= 0; shift -= 8) {
    compressed.push_back(static_cast<char>(body.size() >> shift));
  }
  return compressed += stream;
}

Status check_deflate() {
  // Words in a pseudo-random order: enough repetition that every deflate has choices to make.
  static constexpr const char* kWords[] = {"route", "worker ", "verify",  "think", "transcript ",
                                           "head",  "agent ",  "margin ", "role",  "\n"};
  static constexpr const char* kExpected =
      "d6ac21d76db97756e8fe697e0013393abcc5ebec1871b7eaef3629e9972ab864";
  std::string text;
  std::uint32_t state = 1;
  while (text.size() < 8192) {
    state = state * 1664525u + 1013904223u;
    text += kWords[(state >> 16) % std::size(kWords)];
  }
  TRINITY_TRY(const auto stream, deflate(text));
  if (sha256_hex(std::string_view(stream)) == kExpected) return {};
  return fail(ErrorKind::unsupported, "deflate_differs",
              std::string("the linked zlib ") + zlibVersion() +
                  " compresses differently from classic zlib, so hashes would not compare; link "
                  "classic zlib");
}

}  // namespace trinity::hash
