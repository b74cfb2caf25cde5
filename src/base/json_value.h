// A JSON value of our own: what readers return and what reports are made of.
//
//   Json record = {{"name", "eval"}, {"cases", Json::array()}, {"seed", std::optional<int>()}};
//   record["cases"].push_back({{"id", 7}, {"passed", true}});
//   if (const Json* cases = record.find("cases"))
//     for (const Json& one : *cases) total += one["id"].as_int64();
//   for (const auto& [key, value] : record.items()) ...
//
// * An object keeps its members in the order in which they were added. Finding a member stays fast
//   in large ones. Two objects are equal when they have equal members, in whatever order.
// * Braces make an object when every element is a braced pair that begins with a text, else a list:
//   {{"a", 1}, {"b", 2}} is an object, {1, 2} and {{"a", 1}, 2} are lists. {} is null; the empty
//   containers are Json::array() and Json::object().
// * An optional is its value, or null. A list is made of any vector, span or array, an object of
// any
//   map with texts for keys.
// * A number is an integer of 64 bits, a double, or, when it was read and neither is written the
// way
//   it was given (beyond 64 bits, more digits than a double has, "-0", "1e3"), both the nearest
//   double and the text. So everything that is read is written as it came.
// * Nothing here throws (but for want of memory) and no getter has a precondition: a member that is
//   not there reads as null, and an as_…() of another type as the empty value of its own. Reading
//   code asks first: is_…(), find(), or the to_…() that say whether the value fits.
//
// Reading and writing text: base/json.h. The header keeps its includes few, and its templates only
// unpack containers, because half of the sources read it.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace trinity {

class Json;
class JsonItem;
struct JsonMember;

enum class JsonType : std::uint8_t { null, boolean, number, string, array, object };

template <typename T, typename U>
concept DifferentFrom = !std::same_as<std::remove_cvref_t<T>, U>;

/// A container with text keys, such as std::map<std::string, int>.
template <typename T>
concept JsonMap = requires(const T& t) {
  typename T::mapped_type;
  { t.begin()->first } -> std::convertible_to<std::string_view>;
};

/// Any other container that is no text, such as std::vector<double>.
template <typename T>
concept JsonList = !std::same_as<T, Json> && !JsonMap<T> && requires(const T& t) {
  { *t.begin() } -> DifferentFrom<T>;
  t.end();
}
&&!std::convertible_to<const T&, std::string_view>;

/// What items() walks over.
class JsonMembers {
 public:
  JsonMembers(const JsonMember* begin, const JsonMember* end) : begin_(begin), end_(end) {}
  const JsonMember* begin() const { return begin_; }
  const JsonMember* end() const { return end_; }

 private:
  const JsonMember* begin_;
  const JsonMember* end_;
};

class Json {
 public:
  constexpr Json() noexcept {}
  Json(std::nullptr_t) noexcept {}
  template <std::same_as<bool> Bool>
  Json(Bool value) noexcept : kind_(Kind::boolean) {
    boolean_ = value;
  }
  Json(int value) noexcept : Json(static_cast<long long>(value)) {}
  Json(long value) noexcept : Json(static_cast<long long>(value)) {}
  Json(long long value) noexcept : kind_(value < 0 ? Kind::negative : Kind::natural) {
    unsigned_ = static_cast<std::uint64_t>(value);
  }
  Json(unsigned value) noexcept : Json(static_cast<unsigned long long>(value)) {}
  Json(unsigned long value) noexcept : Json(static_cast<unsigned long long>(value)) {}
  Json(unsigned long long value) noexcept : kind_(Kind::natural) { unsigned_ = value; }
  /// NaN and the infinities have no JSON form: they are written as null.
  Json(double value) noexcept : kind_(Kind::real) { double_ = value; }
  Json(const char* text) : Json(std::string_view(text)) {}
  Json(std::string_view text);
  Json(std::string text);
  Json(std::initializer_list<JsonItem> items);
  template <typename T>
  Json(const std::optional<T>& value) {
    if (value) *this = Json(*value);
  }
  template <JsonList List>
  Json(const List& list) : Json(array()) {
    for (const auto& value : list) push_back(Json(value));
  }
  template <JsonMap Map>
  Json(const Map& map) : Json(object()) {
    for (const auto& [key, value] : map) (*this)[key] = Json(value);
  }

  Json(const Json& other) : Json() { copy(other); }
  Json(Json&& other) noexcept : kind_(other.kind_) {
    unsigned_ = other.unsigned_;
    other.kind_ = Kind::null;
  }
  Json& operator=(const Json& other);
  Json& operator=(Json&& other) noexcept;
  ~Json() {
    if (kind_ >= Kind::literal) destroy();
  }

  static Json array(std::initializer_list<JsonItem> items = {});
  static Json object();
  /// The number that `text`, a number in the grammar of JSON, stands for; `nearest` is its double.
  static Json number(double nearest, std::string_view text);

