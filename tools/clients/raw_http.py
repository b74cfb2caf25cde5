"""A small HTTP/1.1 client on asyncio: what suites need that ask many things at once and look at bytes.

`ask` opens a connection of its own for each request; a `Connection` keeps one. An answer says when its
first byte and its first piece of the body came, and whether it ended as it said it would.
"""

import asyncio
import json
import time
from dataclasses import dataclass, field

SECONDS = 60  # of a request that nobody else limits


class Broken(Exception):
  """The connection ended, or what came was no HTTP, before an answer was whole."""


@dataclass
class Answer:
  status: int
  fields: dict = field(default_factory=dict)  # names in lower case
  body: bytes = b""
  first_piece: float = 0.0  # seconds from the request to the first byte of the body
  seconds: float = 0.0

  def json(self):
    return json.loads(self.body)

  def code(self):
    """`error.code` of an answer in OpenAI's words, `error.type` in Anthropic's."""
    error = self.json()["error"]
    return error.get("code") or error.get("type")

  def events(self):
    """The `data` of a stream."""
    lines = self.body.decode(errors="replace").splitlines()
    return [line[6:] for line in lines if line.startswith("data: ")]


def request_bytes(method, path, body, fields, host):
  lines = [f"{method} {path} HTTP/1.1"]
  names = {name.lower() for name, _ in fields}
  if "host" not in names:
    lines.append(f"Host: {host}")
  if body is not None and "content-length" not in names:
    lines.append(f"Content-Length: {len(body)}")
  if body is not None and "content-type" not in names:
    lines.append("Content-Type: application/json")
  lines += [f"{name}: {value}" for name, value in fields]
  return "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")


def encoded(body):
  return json.dumps(body).encode() if isinstance(body, (dict, list)) else body


class Connection:
  def __init__(self, port):
    self.port = port
    self.reader = self.writer = None

  async def open(self):
    self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)

  def close(self):
    if self.writer:
      self.writer.close()
    self.reader = self.writer = None

  async def ask(self, path, body=None, fields=(), method=None, seconds=SECONDS):
    return await asyncio.wait_for(self._ask(path, encoded(body), list(fields), method), seconds)

  async def _ask(self, path, body, fields, method):
    method = method or ("GET" if body is None else "POST")
    if self.writer is None:
      await self.open()
    begin = time.monotonic()
    try:
      self.writer.write(request_bytes(method, path, body, fields, f"127.0.0.1:{self.port}"))
      await self.writer.drain()
      answer = await self._read(method, begin)
    except (OSError, asyncio.IncompleteReadError, ValueError, IndexError) as error:
      self.close()
      raise Broken(f"{type(error).__name__}: {error}") from error
    answer.seconds = time.monotonic() - begin
    if answer.fields.get("connection", "").lower() == "close":
      self.close()
    return answer

  async def _read(self, method, begin):
    head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    answer = Answer(int(head[0].split(" ")[1]))
    for line in head[1:]:
      name, colon, value = line.partition(":")
      if colon:
        answer.fields[name.lower()] = value.strip()
    if method == "HEAD" or answer.status in (204, 304):
      return answer
    pieces = []

    def note(piece):
      if piece and not pieces:
        answer.first_piece = time.monotonic() - begin
      pieces.append(piece)

    if answer.fields.get("transfer-encoding", "").lower() == "chunked":
      while size := int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16):
        note((await self.reader.readexactly(size + 2))[:-2])
      await self.reader.readuntil(b"\r\n")
    elif "content-length" in answer.fields:
      note(await self.reader.readexactly(int(answer.fields["content-length"])))
    else:
      note(await self.reader.read())
    answer.body = b"".join(pieces)
    return answer


async def ask(port, path, body=None, fields=(), method=None, seconds=SECONDS):
  one = Connection(port)
  try:
    return await one.ask(path, body, fields, method, seconds)
  finally:
    one.close()


async def send_bytes(port, data, seconds=15):
  """(what came back, whether the server closed) for bytes that need not be HTTP."""
  reader, writer = await asyncio.open_connection("127.0.0.1", port)
  got, closed = b"", False
  try:
    writer.write(data)
    await writer.drain()
    end = time.monotonic() + seconds
    while not closed:
      piece = await asyncio.wait_for(reader.read(65536), max(0.01, end - time.monotonic()))
      got += piece
      closed = not piece
  except asyncio.TimeoutError:
    pass
  except OSError:
    closed = True
  finally:
    writer.close()
  return got, closed


def chat(model, text, **more):
  return {"model": model, "messages": [{"role": "user", "content": text}], **more}
