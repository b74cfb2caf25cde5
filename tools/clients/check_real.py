"""llama.cpp's server behind ours: what it says arrives, what is no longer wanted ends there, too.

  python check_real.py URL LLAMA_ORIGIN
"""

import json
import sys
import time
import urllib.request

from openai import APIStatusError, OpenAI

URL, LLAMA = sys.argv[1], sys.argv[2]
CLIENT = OpenAI(base_url=URL, api_key="none", max_retries=0, timeout=120)
MESSAGES = [{"role": "user", "content": "hi"}]
PICTURE = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9" \
          "awAAAABJRU5ErkJggg=="
FREE_SECONDS = 10  # a slot must be free again this long after its client has gone


def plain():
  answer = CLIENT.chat.completions.create(model="llama", messages=MESSAGES, max_tokens=16)
  assert answer.usage.completion_tokens and answer.choices[0].finish_reason in ("length", "stop"), answer


def stream():
  usage, pieces = None, 0
  for chunk in CLIENT.chat.completions.create(model="llama", messages=MESSAGES, max_tokens=16, stream=True,
                                              stream_options={"include_usage": True}):
    usage = chunk.usage or usage
    pieces += sum(bool(choice.delta.content) for choice in chunk.choices)
  assert usage and usage.completion_tokens and pieces > 1, (usage, pieces)


def busy():
  with urllib.request.urlopen(LLAMA + "/slots", timeout=30) as answer:
    return sum(slot["is_processing"] for slot in json.load(answer))


def cancel():
  events = CLIENT.chat.completions.create(model="llama", messages=MESSAGES, max_tokens=100000, stream=True,
                                          extra_body={"ignore_eos": True})
  next(iter(events))
  assert busy(), "the member did not work"
  events.close()
  end = time.monotonic() + FREE_SECONDS
  while busy():
    assert time.monotonic() < end, "the member still works for a client that has gone"
    time.sleep(0.05)


def context():
  try:
    CLIENT.chat.completions.create(model="llama", messages=[{"role": "user", "content": "word " * 3000}])
  except APIStatusError as error:
    assert error.status_code == 400 and error.code == "context_length_exceeded", (error.status_code, error.body)
  else:
    raise AssertionError("no error")


def image():
  """llama.cpp answers a picture that its model cannot see with 500; that is no server's failure."""
  picture = {"type": "image_url", "image_url": {"url": PICTURE}}
  try:
    CLIENT.chat.completions.create(model="blind", messages=[{"role": "user", "content": [
        {"type": "text", "text": "What is this?"}, picture]}])
  except APIStatusError as error:
    assert error.status_code == 400 and error.code == "unsupported_value", (error.status_code, error.body)
  else:
    raise AssertionError("no error")


def no_image():
  """A member that is not said to see is not asked at all."""
  picture = {"type": "image_url", "image_url": {"url": PICTURE}}
  try:
    CLIENT.chat.completions.create(model="llama", messages=[{"role": "user", "content": [picture]}])
  except APIStatusError as error:
    assert error.status_code == 400 and error.code == "unsupported_modality", (error.status_code, error.body)
  else:
    raise AssertionError("no error")


for test in (plain, stream, cancel, context, image, no_image):
  try:
    test()
    print(f"PASS {test.__name__}", flush=True)
  except Exception as error:  # an error of the server is the result
    print(f"FAIL {test.__name__}: {type(error).__name__}: {str(error)[:300]}", flush=True)
