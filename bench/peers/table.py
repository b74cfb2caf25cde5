"""Puts measurements into one Markdown table: a row for each (precision, T), a column for each peer.

A cell holds the peer's minimum in ms and, when our own figure is there, how many times as long the
peer took (2.00x = twice as long as ours, below 1 = the peer is faster).
"""


def cell(own, other):
  if other is None:
    return "–"
  if own is None:
    return f"{other:.2f}"
  return f"{other:.2f} ({other / own:.2f}x)"


def markdown(results, peers, precisions, lengths):
  """`results[(peer, precision, T)]` is a minimum in ms; a missing key is a dash."""
  others = [peer for peer in peers if peer != "trinity"]
  lines = ["| precision | T | trinity ms | " + " | ".join(f"{p} ms (ratio)" for p in others) + " |",
           "|---|---:|" + "---:|" * (len(others) + 1)]
  for precision in precisions:
    for tokens in lengths:
      own = results.get(("trinity", precision, tokens))
      cells = [cell(own, results.get((peer, precision, tokens))) for peer in others]
      if own is None and all(text == "–" for text in cells):
        continue
      lines.append(f"| {precision} | {tokens} | {cell(None, own)} | " + " | ".join(cells) + " |")
  return "\n".join(lines)
