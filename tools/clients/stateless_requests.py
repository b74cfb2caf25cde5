"""A pytest plugin: what the tests of OpenAI's SDK ask of Responses, without what needs a memory.

Their bodies are made from the description: either nothing at all, or every field at once, conversations
that the server should remember among them. A server without a memory rightly refuses both. With this the
first has a model and an input and the second lacks the memory; all the rest goes out as it stands, and the
answers are checked as always.
"""

from openai._base_client import BaseClient

MEMORY = ("previous_response_id", "conversation", "prompt", "background", "background_options")


def amend(options):
  body = options.json_data
  if options.url == "/responses" and isinstance(body, dict):
    kept = {key: value for key, value in body.items() if key not in MEMORY}
    options.json_data = {"model": "trinity", "input": "string", **kept}


def amended(build):
  def build_amended(self, options, **more):
    amend(options)
    return build(self, options, **more)
  return build_amended


BaseClient._build_request = amended(BaseClient._build_request)
