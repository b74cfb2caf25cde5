"""A small collector for the spans of `trinity serve`: every body is read by OpenTelemetry's own description.

  python check_otlp.py BINARY

OTLP/JSON writes ids as hexadecimal digits, where the JSON of protobuf has base64: they are turned before a body is
parsed, which refuses every field that the description does not know.
"""

import base64
import json
import os
import socket
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

import upstream
from server import Server, suite_pool

BINARY = sys.argv[1]
KEY = "key-that-is-never-shown"
QUESTION = "What is 17 * 23, asks the walrus?"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
IDS = ("traceId", "spanId", "parentSpanId")


def with_base64(value):
  if isinstance(value, dict):
    return {key: base64.b64encode(bytes.fromhex(inner)).decode() if key in IDS else with_base64(inner)
            for key, inner in value.items()}
  return [with_base64(inner) for inner in value] if isinstance(value, list) else value


class Collector(BaseHTTPRequestHandler):
  requests = []  # (path, headers, body)

  def log_message(self, *_):
    pass

  def do_POST(self):
    Collector.requests.append((self.path, dict(self.headers.items()),
                               self.rfile.read(int(self.headers["Content-Length"]))))
    self.send_response(200)
    self.send_header("Content-Type", "application/json")
    self.send_header("Content-Length", "2")
    self.end_headers()
    self.wfile.write(b"{}")


class Member(upstream.Handler):
  """The usual upstream, which remembers the headers that it gets."""
  headers_seen = []

  def do_POST(self):
    Member.headers_seen.append(dict(self.headers.items()))
    super().do_POST()


def serve(handler):
  server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
  server.daemon_threads = True
  threading.Thread(target=server.serve_forever, daemon=True).start()
  return server.server_address[1]


def ask(server, model, headers=(), stream=False):
  body = json.dumps({"model": model, "stream": stream, "messages": [{"role": "user", "content": QUESTION}]}).encode()
  request = urllib.request.Request(server.url + "/chat/completions", body,
                                   {"Content-Type": "application/json", **dict(headers)})
  with urllib.request.urlopen(request, timeout=60) as answer:
    answer.read()
    return answer


def stop(server):
  """Ends it in good order; what it said."""
  server.process.terminate()
  server.process.wait(60)
  return server.log.read_text()


def closed_port():
  with socket.socket() as one:
    one.bind(("127.0.0.1", 0))
    return one.getsockname()[1]


def record():
  """(requests to the collector, log) of a few requests."""
  os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{serve(Collector)}"
  os.environ["OTEL_EXPORTER_OTLP_HEADERS"] = f"api-key={KEY}"
  os.environ["OTEL_SERVICE_NAME"] = "checks"
  with Server(BINARY, suite_pool(serve(Member))) as server:
    ask(server, "trinity")
    ask(server, "upstream", {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=1"})
    ask(server, "upstream", stream=True)
    ask(server, "trinity:fast")
    ask(server, "upstream", {"traceparent": f"00-{'1' * 32}-{'2' * 16}-00"})
    log = stop(server)
  return list(Collector.requests), log


REQUESTS, LOG = record()
SPANS = []


def attributes(owner):
  return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in owner.attributes}


def bodies():
  assert REQUESTS, "nothing came"
  for path, headers, body in REQUESTS:
    headers = {name.lower(): value for name, value in headers.items()}
    assert path == "/v1/traces", path
    assert headers["content-type"] == "application/json", headers
    assert headers["api-key"] == KEY, headers
    message = json_format.Parse(json.dumps(with_base64(json.loads(body))), ExportTraceServiceRequest())
    for resource in message.resource_spans:
      assert attributes(resource.resource)["service.name"] == "checks"
      for scope in resource.scope_spans:
        assert scope.scope.name == "trinity"
        SPANS.extend(scope.spans)
  assert len(SPANS) >= 4 * 2, len(SPANS)


def ids():
  for span in SPANS:
    assert len(span.trace_id) == 16 and any(span.trace_id), span
    assert len(span.span_id) == 8 and any(span.span_id), span
  assert len({span.span_id for span in SPANS}) == len(SPANS), "an id comes twice"
  assert len({span.trace_id for span in SPANS}) == 4, "one trace a request that is recorded"


def parents():
  spans = {span.span_id: span for span in SPANS}
  for span in SPANS:
    if span.kind == Span.SPAN_KIND_SERVER:
      assert span.name == "POST /v1/chat/completions", span.name
      assert attributes(span)["http.response.status_code"] == 200
      continue
    parent = spans[span.parent_span_id]
    assert parent.trace_id == span.trace_id, span
    wanted = ("turn", "POST /v1/chat/completions") if span.name.startswith("chat ") else \
        {"route": ("turn",), "turn": ("POST /v1/chat/completions",)}[span.name]
    assert parent.name in wanted, (span.name, parent.name)
  names = {span.name.split()[0] for span in SPANS}
  assert names == {"POST", "turn", "route", "chat"}, names


def times():
  spans = {span.span_id: span for span in SPANS}
  now = time.time() * 1e9
  for span in SPANS:
    assert now - 600e9 < span.start_time_unix_nano <= span.end_time_unix_nano < now + 60e9, span
    parent = spans.get(span.parent_span_id)
    if parent:
      assert parent.start_time_unix_nano <= span.start_time_unix_nano, (span, parent)
      assert span.end_time_unix_nano <= parent.end_time_unix_nano, (span, parent)


def context():
  continued = [span for span in SPANS if span.trace_id.hex() == TRACE]
  root = next(span for span in continued if span.kind == Span.SPAN_KIND_SERVER)
  assert root.parent_span_id.hex() == PARENT and root.trace_state == "vendor=1", root
  calls = {(span.trace_id.hex(), span.span_id.hex()) for span in SPANS if span.kind == Span.SPAN_KIND_CLIENT}
  seen = [{name.lower(): value for name, value in headers.items()} for headers in Member.headers_seen]
  assert seen, "the member was not asked"
  for headers in seen:
    version, trace, parent, flags = headers["traceparent"].split("-")
    assert version == "00" and ((flags == "01" and (trace, parent) in calls) or (flags, trace) == ("00", "1" * 32)), \
        headers["traceparent"]
  assert any(headers.get("tracestate") == "vendor=1" and TRACE in headers["traceparent"] for headers in seen)


def conventions():
  for span in SPANS:
    if span.kind != Span.SPAN_KIND_CLIENT:
      continue
    found = attributes(span)
    assert span.name == "chat " + found["gen_ai.request.model"], span.name
    assert found["gen_ai.operation.name"] == "chat" and found["gen_ai.provider.name"], found
    assert found["gen_ai.usage.input_tokens"] > 0 and found["gen_ai.usage.output_tokens"] >= 0, found
    assert list(found["gen_ai.response.finish_reasons"].values), found


def content():
  everything = b"".join(body for _, _, body in REQUESTS)
  assert b"walrus" not in everything and upstream.TEXT.encode() not in everything, "a text of a message"
  assert KEY.encode() not in everything and KEY not in LOG, "the key"


def away():
  os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{closed_port()}"
  with Server(BINARY, suite_pool(serve(Member))) as server:
    for _ in range(3):
      assert ask(server, "trinity").status == 200
    log = stop(server)
  assert log.count("spans are lost") == 1, log


for test in (bodies, ids, parents, times, context, conventions, content, away):
  try:
    test()
    print(f"PASS {test.__name__}", flush=True)
  except Exception as error:  # an error of the server is the result
    print(f"FAIL {test.__name__}: {type(error).__name__}: {str(error)[:300]}", flush=True)
