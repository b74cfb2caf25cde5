"""What the clients of the matrix share: the questions, the tool, and how a verdict is told."""

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
NOTED = "noted"  # what the tool says
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


def goes_on(text, usage=True):
  """After the tool's result: the member repeats it, or somebody else computes the answer."""
  if not usage:
    return "no usage"
  return None if NOTED in (text or "") or ANSWER in (text or "") else f"{text!r} after the tool's result"
