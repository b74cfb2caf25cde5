"""schemathesis: requests made from the published descriptions, and requests that break them on purpose.

OpenAI's description is cut to the paths that this server has. Bodies name models that exist, because all
others end in the same error; nothing is streamed, because what is described there is one event and not the
stream; and what needs a memory is left out, because it is refused. Messages are not described in public, so
that a short description of them stands here.
"""

import json
import tempfile
from pathlib import Path

from environment import conformance_folder, venv
from results import Found
from running import Running, beside_each_other, run

EXAMPLES = 40
SECONDS = 420  # of one description
CHECKS = "not_a_server_error,response_schema_conformance,content_type_conformance"
MODELS = ["trinity", "trinity:fast", "upstream", "abacus"]
MEMORY = ("previous_response_id", "conversation", "prompt", "background")
PATHS = {"/chat/completions": "post", "/models": "get", "/responses": "post"}


def references(value):
  if isinstance(value, dict):
    if isinstance(value.get("$ref"), str):
      yield value["$ref"]
    for inner in value.values():
      yield from references(inner)
  elif isinstance(value, list):
    for inner in value:
      yield from references(inner)


def simplified(value, name=""):
  """Without discriminators, which lack their mappings, and with what the head of this file says."""
  if isinstance(value, list):
    return [simplified(inner) for inner in value]
  if not isinstance(value, dict):
    return value
  if name == "properties":
    value = {key: inner for key, inner in value.items() if key not in MEMORY}
    if "stream" in value:
      value["stream"] = {"enum": [False]}
  return {key: simplified(inner, key) for key, inner in value.items() if key not in ("discriminator", "example")}


