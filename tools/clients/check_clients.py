"""One client library against the server: plain, streamed, a streamed tool call, usage.

  python check_clients.py ORIGIN CLIENT

Plain text goes through the loop (model `trinity`), tools to whichever member calls them. Prints PASS or
FAIL lines; run_suites.py counts them.
"""

import asyncio
import json
import logging
import os
import sys
import warnings

ORIGIN, CLIENT = sys.argv[1], sys.argv[2]
URL = ORIGIN + "/v1"
os.environ.update(OPENAI_API_KEY="sk-none", OPENAI_BASE_URL=URL, OPENAI_AGENTS_DISABLE_TRACING="1")
warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)

ASKED = "What is 17 * 23?"
ANSWER = "391"
MESSAGES = [{"role": "user", "content": ASKED}]
PERSON = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
          "required": ["name", "age"], "additionalProperties": False}
TOOL = {"type": "function", "function": {"name": "person", "description": "notes a person", "strict": True,
                                         "parameters": PERSON}}
ADA = {"name": "Ada", "age": 36}
OPTIONS = {"base_url": URL, "api_key": "none", "max_retries": 0, "timeout": 120}


def check(label, test):
  try:
    wrong = test()
  except Exception as error:  # whatever a client raises is its verdict
    wrong = f"{type(error).__name__}: {error}"
  print(f"FAIL {CLIENT} {label}: {str(wrong)[:300]!r}" if wrong else f"PASS {CLIENT} {label}", flush=True)


