"""Every answer of the server, and every single event of its streams, against OpenAI's own description and
that of Open Responses.

  python check_schema.py URL SPECIFICATIONS

Prints PASS or FAIL lines; run_suites.py counts them. Where the descriptions say less than their authors
send, they are corrected: in OpenAI's, `usage` and the `description` of a format may be null; Open Responses
allows no format with a schema in answers, so that those are not held against it.
"""

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

URL, SPECIFICATIONS = sys.argv[1], Path(sys.argv[2])
ORIGIN = URL.removesuffix("/v1")


def specification(name):
  text = json.loads((SPECIFICATIONS / f"{name}.json").read_text())
  return f"urn:{name}", Resource.from_contents(text, default_specification=DRAFT202012)


REGISTRY = Registry().with_resources([specification("openai"), specification("openresponses")])
VALIDATORS = {}


def validator(document, schema):
  key = f"urn:{document}#/components/schemas/{schema}"
  if key not in VALIDATORS:
    VALIDATORS[key] = Draft202012Validator({"$ref": key}, registry=REGISTRY)
  return VALIDATORS[key]


def without_nulls(value):
  if isinstance(value, dict):
    return {key: without_nulls(inner) for key, inner in value.items()
            if inner is not None or key not in ("usage", "description")}
  return [without_nulls(inner) for inner in value] if isinstance(value, list) else value


def check(label, document, schema, value):
  if document == "openai":
    value = without_nulls(value)
  wrong = best_match(validator(document, schema).iter_errors(value))
  if wrong is None:
    print(f"PASS {label} {document}:{schema}")
  else:
    where = "/".join(str(step) for step in wrong.absolute_path)
    print(f"FAIL {label} {document}:{schema}: at {where or 'the top'}: {wrong.message[:160]}")


def expect(label, holds, what=""):
  print(f"PASS {label}" if holds else f"FAIL {label}: {what}")


def ask(path, body=None, headers=None):
  data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
  request = urllib.request.Request(path if path.startswith("http") else URL + path, data,
                                   {"content-type": "application/json", **(headers or {})})
  try:
    with urllib.request.urlopen(request, timeout=60) as answer:
      return answer.status, answer.headers, answer.read().decode()
  except urllib.error.HTTPError as answer:
    return answer.code, answer.headers, answer.read().decode()


def events(text):
  """What stands in the `data:` lines, and the raw names of the events."""
  for block in text.split("\n\n"):
    lines = block.split("\n")
    data = "\n".join(line[5:].strip() for line in lines if line.startswith("data:"))
    name = next((line[6:].strip() for line in lines if line.startswith("event:")), "")
    if data:
      yield name, data


def check_framing(label, text):
  """No line that breaks clients: ids, retries, events or data without content."""
  bad = [line for line in text.split("\n")
         if line and not line.startswith(("data: ", "event: ", ":")) or line in ("data: ", "data:")]
  expect(f"{label} framing", not bad and "\r" not in text, f"line {bad[:1]}")


QUESTION = [{"role": "user", "content": "What is 17 * 23?"}]
PERSON = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
          "required": ["name", "age"], "additionalProperties": False}
CHAT_TOOL = {"type": "function", "function": {"name": "person", "description": "notes a person",
                                              "parameters": PERSON}}
PICTURE = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9" \
          "awAAAABJRU5ErkJggg=="
CHATS = {
    "plain": {},
    "tools": {"tools": [CHAT_TOOL]},
    "schema": {"response_format": {"type": "json_schema",
                                   "json_schema": {"name": "person", "strict": True, "schema": PERSON}}},
    "limit": {"max_completion_tokens": 3},
    "sampled": {"temperature": 0.2, "top_p": 0.9, "seed": 7, "stop": ["\n\n"], "user": "u", "metadata": {"a": "b"}},
    "picture": {"messages": [{"role": "user", "content": [
        {"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": PICTURE}}]}]},
    "result": {"tools": [CHAT_TOOL], "messages": QUESTION + [
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "person", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "noted"}]},
}


def check_chat(model):
  for name, more in CHATS.items():
    label = f"chat {model} {name}"
    body = {"model": model, "messages": QUESTION, **more}
    status, _, text = ask("/chat/completions", body)
    expect(f"{label} status", status == 200, f"{status} {text[:160]}")
    if status == 200:
      whole = json.loads(text)
      check(label, "openai", "CreateChatCompletionResponse", whole)
      if name == "tools":
        expect(f"{label} finish", whole["choices"][0]["finish_reason"] == "tool_calls", text[:160])
      if name in ("schema",):
        expect(f"{label} content", json.loads(whole["choices"][0]["message"]["content"]).keys() == {"name", "age"},
               text[:160])
    for usage in (False, True):
      streamed = {**body, "stream": True, **({"stream_options": {"include_usage": True}} if usage else {})}
      status, headers, text = ask("/chat/completions", streamed)
      check_chunks(f"{label} stream{' usage' if usage else ''}", status, headers, text, usage)


