#include "trace/span.h"

#include <algorithm>
#include <random>

namespace trinity::trace {
namespace {

constexpr std::size_t kMostStateBytes = 512;

std::mt19937_64& generator() {
  thread_local std::mt19937_64 random([] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }());
  return random;
}

template <std::size_t Size>
std::array<std::uint8_t, Size> fresh_id() {
  std::array<std::uint8_t, Size> id{};
  do {
    for (std::size_t begin = 0; begin < Size; begin += 8) {
      std::uint64_t bits = generator()();
      for (std::size_t n = 0; n < 8; ++n, bits >>= 8)
        id[begin + n] = static_cast<std::uint8_t>(bits & 0xff);
    }
  } while (id == std::array<std::uint8_t, Size>{});
  return id;
}

template <std::size_t Size>
std::string hex(const std::array<std::uint8_t, Size>& id) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : id) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

/// Lower-case digits only, as the header must have them.
int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

template <std::size_t Size>
bool read_hex(std::string_view text, std::array<std::uint8_t, Size>& out) {
  for (std::size_t n = 0; n < Size; ++n) {
    const int high = digit(text[2 * n]), low = digit(text[2 * n + 1]);
    if (high < 0 || low < 0) return false;
    out[n] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

/// Printable ASCII, which is all that a tracestate may hold.
bool is_state(std::string_view state) {
  return state.size() <= kMostStateBytes &&
         std::all_of(state.begin(), state.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

TraceId fresh_trace_id() { return fresh_id<16>(); }
SpanId fresh_span_id() { return fresh_id<8>(); }
std::string hex_of(const TraceId& id) { return hex(id); }
std::string hex_of(const SpanId& id) { return hex(id); }

std::optional<SpanContext> read_traceparent(std::string_view traceparent,
                                            std::string_view tracestate) {
  // version "-" trace id "-" parent id "-" flags; later versions may go on behind another dash.
  constexpr std::size_t kLength = 55;
  std::string_view text = traceparent;
  if (text.size() < kLength || text[2] != '-' || text[35] != '-' || text[52] != '-')
    return std::nullopt;
  std::array<std::uint8_t, 1> version{}, flags{};
  SpanContext context;
  if (!read_hex(text.substr(0, 2), version) || version[0] == 0xff ||
      !read_hex(text.substr(3, 32), context.trace_id) ||
      !read_hex(text.substr(36, 16), context.span_id) || !read_hex(text.substr(53, 2), flags))
    return std::nullopt;
  if (text.size() > kLength && (version[0] == 0 || text[kLength] != '-')) return std::nullopt;
  if (context.trace_id == TraceId{} || context.span_id == SpanId{}) return std::nullopt;
  context.sampled = (flags[0] & 1) != 0;
  if (is_state(tracestate)) context.state = tracestate;
  return context;
}

std::string traceparent_of(const SpanContext& context) {
  return "00-" + hex(context.trace_id) + "-" + hex(context.span_id) +
         (context.sampled ? "-01" : "-00");
}

}  // namespace trinity::trace
