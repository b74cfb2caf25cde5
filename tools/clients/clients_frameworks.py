"""Libraries that build upon an SDK: LangChain, Pydantic AI, OpenAI's agents, llm, Instructor."""

import asyncio

from client_base import ADA, ANSWER, ASKED, MESSAGES, NOTED, OPTIONS, ORIGIN, TOOL, URL, check, differs, goes_on


def whole(chunks):
  full = None
  for chunk in chunks:
    full = chunk if full is None else full + chunk
  return full


def text_of(message):
  return message.text if isinstance(message.text, str) else message.text()


def langchain_checks(model):
  from langchain_core.messages import HumanMessage, ToolMessage

  def stream():
    full = whole(model.stream(ASKED))
    return differs(text_of(full), ANSWER, full.usage_metadata)

  def tool_stream():
    first = whole(model.bind_tools([TOOL]).stream(ASKED))
    wrong = differs(first.tool_calls[0]["args"], ADA, first.usage_metadata)
    if wrong:
      return wrong
    answer = whole(model.bind_tools([TOOL]).stream(
        [HumanMessage(ASKED), first, ToolMessage(NOTED, tool_call_id=first.tool_calls[0]["id"])]))
    return goes_on(text_of(answer), answer.usage_metadata)

  def plain():
    answer = model.invoke(ASKED)
    return differs(text_of(answer), ANSWER, answer.usage_metadata)

  return {"plain": plain, "stream": stream, "tool stream and result": tool_stream}


def langchain():
  from langchain_openai import ChatOpenAI
  for label, test in langchain_checks(ChatOpenAI(model="trinity", stream_usage=True, **OPTIONS)).items():
    check(label, test)
  for label, test in langchain_checks(ChatOpenAI(model="trinity", use_responses_api=True, **OPTIONS)).items():
    check(f"responses {label}", test)


def langchain_anthropic():
  from langchain_anthropic import ChatAnthropic
  model = ChatAnthropic(model="trinity", base_url=ORIGIN, api_key="none", max_retries=0, timeout=120, max_tokens=200)
  for label, test in langchain_checks(model).items():
    check(label, test)


def pydantic_ai():
  from openai import AsyncOpenAI
  from pydantic_ai import Agent
  from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
  from pydantic_ai.providers.openai import OpenAIProvider

  def agent(kind):
    return Agent(kind("trinity", provider=OpenAIProvider(openai_client=AsyncOpenAI(**OPTIONS))))

  def streamed(one):
    async def go():
      async with one.run_stream(ASKED) as result:
        output, usage = await result.get_output(), result.usage
        return output, usage() if callable(usage) else usage
    return asyncio.run(go())

  def stream(kind):
    output, usage = streamed(agent(kind))
    return differs(output, ANSWER, usage.input_tokens)

  def tool_stream(kind):
    got, one = {}, agent(kind)

    @one.tool_plain
    def person(name: str, age: int) -> str:
      got.update(name=name, age=age)
      return NOTED
    output, usage = streamed(one)
    return differs(got, ADA) or goes_on(output, usage.input_tokens)

  for label, kind in {"": OpenAIChatModel, "responses ": OpenAIResponsesModel}.items():
    check(f"{label}plain", lambda: differs(agent(kind).run_sync(ASKED).output, ANSWER))
    check(f"{label}stream", lambda: stream(kind))
    check(f"{label}tool stream and result", lambda: tool_stream(kind))


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
    return NOTED

  def agent(kind, tools=()):
    return Agent(name="one", model=kind("trinity", AsyncOpenAI(**OPTIONS)), tools=list(tools),
                 model_settings=ModelSettings(include_usage=True))

  def streamed(one):
    async def go():
      result = Runner.run_streamed(one, ASKED)
      async for _ in result.stream_events():
        pass
      return result
    return asyncio.run(go())

  def stream(kind):
    result = streamed(agent(kind))
    return differs(result.final_output, ANSWER, result.context_wrapper.usage.input_tokens)

  def tool_stream(kind):
    got.clear()
    result = streamed(agent(kind, [person]))
    return differs(got, ADA) or goes_on(result.final_output, result.context_wrapper.usage.input_tokens)

  for label, kind in {"": OpenAIChatCompletionsModel, "responses ": OpenAIResponsesModel}.items():
    check(f"{label}plain", lambda: differs(Runner.run_sync(agent(kind), ASKED).final_output, ANSWER))
    check(f"{label}stream", lambda: stream(kind))
    check(f"{label}tool stream and result", lambda: tool_stream(kind))


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
      return NOTED
    text = model(supports_tools=True).chain(ASKED, tools=[person], stream=True).text()
    return differs(got, ADA) or goes_on(text)

  check("plain", lambda: differs(model().prompt(ASKED, stream=False).text(), ANSWER))
  check("stream", stream)
  check("tool stream and result", tool_stream)


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
