"""Clients that are close to the interface: OpenAI's and Anthropic's SDKs, LiteLLM's, a strict reader of events."""

import json

from client_base import (ADA, ANSWER, ASKED, MESSAGES, NOTED, OPTIONS, ORIGIN, PERSON, TOOL, URL, check, differs,
                         goes_on)

RESPONSE_TOOL = {"type": "function", **TOOL["function"]}


def openai():
  from openai import OpenAI
  client = OpenAI(**OPTIONS)

  def plain():
    answer = client.chat.completions.create(model="trinity", messages=MESSAGES)
    return differs(answer.choices[0].message.content, ANSWER, answer.usage.total_tokens)

  def stream(model="trinity"):
    text, usage = "", None
    for chunk in client.chat.completions.create(model=model, messages=MESSAGES, stream=True,
                                                stream_options={"include_usage": True}):
      usage = chunk.usage or usage
      for choice in chunk.choices:
        text += choice.delta.content or ""
    return differs(text, ANSWER if model == "trinity" else "Hello from the upstream", usage)

  def streamed(messages):
    with client.chat.completions.stream(model="trinity", messages=messages, tools=[TOOL],
                                        stream_options={"include_usage": True}) as events:
      for _ in events:
        pass
      return events.get_final_completion()

  def tool_stream():
    answer = streamed(MESSAGES)
    call = answer.choices[0].message.tool_calls[0]
    if answer.choices[0].finish_reason != "tool_calls":
      return f"finish_reason {answer.choices[0].finish_reason}"
    return differs(json.loads(call.function.arguments), ADA, answer.usage)

  def told():
    first = streamed(MESSAGES).choices[0].message
    return [*MESSAGES, first, {"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": NOTED}]

  def tool_result():
    raw = client.chat.completions.with_raw_response.create(model="trinity", messages=told(), tools=[TOOL])
    if raw.headers.get("x-trinity-pinned") != "tool_result":
      return f"x-trinity-pinned {raw.headers.get('x-trinity-pinned')}"
    answer = raw.parse()
    return goes_on(answer.choices[0].message.content, answer.usage)

  def tool_result_stream():
    answer = streamed(told())
    return goes_on(answer.choices[0].message.content, answer.usage)

  def parsed():
    from pydantic import BaseModel

    class Person(BaseModel):
      name: str
      age: int
    answer = client.chat.completions.parse(model="upstream", messages=MESSAGES, response_format=Person)
    return differs(answer.choices[0].message.parsed.model_dump(), ADA)

  def responses():
    answer = client.responses.create(model="trinity", input=ASKED)
    return differs(answer.output_text, ANSWER, answer.usage.total_tokens)

  def responded(given, **more):
    with client.responses.stream(model="trinity", input=given, **more) as events:
      for _ in events:
        pass
      return events.get_final_response()

  def responses_stream():
    answer = responded(ASKED)
    return differs(answer.output_text, ANSWER, answer.usage)

  def responses_tool():
    first = responded(MESSAGES, tools=[RESPONSE_TOOL])
    call = next(item for item in first.output if item.type == "function_call")
    wrong = differs(json.loads(call.arguments), ADA, first.usage)
    if wrong:
      return wrong
    # Every item of the answer goes back, as a client without stored responses does it.
    items = [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in first.output]
    answer = responded([*MESSAGES, *items, {"type": "function_call_output", "call_id": call.call_id,
                                            "output": NOTED}], tools=[RESPONSE_TOOL])
    return goes_on(answer.output_text, answer.usage)

  def models():
    names = [model.id for model in client.models.list()]
    return None if "trinity" in names and client.models.retrieve("trinity:safe").id == "trinity:safe" else f"{names}"

  def wrong_model():
    from openai import NotFoundError
    try:
      client.chat.completions.create(model="nobody", messages=MESSAGES)
    except NotFoundError as error:
      return None if error.code == "model_not_found" else f"code {error.code}"
    return "no error"

  check("plain", plain)
  check("stream", stream)
  check("stream of a member", lambda: stream("upstream"))
  check("tool stream", tool_stream)
  check("tool result", tool_result)
  check("tool result stream", tool_result_stream)
  check("parsed", parsed)
  check("responses", responses)
  check("responses stream", responses_stream)
  check("responses tool result", responses_tool)
  check("models", models)
  check("unknown model", wrong_model)


openai2 = openai  # the version before, which other clients still need


