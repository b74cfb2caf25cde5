"""A conversation with SmolLM2 among those who work on it, streamed: real weights end in an accepted answer.

  python check_smollm2.py URL

Who has which turn is told by the usage of each answer. The slot that the router picks for such questions is
SmolLM2's (see llama.py), so that it must answer as a Worker; as a Verifier it gives no verdict that can be
read, and a member of the demo pool, which computes the question anew, takes its place.
"""

import sys

from openai import OpenAI

CLIENT = OpenAI(base_url=sys.argv[1], api_key="none", max_retries=0, timeout=300)


def ask(model, messages):
  """(text, pieces, usage) of a stream"""
  text, pieces, usage = "", 0, None
  for chunk in CLIENT.chat.completions.create(model=model, messages=messages, stream=True,
                                              stream_options={"include_usage": True}):
    usage = chunk.usage or usage
    for choice in chunk.choices:
      text += choice.delta.content or ""
      pieces += bool(choice.delta.content)
  return text, pieces, usage.model_dump()


def told(messages):
  return [{"role": role, "content": text} for role, text in zip(("user", "assistant") * len(messages), messages)]


def directly():
  """Piece by piece, from the weights."""
  text, pieces, usage = ask("smollm2", told(["Name a color."]))
  assert text.strip() and pieces > 1 and usage["completion_tokens"] > 1, (text, pieces, usage)


def accepted(messages, wanted):
  """The last question's answer, after a Worker's turn of SmolLM2 and a Verifier's acceptance."""
  text, _, usage = ask("trinity", told(messages))
  run = usage["trinity"]
  turns = [(turn["member"], turn["role"]) for turn in run["turns"]]
  assert ("smollm2", "Worker") in turns, turns
  assert run["final_status"] == "accepted" and run["verified"] is True, (run, text)
  member, role = turns[-1]
  assert role == "Verifier" and member != "smollm2", turns
  assert wanted in text, (text, turns)
  return text


def conversation():
  questions = [("What is 2 + 2?", "4"), ("What is 3 + 4?", "7")]
  messages = []
  for question, wanted in questions:
    messages.append(question)
    messages.append(accepted(messages, wanted))


def rejected():
  """A sum that is too hard: rejected, and asked again with two answers behind the question."""
  _, _, usage = ask("trinity", told(["What is 17 * 23?"]))
  turns = [turn["member"] for turn in usage["trinity"]["turns"] if turn["role"] == "Worker"]
  assert turns.count("smollm2") > 1 or usage["trinity"]["verified"], usage["trinity"]


for test in (directly, conversation, rejected):
  try:
    test()
    print(f"PASS {test.__name__}", flush=True)
  except Exception as error:  # an error of the server is the result
    print(f"FAIL {test.__name__}: {type(error).__name__}: {str(error)[:300]!r}", flush=True)
