#include "tensor/npy.h"

#include <array>
#include <cctype>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

#include "base/foreign_file.h"
#include "base/utf8.h"

namespace trinity {

namespace {

constexpr std::string_view magic("\x93NUMPY", 6);
constexpr std::size_t max_npy_header_bytes = 65536;
constexpr std::size_t max_npy_rank = 64;

template <typename... Parts>
tl::unexpected<Error> refuse_npy(const char* tag, Parts&&... parts) {
  return fail(ErrorKind::invalid_input, tag, (std::string() + ... + std::forward<Parts>(parts)));
}

struct Descr {
  std::string_view code;
  DType dtype;
};

constexpr std::array<Descr, 12> descrs = {{{"<f8", DType::f64},
                                           {"<f4", DType::f32},
                                           {"<f2", DType::f16},
                                           {"<i8", DType::i64},
                                           {"<i4", DType::i32},
                                           {"<i2", DType::i16},
                                           {"|i1", DType::i8},
                                           {"<u8", DType::u64},
                                           {"<u4", DType::u32},
                                           {"<u2", DType::u16},
                                           {"|u1", DType::u8},
                                           {"|b1", DType::boolean}}};

Result<DType> parse_descr(std::string_view code) {
  for (const Descr& candidate : descrs) {
    if (candidate.code == code) return candidate.dtype;
  }
  if (code.starts_with('>')) {
    return refuse_npy("npy_big_endian",
                      "the npy file is big-endian; save it as little-endian, for ",
                      "example with array.astype('<f8')");
  }
  if (code.find('O') != std::string_view::npos) {
    return refuse_npy("npy_object_dtype",
                      "the npy file holds Python objects; save an array of floats");
  }
  return fail(ErrorKind::unsupported, "unsupported_dtype",
              "the npy file has the unsupported type '" + excerpt(code, 32) +
                  "'; save it as '<f8' or '<f4'");
}

/// The fixed little grammar of the header: {'key': value, ...} with strings without escapes,
/// booleans, and tuples of whole numbers.
class HeaderReader {
 public:
  explicit HeaderReader(std::string_view text) : text_(text) {}

  struct Fields {
    std::optional<std::string> descr;
    std::optional<bool> fortran_order;
    std::optional<std::vector<std::int64_t>> shape;
  };

  Result<Fields> read() {
    Fields fields;
    if (!take('{')) return invalid("does not begin with {");
    while (!take('}')) {
      const auto key = string();
      if (!key || !take(':')) return invalid("has a malformed key");
      if (*key == "descr" && !fields.descr) {
        skip_space();
        if (text_.starts_with('[')) {
          return fail(ErrorKind::unsupported, "unsupported_dtype",
                      "the npy file holds records; save a plain array of floats");
        }
        fields.descr = string();
        if (!fields.descr) return invalid("has a malformed descr");
      } else if (*key == "fortran_order" && !fields.fortran_order) {
        fields.fortran_order = boolean();
        if (!fields.fortran_order) return invalid("has a malformed fortran_order");
      } else if (*key == "shape" && !fields.shape) {
        auto shape = tuple();
        if (!shape) return tl::unexpected(std::move(shape.error()));
        fields.shape = std::move(*shape);
      } else {
        return invalid("has an unknown or repeated key");
      }
      if (take(',')) continue;
      if (!take('}')) return invalid("has no comma or } after a value");
      break;
    }
    skip_space();
    if (!text_.empty()) return invalid("goes on after }");
    if (!fields.descr || !fields.fortran_order || !fields.shape) {
      return invalid("lacks descr, fortran_order or shape");
    }
    return fields;
  }

 private:
  static tl::unexpected<Error> invalid(const char* what) {
    return refuse_npy("npy_invalid_header", "the npy header ", what, "; save the array again");
  }

