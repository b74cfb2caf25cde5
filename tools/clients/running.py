"""How suites run: a server with its upstream, programs that end in time, scripts whose lines are counted."""

import concurrent.futures
import os
import socket
import subprocess
import time

import upstream
from results import Found
from server import Server, suite_pool


class Running:
  """A server whose pool has the upstream of these tests as its member `upstream`."""

  def __init__(self, binary, *arguments):
    self.upstream = upstream.start()
    self.server = Server(binary, suite_pool(self.upstream.server_address[1]), arguments)

  def __enter__(self):
    return self.server

  def __exit__(self, *_):
    self.server.close()
    self.upstream.shutdown()


class OutOfTime(BaseException):
  """Passes through what a suite catches, but not through what it closes."""


class Programs:
  """What is running, so that all of it can be ended at once, also while other threads wait for it."""

  def __init__(self):
    self.running = set()
    self.ended = False

  def end(self):
    self.ended = True
    for process in list(self.running):
      process.kill()


PROGRAMS = Programs()


def run(arguments, seconds, **options):
  """(output, seconds ran out)"""
  if PROGRAMS.ended:
    raise OutOfTime
  process = subprocess.Popen([str(one) for one in arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, errors="replace", **options)
  PROGRAMS.running.add(process)
  try:
    return process.communicate(timeout=seconds)[0], False
  except subprocess.TimeoutExpired:
    process.kill()
    return process.communicate()[0], True
  finally:
    process.kill()
    PROGRAMS.running.discard(process)


def beside_each_other(function, arguments):
  """The results in order; as many at once as there are processors."""
  with concurrent.futures.ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as threads:
    return list(threads.map(lambda one: function(*one), arguments))


def checks(program, arguments, seconds):
  """Counts the PASS and FAIL lines of a checking script; SKIP lines are deselected with their reason."""
  output, cut = run([program, "-u", *arguments], seconds)
  found = Found()
  for line in output.splitlines():
    word, _, rest = line.partition(" ")
    if word == "PASS":
      found.passed += 1
    elif word == "FAIL":
      found.failures.append(rest)
    elif word == "SKIP":
      found.deselected += 1
      found.reasons.append(rest)
  if cut:
    found.failures.append(f"not finished after {seconds} s")
  elif not found.passed and not found.failures:
    found.failures.append("the script ended early: " + (output.strip().splitlines() or ["no output"])[-1][:200])
  return found


def wait_for(port, process, seconds=60):
  end = time.monotonic() + seconds
  while time.monotonic() < end and process.poll() is None:
    try:
      socket.create_connection(("127.0.0.1", port), 1).close()
      return
    except OSError:
      time.sleep(0.1)
  raise RuntimeError("an upstream did not start")