def differs(got, wanted, usage=True):
  if not usage:
    return "no usage"
  if wanted == ANSWER:
    return None if ANSWER in (got or "") else f"{got!r} instead of {wanted!r}"
  return None if got == wanted else f"{got!r} instead of {wanted!r}"


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

  def tool_stream():
    with client.chat.completions.stream(model="trinity", messages=MESSAGES, tools=[TOOL],
                                        stream_options={"include_usage": True}) as events:
      for _ in events:
        pass
      answer = events.get_final_completion()
    call = answer.choices[0].message.tool_calls[0]
    if answer.choices[0].finish_reason != "tool_calls":
      return f"finish_reason {answer.choices[0].finish_reason}"
    return differs(json.loads(call.function.arguments), ADA, answer.usage)

  def tool_result():
    first = client.chat.completions.create(model="trinity", messages=MESSAGES, tools=[TOOL]).choices[0].message
    told = [*MESSAGES, first, {"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "noted"}]
    answer = client.chat.completions.create(model="trinity", messages=told, tools=[TOOL])
    return None if answer.choices[0].message.content else f"{answer.choices[0]}"

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

  def responses_stream():
    with client.responses.stream(model="trinity", input=ASKED) as events:
      for _ in events:
        pass
      answer = events.get_final_response()
    return differs(answer.output_text, ANSWER, answer.usage)

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
  check("parsed", parsed)
  check("responses", responses)
  check("responses stream", responses_stream)
  check("models", models)
  check("unknown model", wrong_model)


def langchain():
  from langchain_openai import ChatOpenAI
  model = ChatOpenAI(model="trinity", stream_usage=True, **OPTIONS)

  def whole(chunks):
    full = None
    for chunk in chunks:
      full = chunk if full is None else full + chunk
    return full

  def stream():
    full = whole(model.stream(ASKED))
    return differs(full.content, ANSWER, full.usage_metadata)

  def tool_stream():
    full = whole(model.bind_tools([TOOL]).stream(ASKED))
    return differs(full.tool_calls[0]["args"], ADA, full.usage_metadata)

  def responses():
    full = whole(ChatOpenAI(model="trinity", use_responses_api=True, **OPTIONS).stream(ASKED))
    return differs(full.text if isinstance(full.text, str) else full.text(), ANSWER)

  check("plain", lambda: differs(model.invoke(ASKED).content, ANSWER))
  check("stream", stream)
  check("tool stream", tool_stream)
  check("responses stream", responses)


def pydantic_ai():
  from openai import AsyncOpenAI
  from pydantic_ai import Agent
  from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
  from pydantic_ai.providers.openai import OpenAIProvider

  def agent(kind=OpenAIChatModel):
    return Agent(kind("trinity", provider=OpenAIProvider(openai_client=AsyncOpenAI(**OPTIONS))))

  def streamed(one):
    async def go():
      async with one.run_stream(ASKED) as result:
        output, usage = await result.get_output(), result.usage
        return output, usage() if callable(usage) else usage
    return asyncio.run(go())

  def stream(kind=OpenAIChatModel):
    output, usage = streamed(agent(kind))
    return differs(output, ANSWER, usage.input_tokens)

  def tool_stream():
    got, one = {}, agent()

    @one.tool_plain
    def person(name: str, age: int) -> str:
      got.update(name=name, age=age)
      return "noted"
    streamed(one)
    return differs(got, ADA)

  check("plain", lambda: differs(agent().run_sync(ASKED).output, ANSWER))
  check("stream", stream)
  check("tool stream", tool_stream)
  check("responses stream", lambda: stream(OpenAIResponsesModel))


def agents():
  from agents import (Agent, ModelSettings, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner,
                      function_tool, set_tracing_disabled)
  from openai import AsyncOpenAI
  set_tracing_disabled(True)
  got = {}

  @function_tool
  def person(name: str, age: int) -> str:
    "Notes a person."
    got.update(name=name, age=age)
    return "noted"

  def agent(kind=OpenAIChatCompletionsModel, tools=()):
    return Agent(name="one", model=kind("trinity", AsyncOpenAI(**OPTIONS)), tools=list(tools),
                 model_settings=ModelSettings(include_usage=True))

  def streamed(one):
    async def go():
      result = Runner.run_streamed(one, ASKED)
      async for _ in result.stream_events():
        pass
      return result
    return asyncio.run(go())

  def stream(kind=OpenAIChatCompletionsModel):
    result = streamed(agent(kind))
    return differs(result.final_output, ANSWER, result.context_wrapper.usage.input_tokens)

  def tool_stream():
    streamed(agent(tools=[person]))
    return differs(got, ADA)

  check("plain", lambda: differs(Runner.run_sync(agent(), ASKED).final_output, ANSWER))
  check("stream", stream)
  check("tool stream", tool_stream)
  check("responses stream", lambda: stream(OpenAIResponsesModel))


def llm():
  from llm.default_plugins.openai_models import Chat

  def model(**more):
    one = Chat("one", model_name="trinity", api_base=URL, can_stream=True, **more)
    one.key = "none"
    return one

  def stream():
    answer = model().prompt(ASKED, stream=True)
    text, usage = answer.text(), answer.usage()
    return differs(text, ANSWER, usage and usage.input)

  def tool_stream():
    got = {}

    def person(name: str, age: int) -> str:
      "Notes a person."
      got.update(name=name, age=age)
      return "noted"
    model(supports_tools=True).chain(ASKED, tools=[person], stream=True).text()
    return differs(got, ADA)

  check("plain", lambda: differs(model().prompt(ASKED, stream=False).text(), ANSWER))
  check("stream", stream)
  check("tool stream", tool_stream)


def instructor():
  import instructor as library
  from openai import OpenAI
  from pydantic import BaseModel

  class Person(BaseModel):
    name: str
    age: int

  def extracted(mode, partial):
    client = library.from_openai(OpenAI(**OPTIONS), mode=mode)
    asked = {"model": "trinity", "messages": MESSAGES, "response_model": Person, "max_retries": 0}
    if not partial:
      return differs(client.chat.completions.create(**asked).model_dump(), ADA)
    last = None
    for last in client.chat.completions.create_partial(**asked):
      pass
    return differs(last.model_dump(), ADA)

  check("tools", lambda: extracted(library.Mode.TOOLS, False))
  check("tool stream", lambda: extracted(library.Mode.TOOLS, True))
  check("JSON stream", lambda: extracted(library.Mode.JSON, True))


def sse():
  import httpx
  from httpx_sse import connect_sse

  def stream(more, wanted):
    text, arguments, usage = "", "", None
    body = {"model": "trinity", "messages": MESSAGES, "stream": True,
            "stream_options": {"include_usage": True}, **more}
    with httpx.Client(timeout=120, trust_env=False) as client:
      with connect_sse(client, "POST", URL + "/chat/completions", json=body) as source:
        for event in source.iter_sse():
          if event.data == "[DONE]":
            break
          chunk = json.loads(event.data)
          usage = chunk.get("usage") or usage
          for choice in chunk["choices"]:  # strictly: every chunk has them
            text += choice["delta"].get("content") or ""
            for call in choice["delta"].get("tool_calls") or []:
              arguments += call["function"].get("arguments") or ""
    return differs(json.loads(arguments) if arguments else text, wanted, usage)

  check("stream", lambda: stream({}, ANSWER))
  check("tool stream", lambda: stream({"tools": [TOOL]}, ADA))
  check("turn events", lambda: stream({"trinity": {"events": True}}, ANSWER))


def anthropic():
  from anthropic import Anthropic
  client = Anthropic(**{**OPTIONS, "base_url": ORIGIN})
  asked = {"model": "trinity", "max_tokens": 200, "messages": MESSAGES}
  tool = {"name": "person", "description": "notes a person", "input_schema": PERSON}

  def plain():
    answer = client.messages.create(**asked)
    return differs(answer.content[0].text, ANSWER, answer.usage.output_tokens)

  def stream(more, wanted):
    with client.messages.stream(**asked, **more) as events:
      for _ in events:
        pass
      answer = events.get_final_message()
    if more and answer.stop_reason != "tool_use":
      return f"stop_reason {answer.stop_reason}"
    return differs(answer.content[-1].input if more else answer.content[0].text, wanted, answer.usage.output_tokens)

  def langchain():
    from langchain_anthropic import ChatAnthropic
    text = ""
    for chunk in ChatAnthropic(model="trinity", base_url=ORIGIN, api_key="none", max_retries=0).stream(ASKED):
      text += chunk.content if isinstance(chunk.content, str) else "".join(
          block.get("text", "") for block in chunk.content)
    return differs(text, ANSWER)

  check("plain", plain)
  check("stream", lambda: stream({}, ANSWER))
  check("tool stream", lambda: stream({"tools": [tool]}, ADA))
  check("count_tokens",
        lambda: None if client.messages.count_tokens(model="trinity", messages=MESSAGES).input_tokens > 0 else "none")
  check("langchain stream", langchain)


globals()[CLIENT]()
