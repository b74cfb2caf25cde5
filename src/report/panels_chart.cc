#include "report/panels_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/printable.h"
#include "report/html.h"

namespace trinity::report {
namespace {

/// A colour on a white page, and the name under which kDarkStyle gives it another one.
struct Paint {
  const char* colour;
  const char* name;
};
constexpr Paint kInk = {"#22262e", "ink"};
constexpr Paint kFaint = {"#646b78", "faint"};
constexpr Paint kGrid = {"#dfe3ea", "grid"};
constexpr Paint kUp = {"#d97716", "up"};      // offsets above zero
constexpr Paint kDown = {"#2563c9", "down"};  // below
constexpr Paint kBefore = {"#8a919e", "before"};
constexpr Paint kAfter = {"#0f9583", "after"};

// Colours stand in attributes, which every viewer knows; one that knows media queries darkens them.
constexpr std::string_view kDarkStyle =
    "<style>@media (prefers-color-scheme: dark) { .page { fill: #14171d } text.ink { fill: #e6e9ef "
    "} "
    "text.faint { fill: #a6afbd } line.grid { stroke: #323843 } "
    "path.up { stroke: #f0a04b } rect.up { fill: #f0a04b } "
    "path.down { stroke: #7fadff } rect.down { fill: #7fadff } "
    "path.before { stroke: #a6afbd } rect.before { fill: #a6afbd } "
    "path.after { stroke: #43cdb8 } rect.after { fill: #43cdb8 } }</style>";

constexpr double kMargin = 24, kPanelWidth = 340, kPanelGap = 26, kTop = 84;
constexpr std::size_t kTitleColumns = 48;
constexpr double kLabel = 46;  // left of an axis
constexpr double kOffsetsHeight = 92, kSpectrumHeight = 92, kTitleHeight = 40, kBetween = 26;

struct Box {
  double left, top, width, height;
  double x(double share) const { return left + share * width; }
};

std::string text(double x, double y, const Paint& paint, double size, const char* anchor,
                 const std::string& content, const char* extra = "") {
  return fmt::format(
      R"(<text x="{:.1f}" y="{:.1f}" fill="{}" class="{}" font-size="{:g}" text-anchor="{}"{}>{}</text>)",
      x, y, paint.colour, paint.name, size, anchor, extra, html_text(content));
}

std::string line(double x1, double y1, double x2, double y2, const Paint& paint) {
  return fmt::format(
      R"(<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" stroke="{}" class="{}"/>)", x1, y1,
      x2, y2, paint.colour, paint.name);
}

/// Offsets as thin bars from the zero line; all bars of a sign are one path.
std::string offset_bars(const Box& box, const std::vector<float>& offsets, double limit) {
  const double zero = box.top + box.height / 2;
  const double step = box.width / static_cast<double>(offsets.size());
  std::string up, down;
  for (size_t i = 0; i < offsets.size(); ++i) {
    const double share = std::clamp(static_cast<double>(offsets[i]) / limit, -1.0, 1.0);
    (share >= 0 ? up : down) +=
        fmt::format("M{:.2f} {:.1f}V{:.1f}", box.left + (static_cast<double>(i) + 0.5) * step, zero,
                    zero - share * box.height / 2);
  }
  std::string out;
  for (const auto& [path, paint] : {std::pair{&up, kUp}, std::pair{&down, kDown}})
    if (!path->empty())
      out +=
          fmt::format(R"(<path d="{}" stroke="{}" class="{}" stroke-width="{:.2f}" fill="none"/>)",
                      *path, paint.colour, paint.name, std::clamp(step * 0.8, 0.5, 6.0));
  return out;
}

std::string offsets_panel(const Box& box, const SpectrumPanel& panel, double limit) {
  std::string out;
  for (const double share : {-1.0, 0.0, 1.0}) {
    const double y = box.top + box.height / 2 * (1 - share);
    out += line(box.left, y, box.left + box.width, y, kGrid);
    out += text(box.left - 6, y + 3.5, kFaint, 10, "end",
                share == 0 ? "0" : fmt::format("{:+.2g}", share * limit));
  }
  if (panel.offsets.empty())
    return out + text(box.x(0.5), box.top + box.height / 2 - 6, kFaint, 11, "middle", panel.remark);
  out += offset_bars(box, panel.offsets, limit);
  return out +
         text(box.left + box.width, box.top + box.height + 13, kFaint, 10, "end", panel.remark);
}

std::string curve(const Box& box, const std::vector<double>& values, double low, double high,
                  const Paint& paint, bool dashed) {
  std::string path;
  const auto count = values.size();
  const size_t stride = std::max<size_t>(1, count / 400);
  for (size_t i = 0; i < count; i += stride) {
    const double value = std::log10(std::max(values[i], low));
    const double share = (value - std::log10(low)) / (std::log10(high) - std::log10(low));
    path += fmt::format(
        "{}{:.1f} {:.1f}", path.empty() ? "M" : "L",
        box.x(static_cast<double>(i) / std::max<double>(1, static_cast<double>(count - 1))),
        box.top + box.height * (1 - share));
  }
  return fmt::format(R"(<path d="{}" stroke="{}" class="{}" stroke-width="1.6" fill="none"{}/>)",
                     path, paint.colour, paint.name, dashed ? R"( stroke-dasharray="4 3")" : "");
}

std::string spectrum_panel(const Box& box, const SpectrumPanel& panel) {
  const auto& before = panel.before;
  const auto& after = panel.after;
  double high = 0, low = INFINITY;
  for (const auto* values : {&before, &after})
    for (const double value : *values) {
      high = std::max(high, value);
      if (value > 0) low = std::min(low, value);
    }
  if (!(high > 0)) return {};
  low = std::max(low, high * 1e-6);  // rank that is missing would squeeze everything else
  if (low > high / 2) low = high / 2;
  std::string out;
  for (const double value : {low, high}) {
    const double y = value == high ? box.top : box.top + box.height;
    out += line(box.left, y, box.left + box.width, y, kGrid);
    out += text(box.left - 6, y + 3.5, kFaint, 10, "end", short_number(value));
  }
  out += curve(box, after, low, high, kAfter, false);
  out += curve(box, before, low, high, kBefore, true);
  return out + text(box.left + box.width, box.top + box.height + 13, kFaint, 10, "end",
                    "singular values, logarithmic");
}

std::string drawn(double left, double top, const SpectrumPanel& panel, double limit, bool spectra) {
  std::string out = text(left, top + 12, kInk, 12, "start", printable(panel.title, kTitleColumns),
                         R"( font-weight="600")");
  out += text(left, top + 28, kFaint, 11, "start", panel.facts);
  const Box offsets{left + kLabel, top + kTitleHeight, kPanelWidth - kLabel, kOffsetsHeight};
  out += offsets_panel(offsets, panel, limit);
  if (spectra && !panel.after.empty())
    out += spectrum_panel(
        {offsets.left, offsets.top + kOffsetsHeight + kBetween, offsets.width, kSpectrumHeight},
        panel);
  return out;
}

/// A round number that no offset exceeds.
double common_limit(const std::vector<SpectrumPanel>& panels) {
  double largest = 0;
  for (const SpectrumPanel& panel : panels)
    for (const float offset : panel.offsets)
      largest = std::max(largest, std::abs(static_cast<double>(offset)));
  if (!(largest > 0)) return 0.1;
  const double unit = std::pow(10.0, std::floor(std::log10(largest)));
  return std::ceil(largest / unit) * unit;
}

}  // namespace

