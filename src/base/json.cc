#include "base/json.h"

#include <utility>
#include <vector>

#include "base/utf8.h"

namespace trinity {

namespace {

/// Builds the tree. `open_` holds the containers that are still open, outermost first; a container
/// never grows while one inside it is open, so the pointers stay valid.
class TreeBuilder final : public JsonEvents {
 public:
  Status on_null() override { return put(nullptr); }
  Status on_boolean(bool value) override { return put(value); }
  // Only "-0" is a negative integer that is none.
  Status on_negative(std::int64_t value) override {
    return put(value == 0 ? Json::number(-0.0, "-0") : Json(value));
  }
  Status on_unsigned(std::uint64_t value) override { return put(value); }
  Status on_double(double value, std::string_view text) override {
    return put(Json::number(value, text));
  }
  Status on_string(std::string& value) override { return put(std::move(value)); }
  Status on_key(std::string& key) override {
    const auto [value, is_new] = open_.back()->try_emplace(std::move(key));
    if (!is_new) {
      return fail(
          ErrorKind::invalid_input, "duplicate_key",
          "the key \"" + excerpt(key) + "\" occurs twice in one JSON object; keep one of them");
    }
    slot_ = value;
    return {};
  }
  Status on_object_start() override { return enter(Json::object()); }
  Status on_object_end() override { return leave(); }
  Status on_array_start() override { return enter(Json::array()); }
  Status on_array_end() override { return leave(); }

  Json take() { return std::move(root_); }

 private:
  Json* place(Json value) {
    if (open_.empty()) return &(root_ = std::move(value));
    if (open_.back()->is_array()) return &open_.back()->push_back(std::move(value));
    return &(*slot_ = std::move(value));
  }
  Status put(Json value) {
    place(std::move(value));
    return {};
  }
  Status enter(Json container) {
    open_.push_back(place(std::move(container)));
    return {};
  }
  Status leave() {
    open_.pop_back();
    return {};
  }

  Json root_;
  std::vector<Json*> open_;
  Json* slot_ = nullptr;  // where the value of the last key goes
};

}  // namespace

Result<Json> parse_json(std::string_view text, const JsonLimits& limits) {
  TreeBuilder builder;
  if (auto status = scan_json(text, limits, builder); !status) {
    return tl::unexpected(std::move(status.error()));
  }
  return builder.take();
}

std::string json_text(const Json& document, int indent) {
  std::string text;
  append_json(text, document, indent);
  return text;
}

}  // namespace trinity
