"""Exchanges with canaries in places that nobody thinks of, and in writings that nobody reads aloud.

Owns what is sent and which canaries are in it. `token` tells itself, `opaque` is found by its name alone.
"""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from urllib.parse import quote, quote_plus

from outgate.redact.exchange import Body, Exchange, Request, Response, WebSocketMessage
from redact.samples import sample

CASES: dict[str, tuple[Exchange, tuple[str, ...]]] = {}
KEY = "".join(f"{sample('{w60}', number)}\n" for number in range(6))
PEM = f"-----BEGIN PRIVATE KEY-----\n{KEY}-----END PRIVATE KEY-----\n"


def token(place):
    return sample("ghp_{w36}", place)


def opaque(place):
    return sample("{w24}", place)


def mail(place):
    return f"{sample('{l10}', place)}@{sample('{l8}', place)}.com"


def card(place):
    digits = f"4532{sample('{d11}', place)}"
    doubled = [int(digit) * (2 - at % 2) for at, digit in enumerate(digits)]
    return f"{digits}{-sum(each - 9 * (each > 9) for each in doubled) % 10}"


def put(name, *canaries, method="GET", target="/", **facts):
    def pairs(which):
        fields = [(each, value) for each, value in facts.get(which, ())]
        return tuple((each.encode("latin-1"), value.encode()) for each, value in fields)

    request = Request(method, "https", "api.example", 443, target, fields=pairs("asked"), body=Body(facts.get("sent")))
    answer = Response(
        facts.get("status", 200),
        facts.get("reason", "OK"),
        fields=pairs("answered"),
        body=Body(facts.get("answer", b"")),
        trailers=pairs("trailers"),
    )
    exchange = Exchange(name, 1e9, request, answer, messages=facts.get("messages", ()), error=facts.get("error", ""))
    CASES[name] = exchange, canaries


def answer(name, kind, body, *canaries):
    put(name, *canaries, answered=[("content-type", kind)], answer=body.encode() if isinstance(body, str) else body)


def sends(name, kind, body, *canaries):
    content = body.encode() if isinstance(body, str) else body
    put(name, *canaries, method="POST", asked=[("content-type", kind)], sent=content)


def b64(text):
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def web_safe(text):
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def spelt(text, how):
    return "".join(how.format(ord(character)) for character in text)


# Heads.

for carrier in ("asked", "answered", "trailers"):
    put(f"name of a field {carrier}", token(carrier), **{carrier: [(token(carrier), "1")]})
put("method", token("method"), method=token("method"))
put("reason", token("reason"), status=400, reason=f"Bad {token('reason')}")
put("error", token("error"), error=f"refused {token('error')}")
put(
    "fields that frame",
    *map(token, ("connection", "te", "coding")),
    asked=[("connection", f"close, {token('connection')}"), ("te", f"trailers, {token('te')}")],
    answered=[("content-encoding", token("coding"))],
)
put("name of a cookie", token("cookie"), asked=[("cookie", f"a=1; {token('cookie')}=2")])
put("name of a set cookie", token("set"), answered=[("set-cookie", f"{token('set')}=2; Path=/")])
put("path of a cookie", token("way"), answered=[("set-cookie", f"a=b; Path=/{token('way')}; HttpOnly")])
put("json in a cookie", opaque("jc"), asked=[("cookie", f"p={quote(json.dumps({'password': opaque('jc')}))}")])
put("fragment of a referer", opaque("rf"), asked=[("referer", f"https://a.example/x#access_token={opaque('rf')}&s=1")])
put("login in a location", opaque("loc"), status=302, answered=[("location", f"https://jo:{opaque('loc')}@a.example/")])
put(
    "link",
    opaque("link"),
    token("title"),
    answered=[("link", f'<https://a.example/?token={opaque("link")}>; rel="next"; title="{token("title")}"')],
)
put(
    "file names",
    *map(token, ("plain", "star")),
    answered=[("content-disposition", f"attachment; filename=\"{token('plain')}\"; filename*=UTF-8''{token('star')}")],
)
put("user agent", mail("ua"), token("ua"), asked=[("user-agent", f"bot/1.0 (+mailto:{mail('ua')}; {token('ua')})")])
put("entity tags", token("tag"), asked=[("if-none-match", f'"{token("tag")}"')], answered=[("etag", token("tag"))])
put("server timing", token("timing"), answered=[("server-timing", f'db;desc="{token("timing")}";dur=1')])
put("profile of a type", token("type"), answered=[("content-type", f'text/plain; profile="/?token={token("type")}"')])
put("encoded word", token("word"), answered=[("x-subject", f"=?utf-8?B?{b64('hi ' + token('word'))}?=")])
put("binary metadata", token("bin"), asked=[("x-auth-bin", web_safe(f"\n({token('bin')}"))])
put("message of gRPC", token("rpc"), trailers=[("grpc-message", quote(f"no {token('rpc')}, ünd"))])
put(
    "bearer of a websocket",
    opaque("k8s"),
    asked=[("sec-websocket-protocol", f"base64url.bearer.authorization.k8s.io.{web_safe(opaque('k8s'))}, v4")],
)
put(
    "schemes of credentials",
    *map(opaque, "abc"),
    asked=[
        ("authorization", f'Token token="{opaque("a")}", email="x"'),
        ("authorization", f"Negotiate {opaque('b')}"),
        ("proxy-authorization", f"ApiKey {opaque('c')}"),
    ],
)

