#include "report/page.h"

#include <fmt/format.h>

#include "report/html.h"

namespace trinity::report {
namespace {

constexpr std::string_view kStyle = R"css(
:root { color-scheme: light dark;
        --page: #fff; --ink: #1c2330; --soft: #5d6675; --line: #e3e6ec; --band: #f5f7fa;
        --link: #2459b8; --good: #0f6b4f; --good-bg: #e3f4ec; --bad: #b3261e; --bad-bg: #fbe6e4;
        --warn: #7d5200; --warn-bg: #fdf1d8; --low-row: #fdf7ea; --bad-row: #fdf0ef;
        --heat: 37, 99, 201;
        --lane-0: #2563c9; --lane-1: #b85f0a; --lane-2: #0b7a6c; --lane-3: #8b4fc4;
        --lane-4: #c43d6b; --lane-5: #6b7f1c; --lane-6: #3b3f4a; --lane-7: #8f6c18; }
@media (prefers-color-scheme: dark) {
  :root { --page: #14171d; --ink: #e6e9ef; --soft: #a6afbd; --line: #323843; --band: #1c2129;
          --link: #8fb8ff; --good: #7ddcb2; --good-bg: #123428; --bad: #ffa59c; --bad-bg: #43191a;
          --warn: #f2c76f; --warn-bg: #3a2c0c; --low-row: #2a2415; --bad-row: #321b1d;
          --heat: 56, 112, 214;
          --lane-0: #7fadff; --lane-1: #f0a04b; --lane-2: #43cdb8; --lane-3: #c39bf2;
          --lane-4: #f587ab; --lane-5: #b5cb5b; --lane-6: #b9c0cc; --lane-7: #e0bb62; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
       font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 1140px; margin: 0 auto; padding: 36px 20px 80px; }
h1 { font-size: 26px; margin: 0 0 4px; letter-spacing: -.01em; }
h2 { font-size: 18px; margin: 44px 0 4px; }
p { overflow-wrap: anywhere; }
p.lead { color: var(--soft); margin: 0 0 14px; max-width: 860px; }
.meta { color: var(--soft); font-size: 13px; margin-bottom: 22px; overflow-wrap: anywhere; }
.verdict { display: inline-block; padding: 4px 12px; border-radius: 16px; font-weight: 600;
           margin: 12px 0 8px; }
.good { color: var(--good); background: var(--good-bg); }
.bad { color: var(--bad); background: var(--bad-bg); }
.warn { color: var(--warn); background: var(--warn-bg); }
.plain { color: var(--soft); background: var(--band); }
.chip { display: inline-block; white-space: nowrap; padding: 1px 9px; border-radius: 10px; font-size: 13px;
        font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
.scroll:focus-visible, summary:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px;
        font-variant-numeric: tabular-nums; }
thead th { text-align: left; font-weight: 600; color: var(--soft);
           border-bottom: 2px solid var(--line); padding: 6px 10px 6px 0; vertical-align: bottom; }
tbody th { text-align: left; font-weight: 400; }
td, tbody th { border-bottom: 1px solid var(--line); padding: 6px 10px 6px 0;
               vertical-align: top; }
th.n, td.n { text-align: right; padding-right: 18px; white-space: nowrap; }
td.id, th.id { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 12.5px;
               overflow-wrap: anywhere; min-width: 110px; max-width: 280px; }
td.text { overflow-wrap: anywhere; min-width: 220px; }
td.dim, th.dim, .dim { color: var(--soft); }
td.dim { overflow-wrap: anywhere; min-width: 140px; }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: 2px 18px; margin: 8px 0; }
dl.facts dt { color: var(--soft); } dl.facts dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }
.sub { font-size: 12px; color: var(--soft); }
td.n .sub { display: inline-block; max-width: 190px; white-space: normal; overflow-wrap: anywhere; }
.swatch { display: inline-block; width: 11px; height: 11px; border-radius: 50%;
          margin-right: 7px; vertical-align: -1px; border: 2px solid; }
.legend { margin: 8px 0 2px; font-size: 13.5px; }
.legend span.item { display: inline-block; margin-right: 20px; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 20px; }
.pair > div { min-width: 0; }
.chart { width: 100%; min-width: 430px; height: auto; display: block; margin-top: 8px; }
.chart.wide { min-width: 860px; }
.chart text { font: 11.5px system-ui, "DejaVu Sans", sans-serif; fill: var(--ink); }
.chart text.tick { fill: var(--soft); font-size: 11px; }
.chart text.axis-title { font-weight: 600; font-size: 13px; }
.chart text.row-label { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 11px; }
.chart .mid { text-anchor: middle; }
.chart .end { text-anchor: end; }
.chart .grid { stroke: var(--line); stroke-width: 1; }
.chart .band { fill: var(--band); }
.chart .floor { stroke-dasharray: 5 4; stroke-width: 1.4; }
.chart .strip { stroke-width: 1.6; stroke-opacity: .55; }
.chart .median { fill: var(--ink); }
.heat { display: block; margin: -5px -12px; padding: 5px 12px; }
.grid-table { width: auto; }
.grid-table td, .grid-table th { text-align: center; padding: 5px 12px;
                                 border: 1px solid var(--page); }
details { margin-top: 10px; }
summary { cursor: pointer; color: var(--link); }
tr.flagged > * { background: var(--low-row); }
tr.broken > * { background: var(--bad-row); }
@media (max-width: 960px) { .pair { grid-template-columns: 1fr; }
                            main { padding: 20px 14px 60px; } }
@media print { main { max-width: none; } .scroll { overflow: visible; } }
)css";

}  // namespace

std::string page_around(std::string_view title, std::string_view body) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'\">\n<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n{}\n"
      "</main>\n</body>\n</html>\n",
      html_text(title), kStyle, body);
}

}  // namespace trinity::report
