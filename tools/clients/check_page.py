"""A browser on the page of `trinity serve`: PASS and FAIL lines for the suite `page`.

  check_page.py BINARY [--screenshots FOLDER] [--files FOLDER]

A prompt is sent and a run is read by keyboard alone, what a model writes is shown and never run, axe finds
nothing, nothing is wider than the window. `--screenshots` keeps a picture of each look, `--files` takes the
page's files from a folder instead of the program, so that changes need no build.
"""

import argparse
import hashlib
import json
import mimetypes
import shutil
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error, sync_playwright

import upstream
from server import Server, demo_members, http_member, slots

PLANTED = ('<img src=x onerror="window.planted=1"><script>window.planted=2</script> '
           '\u202eright to left\u2066 <b>bold</b> &amp; \u0007 javascript:window.planted=3')
SHAPES = {"light": {}, "dark": {"color_scheme": "dark"},
          "narrow": {"viewport": {"width": 360, "height": 740}},
          "narrow dark": {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark"},
          "zoomed": {"viewport": {"width": 640, "height": 400}, "device_scale_factor": 2}}
WAITING = threading.Event()  # calls of the upstream that wait are let go at the end
cut = []  # calls whose client went away while they waited


class Echo(upstream.Handler):
  """An upstream that says what it was asked, waits when it is asked to, and fails when it is asked to."""

  def do_POST(self):
    body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
    text = next((one["content"] for one in reversed(body["messages"]) if one["role"] == "user"), "")
    text = text if isinstance(text, str) else "".join(part.get("text", "") for part in text)
    if text.startswith("fail"):
      return self.send_json(400, {"error": {"message": "refused <b>boldly</b>", "type": "invalid_request_error"}})
    if text.startswith("wait"):
      self.connection.settimeout(0.1)
      while not WAITING.is_set():
        try:
          if self.connection.recv(1) == b"":
            cut.append(text)
            return
        except TimeoutError:
          pass
    base = {"id": "chatcmpl-echo", "created": 1, "model": "echo"}
    if body.get("stream"):
      return self.stream(body, base, text, [], "stop")
    self.send_json(200, {**base, "object": "chat.completion", "usage": upstream.usage_of(body, text, []),
                         "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]})


class Checks:
  """A page in a window of some shape, with what its console said."""

  def __init__(self, browser, origin, options):
    self.browser, self.origin, self.options = browser, origin, options
    self.contexts = []

  def open(self, shape="light", url="/", **more):
    context = self.browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **SHAPES[shape], **more})
    self.contexts.append(context)
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.said, page.asked = [], []
    page.on("console", lambda message: page.said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.on("request", lambda request: page.asked.append(request.url))
    if self.options.files:
      page.route("**/page/*", self.from_folder)
      page.route(self.origin + "/", self.from_folder)
    page.goto(self.origin + url)
    return page

  def from_folder(self, route):
    name = route.request.url.split("#")[0].removeprefix(self.origin).removeprefix("/page").strip("/") or "index.html"
    answer = route.fetch()
    headers = {**answer.headers, "content-type": mimetypes.guess_type(name)[0]}
    route.fulfill(status=200, headers=headers, body=(self.options.files / name).read_bytes())

  def picture(self, page, name):
    if self.options.screenshots:
      page.screenshot(path=self.options.screenshots / f"{name.replace(' ', '_')}.png")

  def close(self):
    for context in self.contexts:
      context.close()
    self.contexts.clear()


def until(page, expression, seconds=15):
  """Asks again and again: the page's own policy forbids what wait_for_function does."""
  end = time.monotonic() + seconds
  while not page.evaluate(expression):
    assert time.monotonic() < end, f"never true: {expression}"
    page.wait_for_timeout(20)


def ready(page):
  page.locator("#connection[data-state=live]").wait_for()
  page.locator("#pool li").first.wait_for()


def ask(origin, prompt, model="trinity", **headers):
  body = json.dumps({"model": model, "messages": [{"role": "user", "content": prompt}]}).encode()
  request = urllib.request.Request(origin + "/v1/chat/completions", body,
                                   {"Content-Type": "application/json", **headers})
  with urllib.request.urlopen(request, timeout=60) as answer:
    return answer.headers["x-request-id"]


def focused(page):
  return page.evaluate("document.activeElement.id || document.activeElement.textContent")


def tab_to(page, wanted, most=40):
  for _ in range(most):
    page.keyboard.press("Tab")
    if wanted in focused(page):
      return
  raise AssertionError(f"the Tab key never came to {wanted}")


def send(page, prompt, model="trinity"):
  page.fill("#prompt", prompt)
  page.select_option("#model", model)
  page.click("#send")


def ended(page, text="Done"):
  page.locator("#outcome", has_text=text).wait_for()


def expect_no_wider(page, what):
  wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
  assert wide <= 0, f"{what} is {wide} px wider than the window"
  inner = page.evaluate("""() => { const d = document.getElementById('story');
      return d.open ? d.scrollWidth - d.clientWidth : 0 }""")
  assert inner <= 0, f"the story is {inner} px wider than its panel"


def expect_accessible(page, what):
  found = Axe().run(page).response["violations"]
  assert not found, f"{what}: " + "; ".join(
      f"{one['id']}: {one['nodes'][0]['html'][:120]} {one['nodes'][0].get('failureSummary', '')[:200]}" for one in found)


# ---- what is checked


def by_keyboard(checks):
  """A prompt is sent, its run is read and closed again by keyboard alone"""
  page = checks.open()
  ready(page)
  page.evaluate("""() => { window.told = []; new MutationObserver(() =>
      window.told.push(document.getElementById('announce').textContent)).observe(
      document.getElementById('announce'), {childList: true}) }""")
  tab_to(page, "prompt")
  page.keyboard.type("What is 17*23?")
  tab_to(page, "send")
  page.keyboard.press("Enter")
  ended(page)
  assert "391" in page.inner_text("#answer"), page.inner_text("#answer")
  assert page.locator("#turns li").count() >= 2
  assert "margin" in page.locator("#turns li").first.inner_text()
  until(page, "window.told.some(text => text.startsWith('Done'))")
  told = page.evaluate("window.told")
  assert any(text.startswith("Turn 1: ") for text in told), told
  assert len(told) < 40, "the answer's pieces are not announced one by one"
  tab_to(page, "open-story")
  page.keyboard.press("Enter")
  page.locator("#story[open] .timeline > li").first.wait_for()
  assert page.evaluate("document.getElementById('story').contains(document.activeElement)")
  turns = page.locator("#story .timeline > li")
  assert turns.count() == page.locator("#turns li").count()
  assert turns.first.locator("tbody tr").count() == 10, "seven members and three roles"
  assert turns.first.locator("tr.chosen").count() == 2
  page.keyboard.press("Escape")
  page.locator("#story:not([open])").wait_for(state="attached")
  assert focused(page) == "open-story", focused(page)
  assert page.said == [], page.said
  assert all(url.startswith(checks.origin) for url in page.asked), page.asked


def live_runs(checks):
  """A run of another client shows up by itself, its link opens its story, and that leads to its conversation"""
  page = checks.open()
  ready(page)
  ask(checks.origin, "Is 1007 prime?", **{"x-conversation-id": "primes"})
  until(page, "document.querySelector('#runs > li') && !document.getElementById('runs').textContent.includes('at work')")
  before = page.locator("#runs > li").count()
  run = ask(checks.origin, "Is 1009 prime?", **{"x-conversation-id": "primes"})
  until(page, f"document.querySelectorAll('#runs > li').length > {before}")
  first = page.locator("#runs > li").first
  until(page, "!document.querySelector('#runs > li').textContent.includes('at work')")
  assert "turn" in first.inner_text()
  first.locator("button").click()
  page.locator("#story[open] .timeline > li").first.wait_for()
  assert run in page.url
  earlier = page.locator("#story .others button")
  assert earlier.count() == 1, "the run of the same conversation"
  earlier.click()
  until(page, f"!location.href.includes('{run}') && document.querySelectorAll('#story .timeline > li').length > 0")
  other = checks.open(url=f"/#run={run}")
  other.locator("#story[open] .timeline > li").first.wait_for()
  unknown = checks.open(url="/#run=%3Cimg%20src%3Dx%3E")
  unknown.locator("#story .bad").wait_for()
  assert page.said == other.said == [], page.said + other.said


def planted(checks):
  """What clients and models write is shown as text and not run"""
  page = checks.open()
  ready(page)
  send(page, PLANTED, "echo")
  ended(page)
  assert page.evaluate("document.getElementById('answer').textContent") == PLANTED
  assert page.locator("#answer *").count() == 0
  assert page.evaluate("getComputedStyle(document.getElementById('answer')).unicodeBidi") == "isolate"
  run = ask(checks.origin, PLANTED, "echo", **{"x-conversation-id": '<img src=x onerror="window.planted=4">'})
  page.goto(f"{checks.origin}/#run={run}")
  page.reload()
  page.locator("#story[open] .timeline > li").first.wait_for()
  assert "<img src=x" in page.inner_text("#story"), "the id of the conversation is shown"
  send_failing(checks, page)
  assert page.evaluate("window.planted") is None
  assert page.locator("img").count() == 1, "the page's own"
  assert page.said == [], page.said


def send_failing(checks, page):
  page.keyboard.press("Escape")
  send(page, "fail", "echo")
  page.locator("#outcome .bad").wait_for()
  assert "<b>boldly</b>" in page.inner_text("#outcome"), page.inner_text("#outcome")
  page.said[:] = [one for one in page.said if "400" not in one and "Failed to load resource" not in one]


def stopped(checks):
  """The Stop button cancels the member's call"""
  page = checks.open()
  ready(page)
  send(page, "wait for me", "echo")
  page.locator("#stop").wait_for()
  until(page, "document.querySelector('#runs > li')?.textContent.includes('at work')")
  assert focused(page) == "stop", focused(page)
  checks.picture(page, "running")
  page.keyboard.press("Enter")
  ended(page, "Stopped")
  until(page, "document.querySelector('#runs > li').textContent.includes('cancelled')")
  end = time.monotonic() + 10
  while not cut and time.monotonic() < end:
    time.sleep(0.02)
  assert cut, "the member's call goes on"
  assert focused(page) == "send", focused(page)
  assert page.said == [], page.said


def long_texts(checks):
  """Long words and many turns stay in the window"""
  for shape in SHAPES:
    page = checks.open(shape)
    ready(page)
    send(page, "x" * 3000, "echo")
    ended(page)
    expect_no_wider(page, shape)


def looks(checks):
  """axe finds nothing and nothing is wider than the window: {}"""
  for prompt in ("What is 17*23?", "How many r are in strawberry?", "Name a colour", "What is 3 - 4 - 5?"):
    ask(checks.origin, prompt)

  def look(shape):
    page = checks.open(shape)
    ready(page)
    expect_accessible(page, "the page")
    expect_no_wider(page, "the page")
    send(page, "What is 3 - 4 - 5?")
    ended(page)
    checks.picture(page, shape)
    if checks.options.screenshots:
      page.screenshot(path=checks.options.screenshots / f"{shape.replace(' ', '_')}_whole.png", full_page=True)
    expect_accessible(page, "with an answer")
    expect_no_wider(page, "with an answer")
    page.locator("#runs button").first.click()
    page.locator("#story[open] .timeline > li").first.wait_for()
    page.wait_for_timeout(100)
    checks.picture(page, f"{shape} story")
    expect_accessible(page, "the story")
    expect_no_wider(page, "the story")
    assert page.said == [], page.said

  return [(f"axe finds nothing and nothing is wider than the window: {shape}", lambda shape=shape: look(shape))
          for shape in SHAPES]


def quiet(checks):
  """Nothing moves for those who asked for that"""
  moving = {}
  for wish in ("reduce", "no-preference"):
    page = checks.open(reduced_motion=wish)
    ready(page)
    send(page, "wait for me", "echo")
    page.locator(".status[data-kind=busy]").first.wait_for()
    moving[wish] = page.evaluate("document.getAnimations().length")
    page.click("#stop")
    ended(page, "Stopped")
  assert moving["reduce"] == 0 and moving["no-preference"] > 0, moving


def headers(checks):
  """The page's policy forbids everything that is not its own"""
  request = urllib.request.Request(checks.origin + "/", headers={"Accept": "text/html"})
  with urllib.request.urlopen(request) as answer:
    policy, tag = answer.headers["Content-Security-Policy"], answer.headers["ETag"]
    assert "default-src 'none'" in policy and "unsafe" not in policy, policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    text = answer.read().decode()
  assert " style=" not in text and "<script>" not in text and "http" not in text.replace("<!doctype html>", ""), text
  try:
    urllib.request.urlopen(urllib.request.Request(checks.origin + "/", headers={"Accept": "text/html", "If-None-Match": tag}))
    raise AssertionError("the same page is sent again")
  except urllib.error.HTTPError as same:
    assert same.code == 304, same.code


def left_alone(checks, server):
  """A server that ends is said to be away"""
  page = checks.open()
  ready(page)
  server.close()
  page.locator("#connection[data-state=away]").wait_for()
  expect_accessible(page, "without a server")


def with_keys(checks):
  """A server with keys asks for one, keeps it in the tab alone, and shows each key its own"""
  page = checks.open()
  page.locator("#key-card").wait_for()
  until(page, "document.activeElement.id === 'key'")
  expect_accessible(page, "the question for a key")
  checks.picture(page, "key")
  page.keyboard.type("not-a-key-of-this-server")
  page.keyboard.press("Enter")
  page.locator("#key-error", has_text="does not know").wait_for()
  page.fill("#key", "alices-secret-key-1")
  page.keyboard.press("Enter")
  ready(page)
  bobs = ask(checks.origin, "What is 2+2?", Authorization="Bearer bobs-secret-key-123")
  send(page, "What is 2+3?")
  ended(page)
  until(page, "document.querySelectorAll('#runs > li').length === 1")
  assert "alice" in page.inner_text("#facts")
  kept = page.evaluate("""({session: Object.values(sessionStorage), local: localStorage.length,
      cookies: document.cookie, address: location.href})""")
  assert kept["session"] == ["alices-secret-key-1"] and kept["local"] == 0 and kept["cookies"] == "", kept
  assert "secret" not in kept["address"] and not any("secret" in url for url in page.asked)
  page.goto(f"{checks.origin}/#run={bobs}")
  page.reload()
  page.locator("#story .bad").wait_for()
  page.keyboard.press("Escape")
  ready(page)
  assert page.locator("#budgets li").count() == 1, page.inner_text("#budgets")
  checks.picture(page, "budgets")
  page.click("#forget-key")
  page.locator("#key-card").wait_for()
  assert page.evaluate("sessionStorage.length") == 0
  unexpected = [one for one in page.said if "401" not in one and "404" not in one]
  assert unexpected == [], unexpected


def run(name, check, checks):
  try:
    check()
    print(f"PASS {name}", flush=True)
  except (AssertionError, Error, OSError) as error:
    print(f"FAIL {name}: {' '.join(str(error).split())[:400]}", flush=True)
  finally:
    checks.close()


def main():
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("binary")
  parser.add_argument("--screenshots", type=Path)
  parser.add_argument("--files", type=Path)
  options = parser.parse_args()
  if options.screenshots:
    options.screenshots.mkdir(parents=True, exist_ok=True)
  echo = upstream.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
  echo.daemon_threads = True
  threading.Thread(target=echo.serve_forever, daemon=True).start()
  pool = (demo_members() + http_member("echo", f"http://127.0.0.1:{echo.server_address[1]}/v1",
                                       more="price = { input = 1.0, output = 2.0 }\n") + slots("clerk"))
  chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
  with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
    browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
    with Server(options.binary, pool) as server:
      checks = Checks(browser, server.origin, options)
      for check in (headers, by_keyboard, live_runs, planted, stopped, long_texts, quiet):
        run(check.__doc__, lambda: check(checks), checks)
      for name, look in looks(checks):
        run(name, look, checks)
      run(left_alone.__doc__, lambda: left_alone(checks, server), checks)
    keys = Path(folder) / "keys"
    keys.write_text("alice = alices-secret-key-1\nbob = sha256:"
                    + hashlib.sha256(b"bobs-secret-key-123").hexdigest() + "\n")
    with Server(options.binary, pool, ["--api-keys", str(keys), "--budget", "key:*=5usd/day"]) as server:
      checks = Checks(browser, server.origin, options)
      run(with_keys.__doc__, lambda: with_keys(checks), checks)
    WAITING.set()
    browser.close()
  return 0


if __name__ == "__main__":
  sys.exit(main())