# Targets.

put("percent signs twice", token("p2"), target=f"/?u={quote(quote(spelt(token('p2'), '%{:02x}')))}")
INNER = f"https://b.example/?next={quote(f'https://c.example/?token={token("u3")}', safe='')}"
put("a url in a url in a url", token("u3"), target=f"/?next={quote(INNER, safe='')}")
put("matrix parameters", opaque("mx"), token("mx"), target=f"/a;jsessionid={opaque('mx')}/b;v={token('mx')}")
put("name of a parameter", token("qn"), target=f"/?{token('qn')}=1")
put("base64 in a path", token("bp"), target=f"/r/{web_safe(f'id {token("bp")} end')}")
put("fragment", opaque("fragment"), target=f"/#access_token={opaque('fragment')}")

# Texts: what is written in other characters, and what is written in other ways.

for called, between in {
    "soft hyphens": "\u00ad", "blanks without width": "\u200b", "joiners": "\u2060", "marks of order": "\ufeff",
    "marks of direction": "\u200e", "selectors": "\ufe0f",
}.items():  # fmt: skip
    whole, number = token(called), card(called)
    text = f"see {whole[:9]}{between}{whole[9:]}, card {between.join(number[at : at + 4] for at in range(0, 16, 4))}"
    answer(f"{called} in between", "application/json", json.dumps({"a": text}, ensure_ascii=False), whole, number)
for called, between in {
    "no break": "\u00a0", "thin": "\u2009", "narrow": "\u202f", "long dash": "\u2013", "hyphen": "\u2011", "dot": "·",
    "low line": "_", "slash": "/", "two blanks": "  ", "tab": "\t", "line": "\n",
}.items():  # fmt: skip
    number = card(called)
    text = f"card {between.join(number[at : at + 4] for at in range(0, 16, 4))} ok"
    answer(f"card with {called}", "application/json", json.dumps({"a": text}, ensure_ascii=False), number)
for called, zero in {"wide": 0xFF10, "arabic": 0x660, "persian": 0x6F0}.items():
    text = "".join(chr(zero + int(digit)) for digit in card(called))
    answer(f"{called} digits", "application/json", json.dumps({"a": text}, ensure_ascii=False), card(called))
answer("card as a fraction", "application/json", f'{{"a": {card("fraction")}.0}}', card("fraction"))
sends(
    "card with plus signs",
    "application/x-www-form-urlencoded",
    f"n={'+'.join(card('plus')[at : at + 4] for at in range(0, 16, 4))}",
    card("plus"),
)
for called, line in {
    "block": "auth:\n  password: |\n    %s\n", "folded": "auth:\n  password: >-\n    %s\n",
    "ini": "[db]\npassword=%s\n",
    "shell": "export DB_PASSWORD='%s'\n", "netrc": "machine a.example login jo password %s\n",
    "dump": "POST / HTTP/1.1\r\nAuthorization: Bearer %s\r\n\r\n", "sql": "CREATE USER jo IDENTIFIED BY '%s';\n",
    "ado": "Server=db;User Id=jo;Password=%s;Encrypt=true\n", "curl": "curl -H 'X-Api-Key: %s' https://a.example\n",
    "element": "request: <wsse:Password Type=\"t\">%s</wsse:Password>\n",
    "input": '<input type="password" value="%s">\n',
    "single quotes": "{password: '%s', // x\n}\n", "redis": "redis://:%s@r.example:6379/0\n",
}.items():  # fmt: skip
    answer(f"{called} as text", "text/plain", line % opaque(called), opaque(called))
    answer(f"{called} in json", "application/json", json.dumps({"log": line % opaque(called)}), opaque(called))
