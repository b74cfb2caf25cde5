"""What the suite `security` sends: requests that two parsers could read differently, paths that try to get
around a check, bodies that try to break a reader. Each has a name for the table.
"""

H = b"Host: localhost\r\n"
POST = b"POST /v1/chat/completions HTTP/1.1\r\n" + H
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
END = b"GET /healthz HTTP/1.1\r\n" + H + b"\r\n"  # what a second parser might take for another request

SMUGGLING = {
    "length and chunked": POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + END,
    "chunked and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n" + END,
    "two lengths": POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd" + END,
    "the same length twice": POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc" + END,
    "a list of lengths": POST + b"Content-Length: 3, 3\r\n\r\nabc" + END,
    "length +3": POST + b"Content-Length: +3\r\n\r\nabc" + END,
    "length -1": POST + b"Content-Length: -1\r\n\r\n" + END,
    "length 0x3": POST + b"Content-Length: 0x3\r\n\r\nabc" + END,
    "length of 2^64": POST + b"Content-Length: 18446744073709551616\r\n\r\n" + END,
    "length with a space inside": POST + b"Content-Length: 1 0\r\n\r\n" + END,
    "xchunked": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + END,
    "chunked, identity": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + END,
    "identity, chunked": POST + b"Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n" + END,
    "chunked twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + END,
    "quoted chunked": POST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n' + END,
    "vertical tab before chunked": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + END,
    "chunked in HTTP/1.0": POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "space before a colon": POST + b"Content-Length : 3\r\n\r\nabc" + END,
    "a folded line": POST + b"A: b\r\n Content-Length: 3\r\n\r\nabc" + END,
    "a folded first field": b"GET /healthz HTTP/1.1\r\n Host: localhost\r\n\r\n",
    "bare LF": b"GET /healthz HTTP/1.1\nHost: localhost\n\n",
    "bare CR": b"GET /healthz HTTP/1.1\r\n" + H + b"A: b\rX: c\r\n\r\n",
    "NUL in a field": b"GET /healthz HTTP/1.1\r\n" + H + b"A: b\x00c\r\n\r\n",
    "no colon": b"GET /healthz HTTP/1.1\r\n" + H + b"Nonsense\r\n\r\n",
    "no Host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET /healthz HTTP/1.1\r\n" + H + H + b"\r\n",
    "an empty first line": b"\r\nGET /healthz HTTP/1.1\r\n" + H + b"\r\n",
    "two spaces": b"GET  /healthz HTTP/1.1\r\n" + H + b"\r\n",
    "HTTP/2.0": b"GET /healthz HTTP/2.0\r\n" + H + b"\r\n",
    "HTTP/0.9": b"GET /healthz\r\n\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a hello of TLS": b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + bytes(60) + b"\r\n\r\n",
    "LF in an extension": CHUNKED + b"3;a\nabc\r\n0\r\n\r\n",
    "chunk 0x3": CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n",
    "chunk -3": CHUNKED + b"-3\r\nabc\r\n0\r\n\r\n",
    "chunk of 2^64": CHUNKED + b"10000000000000000\r\nabc\r\n0\r\n\r\n",
    "chunk longer than it says": CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n",
    "chunk with an empty size": CHUNKED + b"\r\nabc\r\n0\r\n\r\n",
    "trailer that is no field": CHUNKED + b"0\r\nnonsense\r\n\r\n",
    "unknown coding of the body": POST + b"Content-Encoding: br\r\nContent-Length: 3\r\n\r\nabc",
    "damaged gzip": POST + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
    "unknown expectation": POST + b"Expect: miracles\r\nContent-Length: 3\r\n\r\nabc",
}

