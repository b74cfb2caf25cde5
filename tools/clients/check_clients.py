"""One client library against the server: plain, streamed, a streamed tool call and its result, usage.

  python check_clients.py ORIGIN CLIENT

Plain text goes through the loop (model `trinity`), tools to whichever member calls them. Prints PASS or
FAIL lines; run_suites.py counts them. The clients are functions of clients_sdk.py and clients_frameworks.py.
"""

import client_base
import clients_frameworks
import clients_sdk

for module in (clients_sdk, clients_frameworks):
  test = getattr(module, client_base.CLIENT, None)
  if test:
    test()