for called, text in {
    "in json": json.dumps({"k": PEM}), "escaped twice": json.dumps({"k": json.dumps({"x": PEM})}),
    "of an environment": 'KEY="' + PEM.replace("\n", "\\n") + '"\n', "in base64": json.dumps({"tls.key": b64(PEM)}),
    "in yaml": "k: |\n" + "".join(f"  {line}\n" for line in PEM.splitlines()),
}.items():  # fmt: skip
    answer(f"private key {called}", "application/json" if text[0] == "{" else "text/plain", text, *KEY.split())

# Encodings of values.

SAID = {"password": opaque("said"), "note": token("said")}
BOTH = opaque("said"), token("said")
for called, text in {
    "base64 of json": b64(json.dumps(SAID)), "gzip": b64(gzip.compress(json.dumps(SAID).encode())),
    "zlib": b64(zlib.compress(json.dumps(SAID).encode())), "base64 three times": b64(b64(b64(json.dumps(SAID)))),
    "base64 in lines": base64.encodebytes(json.dumps({"pad": "x" * 90, **SAID}).encode()).decode(),
    "hexadecimal": json.dumps(SAID).encode().hex(), "upper hexadecimal": json.dumps(SAID).encode().hex().upper(),
    "json in json in json": json.dumps({"a": json.dumps({"b": json.dumps(SAID)})}), "percent": quote(json.dumps(SAID)),
}.items():  # fmt: skip
    answer(called, "application/json", json.dumps({"d": text}), *BOTH)
    answer(f"{called} in a long document", "application/json", json.dumps({"pad": ["x y z"] * 99, "d": text}), *BOTH)
    sends(f"{called} in a form", "application/x-www-form-urlencoded", f"d={quote_plus(text)}&e=1", *BOTH)
CLAIMS = json.dumps({"sub": "1", "email": mail("claims"), **SAID})
answer("claims alone", "application/json", json.dumps({"p": web_safe(CLAIMS)}), mail("claims"), *BOTH)
SAML = f'<p:R xmlns:p="p"><NameID>{mail("saml")}</NameID><X>{token("saml")}</X></p:R>'
sends("saml", "application/x-www-form-urlencoded", f"SAMLResponse={quote_plus(b64(SAML))}", mail("saml"), token("saml"))
answer("escapes", "application/json", f'{{"a": "{spelt(token("esc"), "\\u{:04x}")}"}}', token("esc"))
answer(
    "escapes twice", "application/json", json.dumps({"x": f'{{"a":"{spelt(token("e2"), "\\u{:04x}")}"}}'}), token("e2")
)

# Formats.

for coding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
    answer(f"json in {coding}", "application/json", json.dumps(SAID).encode(coding), *BOTH)
