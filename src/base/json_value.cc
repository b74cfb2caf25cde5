#include "base/json_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <vector>

#include "base/json_writer.h"

namespace trinity {
namespace {

// A walk over the members is faster than a table for small objects, and most are.
constexpr std::size_t kIndexedFrom = 17;

constinit const Json kNull;

std::optional<std::uint64_t> magnitude_of(std::string_view digits) {
  std::uint64_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  return error == std::errc() && stop == end ? std::optional(value) : std::nullopt;
}

bool is_whole(std::string_view number) {
  return number.find_first_of(".eE") == std::string_view::npos;
}

}  // namespace

struct Json::Literal {
  double nearest;
  std::string text;
};

struct Json::Array {
  std::vector<Json> values;
};

/// Members in order; a large object also has a hash table of their places (open addressing, a power
/// of two of slots, at most half of them taken).
struct Json::Object {
  std::vector<JsonMember> members;
  std::vector<std::uint32_t> slots;  // place + 1, 0 for free; empty while the object is small

  std::size_t slot_of(std::string_view key) const {
    const std::size_t mask = slots.size() - 1;
    std::size_t at = std::hash<std::string_view>()(key) & mask;
    while (slots[at] != 0 && members[slots[at] - 1].key != key) at = (at + 1) & mask;
    return at;
  }

  const JsonMember* find(std::string_view key) const {
    if (slots.empty()) {
      for (const JsonMember& member : members)
        if (member.key == key) return &member;
      return nullptr;
    }
    const std::uint32_t place = slots[slot_of(key)];
    return place == 0 ? nullptr : &members[place - 1];
  }

  /// `key` must be new.
  Json& add(std::string key, Json value) {
    members.push_back({std::move(key), std::move(value)});
    if (members.size() >= kIndexedFrom && members.size() * 2 > slots.size()) {
      build_table();
    } else if (!slots.empty()) {
      slots[slot_of(members.back().key)] = static_cast<std::uint32_t>(members.size());
    }
    return members.back().value;
  }

