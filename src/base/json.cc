#include "base/json.h"

#include <charconv>
#include <nlohmann/json.hpp>
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
  Status on_negative(std::int64_t value) override { return put(value); }
  Status on_unsigned(std::uint64_t value) override { return put(value); }
  Status on_double(double value, std::string_view) override { return put(value); }
  Status on_string(std::string& value) override { return put(std::move(value)); }
  Status on_key(std::string& key) override {
    auto& object = open_.back()->get_ref<nlohmann::json::object_t&>();
    const auto [place, is_new] = object.try_emplace(std::move(key));
    if (!is_new) {
      return fail(ErrorKind::invalid_input, "duplicate_key",
                  "the key \"" + excerpt(place->first) +
                      "\" occurs twice in one JSON object; keep one of them");
    }
    slot_ = &place->second;
    return {};
  }
  Status on_object_start() override { return enter(nlohmann::json::object()); }
  Status on_object_end() override { return leave(); }
  Status on_array_start() override { return enter(nlohmann::json::array()); }
  Status on_array_end() override { return leave(); }

  nlohmann::json take() { return std::move(root_); }

 private:
  nlohmann::json* place(nlohmann::json value) {
    if (open_.empty()) return &(root_ = std::move(value));
    if (open_.back()->is_array()) {
      auto& array = open_.back()->get_ref<nlohmann::json::array_t&>();
      return &array.emplace_back(std::move(value));
    }
    return &(*slot_ = std::move(value));
  }
  Status put(nlohmann::json value) {
    place(std::move(value));
    return {};
  }
  Status enter(nlohmann::json container) {
    open_.push_back(place(std::move(container)));
    return {};
  }
  Status leave() {
    open_.pop_back();
    return {};
  }

  nlohmann::json root_;
  std::vector<nlohmann::json*> open_;
  nlohmann::json* slot_ = nullptr;  // where the value of the last key goes
};

}  // namespace

Result<nlohmann::json> parse_json(std::string_view text, const JsonLimits& limits) {
  TreeBuilder builder;
  if (auto status = scan_json(text, limits, builder); !status) {
    return tl::unexpected(std::move(status.error()));
  }
  return builder.take();
}

std::string json_text(const nlohmann::json& document, int indent) {
  return document.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string json_text(const nlohmann::ordered_json& document, int indent) {
  return document.dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string json_float32(float value) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
  return std::string(buffer, end);
}

}  // namespace trinity
