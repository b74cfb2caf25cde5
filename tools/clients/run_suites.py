"""Runs outside suites and real clients against `trinity serve` and shows a table of what they found.

  tools/clients/run.sh [SUITE...]        all but the slow ones when none is named

Each suite starts its own server. One that cannot be had here is SKIPPED and says why; what is deselected
is named with the reason. With --seconds the suite that runs when they are over is cut short, and those
behind it are left out; both are named. The status is 1 when a test failed, 2 when nothing ran.
"""

import argparse
import os
import signal
import sys
import time
import traceback

import suites
from environment import ROOT, Unavailable
from running import PROGRAMS, OutOfTime
from server import Failed


def print_table(rows):
  head = ("suite", "passed", "failed", "deselected", "seconds")
  table = [head] + [(name, str(found.passed), str(found.failed), str(found.deselected), f"{seconds:.0f}")
                    for name, found, seconds in rows]
  widths = [max(len(row[n]) for row in table) for n in range(len(head))]
  for row in table:
    print("  ".join([row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]))
  for name, found, _ in rows:
    for reason in found.reasons:
      print(f"  {name}: deselected: {reason}")
    for failure in found.failures:
      print(f"  {name}: FAILED {failure}")


def run_until(end, suite, binary):
  def out_of_time(*_):
    PROGRAMS.end()
    raise OutOfTime
  signal.signal(signal.SIGALRM, out_of_time)
  if end:
    signal.alarm(max(1, round(end - time.monotonic())))
  try:
    return suite(binary)
  finally:
    signal.alarm(0)


def main():
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("suite", nargs="*", help=f"any of {', '.join(suites.SUITES)}")
  parser.add_argument("--binary", default=ROOT / "build" / "bin" / "trinity", help="program to test")
  parser.add_argument("--seconds", type=int, default=0, help="what all suites together may take (0: no limit)")
  arguments = parser.parse_args()
  unknown = [name for name in arguments.suite if name not in suites.SUITES]
  if unknown:
    parser.error(f"there is no suite {unknown[0]}; there are {', '.join(suites.SUITES)}")
  if not os.access(arguments.binary, os.X_OK):
    parser.error(f"{arguments.binary} is not built: run make build")
  # Loopback is asked directly, whatever proxy leads out.
  os.environ["no_proxy"] = os.environ["NO_PROXY"] = "*"
  rows, skipped = [], []
  names = arguments.suite or suites.QUICK
  end = time.monotonic() + arguments.seconds if arguments.seconds else None
  # Whoever ends this program means the servers that it has started, too.
  signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
  for at, name in enumerate(names):
    print(f"---- {name}", flush=True)
    begin = time.monotonic()
    try:
      found = run_until(end, suites.SUITES[name], arguments.binary)
    except Unavailable as reason:
      skipped.append((name, reason))
      print(f"SKIPPED: {reason}", flush=True)
      continue
    except OutOfTime:
      skipped.append((name, f"cut short after {arguments.seconds} s of all, nothing of it counts; run it alone"))
      skipped += [(left, "left out for want of time; run it alone") for left in names[at + 1:]]
      break
    except Failed as reason:
      found = suites.Found(failures=[str(reason)])
    except Exception as error:  # a suite that breaks is a failure of this suite and not of all
      traceback.print_exc()
      found = suites.Found(failures=[f"{type(error).__name__}: {error}"])
    rows.append((name, found, time.monotonic() - begin))
    print(f"{found.passed} passed, {found.failed} failed", flush=True)
  print()
  print_table(rows)
  for name, reason in skipped:
    print(f"  {name}: SKIPPED: {reason}")
  if not rows:
    return 2
  return 1 if any(found.failed for _, found, _ in rows) else 0


if __name__ == "__main__":
  sys.exit(main())
