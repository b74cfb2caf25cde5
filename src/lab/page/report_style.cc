#include "lab/page/report_style.h"

#include <fmt/format.h>

#include "lab/page/html.h"

namespace trinity {
namespace {

constexpr std::string_view kStyle = R"css(
:root { --ink: #1c2330; --soft: #5d6675; --line: #e3e6ec; --band: #f5f7fa; --good: #13795b;
        --good-bg: #e3f4ec; --bad: #b3261e; --bad-bg: #fbe6e4; --warn: #8a5a00; --warn-bg: #fdf1d8; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: var(--ink);
       font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 1140px; margin: 0 auto; padding: 36px 20px 80px; }
h1 { font-size: 26px; margin: 0 0 4px; letter-spacing: -.01em; }
h2 { font-size: 18px; margin: 44px 0 4px; }
p.lead { color: var(--soft); margin: 0 0 14px; max-width: 860px; }
.meta { color: var(--soft); font-size: 13px; margin-bottom: 22px; }
.verdict { display: inline-block; padding: 4px 12px; border-radius: 999px; font-weight: 600;
           margin: 12px 0 8px; }
.good { color: var(--good); background: var(--good-bg); }
.bad { color: var(--bad); background: var(--bad-bg); }
.warn { color: var(--warn); background: var(--warn-bg); }
.plain { color: var(--soft); background: var(--band); }
.chip { display: inline-block; padding: 1px 9px; border-radius: 999px; font-size: 13px;
        white-space: nowrap; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px;
        font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; color: var(--soft); border-bottom: 2px solid var(--line);
     padding: 6px 10px 6px 0; vertical-align: bottom; }
td { border-bottom: 1px solid var(--line); padding: 6px 10px 6px 0; vertical-align: top; }
th.n, td.n { text-align: right; padding-right: 18px; }
td.id { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 12.5px; }
td.dim, .dim { color: var(--soft); }
.sub { font-size: 12px; color: var(--soft); }
.swatch { display: inline-block; width: 11px; height: 11px; border-radius: 50%;
          margin-right: 7px; vertical-align: -1px; border: 2px solid; }
.legend { margin: 8px 0 2px; font-size: 13.5px; }
.legend span.item { margin-right: 20px; white-space: nowrap; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 20px; }
.chart { width: 100%; height: auto; display: block; margin-top: 8px; }
.chart text { font: 11.5px system-ui, "DejaVu Sans", sans-serif; fill: #1c2330; }
.chart text.tick { fill: #5d6675; font-size: 11px; }
.chart text.axis-title { font-weight: 600; font-size: 13px; }
.chart text.row-label { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 11px; }
.chart .mid { text-anchor: middle; }
.chart .end { text-anchor: end; }
.chart .grid { stroke: #e3e6ec; stroke-width: 1; }
.chart .band { fill: #f7f8fb; }
.chart .floor { stroke-dasharray: 5 4; stroke-width: 1.4; }
.chart .strip { stroke-width: 1.6; stroke-opacity: .45; }
.grid-table { width: auto; }
.grid-table td, .grid-table th { text-align: center; padding: 5px 12px; border: 1px solid #fff; }
.grid-table th { border-bottom: none; }
details { margin-top: 10px; }
summary { cursor: pointer; color: #2563c9; }
tr.flagged td { background: #fdf7ea; }
tr.broken td { background: #fdf0ef; }
@media (max-width: 800px) { .pair { grid-template-columns: 1fr; } }
@media print { main { max-width: none; } details { display: block; } }
)css";

}  // namespace

std::string report_page(std::string_view title, std::string_view body) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'\">\n<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n{}\n"
      "</main>\n</body>\n</html>\n",
      html_text(title), kStyle, body);
}

}  // namespace trinity
