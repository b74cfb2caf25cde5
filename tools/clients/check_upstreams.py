"""Members of three kinds behind the server, asked plain and streamed by OpenAI's client.

  python check_upstreams.py URL MEMBER...
"""

import sys

from openai import OpenAI

CLIENT = OpenAI(base_url=sys.argv[1], api_key="none", max_retries=0, timeout=120)
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say lighthouse."}]


def plain(member):
  answer = CLIENT.chat.completions.create(model=member, messages=MESSAGES, max_tokens=64)
  assert answer.choices[0].message.content, answer
  assert answer.usage.total_tokens, answer
  assert answer.choices[0].finish_reason, answer


def stream(member):
  text, usage, finish = "", None, None
  for chunk in CLIENT.chat.completions.create(model=member, messages=MESSAGES, max_tokens=64, stream=True,
                                              stream_options={"include_usage": True}):
    usage = chunk.usage or usage
    for choice in chunk.choices:
      text += choice.delta.content or ""
      finish = choice.finish_reason or finish
  assert text and usage and usage.total_tokens and finish, (text, usage, finish)


for name in sys.argv[2:]:
  for test in (plain, stream):
    try:
      test(name)
      print(f"PASS {name} {test.__name__}", flush=True)
    except Exception as error:  # an error of the server is the result
      print(f"FAIL {name} {test.__name__}: {type(error).__name__}: {str(error)[:200]}", flush=True)
