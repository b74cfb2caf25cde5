#include "tensor/safetensors_header.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>
#include <utility>

#include "base/json_events.h"
#include "base/utf8.h"
#include "tensor/tensor.h"

namespace trinity {

namespace {

constexpr std::uint64_t max_header_bytes = 100'000'000;
constexpr std::size_t max_rank = 64;

template <typename... Parts>
tl::unexpected<Error> refuse(const char* tag, Parts&&... parts) {
  return fail(ErrorKind::invalid_input, tag,
              (std::string() + ... + std::forward<Parts>(parts)) + "; get an undamaged file");
}

/// Collects the entries. `depth_` counts open containers: 1 is the header itself, 2 an entry or the
/// metadata, 3 a shape or a pair of offsets. Offsets stay relative to the payload here.
class HeaderEvents final : public JsonEvents {
 public:
  SafetensorsHeader take() { return std::move(header_); }

  Status on_null() override { return other(); }
  Status on_boolean(bool) override { return other(); }
  Status on_negative(std::int64_t) override { return other(); }
  Status on_double(double, std::string_view text) override {
    // A whole number beyond 64 bits is a shape that overflows, not a fraction.
    const bool whole = text.find_first_not_of("0123456789") == std::string_view::npos;
    return whole && in_numbers(Field::shape) ? overflow() : other();
  }
  Status on_unsigned(std::uint64_t value) override {
    if (in_numbers(Field::shape)) {
      if (value > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) return overflow();
      if (entry().shape.size() == max_rank) return wrong("has more than 64 dimensions");
      entry().shape.push_back(static_cast<std::int64_t>(value));
      return {};
    }
    if (in_numbers(Field::offsets)) {
      if (offset_count_ == 2) return wrong("has more than two data_offsets");
      (offset_count_++ == 0 ? begin_ : end_) = value;
      return {};
    }
    return other();
  }
  Status on_string(std::string& value) override {
    if (depth_ == 2 && in_metadata_) {
      *metadata_slot_ = std::move(value);
      return {};
    }
    if (depth_ == 2 && field_ == Field::dtype) {
      entry().dtype_name = std::move(value);
      if (const auto dtype = parse_dtype(entry().dtype_name)) entry().dtype = *dtype;
      return {};
    }
    return other();
  }

  Status on_key(std::string& key) override {
    if (depth_ == 1) return start_entry(key);
    if (depth_ == 2 && in_metadata_) {
      const auto [place, is_new] = header_.metadata.try_emplace(std::move(key));
      if (!is_new) return twice("metadata key ", place->first);
      metadata_slot_ = &place->second;
      return {};
    }
    if (depth_ > 2) return {};  // inside a value that is skipped
    field_ = key == "dtype"          ? Field::dtype
             : key == "shape"        ? Field::shape
             : key == "data_offsets" ? Field::offsets
                                     : Field::unknown;
    if (field_ == Field::unknown) return {};
    bool& seen = seen_[static_cast<std::size_t>(field_)];
    if (seen) return twice("key ", key);
    seen = true;
    return {};
  }

  Status on_object_start() override {
    const bool expected = depth_ < 2 || skipping();
    if (!expected) return other();
    ++depth_;
    return {};
  }
  Status on_object_end() override {
    --depth_;
    if (depth_ != 1 || in_metadata_) return {};
    field_ = Field::unknown;
    if (!seen_[0] || !seen_[1] || !seen_[2] || offset_count_ != 2) {
      return wrong("needs dtype, shape and two data_offsets");
    }
    if (begin_ > end_) {
      return refuse("safetensors_offsets_out_of_range", "the tensor ", excerpt(entry().name),
                    " ends before it begins");
    }
    entry().offset = begin_;
    entry().size = end_ - begin_;
    return {};
  }
  Status on_array_start() override {
    const bool numbers = depth_ == 2 && (field_ == Field::shape || field_ == Field::offsets);
    if (!(numbers && !in_metadata_) && !skipping()) return other();
    ++depth_;
    return {};
  }
  Status on_array_end() override {
    --depth_;
    return {};
  }

 private:
  enum class Field : std::size_t { dtype, shape, offsets, unknown };

  TensorInfo& entry() { return header_.tensors.back(); }
  bool skipping() const { return depth_ >= 2 && !in_metadata_ && field_ == Field::unknown; }
  bool in_numbers(Field field) const { return depth_ == 3 && field_ == field; }

  Status start_entry(std::string& name) {
    in_metadata_ = name == "__metadata__";
    field_ = Field::unknown;
    if (in_metadata_) {
      if (std::exchange(has_metadata_, true)) return twice("key ", name);
      return {};
    }
    header_.tensors.emplace_back().name = std::move(name);
    for (bool& seen : seen_) seen = false;
    offset_count_ = 0;
    return {};
  }

