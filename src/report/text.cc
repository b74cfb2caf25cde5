#include "report/text.h"

#include <fmt/format.h>

#include "base/printable.h"

namespace trinity::report {

Text foreign(std::string_view text, std::size_t most_bytes, Look look) {
  return {std::string(text), look, most_bytes};
}

std::string counted(std::size_t count, std::string_view noun, std::string_view many) {
  if (count == 1) return fmt::format("1 {}", noun);
  return many.empty() ? fmt::format("{} {}s", count, noun) : fmt::format("{} {}", count, many);
}

std::string listed(const std::vector<std::string>& words, std::size_t most) {
  std::string out;
  for (std::size_t i = 0; i < std::min(words.size(), most); ++i)
    out += (i == 0 ? "" : ", ") + printable(words[i]);
  return words.size() > most ? out + fmt::format(" and {} more", words.size() - most) : out;
}

std::string short_number(double value) {
  if (!std::isfinite(value)) return "–";
  const double size = std::abs(value);
  if (size == 0) return "0";
  if (size < 0.0005) return fmt::format("{:.0e}", value);
  if (size < 1) return fmt::format("{:.3f}", value);
  if (size < 100) return fmt::format("{:.2f}", value);
  return fmt::format("{:.0f}", value);
}

std::string error_text(double error) {
  if (!std::isfinite(error)) return "not finite";
  return error == 0 ? "0" : fmt::format("{:.1e}", error);
}

Cell Cell::noted(Text note) && {
  notes.push_back(std::move(note));
  return std::move(*this);
}

Cell Cell::marked(Swatch mark) && {
  swatch = std::move(mark);
  return std::move(*this);
}

Cell count(std::uint64_t value) { return fmt::format("{}", value); }

Cell number(double value, int decimals) {
  return std::isfinite(value) ? fmt::format("{:.{}f}", value, decimals) : std::string("–");
}

Column page_column(std::string title, Setting setting, bool right) {
  return {std::move(title), 0, right, 0, 0, setting, Audience::page, {}};
}

}  // namespace trinity::report
