"""An upstream in OpenAI's dialect that fails in every way that upstreams do, on asyncio.

The model that is asked for says how: each member of a pool that points here is one kind of failure.
What was asked and answered is counted by model, so that a suite can compare it with a ledger.

Runs alone:  python3 faulty_upstream.py PORT   (0 takes a free one and prints it)
"""

import asyncio
import json
import random
import sys
import threading
import time
from collections import Counter

TEXT = "The answer of the upstream is 42."
USAGE = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}

# How each model answers; `mixed` is any of them.
KINDS = ("fine", "reset", "reset_midway", "stall", "slow_bytes", "half_chunk", "garbage", "not_json", "busy",
         "broken", "refused", "no_finish", "tools")
STALL_SECONDS = 30.0  # longer than the patience of a member that is tested with it


def chunk_bytes(data):
  return b"%x\r\n%s\r\n" % (len(data), data)


def event(value):
  return chunk_bytes(b"data: " + (value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\n\n")


def head(status, reason, fields):
  return (f"HTTP/1.1 {status} {reason}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields) +
          "\r\n").encode()


def json_answer(status, reason, value, more=()):
  body = value if isinstance(value, bytes) else json.dumps(value).encode()
  return head(status, reason, [("Content-Type", "application/json"), ("Content-Length", len(body)), *more]) + body


def error_answer(status, reason, message, more=()):
  return json_answer(status, reason, {"error": {"message": message, "type": "server_error", "code": None}}, more)


def stream_head():
  return head(200, "OK", [("Content-Type", "text/event-stream"), ("Transfer-Encoding", "chunked")])


def delta(model, one, finish=None):
  return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model,
          "choices": [{"index": 0, "delta": one, "finish_reason": finish}]}


def whole(model, message, finish="stop"):
  return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model, "usage": USAGE,
          "choices": [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}]}


class FaultyUpstream:
  """`with FaultyUpstream() as upstream: upstream.port, upstream.calls["fine"]`; a thread of its own."""

  def __init__(self, port=0, seed=1, piece_seconds=0.0, answer_seconds=0.0):
    self.calls, self.answered = Counter(), Counter()  # by model
    self.piece_seconds, self.answer_seconds = piece_seconds, answer_seconds
    self.open_connections = 0
    self.random = random.Random(seed)
    self.loop = asyncio.new_event_loop()
    started = threading.Event()

    async def begin():
      self.server = await asyncio.start_server(self.serve, "127.0.0.1", port, backlog=1024)
      self.port = self.server.sockets[0].getsockname()[1]
      started.set()

    def run():
      asyncio.set_event_loop(self.loop)
      self.loop.run_until_complete(begin())
      self.loop.run_forever()
      tasks = asyncio.all_tasks(self.loop)
      for task in tasks:
        task.cancel()
      self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
      self.loop.close()

    self.thread = threading.Thread(target=run, daemon=True)
    self.thread.start()
    started.wait()

  def close(self):
    self.loop.call_soon_threadsafe(self.loop.stop)
    self.thread.join()

  def __enter__(self):
    return self

  def __exit__(self, *_):
    self.close()

  @property
  def url(self):
    return f"http://127.0.0.1:{self.port}/v1"

  async def serve(self, reader, writer):
    self.open_connections += 1
    try:
      while await self.serve_one(reader, writer):
        pass
    except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
      pass
    finally:
      self.open_connections -= 1
      writer.close()

  async def serve_one(self, reader, writer):
    """One request; whether the connection goes on."""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    body = await reader.readexactly(int(fields.get("content-length", 0)))
    target = lines[0].split(" ")[1]
    if not body:
      writer.write(json_answer(200, "OK", {"object": "list", "data": [{"id": "fine", "object": "model"}]}))
      await writer.drain()
      return True
    request = json.loads(body)
    model = request["model"]
    self.calls[model] += 1
    kind = self.random.choice(KINDS) if model == "mixed" else model
    if self.answer_seconds:
      await asyncio.sleep(self.answer_seconds)
    # A path of its own is said in the answer: that is how replicas are told apart.
    place = target.split("/")[1]
    text = place if place != "v1" else TEXT
    going_on = await self.answer(kind, model, text, request, fields, writer)
    self.answered[model] += 1
    return going_on

  async def answer(self, kind, model, text, request, fields, writer):
    streamed = bool(request.get("stream"))
    if kind == "reset":
      writer.transport.abort()
      return False
    if kind == "stall":
      await asyncio.sleep(STALL_SECONDS)
      return False
    if kind == "garbage":
      writer.write(b"\x16\x03\x01\x02\x00 this is no HTTP\r\n\r\n")
      await writer.drain()
      return False
    simple = {
        "busy": lambda: error_answer(429, "Too Many Requests", "slow down", [("Retry-After", "1")]),
        "broken": lambda: error_answer(500, "Internal Server Error", "it broke"),
        # What some upstreams do: the key that they refuse stands in the message.
        "refused": lambda: error_answer(401, "Unauthorized",
                                        f"Incorrect API key provided: {fields.get('authorization', '')[7:]}"),
        "not_json": lambda: json_answer(200, "OK", b"<html>It works!</html>"),
    }
    if kind in simple:
      writer.write(simple[kind]())
      await writer.drain()
      return True
    calls = kind == "tools" and request.get("tools") and request["messages"][-1]["role"] != "tool"
    if streamed:
      return await self.stream(kind, model, text, calls, writer)
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    message = {"content": None, "tool_calls": [call]} if calls else {"content": text}
    data = json_answer(200, "OK", whole(model, message, "tool_calls" if calls else "stop"))
    if kind in ("half_chunk", "reset_midway"):
      writer.write(data[:-20])
      await writer.drain()
      if kind == "reset_midway":
        writer.transport.abort()
      return False
    if kind == "slow_bytes":
      for begin in range(0, len(data), 40):
        writer.write(data[begin:begin + 40])
        await writer.drain()
        await asyncio.sleep(0.005)
      return True
    if kind == "no_finish":
      data = json_answer(200, "OK", whole(model, message, None))
    writer.write(data)
    await writer.drain()
    return True

  async def stream(self, kind, model, text, calls, writer):
    writer.write(stream_head() + event(delta(model, {"role": "assistant", "content": ""})))
    if calls:
      writer.write(event(delta(model, {"tool_calls": [
          {"index": 0, "id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]})))
    else:
      for begin in range(0, len(text), 6):
        writer.write(event(delta(model, {"content": text[begin:begin + 6]})))
        await writer.drain()
        if self.piece_seconds or kind == "slow_bytes":
          await asyncio.sleep(self.piece_seconds or 0.01)
    if kind == "reset_midway":
      await writer.drain()
      writer.transport.abort()
      return False
    if kind == "half_chunk":
      writer.write(b"100\r\ndata: {\"half\"")
      await writer.drain()
      return False
    if kind != "no_finish":
      writer.write(event(delta(model, {}, "tool_calls" if calls else "stop")))
      writer.write(event({**delta(model, {}), "choices": [], "usage": USAGE}))
      writer.write(event(b"[DONE]"))
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True


if __name__ == "__main__":
  running = FaultyUpstream(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
  print(running.port, flush=True)
  while True:
    time.sleep(3600)