  void build_table() {
    slots.clear();
    if (members.size() < kIndexedFrom) return;
    std::size_t count = 64;
    while (count < members.size() * 4) count *= 2;
    slots.resize(count);
    for (std::size_t i = 0; i < members.size(); ++i)
      slots[slot_of(members[i].key)] = static_cast<std::uint32_t>(i + 1);
  }
};

// --- Making and ending ---------------------------------------------------------------------------

Json::Json(std::string_view text) : kind_(Kind::string) { string_ = new std::string(text); }
Json::Json(std::string text) : kind_(Kind::string) { string_ = new std::string(std::move(text)); }

bool JsonItem::is_pair() const {
  return is_braced_ && value_.is_array() && value_.size() == 2 && value_[0].is_string();
}

Json::Json(std::initializer_list<JsonItem> items) {
  const bool pairs =
      std::all_of(items.begin(), items.end(), [](const JsonItem& item) { return item.is_pair(); });
  if (!pairs) {
    *this = array(items);
    return;
  }
  *this = object();
  object_->members.reserve(items.size());
  for (const JsonItem& item : items) {
    std::vector<Json>& pair = item.value_.array_->values;
    try_emplace(pair[0].take_string(), std::move(pair[1]));
  }
}

Json Json::array(std::initializer_list<JsonItem> items) {
  Json made;
  made.array_ = new Array;
  made.kind_ = Kind::array;
  made.array_->values.reserve(items.size());
  for (const JsonItem& item : items) made.array_->values.push_back(std::move(item.value_));
  return made;
}

Json Json::object() {
  Json made;
  made.object_ = new Object;
  made.kind_ = Kind::object;
  return made;
}

Json Json::number(double nearest, std::string_view text) {
  Json made(nearest);
  if (is_whole(text)) {
    const bool negative = text.starts_with('-');
    const auto magnitude = magnitude_of(text.substr(negative ? 1 : 0));
    if (magnitude && !negative) return Json(static_cast<unsigned long long>(*magnitude));
    if (magnitude && *magnitude != 0 && *magnitude <= std::uint64_t{1} << 63)
      return Json(static_cast<long long>(-*magnitude));
  } else {
    char written[kJsonDoubleRoom];
    if (std::string_view(written, write_json_double(written, nearest)) == text) return made;
  }
  made.literal_ = new Literal{nearest, std::string(text)};
  made.kind_ = Kind::literal;
  return made;
}

void Json::copy(const Json& other) {
  switch (other.kind_) {
    case Kind::literal:
      literal_ = new Literal(*other.literal_);
      break;
    case Kind::string:
      string_ = new std::string(*other.string_);
      break;
    case Kind::array:
      array_ = new Array(*other.array_);
      break;
    case Kind::object:
      object_ = new Object(*other.object_);
      break;
    default:
      unsigned_ = other.unsigned_;
  }
  kind_ = other.kind_;
}

void Json::destroy() {
  switch (kind_) {
    case Kind::literal:
      delete literal_;
      break;
    case Kind::string:
      delete string_;
      break;
    case Kind::array:
      delete array_;
      break;
    case Kind::object:
      delete object_;
      break;
    default:
      break;
  }
  kind_ = Kind::null;
}

Json& Json::operator=(const Json& other) {
  if (this != &other) *this = Json(other);
  return *this;
}

// The old value goes last: `other` may be inside it.
Json& Json::operator=(Json&& other) noexcept {
  Json taken(std::move(other));
  std::swap(kind_, taken.kind_);
  std::swap(unsigned_, taken.unsigned_);
  return *this;
}

// --- Types and scalars ---------------------------------------------------------------------------

JsonType Json::type() const {
  switch (kind_) {
    case Kind::null:
      return JsonType::null;
    case Kind::boolean:
      return JsonType::boolean;
    case Kind::string:
      return JsonType::string;
    case Kind::array:
      return JsonType::array;
    case Kind::object:
      return JsonType::object;
    default:
      return JsonType::number;
  }
}

const char* Json::type_name() const {
  constexpr const char* names[] = {"null", "boolean", "number", "string", "array", "object"};
  return names[static_cast<std::size_t>(type())];
}

std::optional<bool> Json::to_bool() const {
  return is_boolean() ? std::optional(boolean_) : std::nullopt;
}

std::optional<std::int64_t> Json::to_int64() const {
  if (kind_ == Kind::negative) return static_cast<std::int64_t>(unsigned_);
  const auto value = to_uint64();
  if (!value || *value > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
  return static_cast<std::int64_t>(*value);
}

std::optional<std::uint64_t> Json::to_uint64() const {
  if (kind_ == Kind::natural) return unsigned_;
  if (kind_ == Kind::literal && literal_->text == "-0") return 0;
  return std::nullopt;
}

std::optional<double> Json::to_double() const {
  switch (kind_) {
    case Kind::negative:
      return static_cast<double>(static_cast<std::int64_t>(unsigned_));
    case Kind::natural:
      return static_cast<double>(unsigned_);
    case Kind::real:
      return double_;
    case Kind::literal:
      return literal_->nearest;
    default:
      return std::nullopt;
  }
}

const std::string& Json::literal_text() const { return literal_->text; }

const std::string* Json::to_string() const { return is_string() ? string_ : nullptr; }

const std::string& Json::as_string() const {
  static const std::string empty;
  return is_string() ? *string_ : empty;
}

std::string Json::take_string() { return is_string() ? std::move(*string_) : std::string(); }

// --- Containers ----------------------------------------------------------------------------------

std::size_t Json::size() const {
  return is_array() ? array_->values.size() : is_object() ? object_->members.size() : 0;
}

void Json::clear() {
  if (is_array()) array_->values.clear();
  if (is_object()) *object_ = Object();
}

const Json* Json::begin() const { return is_array() ? array_->values.data() : this; }

const Json& Json::operator[](std::size_t place) const {
  return is_array() && place < array_->values.size() ? array_->values[place] : kNull;
}

Json& Json::operator[](std::size_t place) {
  if (!is_array()) *this = array();
  if (place >= array_->values.size()) array_->values.resize(place + 1);
  return array_->values[place];
}

Json& Json::push_back(Json value) {
  if (!is_array()) *this = array();
  array_->values.push_back(std::move(value));
  return array_->values.back();
}

JsonMembers Json::items() const {
  if (!is_object()) return {nullptr, nullptr};
  const std::vector<JsonMember>& members = object_->members;
  return {members.data(), members.data() + members.size()};
}

const Json* Json::find(std::string_view key) const {
  const JsonMember* const member = is_object() ? object_->find(key) : nullptr;
  return member == nullptr ? nullptr : &member->value;
}

const Json& Json::operator[](std::string_view key) const {
  const Json* const found = find(key);
  return found == nullptr ? kNull : *found;
}

Json& Json::operator[](std::string_view key) {
  if (!is_object()) *this = object();
  Json* const found = find(key);
  return found == nullptr ? object_->add(std::string(key), Json()) : *found;
}

std::pair<Json*, bool> Json::try_emplace(std::string&& key, Json value) {
  if (!is_object()) *this = object();
  if (Json* const found = find(key)) return {found, false};
  return {&object_->add(std::move(key), std::move(value)), true};
}

void Json::update(const Json& other) {
  for (const auto& [key, value] : other.items()) (*this)[key] = value;
}

void Json::erase(std::string_view key) {
  if (!is_object()) return;
  if (std::erase_if(object_->members, [&](const auto& member) { return member.key == key; }) > 0)
    object_->build_table();
}

// --- Comparing and sorting -----------------------------------------------------------------------

bool Json::equals(const Json& other) const {
  if (type() != other.type()) return false;
  switch (type()) {
    case JsonType::null:
      return true;
    case JsonType::boolean:
      return boolean_ == other.boolean_;
    case JsonType::number:
      if (is_number_integer() && other.is_number_integer())
        return to_int64() == other.to_int64() && to_uint64() == other.to_uint64();
      if (kind_ == Kind::literal && other.kind_ == Kind::literal && is_whole(literal_->text) &&
          is_whole(other.literal_->text))
        return literal_->text == other.literal_->text;
      return as_double() == other.as_double();
    case JsonType::string:
      return *string_ == *other.string_;
    case JsonType::array:
      return array_->values == other.array_->values;
    case JsonType::object:
      return size() == other.size() &&
             std::all_of(object_->members.begin(), object_->members.end(),
                         [&](const JsonMember& member) {
                           const Json* const theirs = other.find(member.key);
                           return theirs != nullptr && *theirs == member.value;
                         });
  }
  return false;
}

Json sorted_by_key(const Json& value) {
  if (value.is_array()) {
    Json sorted = Json::array();
    for (const Json& one : value) sorted.push_back(sorted_by_key(one));
    return sorted;
  }
  if (!value.is_object()) return value;
  std::vector<const JsonMember*> members;
  for (const JsonMember& member : value.items()) members.push_back(&member);
  std::sort(members.begin(), members.end(),
            [](const JsonMember* a, const JsonMember* b) { return a->key < b->key; });
  Json sorted = Json::object();
  for (const JsonMember* member : members) sorted[member->key] = sorted_by_key(member->value);
  return sorted;
}

}  // namespace trinity