answer(
    "names in json",
    "application/json",
    json.dumps({token(f"k{n}"): {"a": 1} for n in range(9)}),
    *(token(f"k{n}") for n in range(9)),
)
answer(
    "a name twice",
    "application/json",
    f'{{"password":"{opaque("1")}","password":"{opaque("2")}"}}',
    opaque("1"),
    opaque("2"),
)
answer("guarded json", "application/json", ")]}',\n" + json.dumps(SAID), *BOTH)
answer("json with a callback", "application/javascript", f"cb({json.dumps(SAID)});", *BOTH)
answer("json that is cut off", "application/json", json.dumps(SAID)[:-1], *BOTH)
answer("lines behind a mark", "application/x-ndjson", b"\xef\xbb\xbf" + json.dumps(SAID).encode() + b"\n{}\n", *BOTH)
answer(
    "events",
    "text/event-stream",
    "".join(f"{name}: {token(name)}\n" for name in ("id", "event", "", "data", "x")) + f"{token('lone')}\n\n",
    *map(token, ("id", "event", "", "data", "x", "lone")),
)
answer(
    "table with lines",
    "text/csv",
    f'name,password,note\njo,{opaque("t")},"a\n{token("t")}\nb"\n',
    opaque("t"),
    token("t"),
)
answer("table with semicolons", "text/csv", f"name;password\njo;{opaque('s')}\n", opaque("s"))
answer(
    "xml",
    "application/xml",
    f'<?pi {token("pi")}?><!DOCTYPE r [<!ENTITY e "{token("ent")}">]><r a="{token("att")}"><!-- {token("com")} --><b>'
    f"<![CDATA[{token('cd')}]]></b><c><![CDATA[{token('two')[:9]}]]><![CDATA[{token('two')[9:]}]]></c>"
    f"<d>{spelt(token('ref'), '&#{};')}</d><e><![CDATA[{json.dumps(SAID)}]]></e></r>",
    *map(token, ("pi", "ent", "att", "com", "cd", "two", "ref")),
    *BOTH,
)
answer(
    "html",
    "text/html",
    f'<!doctype html><!-- {token("com")} --><p data-x="{token("att")}">{spelt(token("ref"), "&#x{:x};")}</p>'
    f'<script>var a="{token("js")}"</script><style>a{{background:url(/x?{token("css")})}}</style>'
    f'<img src="data:text/plain;base64,{b64("hello " + token("data"))}"><a href="mailto:{mail("to")}">'
    f"{mail('at').replace('@', '&commat;')}</a>",
    *map(token, ("com", "att", "ref", "js", "css", "data")),
    *map(mail, ("to", "at")),
)
HEAD = b'--b\r\nContent-Disposition: form-data; name="%b"; filename="%b"\r\nX-Token: %b\r\n\r\n1\r\n--b--\r\n%b'
PLACES = "part", "file", "around"
sends(
    "around a part",
    "multipart/form-data; boundary=b",
    token("around").encode()
    + b"\r\n"
    + HEAD % (token("part").encode(), token("file").encode(), opaque("own").encode(), b""),
    *map(token, PLACES),
    opaque("own"),
)
sends(
    "request in a batch",
    "multipart/mixed; boundary=b",
    f"--b\r\nContent-Type: application/http\r\n\r\nGET /?token={opaque('q')} HTTP/1.1\r\n"
    f"Cookie: sid={opaque('c')}\r\n\r\n--b--\r\n",
    opaque("q"),
    opaque("c"),
)
sends(
    "base64 of a part",
    "multipart/mixed; boundary=b",
    "--b\r\nContent-Transfer-Encoding: base64\r\nContent-Type: application/json\r\n\r\n"
    f"{b64(json.dumps(SAID))}\r\n--b--\r\n",
    *BOTH,
)
GRAPHQL = {"query": f'mutation {{ login(password: "{opaque("lit")}") {{ t }} }}', "variables": {"i": SAID}}
sends("graphql", "application/json", json.dumps(GRAPHQL), opaque("lit"), *BOTH)
sends(
    "names in brackets",
    "application/x-www-form-urlencoded",
    f"user%5Bpassword%5D={opaque('br')}&u[card]={card('br')}",
    opaque("br"),
    card("br"),
)
put("binary message", *BOTH, messages=(WebSocketMessage(0.1, True, False, json.dumps(SAID).encode()),))
put(
    "behind a head",
    token("said"),
    messages=(WebSocketMessage(0.1, True, False, b"\0\1\xff" + json.dumps(SAID).encode()),),
)

# What redaction does not do.

BEFORE = frozenset(CASES)
put("host", token("host"), asked=[("host", f"{token('host')}.example")])
answer("exponent", "application/json", f"[{card('exp')}E0]", card("exp"))
answer("list of pairs", "application/json", json.dumps([["password", opaque("pair")]]), opaque("pair"))
answer("names of bytes", "application/msgpack", b"\x81\xa8password\xb8" + opaque("pack").encode(), opaque("pack"))
UNFOUND = {name: CASES.pop(name) for name in sorted(CASES.keys() - BEFORE)}