def check_chunks(label, status, headers, text, usage):
  expect(f"{label} status", status == 200 and headers["content-type"].startswith("text/event-stream"),
         f"{status} {text[:160]}")
  if status != 200:
    return
  check_framing(label, text)
  data = [one for _, one in events(text)]
  expect(f"{label} end", data[-1] == "[DONE]", data[-1][:160])
  chunks = [json.loads(one) for one in data if one != "[DONE]"]
  for n, chunk in enumerate(chunks):
    check(f"{label} chunk {n}", "openai", "CreateChatCompletionStreamResponse", chunk)
  expect(f"{label} ids", len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks}) == 1)
  finishes = [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]
              if choice["finish_reason"]]
  expect(f"{label} finish", len(finishes) == 1, f"{finishes}")
  with_usage = [chunk for chunk in chunks if chunk.get("usage")]
  expect(f"{label} usage", len(with_usage) == usage and (not usage or chunks[-1]["choices"] == []),
         f"{len(with_usage)} chunks with usage")
  expect(f"{label} choices", usage or all(chunk["choices"] for chunk in chunks), "a chunk without choices")


RESPONSE_TOOL = {"type": "function", "name": "person", "description": None, "parameters": PERSON, "strict": True}
RESPONSES = {
    "plain": {"input": "What is 17 * 23?"},
    "items": {"instructions": "Be brief.", "input": [
        {"role": "developer", "content": "Be brief."},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "What is 17 * 23?"}]}]},
    "tools": {"input": "Note Ada", "tools": [RESPONSE_TOOL]},
    "schema": {"input": "Ada", "text": {"format": {"type": "json_schema", "name": "person", "strict": True,
                                                    "schema": PERSON}}},
    "result": {"tools": [RESPONSE_TOOL], "input": [
        {"role": "user", "content": "Note Ada"},
        {"type": "function_call", "call_id": "call_1", "name": "person", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "noted"}]},
    "limit": {"input": "What is 17 * 23?", "max_output_tokens": 16, "temperature": 0.5, "metadata": {"a": "b"}},
}


def check_response(label, name, value):
  check(label, "openai", "Response", value)
  if name != "schema":
    check(label, "openresponses", "ResponseResource", value)


def check_responses(model):
  for name, more in RESPONSES.items():
    label = f"responses {model} {name}"
    status, _, text = ask("/responses", {"model": model, **more})
    expect(f"{label} status", status == 200, f"{status} {text[:160]}")
    if status == 200:
      check_response(label, name, json.loads(text))
    status, _, text = ask("/responses", {"model": model, "stream": True, **more})
    expect(f"{label} stream status", status == 200, f"{status} {text[:160]}")
    if status != 200:
      continue
    check_framing(f"{label} stream", text)
    got = [(event, json.loads(data)) for event, data in events(text)]
    for n, (event, value) in enumerate(got):
      check(f"{label} event {n} {event}", "openai", "ResponseStreamEvent", value)
      expect(f"{label} event {n} order", value["sequence_number"] == n and value["type"] == event, str(value)[:160])
    last = got[-1][1]
    expect(f"{label} stream end", last["type"] in ("response.completed", "response.incomplete"), last["type"])
    check_response(f"{label} stream end", name, last["response"])


BROKEN = {
    "no messages": {"model": "trinity"},
    "no model": {"messages": QUESTION},
    "not JSON": b"{",
    "a list": [],
    "a wrong role": {"model": "trinity", "messages": [{"role": "nobody", "content": "x"}]},
    "a wrong type": {"model": "trinity", "messages": "x"},
    "an unknown model": {"model": "nobody", "messages": QUESTION},
    "a wrong temperature": {"model": "trinity", "messages": QUESTION, "temperature": "hot"},
}


def check_errors():
  for path in ("/chat/completions", "/responses"):
    for name, body in BROKEN.items():
      status, _, text = ask(path, body)
      expect(f"error {path} {name} status", 400 <= status < 500, f"{status} {text[:160]}")
      check(f"error {path} {name}", "openai", "ErrorResponse", json.loads(text))
  status, _, text = ask("/nothing", {})
  expect("error unknown path", status == 404, str(status))
  check("error unknown path", "openai", "ErrorResponse", json.loads(text))


def check_models():
  _, _, text = ask("/models")
  check("models", "openai", "ListModelsResponse", json.loads(text))
  for entry in json.loads(text)["data"]:
    check(f"model {entry['id']}", "openai", "Model", json.loads(ask("/models/" + entry["id"])[2]))
  status, _, text = ask("/models/nobody")
  expect("model nobody", status == 404, str(status))
  check("model nobody", "openai", "ErrorResponse", json.loads(text))


for one in ("trinity", "trinity:fast", "upstream", "abacus"):
  if one != "abacus":
    check_chat(one)
    check_responses(one)
check_errors()
check_models()