  void skip_space() {
    while (!text_.empty() && (text_[0] == ' ' || text_[0] == '\n' || text_[0] == '\t')) {
      text_.remove_prefix(1);
    }
  }
  bool take(char wanted) {
    skip_space();
    if (!text_.starts_with(wanted)) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool take_word(std::string_view word) {
    skip_space();
    if (!text_.starts_with(word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }
  std::optional<std::string> string() {
    skip_space();
    if (!text_.starts_with('\'') && !text_.starts_with('"')) return std::nullopt;
    const std::size_t end = text_.find(text_[0], 1);
    if (end == std::string_view::npos) return std::nullopt;
    std::string value(text_.substr(1, end - 1));
    if (value.find('\\') != std::string::npos) return std::nullopt;
    text_.remove_prefix(end + 1);
    return value;
  }
  std::optional<bool> boolean() {
    if (take_word("True")) return true;
    if (take_word("False")) return false;
    return std::nullopt;
  }
  Result<std::vector<std::int64_t>> tuple() {
    std::vector<std::int64_t> shape;
    if (!take('(')) return invalid("has a malformed shape");
    bool after_comma = true;
    while (!take(')')) {
      std::int64_t dimension = 0;
      skip_space();
      if (!after_comma || text_.empty() || !std::isdigit(static_cast<unsigned char>(text_[0]))) {
        return invalid("has a malformed shape");
      }
      const auto [end, code] =
          std::from_chars(text_.data(), text_.data() + text_.size(), dimension);
      if (code == std::errc::result_out_of_range) {
        return refuse_npy("shape_overflow",
                          "the npy shape has too many elements; correct the file");
      }
      text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
      if (shape.size() == max_npy_rank) return invalid("has more than 64 dimensions");
      shape.push_back(dimension);
      after_comma = take(',');
    }
    // (3) is a number in Python, not a tuple; (,) is nothing at all and stopped above.
    if (shape.size() == 1 && !after_comma) return invalid("has a shape that is no tuple");
    return shape;
  }

  std::string_view text_;
};

}  // namespace

Result<TensorView> parse_npy(std::span<const std::byte> file) {
  const auto truncated = [] {
    return refuse_npy("npy_truncated", "the npy file is cut short; get an undamaged copy");
  };
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  if (!text.starts_with(magic.substr(0, std::min(magic.size(), text.size())))) {
    return refuse_npy("npy_not_npy", "the file is not an npy file; give one that numpy.save wrote");
  }
  if (text.size() < 10) return truncated();
  const auto byte = [&](std::size_t i) { return std::to_integer<std::size_t>(file[i]); };
  const std::size_t major = byte(6);
  if (major < 1 || major > 3 || byte(7) != 0) {
    return refuse_npy("npy_unsupported_version", "the npy format version ", std::to_string(major),
                      ".", std::to_string(byte(7)), " is not known; save the array as version 1.0");
  }
  const std::size_t length_bytes = major == 1 ? 2 : 4;
  const std::size_t header_start = 8 + length_bytes;
  if (text.size() < header_start) return truncated();
  std::size_t header_size = 0;
  for (std::size_t i = 0; i < length_bytes; ++i) header_size |= byte(8 + i) << (8 * i);
  if (header_size > max_npy_header_bytes) {
    return refuse_npy("npy_header_too_long", "the npy header has ", std::to_string(header_size),
                      " bytes, more than the limit of 65536; save a plain array");
  }
  if (header_size > text.size() - header_start) return truncated();
  const auto fields = HeaderReader(text.substr(header_start, header_size)).read();
  if (!fields) return tl::unexpected(fields.error());
  const auto dtype = parse_descr(*fields->descr);
  if (!dtype) return tl::unexpected(dtype.error());
  if (*fields->fortran_order) {
    return refuse_npy("npy_fortran_order",
                      "the npy file is in Fortran order; save it in C order, for ",
                      "example with numpy.ascontiguousarray");
  }
  const auto size = byte_count(*dtype, *fields->shape);
  if (!size) return tl::unexpected(size.error());
  const auto payload = file.subspan(header_start + header_size);
  if (payload.size() < static_cast<std::uint64_t>(*size)) return truncated();
  if (payload.size() > static_cast<std::uint64_t>(*size)) {
    return refuse_npy("npy_trailing_bytes",
                      "the npy file goes on after its array; save one array only");
  }
  return TensorView{*dtype, *fields->shape, payload};
}

Result<NpyFile> NpyFile::open(const std::filesystem::path& path) {
  auto mapped = MappedFile::open(path);
  if (!mapped) return tl::unexpected(std::move(mapped.error()));
  auto view = parse_npy(mapped->bytes());
  if (!view) {
    if (view.error().tag == "npy_not_npy")
      if (const auto foreign = foreign_to_binary(beginning_of(path)))
        return fail(ErrorKind::invalid_input, "foreign_file", path.string() + " " + *foreign);
    return fail_in(path.string(), std::move(view.error()));
  }
  NpyFile file;
  file.mapped_ = std::move(*mapped);
  file.view_ = std::move(*view);
  return file;
}

Result<std::string> npy_header(const TensorView& tensor) {
  std::string_view code;
  for (const Descr& candidate : descrs) {
    if (candidate.dtype == tensor.dtype) code = candidate.code;
  }
  if (code.empty()) {
    return fail(ErrorKind::unsupported, "unsupported_dtype",
                "npy has no type for " + std::string(dtype_name(tensor.dtype)) +
                    "; convert the tensor to F32 first");
  }
  if (const auto size = byte_count(tensor.dtype, tensor.shape); !size) {
    return tl::unexpected(size.error());
  }
  std::string dictionary =
      "{'descr': '" + std::string(code) + "', 'fortran_order': False, 'shape': (";
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
    if (i > 0) dictionary += ", ";
    dictionary += std::to_string(tensor.shape[i]);
  }
  dictionary += tensor.shape.size() == 1 ? ",), }" : "), }";
  constexpr std::size_t prefix = 10;  // magic, version, length
  dictionary.resize((prefix + dictionary.size() + 1 + 63) / 64 * 64 - prefix - 1, ' ');
  dictionary += '\n';
  if (dictionary.size() > 65535) {
    return refuse_npy("npy_header_too_long", "the shape does not fit an npy header of version 1");
  }
  std::string header(magic);
  header += std::string_view("\x01\x00", 2);
  header += static_cast<char>(dictionary.size() & 0xFF);
  header += static_cast<char>(dictionary.size() >> 8);
  return header + dictionary;
}

Status write_npy(const std::filesystem::path& path, const TensorView& tensor, Replace replace) {
  const auto header = npy_header(tensor);
  if (!header) return tl::unexpected(header.error());
  const auto size = byte_count(tensor.dtype, tensor.shape);
  if (!size || static_cast<std::uint64_t>(*size) != tensor.bytes.size()) {
    return fail(ErrorKind::invalid_input, "tensor_size_mismatch",
                "the bytes of an array of shape " + shape_text(tensor.shape) + " do not fit it");
  }
  auto file = AtomicFile::create(path, replace);
  if (!file) return tl::unexpected(file.error());
  if (auto status = file->write(std::string_view(*header)); !status) return status;
  if (auto status = file->write(tensor.bytes); !status) return status;
  return file->commit();
}

}  // namespace trinity
