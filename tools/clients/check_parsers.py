"""Mutated requests, read by our parser and by h11's: what ours lets through, h11 must read the same.

  python check_parsers.py ORIGIN

Two parsers that differ let one request ride on another's connection to a proxy. Ours may refuse more (it
does, see docs/serving.md), but what it takes must be whole requests for h11, too, and as many of them. Behind each
mutated request stands a plain one that closes the connection, so that a length read otherwise shows.
"""

import random
import socket
import sys
from urllib.parse import urlsplit

import h11

ADDRESS = urlsplit(sys.argv[1])
CASES, SEED = 2000, 1
LAST = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
HEAD = b"POST /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\n"
WHOLE = [
    HEAD + b"Content-Length: 3\r\n\r\nabc",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n3;name=value\r\nabc\r\n0\r\nField: x\r\n\r\n",
    b"GET /healthz?a=b HTTP/1.1\r\nHost: 127.0.0.1:80\r\nAccept: */*\r\nX-Own: a, b\r\n\r\n",
]
SHAPES = {
    "length and coding": HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "a length twice": HEAD + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "a signed length": HEAD + b"Content-Length: +3\r\n\r\nabc",
    "another coding": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "two codings": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a space before a colon": HEAD + b"Content-Length : 0\r\n\r\n",
    "a folded line": HEAD + b"A: b\r\n c\r\n\r\n",
    "a bare line feed": b"GET /healthz HTTP/1.1\nHost: 127.0.0.1\n\n",
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "NUL in a field": HEAD + b"A: b\x00c\r\nContent-Length: 0\r\n\r\n",
    "a line feed in an extension": HEAD + b"Transfer-Encoding: chunked\r\n\r\n3;a\nabc\r\n0\r\n\r\n",
    "a size with 0x": HEAD + b"Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
    "a negative size": HEAD + b"Transfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n",
    "a coding in HTTP/1.0": b"POST /nothing HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
}
PIECES = [b"\r\n", b"\n", b"\r", b" ", b"\t", b"\x00", b":", b",", b";", b"0", b"+", b"-", b"\x0b", b"\x80", b"\xff",
          b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"Host: b\r\n", b"Content-Length: 0\r\n", b"%00", b"/"]


def mutated(chance):
  text = bytearray(chance.choice(WHOLE))
  for _ in range(chance.randint(1, 2)):
    at = chance.randrange(len(text))
    kind = chance.randrange(4)
    if kind == 0:
      text[at:at] = chance.choice(PIECES)
    elif kind == 1:
      text[at:at + 1] = chance.choice(PIECES)
    elif kind == 2:
      del text[at:at + chance.randint(1, 2)]
    else:
      lines = bytes(text).split(b"\r\n")
      line = chance.randrange(len(lines))
      lines.insert(line, chance.choice((lines[line], lines[line].swapcase())))
      text = bytearray(b"\r\n".join(lines))
  return bytes(text)


def of_h11(text):
  """(whole requests, how it ended: "all", "refused" or "more"; whether the connection ends behind the first)"""
  whole, ends = 0, False
  connection = h11.Connection(h11.SERVER)
  connection.receive_data(text)
  try:
    while True:
      event = connection.next_event()
      if isinstance(event, h11.Request):
        ends = ends or event.http_version == b"1.0"
      elif isinstance(event, h11.EndOfMessage):
        whole += 1
        connection.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
        connection.send(h11.EndOfMessage())
        if connection.our_state is not h11.DONE:
          return whole, "all", ends
        connection.start_next_cycle()
      elif isinstance(event, h11.ConnectionClosed):
        return whole, "all", ends
      elif event in (h11.NEED_DATA, h11.PAUSED):
        return whole, "more", ends
  except (h11.RemoteProtocolError, h11.LocalProtocolError):
    return whole, "refused", ends


def of_ours(text):
  """(answers, whether one of them refuses what was sent)"""
  got = b""
  with socket.create_connection((ADDRESS.hostname, ADDRESS.port), 10) as one:
    one.settimeout(5)
    one.sendall(text)
    try:
      while piece := one.recv(65536):
        got += piece
    except (TimeoutError, ConnectionResetError):
      pass
  return got.count(b"HTTP/1.1 "), b"bad request" in got or b"HTTP/1.1 5" in got or b"HTTP/1.1 4" in got.replace(
      b"HTTP/1.1 404", b"").replace(b"HTTP/1.1 405", b"").replace(b"HTTP/1.1 403", b"")


def differs(text):
  whole, ended, ends = of_h11(text + LAST)
  if ended == "more":
    return None  # both wait for the rest, which takes its time
  answers, refused = of_ours(text + LAST)
  if refused:
    return None
  if ended != "refused" and (answers == whole or ends and answers == 1):
    return None
  return f"ours answers {answers} requests, h11 reads {whole} and says {ended}: {text!r}"


def tell(label, wrong):
  print(f"FAIL {label}: {wrong}" if wrong else f"PASS {label}", flush=True)


for label, text in SHAPES.items():
  tell(label, differs(text) or (None if of_ours(text + LAST)[1] else f"accepted: {text!r}"))
for label, text in enumerate(WHOLE):
  tell(f"plain {label}", "refused" if of_ours(text + LAST)[1] else differs(text))
chance = random.Random(SEED)
for number in range(CASES):
  tell(f"mutation {number}", differs(mutated(chance)))
