"""Members of three kinds behind the server, asked plain, streamed and with tools by OpenAI's client.

  python check_upstreams.py URL MEMBER...
"""

import json
import sys

from openai import OpenAI

CLIENT = OpenAI(base_url=sys.argv[1], api_key="none", max_retries=0, timeout=120)
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say lighthouse."}]
TOOL = {"type": "function", "function": {"name": "note", "description": "notes a word", "parameters": {
    "type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]}}}


def plain(member):
  answer = CLIENT.chat.completions.create(model=member, messages=MESSAGES, max_tokens=64)
  assert "lighthouse" in answer.choices[0].message.content, answer
  assert answer.usage.total_tokens, answer
  assert answer.choices[0].finish_reason == "stop", answer


def stream(member):
  text, usage, finish = "", None, None
  for chunk in CLIENT.chat.completions.create(model=member, messages=MESSAGES, max_tokens=64, stream=True,
                                              stream_options={"include_usage": True}):
    usage = chunk.usage or usage
    for choice in chunk.choices:
      text += choice.delta.content or ""
      finish = choice.finish_reason or finish
  assert "lighthouse" in text and usage and usage.total_tokens and finish == "stop", (text, usage, finish)


def tools(member):
  answer = CLIENT.chat.completions.create(model=member, messages=MESSAGES, max_tokens=64, tools=[TOOL])
  assert answer.choices[0].finish_reason == "tool_calls", answer
  call = answer.choices[0].message.tool_calls[0]
  # llm-katan does not look into Gemini's parametersJsonSchema.
  wanted = {} if member.endswith("gemini") else {"word": "test_word"}
  assert call.function.name == "note" and json.loads(call.function.arguments) == wanted, answer
  # The result goes back to the member in its own words. llm-katan calls a tool as long as there is one.
  told = [*MESSAGES, answer.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "noted"}]
  answer = CLIENT.chat.completions.create(model=member, messages=told, max_tokens=64)
  assert answer.choices[0].finish_reason == "stop" and answer.choices[0].message.content, answer


for name in sys.argv[2:]:
  for test in (plain, stream, tools):
    try:
      test(name)
      print(f"PASS {name} {test.__name__}", flush=True)
    except Exception as error:  # an error of the server is the result
      print(f"FAIL {name} {test.__name__}: {type(error).__name__}: {str(error)[:200]!r}", flush=True)