std::string spectra_svg(const std::vector<SpectrumPanel>& panels, const std::string& title) {
  const bool spectra = std::any_of(panels.begin(), panels.end(),
                                   [](const SpectrumPanel& panel) { return !panel.after.empty(); });
  const double limit = common_limit(panels);
  const double panel_height =
      kTitleHeight + kOffsetsHeight + (spectra ? kBetween + kSpectrumHeight : 0) + 40;
  constexpr size_t columns = 3;
  const size_t rows = (panels.size() + columns - 1) / columns;
  const double width = 2 * kMargin + columns * kPanelWidth + (columns - 1) * kPanelGap;
  const double height = kTop + static_cast<double>(rows) * panel_height + 12;
  std::string out = fmt::format(
      R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0:.0f} {1:.0f}" width="{0:.0f}" )"
      R"(height="{1:.0f}" style="max-width:100%;height:auto" font-family="system-ui, sans-serif" )"
      R"(role="img" aria-label="{2}">)"
      "\n{3}"
      R"(<rect width="100%" height="100%" fill="#ffffff" class="page"/>)",
      width, height, html_text(title), kDarkStyle);
  out += text(kMargin, 34, kInk, 18, "start", title, R"( font-weight="600")");
  double x = kMargin;
  const auto key = [&](const Paint& paint, const std::string& meaning) {
    out += fmt::format(R"(<rect x="{:.1f}" y="51" width="10" height="10" fill="{}" class="{}"/>)",
                       x, paint.colour, paint.name);
    out += text(x + 15, 60, kFaint, 11, "start", meaning);
    x += 30 + 6.2 * static_cast<double>(meaning.size());
  };
  key(kUp, "strengthened (offset above zero)");
  key(kDown, "weakened (below zero)");
  if (spectra) {
    key(kBefore, "spectrum of the base model");
    key(kAfter, "after adaptation");
  }
  for (size_t i = 0; i < panels.size(); ++i) {
    out += '\n';
    const size_t row = i / columns, column = i % columns;
    out += drawn(kMargin + static_cast<double>(column) * (kPanelWidth + kPanelGap),
                 kTop + static_cast<double>(row) * panel_height, panels[i], limit, spectra);
  }
  return out + "\n</svg>\n";
}

}  // namespace trinity::report
