"""Clients that hold connections: slow headers, slow bodies, answers that are not read.

Each group opens its connections, keeps to its way until the server closes, and says after how many seconds
the last one was closed, or that some were not.
"""

import asyncio
import json
import shutil
import socket
import statistics
import sys
import time
from dataclasses import dataclass

import raw_http

HEADER_SECONDS, BODY_SECONDS, STALL_SECONDS = 10, 30, 30  # deadlines of the server
SPARE_SECONDS = 8


@dataclass
class Closed:
  name: str
  connections: int
  open: int = 0
  last_seconds: float = 0.0


async def _drip(port, begin, piece, every, limit):
  """Seconds until the server closed; None when it did not."""
  reader, writer = await asyncio.open_connection("127.0.0.1", port)
  start = time.monotonic()

  async def drip():
    while True:
      await asyncio.sleep(every)
      writer.write(piece)
      await writer.drain()

  writer.write(begin)
  dripping = asyncio.create_task(drip())
  try:
    while await asyncio.wait_for(reader.read(4096), max(0.01, start + limit - time.monotonic())):
      pass
    return time.monotonic() - start
  except OSError:
    return time.monotonic() - start
  except asyncio.TimeoutError:
    return None
  finally:
    dripping.cancel()
    await asyncio.gather(dripping, return_exceptions=True)
    writer.close()


async def _never_read(port, request, limit):
  """Asks as much as the server takes and reads nothing."""
  loop = asyncio.get_running_loop()
  one = socket.socket()
  one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
  one.setblocking(False)
  await loop.sock_connect(one, ("127.0.0.1", port))
  start = time.monotonic()
  try:
    while time.monotonic() < start + limit:
      try:
        await asyncio.wait_for(loop.sock_sendall(one, request * 200), 1)
      except asyncio.TimeoutError:
        pass
    return None
  except OSError:
    return time.monotonic() - start
  finally:
    one.close()


async def _group(name, count, one, limit):
  ends = await asyncio.gather(*[one(limit) for _ in range(count)])
  closed = [end for end in ends if end is not None]
  return Closed(name, count, count - len(closed), max(closed, default=0.0))


async def all_groups(port, count=200):
  head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
  get = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n"
  return await asyncio.gather(
      _group("slow header", count, lambda limit: _drip(port, head, b"A: b\r\n", 1.0, limit),
             HEADER_SECONDS + SPARE_SECONDS),
      _group("silent after one byte", 50, lambda limit: _drip(port, b"G", b"", 5.0, limit),
             HEADER_SECONDS + SPARE_SECONDS),
      _group("slow body", count, lambda limit: _drip(port, head + b"Content-Length: 100000\r\n\r\n", b" ", 1.0, limit),
             BODY_SECONDS + SPARE_SECONDS),
      _group("slow chunks", 50, lambda limit: _drip(port, head + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n",
                                                    1.0, limit), BODY_SECONDS + SPARE_SECONDS),
      _group("no reading", 10, lambda limit: _never_read(port, get, limit), STALL_SECONDS + 2 * SPARE_SECONDS))


async def slowhttptest(port, way, seconds):
  """What slowhttptest says of its end; None where it is not installed."""
  program = shutil.which("slowhttptest")
  if not program:
    return None
  process = await asyncio.create_subprocess_exec(
      program, "-c", "200", way, "-i", "2", "-r", "100", "-l", str(seconds), "-p", "2",
      "-u", f"http://127.0.0.1:{port}/healthz", stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
      stderr=asyncio.subprocess.STDOUT)
  output, _ = await process.communicate()
  lines = [line for line in output.decode(errors="replace").splitlines() if "Exit status" in line]
  return lines[-1].split("Exit status:")[-1].strip("\x1b[0m ") if lines else output.decode(errors="replace")[-200:]


async def ordinary(port, seconds):
  """What an ordinary client sees meanwhile, asking ten times a second: a line of JSON."""
  end, times, wrong = time.monotonic() + seconds, [], []
  while time.monotonic() < end:
    answer = await raw_http.ask(port, "/v1/chat/completions", raw_http.chat("abacus", "What is 2 + 3?"), seconds=30)
    times.append(answer.seconds)
    if answer.seconds > 1:
      at = seconds - (end - time.monotonic())
      print(f"  at {at:.1f} s an answer took {answer.seconds:.1f} s", file=sys.stderr, flush=True)
    if answer.status != 200:
      wrong.append(answer.status)
    await asyncio.sleep(0.1)
  print(json.dumps({"count": len(times), "median": statistics.median(times), "longest": max(times), "wrong": wrong}))


if __name__ == "__main__":  # a process of its own: the slow ones keep this one busy
  asyncio.run(ordinary(int(sys.argv[1]), float(sys.argv[2])))