def litellm():
  import litellm as library
  library.telemetry = False
  asked = {"model": "openai/trinity", "api_base": URL, "api_key": "none", "max_retries": 0, "timeout": 120}

  def whole(messages, **more):
    chunks = list(library.completion(messages=messages, stream=True, stream_options={"include_usage": True},
                                     **asked, **more))
    return library.stream_chunk_builder(chunks, messages=messages)

  def plain():
    answer = library.completion(messages=MESSAGES, **asked)
    return differs(answer.choices[0].message.content, ANSWER, answer.usage.total_tokens)

  def stream():
    answer = whole(MESSAGES)
    return differs(answer.choices[0].message.content, ANSWER, answer.usage.total_tokens)

  def tool_stream():
    message = whole(MESSAGES, tools=[TOOL]).choices[0].message
    wrong = differs(json.loads(message.tool_calls[0].function.arguments), ADA)
    if wrong:
      return wrong
    answer = whole([*MESSAGES, message.model_dump(), {"role": "tool", "tool_call_id": message.tool_calls[0].id,
                                                      "content": NOTED}], tools=[TOOL])
    return goes_on(answer.choices[0].message.content, answer.usage)

  def responses():
    done = None
    for event in library.responses(input=ASKED, stream=True, **asked):
      done = event if event.type == "response.completed" else done
    text = "".join(part.text for item in done.response.output if item.type == "message" for part in item.content)
    return differs(text, ANSWER, done.response.usage)

  check("plain", plain)
  check("stream", stream)
  check("tool stream and result", tool_stream)
  check("responses stream", responses)


def sse():
  import httpx
  from httpx_sse import connect_sse

  def stream(messages, **more):
    """(text, calls, usage, field x-trinity-pinned); strictly: every chunk has choices, every call its index"""
    text, calls, usage = "", {}, None
    body = {"model": "trinity", "messages": messages, "stream": True, "stream_options": {"include_usage": True},
            **more}
    with httpx.Client(timeout=120, trust_env=False) as client:
      with connect_sse(client, "POST", URL + "/chat/completions", json=body) as source:
        for event in source.iter_sse():
          if event.data == "[DONE]":
            break
          chunk = json.loads(event.data)
          usage = chunk.get("usage") or usage
          for choice in chunk["choices"]:
            text += choice["delta"].get("content") or ""
            for call in choice["delta"].get("tool_calls") or []:
              known = calls.setdefault(call["index"], {"id": call.get("id"), "type": "function", "function": {
                  "name": call["function"].get("name"), "arguments": ""}})
              known["function"]["arguments"] += call["function"].get("arguments") or ""
        return text, list(calls.values()), usage, source.response.headers.get("x-trinity-pinned")

  def plain(**more):
    text, _, usage, _ = stream(MESSAGES, **more)
    return differs(text, ANSWER, usage)

  def tool_stream():
    _, calls, usage, _ = stream(MESSAGES, tools=[TOOL])
    wrong = differs(json.loads(calls[0]["function"]["arguments"]), ADA, usage)
    if wrong:
      return wrong
    text, _, usage, pinned = stream(
        [*MESSAGES, {"role": "assistant", "content": None, "tool_calls": calls},
         {"role": "tool", "tool_call_id": calls[0]["id"], "content": NOTED}], tools=[TOOL])
    return goes_on(text, usage) if pinned == "tool_result" else f"x-trinity-pinned {pinned}"

  check("stream", plain)
  check("tool stream and result", tool_stream)
  check("turn events", lambda: plain(trinity={"events": True}))


def anthropic():
  from anthropic import Anthropic
  client = Anthropic(**{**OPTIONS, "base_url": ORIGIN})
  asked = {"model": "trinity", "max_tokens": 200}
  tools = [{"name": "person", "description": "notes a person", "input_schema": PERSON}]

  def plain():
    answer = client.messages.create(messages=MESSAGES, **asked)
    return differs(answer.content[0].text, ANSWER, answer.usage.output_tokens)

  def streamed(messages, **more):
    with client.messages.stream(messages=messages, **asked, **more) as events:
      for _ in events:
        pass
      return events.get_final_message()

  def stream():
    answer = streamed(MESSAGES)
    return differs(answer.content[0].text, ANSWER, answer.usage.output_tokens)

  def tool_stream():
    first = streamed(MESSAGES, tools=tools)
    if first.stop_reason != "tool_use":
      return f"stop_reason {first.stop_reason}"
    wrong = differs(first.content[-1].input, ADA, first.usage.output_tokens)
    if wrong:
      return wrong
    result = {"type": "tool_result", "tool_use_id": first.content[-1].id, "content": NOTED}
    answer = streamed([*MESSAGES, {"role": "assistant", "content": first.content},
                       {"role": "user", "content": [result]}], tools=tools)
    if answer.stop_reason != "end_turn":
      return f"stop_reason {answer.stop_reason}"
    return goes_on(answer.content[-1].text, answer.usage.output_tokens)

  check("plain", plain)
  check("stream", stream)
  check("tool stream and result", tool_stream)
  check("count_tokens",
        lambda: None if client.messages.count_tokens(model="trinity", messages=MESSAGES).input_tokens > 0 else "none")
