"""What a suite found, and what suites share."""

import asyncio
import socket
from dataclasses import dataclass, field


@dataclass
class Found:
  passed: int = 0
  deselected: int = 0
  failures: list = field(default_factory=list)
  reasons: list = field(default_factory=list)  # why something is deselected

  @property
  def failed(self):
    return len(self.failures)

  def add(self, other):
    self.passed += other.passed
    self.deselected += other.deselected
    self.failures += other.failures
    self.reasons += [reason for reason in other.reasons if reason not in self.reasons]


def free_port():
  with socket.socket() as one:
    one.bind(("127.0.0.1", 0))
    return one.getsockname()[1]


def run_checks(found, checks, prefix=""):
  """Runs functions (plain, or of asyncio) with no argument; what one raises is a failure under its name."""
  for name, check in checks:
    try:
      done = check()
      if asyncio.iscoroutine(done):
        asyncio.run(done)
      found.passed += 1
    except Exception as error:
      found.failures.append(f"{prefix}{name}: {type(error).__name__}: {str(error)[:300]}")