LIMITS = {
    "a field of 70 KiB": (431, b"GET /healthz HTTP/1.1\r\n" + H + b"A: " + b"a" * 70_000 + b"\r\n\r\n"),
    "a header of many fields": (431, b"GET /healthz HTTP/1.1\r\n" + H + b"A: b\r\n" * 150 + b"\r\n"),
    "a target of 70 KiB": (431, b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n" + H + b"\r\n"),
    "a length of 65 MiB": (413, POST + b"Content-Length: 68157440\r\n\r\n"),
    "a chunked body of 65 MiB": (413, CHUNKED + (b"100000\r\n" + b" " * 0x100000 + b"\r\n") * 65),
    "an extension of 5 KiB": (400, CHUNKED + b"1;" + b"a" * 5_000 + b"\r\n{\r\n0\r\n\r\n"),
    "extensions of 70 KiB together": (400, CHUNKED + (b"1;" + b"a" * 1_000 + b"\r\n \r\n") * 70 + b"0\r\n\r\n"),
    "101 trailers": (400, CHUNKED + b"2\r\n{}\r\n0\r\n" + b"A: b\r\n" * 101 + b"\r\n"),
}

# Without a key none of these may be answered; `metrics` is what they try to reach.
PATHS = [
    "/metrics", "/metrics/", "/METRICS", "/metrics?x=1", "//metrics", "/./metrics", "/healthz/../metrics",
    "/healthz/%2e%2e/metrics", "/healthz/%2E%2E/metrics", "/healthz%2f..%2fmetrics", "/healthz%2F%2e%2e%2fmetrics",
    "/readyz/..;/metrics", "/healthz;/metrics", "/healthz%00", "/healthz%3f", "/healthz#/metrics", "/healthz%23",
    "/healthz\\..\\metrics", "/%6detrics", "/v1/models", "/v1/models/", "/v1//models", "/models", "/MODELS",
    "/v1/models/abacus", "/v1/models/..%2f..%2fmetrics", "/V1/models", "http://localhost/metrics",
    "http://evil.example/healthz", "//evil.example/healthz", "localhost:80/metrics", "*", "metrics", "/",
    "/v1/chat/completions", "/chat/completions", "/v1/chat/completions/", "/v1/responses", "/responses", "/v1/messages",
    "/messages", "/v1/messages/count_tokens", "/v1/route", "/route", "/nothing", "/healthzz", "/healthz/x", "/readyz/x",
    "/favicon.ico", "/.git/config", "/v1",
]
METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE"]
ONLY_LIVENESS = {"/healthz", "/readyz"}

FOREIGN_HOSTS = [
    "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "0.0.0.0", "[::2]", "10.0.0.1",
    "127.evil.example", "localhost@evil.example", "metadata.google.internal", "169.254.169.254",
]


def chat_text(content):
  return b'{"model":"trinity","messages":[{"role":"user","content":' + content + b"}]}"


GOOD = b'{"model":"abacus","max_tokens":50,"messages":[{"role":"user","content":"2+2"}]'
BODIES = {
    "nothing": b"",
    "no JSON": b"What is 2+2?",
    "half an object": GOOD,
    "two objects": GOOD + b"}{}",
    "an array": b"[]",
    "a number": b"17",
    "null": b"null",
    "NUL behind": GOOD + b"}\x00",
    "100 levels": chat_text(b"[" * 100 + b"]" * 100),
    "100,000 levels": chat_text(b"[" * 100_000 + b"]" * 100_000),
    "a million open brackets": b"[" * 1_000_000,
    "a million open objects": b'{"a":' * 200_000,
    "a number beyond all": GOOD + b',"temperature":1e400}',
    "a number of 10,000 digits": GOOD[:-1] + b'],"max_tokens":' + b"9" * 10_000 + b"}",
    "tokens below 0": GOOD.replace(b"50", b"-5") + b"}",
    "tokens beyond 2^63": GOOD.replace(b"50", b"9223372036854775808") + b"}",
    "tokens of 1e308": GOOD.replace(b"50", b"1e308") + b"}",
    "NaN": GOOD.replace(b"50", b"NaN") + b"}",
    "Infinity": GOOD + b',"temperature":Infinity}',
    "a key twice": b'{"model":"abacus","model":"trinity","max_tokens":50,"messages":[{"role":"user","content":"2+2"}]}',
    "messages twice": GOOD + b',"messages":[]}',
    "a role twice": b'{"model":"abacus","max_tokens":50,"messages":[{"role":"system","role":"user","content":"2+2"}]}',
    "ill-formed UTF-8": chat_text(b'"\xff\xfe"'),
    "UTF-8 that is cut": chat_text(b'"\xe2\x82"'),
    "overlong UTF-8": chat_text(b'"\xc0\xaf"'),
    "UTF-8 of a surrogate": chat_text(b'"\xed\xa0\x80"'),
    "a lone high surrogate": chat_text(b'"\\ud800"'),
    "a lone low surrogate": chat_text(b'"\\udc00 x"'),
    "surrogates in the wrong order": chat_text(b'"\\udc00\\ud800"'),
    "a control character": chat_text(b'"a\nb"'),
    "UTF-16": chat_text(b'"x"').decode().encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf[]",
    "content that is a number": chat_text(b"5"),
    "content that is an object": chat_text(b'{"a":1}'),
    "content of a part that is a number": chat_text(b"[5]"),
    "content of an unknown part": chat_text(b'[{"type":"hologram"}]'),
    "messages that are a text": b'{"model":"trinity","messages":"x","input":5}',
    "messages that hold numbers": b'{"model":"trinity","max_tokens":5,"messages":[1,2],"input":[1]}',
    "no messages": b'{"model":"trinity","max_tokens":5,"messages":[],"input":[]}',
    "a model that is a number": b'{"model":5,"max_tokens":5,"messages":[{"role":"user","content":"x"}],"input":"x"}',
    "a role that is none": b'{"model":"trinity","max_tokens":5,"messages":[{"role":"emperor","content":"x"}]}',
    "stream that is a text": GOOD + b',"stream":"yes"}',
    "tools that are a text": GOOD + b',"tools":"all"}',
    "a picture that is no address": chat_text(b'[{"type":"image_url","image_url":{"url":"file:///etc/passwd"}}]'),
}
ENDPOINTS = ["/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/messages/count_tokens", "/v1/route"]
