"""What clients are told of members that fail, and that another member takes over where one may.

  python check_faults.py URL FAULT...      the names of FAULTS in katan.py, `secure`, `replaced`
"""

import concurrent.futures
import sys

from openai import APIError, APIStatusError, OpenAI

CLIENT = OpenAI(base_url=sys.argv[1], api_key="none", max_retries=0, timeout=120)
MESSAGES = [{"role": "user", "content": "What is 17 * 23?"}]
KINDS = ("openai", "anthropic", "gemini")


def ask(model, **more):
  return CLIENT.chat.completions.create(model=model, messages=MESSAGES, max_tokens=64, **more)


def refused(model, status, code, words=""):
  try:
    answer = ask(model)
  except APIStatusError as error:
    assert (error.status_code, error.code) == (status, code), (error.status_code, error.body)
    assert words in error.message, error.message
    retry = error.response.headers.get("x-should-retry")
    assert retry in ("true", "false"), f"x-should-retry {retry}"
    assert error.response.headers.get("x-request-id"), error.response.headers
  else:
    raise AssertionError(f"an answer: {answer}")


def refused_stream(model, code):
  """Before or within the stream; never an end that looks like an answer's."""
  finishes = []
  try:
    for chunk in ask(model, stream=True):
      finishes += [choice.finish_reason for choice in chunk.choices if choice.finish_reason]
  except APIError as error:
    assert error.code == code, (error.code, error.body)
    assert not finishes, finishes
  else:
    raise AssertionError("the stream ended as if nothing had happened")


def fault(name, status, code, first=False):
  if first:  # the one that it lets through
    yield f"{name} before", lambda: ask(f"{name}-openai")
  for kind in KINDS:
    yield f"{name}-{kind}", lambda kind=kind: refused(f"{name}-{kind}", status, code)
    yield f"{name}-{kind} stream", lambda kind=kind: refused_stream(f"{name}-{kind}", code)


def narrow():
  """Two at once where one has room: one is answered, the other told to come again."""
  def status(_):
    try:
      return 200 if ask("narrow-openai") else 0
    except APIStatusError as error:
      assert error.code == "upstream_overloaded", error.body
      return error.status_code
  with concurrent.futures.ThreadPoolExecutor() as threads:
    got = sorted(threads.map(status, range(2)))
  assert got == [200, 503], got


def replaced(question):
  answer = CLIENT.chat.completions.with_raw_response.create(
      model="trinity:fast", messages=[{"role": "user", "content": question}])
  body = answer.parse()
  assert body.choices[0].message.content, body
  turns = body.usage.model_dump()["trinity"]["turns"]
  assert answer.headers["x-trinity-member"] == turns[-1]["member"] == "abacus", (answer.headers, turns)
  return bool(turns[-1].get("fallbacks"))


def replacements():
  came = [replaced(question) for question in ("What is 17 * 23?", "How many days are there in 3 weeks?",
                                              "What is 2^20?", "Convert 3 km to m.")]
  assert any(came), "the member that fails was never chosen"


TESTS = {
    "good": lambda: (),
    "limited": lambda: fault("limited", 429, "upstream_rate_limit", first=True),
    "late": lambda: fault("late", 504, "upstream_timeout", first=True),
    "broken": lambda: fault("broken", 502, "upstream_error"),
    "narrow": lambda: [("narrow", narrow)],
    "secure": lambda: [("secure", lambda: refused("secure-openai", 502, "upstream_error", "certificate"))],
    "replaced": lambda: [("replaced", replacements)],
}

for named in sys.argv[2:]:
  for label, test in TESTS[named]():
    try:
      test()
      print(f"PASS {label}", flush=True)
    except Exception as error:  # an error of the server is the result
      print(f"FAIL {label}: {type(error).__name__}: {str(error)[:300]!r}", flush=True)