def openai_description():
  whole = json.loads((conformance_folder() / "openai.json").read_text())
  schemas = whole["components"]["schemas"]
  models = {"type": "string", "enum": MODELS}
  schemas["ModelIdsShared"] = schemas["ModelIdsResponses"] = models
  # What its authors send although they do not say so: see check_schema.py.
  schemas["TextResponseFormatJsonSchema"]["properties"]["description"]["type"] = ["string", "null"]
  failed = {"description": "an error",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorResponse"}}}}
  paths = {}
  for path, method in PATHS.items():
    operation = whole["paths"][path][method]
    # ResponseProperties are part of requests and of answers alike; only requests lose what is left out.
    paths[path] = {method: {**{key: operation[key] for key in ("operationId", "requestBody") if key in operation},
                            "responses": {"200": operation["responses"]["200"], "default": failed}}}
  needed, reached = list(references(paths)), {}
  while needed:
    name = needed.pop().rsplit("/", 1)[1]
    if name not in reached:
      reached[name] = schemas[name]
      needed += references(schemas[name])
  return {"openapi": whole["openapi"], "info": {"title": "a part", "version": "1"}, "paths": simplified(paths),
          "components": {"schemas": {name: simplified(schema) for name, schema in reached.items()}}}


TEXT = {"type": "object", "required": ["type", "text"],
        "properties": {"type": {"enum": ["text"]}, "text": {"type": "string", "minLength": 1}}}
CALL = {"type": "object", "required": ["type", "id", "name", "input"],
        "properties": {"type": {"enum": ["tool_use"]}, "id": {"type": "string", "pattern": "^[a-zA-Z0-9_-]{1,40}$"},
                       "name": {"type": "string", "pattern": "^[a-zA-Z0-9_-]{1,40}$"}, "input": {"type": "object"}}}
RESULT = {"type": "object", "required": ["type", "tool_use_id"],
          "properties": {"type": {"enum": ["tool_result"]},
                         "tool_use_id": {"type": "string", "pattern": "^[a-zA-Z0-9_-]{1,40}$"},
                         "is_error": {"type": "boolean"},
                         "content": {"anyOf": [{"type": "string"}, {"type": "array", "items": TEXT}]}}}
BLOCKS = {"anyOf": [{"type": "string", "minLength": 1},
                    {"type": "array", "minItems": 1, "items": {"anyOf": [TEXT, CALL, RESULT]}}]}
MESSAGES = {"type": "array", "minItems": 1, "items": {
    "type": "object", "required": ["role", "content"],
    "properties": {"role": {"enum": ["user", "assistant"]}, "content": BLOCKS}}}
TOOLS = {"type": "array", "items": {
    "type": "object", "required": ["name", "input_schema"],
    "properties": {"name": {"type": "string", "pattern": "^[a-zA-Z0-9_-]{1,40}$"}, "description": {"type": "string"},
                   "input_schema": {"type": "object", "required": ["type"],
                                    "properties": {"type": {"enum": ["object"]}, "properties": {"type": "object"}}}}}}
ASKED = {"model": {"enum": MODELS}, "messages": MESSAGES, "tools": TOOLS,
         "system": {"anyOf": [{"type": "string"}, {"type": "array", "items": TEXT}]}}
COUNT = {"type": "integer", "minimum": 0}
MESSAGE = {"type": "object", "required": ["id", "type", "role", "model", "content", "stop_reason", "stop_sequence",
                                          "usage"],
           "properties": {"id": {"type": "string"}, "type": {"enum": ["message"]}, "role": {"enum": ["assistant"]},
                          "model": {"type": "string"}, "stop_sequence": {"type": ["string", "null"]},
                          "content": {"type": "array", "items": {"anyOf": [TEXT, CALL, {
                              "type": "object", "required": ["type", "thinking"],
                              "properties": {"type": {"enum": ["thinking"]}}}]}},
                          "stop_reason": {"enum": ["end_turn", "max_tokens", "stop_sequence", "tool_use", "refusal"]},
                          "usage": {"type": "object", "required": ["input_tokens", "output_tokens"],
                                    "properties": {"input_tokens": COUNT, "output_tokens": COUNT}}}}
FAILED = {"type": "object", "required": ["type", "error"], "properties": {
    "type": {"enum": ["error"]}, "error": {"type": "object", "required": ["type", "message"], "properties": {
        "type": {"type": "string"}, "message": {"type": "string", "minLength": 1}}}}}


def anthropic_description():
  def operation(name, more, required, answer):
    def content(schema):
      return {"application/json": {"schema": schema}}
    asked = {"type": "object", "required": ["model", "messages", *required], "properties": {**ASKED, **more}}
    return {"post": {"operationId": name, "requestBody": {"required": True, "content": content(asked)},
                     "responses": {"200": {"description": "OK", "content": content(answer)},
                                   "default": {"description": "an error", "content": content(FAILED)}}}}
  more = {"max_tokens": {"type": "integer", "minimum": 1, "maximum": 500}, "stream": {"enum": [False]},
          "temperature": {"type": "number", "minimum": 0, "maximum": 1}, "top_k": {"type": "integer", "minimum": 1},
          "stop_sequences": {"type": "array", "items": {"type": "string", "minLength": 1}},
          "metadata": {"type": "object", "properties": {"user_id": {"type": "string"}}}}
  counted = {"type": "object", "required": ["input_tokens"], "properties": {"input_tokens": COUNT}}
  return {"openapi": "3.1.0", "info": {"title": "Messages", "version": "1"}, "paths": {
      "/messages": operation("messages", more, ["max_tokens"], MESSAGE),
      "/messages/count_tokens": operation("count", {}, [], counted)}}


def outcome(label, report):
  """What the report of a run says: a case is one request."""
  found, answered = Found(), 0
  for line in report.read_text().splitlines():
    event = json.loads(line)
    recorder = event.get("ScenarioFinished", {}).get("recorder", {})
    for key, interaction in recorder.get("interactions", {}).items():
      response = interaction.get("response") or {}
      answered += response.get("status_code") == 200
      wrong = [check for check in recorder.get("checks", {}).get(key, []) if check["status"] == "failure"]
      if response and not wrong:
        found.passed += 1
        continue
      said = [json.dumps(check.get("failure_info"))[:400] for check in wrong] or ["no answer"]
      found.failures.append(f"{label} {recorder.get('label')}: {'; '.join(said)}")
  print(f"{label}: {found.passed + found.failed} requests, {answered} of them answered with 200", flush=True)
  return found


def fuzzed(binary):
  """No 5xx, no dropped connection, every body as described; with what follows the description and what breaks it."""
  program = venv("fuzzed") / "schemathesis"
  descriptions = {"openai": openai_description(), "anthropic": anthropic_description()}
  found = Found(reasons=["streams, and fields that need a memory (see fuzzed.py)"])
  with tempfile.TemporaryDirectory() as folder, Running(binary) as server:
    def ask(label, description):
      path, report = Path(folder) / f"{label}.json", Path(folder) / f"{label}.ndjson"
      path.write_text(json.dumps(description))
      output, cut = run(
          [program, "run", path, "--url", server.url, "--checks", CHECKS, "--phases", "examples,fuzzing",
           "--max-examples", EXAMPLES, "--mode", "all", "--continue-on-failure", "--suppress-health-check", "all",
           "--no-shrink", "--seed", "1", "--request-timeout", "60", "--warnings", "off", "--report", "ndjson",
           "--report-ndjson-path", report], SECONDS, cwd=folder)
      if cut or not report.exists():
        return Found(failures=[f"{label}: schemathesis did not finish: {output.strip()[-300:]}"])
      return outcome(label, report)
    for one in beside_each_other(ask, descriptions.items()):
      found.add(one)
    if not server.is_alive():
      found.failures.append("the server has ended")
  return found
