"""A small upstream in OpenAI's dialect that calls tools the way hosted models do.

Members of the demo pool compute, but call no tools, read no pictures and write no JSON. This one does:
it answers a request with tools by a call whose arguments follow the tool's schema, a request for JSON by
JSON that follows the schema, a tool's result and everything else by a sentence. Streamed, a call comes in
the pieces that OpenAI sends: id and name once, in the first piece, then the arguments a few letters at a
time, then `tool_calls` as the finish reason and, if asked for, one last chunk that has only usage.

Runs alone:  python3 upstream.py PORT   (0 takes a free one and prints it)
"""

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TEXT = "Hello from the upstream"
NAMES = {"name": "Ada", "age": 36, "city": "Paris", "location": "Paris"}
PIECE = 5  # letters of arguments or text in a chunk


def value_of(schema, name=""):
  """A value that a JSON schema allows: enough of the language for what tools are described with."""
  if not isinstance(schema, dict):  # suites have such, too
    return "text"
  if name in NAMES and schema.get("type") in (None, "string", "integer", "number"):
    return NAMES[name]
  if "const" in schema:
    return schema["const"]
  if schema.get("enum"):
    return schema["enum"][0]
  for several in ("anyOf", "oneOf"):
    if schema.get(several):
      return value_of(schema[several][0], name)
  kind = schema.get("type")
  kind = kind[0] if isinstance(kind, list) else kind
  if kind == "object" or "properties" in schema:
    return {key: value_of(inner, key) for key, inner in schema.get("properties", {}).items()}
  if kind == "array":
    return [value_of(schema.get("items", {}))]
  return {"integer": 1, "number": 1.5, "boolean": True, "null": None}.get(kind, "text")


def forced_name(choice):
  if isinstance(choice, dict):
    return choice.get("function", {}).get("name")
  return None


def answer_to(request):
  """(text, calls) with calls = [(id, name, arguments)]."""
  messages = request.get("messages", [])
  tools = [tool["function"] for tool in request.get("tools") or [] if "function" in tool]
  choice = request.get("tool_choice")
  if tools and choice != "none" and (not messages or messages[-1]["role"] != "tool"):
    wanted = forced_name(choice)
    tool = next((tool for tool in tools if tool["name"] == wanted), tools[0])
    arguments = json.dumps(value_of(tool.get("parameters") or {}), separators=(",", ":"))
    return "", [(f"call_{int(time.time() * 1e6):x}", tool["name"], arguments)]
  form = request.get("response_format") or {}
  if form.get("type") == "json_schema":
    return json.dumps(value_of(form["json_schema"].get("schema", {})), separators=(",", ":")), []
  if form.get("type") == "json_object":
    return json.dumps({"name": "Ada", "age": 36}, separators=(",", ":")), []
  if messages and messages[-1]["role"] == "tool":
    return f"The tool said: {messages[-1]['content']}", []
  return TEXT, []


def usage_of(request, text, calls):
  written = len(text) + sum(len(arguments) for _, _, arguments in calls)
  prompt, completion = len(json.dumps(request)) // 4, written // 4 + 1
  return {"prompt_tokens": prompt, "completion_tokens": completion,
          "total_tokens": prompt + completion,
          "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
          "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0}}


def pieces(text):
  return [text[n:n + PIECE] for n in range(0, len(text), PIECE)]


def deltas_of(text, calls):
  yield {"role": "assistant", "content": None if calls else ""}
  for piece in pieces(text):
    yield {"content": piece}
  for n, (call_id, name, arguments) in enumerate(calls):
    yield {"tool_calls": [{"index": n, "id": call_id, "type": "function",
                           "function": {"name": name, "arguments": ""}}]}
    for piece in pieces(arguments):
      yield {"tool_calls": [{"index": n, "function": {"arguments": piece}}]}


class Handler(BaseHTTPRequestHandler):
  protocol_version = "HTTP/1.1"

  def log_message(self, *_):
    pass

  def send_json(self, status, value):
    body = json.dumps(value).encode()
    self.send_response(status)
    self.send_header("Content-Type", "application/json")
    self.send_header("Content-Length", str(len(body)))
    try:
      self.end_headers()
      self.wfile.write(body)
    except OSError:  # the client has gone
      self.close_connection = True

  def do_GET(self):
    self.send_json(200, {"object": "list", "data": [
        {"id": "upstream", "object": "model", "created": 1, "owned_by": "tests"}]})

  def do_POST(self):
    body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
    try:
      request = json.loads(body)
      text, calls = answer_to(request)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
      return self.send_json(400, {"error": {"message": f"{type(error).__name__}: {error}",
                                            "type": "invalid_request_error", "param": None, "code": None}})
    base = {"id": f"chatcmpl-{int(time.time() * 1e6):x}", "created": int(time.time()), "model": "upstream",
            "service_tier": "default"}
    finish = "tool_calls" if calls else "stop"
    if request.get("stream"):
      return self.stream(request, base, text, calls, finish)
    message = {"role": "assistant", "content": None if calls else text, "refusal": None, "annotations": []}
    if calls:
      message["tool_calls"] = [{"id": call_id, "type": "function",
                                "function": {"name": name, "arguments": arguments}}
                               for call_id, name, arguments in calls]
    choices = [{"index": n, "message": message, "logprobs": None, "finish_reason": finish}
               for n in range(int(request.get("n") or 1))]
    self.send_json(200, {**base, "object": "chat.completion", "choices": choices,
                         "usage": usage_of(request, text, calls)})

  def stream(self, request, base, text, calls, finish):
    wants_usage = (request.get("stream_options") or {}).get("include_usage", False)
    base = {**base, "object": "chat.completion.chunk"}
    self.send_response(200)
    self.send_header("Content-Type", "text/event-stream; charset=utf-8")
    self.send_header("Transfer-Encoding", "chunked")
    self.end_headers()

    def send(value):
      line = b"data: " + (value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\n\n"
      self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
      self.wfile.flush()

    def chunk(delta, reason=None):
      one = {**base, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}]}
      return {**one, "usage": None} if wants_usage else one

    try:
      for delta in deltas_of(text, calls):
        send(chunk(delta))
      send(chunk({}, finish))
      if wants_usage:
        send({**base, "choices": [], "usage": usage_of(request, text, calls)})
      send(b"[DONE]")
      self.wfile.write(b"0\r\n\r\n")
    except OSError:  # the client has gone
      self.close_connection = True


class Upstream(ThreadingHTTPServer):
  daemon_threads = True

  def handle_error(self, request, client_address):
    if not isinstance(sys.exc_info()[1], OSError):  # a client that has gone is none
      super().handle_error(request, client_address)


def start(port=0):
  """The server, which answers on a thread of its own."""
  server = Upstream(("127.0.0.1", port), Handler)
  threading.Thread(target=server.serve_forever, daemon=True).start()
  return server


if __name__ == "__main__":
  running = start(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
  print(running.server_address[1], flush=True)
  threading.Event().wait()