  JsonType type() const;
  const char* type_name() const;  // "null", "boolean", "number", "string", "array", "object"
  bool is_null() const { return kind_ == Kind::null; }
  bool is_boolean() const { return kind_ == Kind::boolean; }
  bool is_number() const { return type() == JsonType::number; }
  /// A whole number of 64 bits, signed or unsigned; 1.0 is none. Unsigned: it is not negative.
  bool is_number_integer() const { return to_int64().has_value() || is_number_unsigned(); }
  bool is_number_unsigned() const { return to_uint64().has_value(); }
  bool is_string() const { return kind_ == Kind::string; }
  bool is_array() const { return kind_ == Kind::array; }
  bool is_object() const { return kind_ == Kind::object; }

  /// The value, if it is of this type and fits. Any number has a (nearest) double.
  std::optional<bool> to_bool() const;
  std::optional<std::int64_t> to_int64() const;
  std::optional<std::uint64_t> to_uint64() const;
  std::optional<double> to_double() const;
  const std::string* to_string() const;  // null for other types; lives as long as the value

  /// The same where the type is known: false, 0 or "" when it is another.
  bool as_bool() const { return to_bool().value_or(false); }
  std::int64_t as_int64() const { return to_int64().value_or(0); }
  std::uint64_t as_uint64() const { return to_uint64().value_or(0); }
  double as_double() const { return to_double().value_or(0); }
  const std::string& as_string() const;
  std::string take_string();  // moves the text out, so that nothing is copied

  // Containers.

  /// Elements or members; 0 for what is no container.
  std::size_t size() const;
  bool empty() const { return size() == 0; }
  void clear();

  /// The elements of an array; nothing for other types.
  const Json* begin() const;
  const Json* end() const { return begin() + (is_array() ? size() : 0); }
  Json* begin() { return const_cast<Json*>(std::as_const(*this).begin()); }
  Json* end() { return const_cast<Json*>(std::as_const(*this).end()); }
  const Json& front() const { return (*this)[0]; }
  const Json& back() const { return (*this)[size() - 1]; }
  /// The element at this place; null beyond the end.
  const Json& operator[](std::size_t place) const;
  /// The same to change; an array that is too short is filled up with nulls first, and what is no
  /// array becomes one.
  Json& operator[](std::size_t place);
  /// Appends and returns the new element. What is no array becomes an empty one first.
  Json& push_back(Json value);

  /// The members of an object as { key, value }; nothing for other types.
  JsonMembers items() const;
  /// The member's value, or nullptr when there is none or this is no object.
  const Json* find(std::string_view key) const;
  Json* find(std::string_view key) { return const_cast<Json*>(std::as_const(*this).find(key)); }
  bool contains(std::string_view key) const { return find(key) != nullptr; }
  /// The member's value; null when there is none.
  const Json& operator[](std::string_view key) const;
  /// The member's value, added as null when there is none. What is no object becomes an empty one
  /// first. The reference holds until the next member is added.
  Json& operator[](std::string_view key);
  /// Adds a member unless the key is taken; only then is the key moved from. Returns the member's
  /// value, and whether it is new.
  std::pair<Json*, bool> try_emplace(std::string&& key, Json value = {});
  /// Sets every member of `other`, an object, here.
  void update(const Json& other);
  /// Removes the member, if it is there.
  void erase(std::string_view key);

  /// By value: 1 equals 1.0, and members may come in any order.
  friend bool operator==(const Json& a, const Json& b) { return a.equals(b); }

 private:
  enum class Kind : std::uint8_t {
    null,
    boolean,
    negative,  // a negative int64_t
    natural,   // a uint64_t
    real,      // a double
    literal,   // a number that keeps its text; from here on the value is on the heap
    string,
    array,
    object,
  };
  struct Literal;
  struct Array;
  struct Object;

  void copy(const Json& other);  // into a null
  void destroy();
  bool equals(const Json& other) const;
  const std::string& literal_text() const;
  friend class JsonWriter;

  Kind kind_ = Kind::null;
  union {
    bool boolean_;
    std::uint64_t unsigned_ = 0;
    double double_;
    Literal* literal_;
    std::string* string_;
    Array* array_;
    Object* object_;
  };
};

struct JsonMember {
  std::string key;
  Json value;
};

/// An element between braces; it knows whether it was written in braces itself.
class JsonItem {
 public:
  JsonItem() = default;
  template <typename T>
  requires std::convertible_to<T&&, Json> JsonItem(T&& value) : value_(std::forward<T>(value)) {}
  JsonItem(std::initializer_list<JsonItem> items) : value_(items), is_braced_(items.size() > 0) {}

 private:
  friend class Json;
  bool is_pair() const;

  mutable Json value_;  // moved out: a std::initializer_list has only constant elements
  bool is_braced_ = false;
};

/// The same value with the members of every object ordered by the bytes of their keys.
Json sorted_by_key(const Json& value);

}  // namespace trinity