  /// A value that the layout has no place for, unless it belongs to an unknown key.
  Status other() {
    if (skipping()) return {};
    if (depth_ == 0) return refuse("invalid_header_entry", "the header is not a JSON object");
    if (in_metadata_) {
      return refuse("invalid_header_entry", "__metadata__ is not a JSON object of strings");
    }
    return wrong("is not an object of dtype (string), shape and data_offsets (whole numbers)");
  }
  Status wrong(const char* what) {
    return refuse("invalid_header_entry", "the header's tensor ", excerpt(entry().name), " ", what);
  }
  Status overflow() {
    return refuse("shape_overflow", "the tensor ", excerpt(entry().name), " has too many elements");
  }
  Status twice(const char* what, const std::string& name) {
    return refuse("duplicate_key", "the ", what, "\"", excerpt(name), "\" occurs twice");
  }

  SafetensorsHeader header_;
  std::size_t depth_ = 0;
  Field field_ = Field::unknown;
  bool in_metadata_ = false;
  bool has_metadata_ = false;
  std::string* metadata_slot_ = nullptr;
  bool seen_[3] = {false, false, false};
  std::size_t offset_count_ = 0;
  std::uint64_t begin_ = 0;
  std::uint64_t end_ = 0;
};

Status check_size(const TensorInfo& tensor) {
  const auto needed =
      tensor.dtype ? byte_count(*tensor.dtype, tensor.shape) : element_count(tensor.shape);
  if (!needed) {
    return refuse("shape_overflow", "the tensor ", excerpt(tensor.name), " has too many elements");
  }
  if (tensor.dtype && static_cast<std::uint64_t>(*needed) != tensor.size) {
    return refuse("safetensors_size_mismatch", "the tensor ", excerpt(tensor.name), " of shape ",
                  shape_text(tensor.shape), " and type ", excerpt(tensor.dtype_name), " takes ",
                  std::to_string(*needed), " bytes, but the file has ",
                  std::to_string(tensor.size));
  }
  return {};
}

/// Walks the payload in file order: each tensor must begin where the one before it ended.
Status check_layout(const std::vector<TensorInfo>& tensors, std::uint64_t payload_size) {
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(tensors[a].offset, tensors[a].size) <
           std::pair(tensors[b].offset, tensors[b].size);
  });
  std::uint64_t end = 0;
  for (const std::size_t i : order) {
    const TensorInfo& tensor = tensors[i];
    if (tensor.offset > payload_size || tensor.size > payload_size - tensor.offset) {
      return refuse("safetensors_offsets_out_of_range", "the tensor ", excerpt(tensor.name),
                    " lies beyond the end of the file");
    }
    if (tensor.offset < end) {
      return refuse("safetensors_overlap", "the tensor ", excerpt(tensor.name),
                    " overlaps another one");
    }
    if (tensor.offset > end) {
      return refuse("safetensors_gap", "there are unused bytes before the tensor ",
                    excerpt(tensor.name));
    }
    end += tensor.size;
  }
  if (end != payload_size) {
    return refuse("safetensors_trailing_bytes", "there are ", std::to_string(payload_size - end),
                  " bytes after the last tensor");
  }
  return {};
}

}  // namespace

Result<SafetensorsHeader> parse_safetensors_header(std::span<const std::byte> file) {
  std::uint64_t header_size = 0;
  if (file.size() < sizeof(header_size)) {
    return refuse("safetensors_truncated", "a safetensors file has at least 8 bytes, this one ",
                  std::to_string(file.size()));
  }
  std::memcpy(&header_size, file.data(), sizeof(header_size));
  const std::uint64_t after_length = file.size() - sizeof(header_size);
  if (header_size > max_header_bytes) {
    return refuse("safetensors_header_too_long", "the header length ", std::to_string(header_size),
                  " exceeds the limit of 100 MB");
  }
  if (header_size > after_length) {
    return refuse("safetensors_truncated", "the header of ", std::to_string(header_size),
                  " bytes goes beyond the end of the file");
  }
  const std::string_view text(reinterpret_cast<const char*>(file.data()) + sizeof(header_size),
                              static_cast<std::size_t>(header_size));
  HeaderEvents events;
  if (auto status = scan_json(text, JsonLimits{}, events); !status) {
    if (status.error().tag == "invalid_json") status.error().tag = "invalid_header_json";
    return fail_in("safetensors header", std::move(status.error()));
  }
  SafetensorsHeader header = events.take();
  for (const TensorInfo& tensor : header.tensors) {
    if (auto status = check_size(tensor); !status) return tl::unexpected(status.error());
  }
  if (auto status = check_layout(header.tensors, after_length - header_size); !status) {
    return tl::unexpected(status.error());
  }
  for (TensorInfo& tensor : header.tensors) tensor.offset += sizeof(header_size) + header_size;
  std::sort(header.tensors.begin(), header.tensors.end(),
            [](const TensorInfo& a, const TensorInfo& b) { return a.name < b.name; });
  const auto twin =
      std::adjacent_find(header.tensors.begin(), header.tensors.end(),
                         [](const TensorInfo& a, const TensorInfo& b) { return a.name == b.name; });
  if (twin != header.tensors.end()) {
    return refuse("duplicate_key", "the tensor ", excerpt(twin->name), " occurs twice");
  }
  return header;
}

}  // namespace trinity
