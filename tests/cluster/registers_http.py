"""The registers as HTTP clients find them: curl, wrk and Python's own; connections that stay open,
pipelining, chunked bodies, Expect: 100-continue, HEAD and ETags; clients that are slow or say
nothing; what is wrong, each with an error of its own, after which nothing has changed; credentials
and TLS."""

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time

from cluster import check, quoted, run
from register_cluster import Http, RegisterCluster, RegisterNode

TIMEOUT = 20  # seconds for one client
SLOW = 60  # seconds after which a slow one has to be cut off


def with_settings(*settings):
    """A RegisterNode with these (section, key, TOML) more."""
    class Configured(RegisterNode):
        def settings(self, peers):
            return super().settings(peers) + list(settings)
    return Configured


def curl(node, path, *words):
    """Status, headers by lower-case name, body; 0 when there was no answer."""
    address = path if path.startswith("https:") else f"http://{node.proposer_address}{path}"
    said = subprocess.run(["curl", "--silent", "--include", "--max-time", str(TIMEOUT), *words,
                           address], capture_output=True, check=False).stdout
    while said.startswith(b"HTTP/1.1 100"):
        said = said.partition(b"\r\n\r\n")[2]
    head, _, body = said.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    return int(lines[0].split()[1]) if lines[0] else 0, headers, body


def raw(node, request, timeout=TIMEOUT, ends=False):
    """All that is answered to these bytes until the server closes, or is silent for so long. The
    client may end its half of the connection behind them."""
    answer = b""
    with socket.create_connection((node.host, node.proposer_port), timeout) as connection:
        connection.sendall(request)
        if ends:
            connection.shutdown(socket.SHUT_WR)
        try:
            while piece := connection.recv(65536):
                answer += piece
        except (TimeoutError, ConnectionError):
            pass
    return answer


def statuses(answer):
    return [int(part.split(b" ", 1)[0]) for part in answer.split(b"HTTP/1.1 ")[1:]]


def check_curl(node):
    status, headers, _ = curl(node, "/v1/kv/a/b%20c", "-X", "PUT", "--data-binary", "one")
    check(status == 201 and headers["etag"] == '"1"', "curl: a PUT creates, and tells the version")
    status, headers, body = curl(node, "/v1/kv/a/b%20c")
    check((status, headers["etag"], body) == (200, '"1"', b"one"), "a GET reads it")
    status, headers, body = curl(node, "/v1/kv/a%2Fb%20c", "--head")
    check((status, headers["etag"], headers["content-length"], body) == (200, '"1"', "3", b""),
          "a HEAD tells of it, by the same key in other letters")
    status, headers, _ = curl(node, "/v1/kv/a/b%20c", "-H", 'If-None-Match: "1"')
    check(status == 304 and headers["etag"] == '"1"', "who has the version is not told again")
    large = os.path.join(node.directory, "large")
    with open(large, "wb") as file:
        file.write(os.urandom(1 << 20))
    status, _, _ = curl(node, "/v1/kv/large", "-T", large)  # with Expect: 100-continue
    _, _, body = curl(node, "/v1/kv/large")
    with open(large, "rb") as file:
        check(status == 201 and body == file.read(), "a value of 1 MiB, with 100-continue")
    with open(large, "rb") as file:
        status = curl(node, "/v1/kv/chunked", "-H", "Transfer-Encoding: chunked", "-T", large)[0]
        check(status == 201 and curl(node, "/v1/kv/chunked")[2] == file.read(),
              "and in chunks")
    status, headers, _ = curl(node, "/v1/kv/a/b%20c", "-X", "DELETE")
    check(status == 204 and "etag" not in headers, "a DELETE deletes")
    check(curl(node, "/v1/kv/a/b%20c")[0] == 404, "and it is gone")


def check_python(node):
    client = http.client.HTTPConnection(node.proposer_address, timeout=TIMEOUT)
    client.connect()
    socket_before = client.sock
    for n in range(100):
        client.request("PUT", "/v1/kv/python", str(n))
        client.getresponse().read()
    client.request("PUT", "/v1/kv/python", iter([b"in ", b"pieces"]), encode_chunked=True,
                   headers={"Transfer-Encoding": "chunked"})
    client.getresponse().read()
    client.request("GET", "/v1/kv/python")
    response = client.getresponse()
    check((response.read(), response.headers["ETag"]) == (b"in pieces", '"101"') and
          client.sock is socket_before, "Python's http.client: 102 requests on one connection")
    client.close()


def check_wrk(node):
    script = os.path.join(node.directory, "put.lua")
    with open(script, "w", encoding="ascii") as file:
        file.write('wrk.method = "PUT"; wrk.body = ("x"):rep(100)\n')
    for words in (["-s", script], []):
        said = subprocess.run(["wrk", "-t1", "-c8", "-d1s", *words,
                               f"http://{node.proposer_address}/v1/kv/wrk"], capture_output=True,
                              text=True, check=True).stdout
        count = int(said.split(" requests in")[0].split()[-1])
        check(count > 50 and "Non-2xx" not in said and "Socket errors" not in said,
              f"wrk: {count} {'PUT' if words else 'GET'}s, none refused")


def check_pipeline(node):
    put = b"PUT /v1/kv/pipe%d HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n%d"
    get = b"GET /v1/kv/pipe%d HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /v1/kv/none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = raw(node, b"".join(put % (n, n) + get % n for n in range(8)) + last)
    check(statuses(answer) == [201, 200] * 8 + [404],
          f"17 pipelined requests are answered in order: {statuses(answer)}")
    bodies = [part.split(b"\r\n\r\n")[1] for part in answer.split(b"HTTP/1.1 200")[1:]]
    check([body[:1] for body in bodies] == [b"%d" % n for n in range(8)],
          "each GET sees the PUT before it")
    answer = raw(node, b"".join(put % (n, n) + get % n for n in range(8)), ends=True)
    check(statuses(answer) == [204, 200] * 8, "a client that ends its half is answered to the end")
    answer = raw(node, b"GET /v1/kv/pipe1 HTTP/1.0\r\n\r\n")
    check(answer.endswith(b"\r\n\r\n1") or answer.endswith(b"1"), "HTTP/1.0: it closes at the end")
    answer = raw(node, b"PUT /v1/kv/big HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n"
                 b"Expect: 100-continue\r\n\r\n")
    check(statuses(answer)[:1] == [413], "Expect: 100-continue: who would send too much need not")


def check_conditions(node):
    client = Http(node.target)
    check(client.run("CREATE", "if", "a") == "+1" and client.run("CREATE", "if", "b") == "!1",
          "If-None-Match: * creates once")
    check(client.run("CAS", "if", "1:b") == "@2" and client.run("CAS", "if", "1:c") == "!2",
          "If-Match: compares and sets, and tells the version that is there")
    check(client.send("PUT", "/v1/kv/none", "x", {"If-Match": "*"}).status == 412 and
          client.send("PUT", "/v1/kv/if", "c", {"If-Match": "*"}).status == 204,
          "If-Match: * only changes what is there")
    check(client.run("CUT", "if", "1") == "!3" and client.run("CUT", "if", "3") == "_" and
          client.run("CUT", "if", "3") == "!", "DELETE with If-Match, too")
    told = client.run("CREATE", "if", "d")
    check(told.startswith("+") and int(told[1:]) > 3, f"no version comes again: now {told[1:]}")
    client.close()


def check_changes(node):
    client = Http(node.target)

    def post(key, change, **args):
        body = json.dumps({"change": change, "args": args})
        reply = client.send("POST", f"/v1/kv/{key}", body)
        return reply.status, json.loads(reply.body).get("value")
    check(post("n", "add", by=5) == (200, "5") and post("n", "add", by=-7) == (200, "-2"), "add")
    check(post("n", "set", value="9223372036854775807") == (200, "9223372036854775807") and
          post("n", "add", by=1)[0] == 409 and post("n", "read")[1] == "9223372036854775807",
          "an overflow is refused")
    check(post("n", "init", value="x") == (200, "9223372036854775807") and
          post("m", "init", value="x") == (200, "x"), "init")
    check(post("m", "append", value="yz") == (200, "xyz"), "append")
    check(post("m", "cas_value", expected="xyz", value="q") == (200, "q") and
          post("m", "cas_value", expected="xyz", value="r")[0] == 412, "cas_value")
    check(post("m", "delete") == (200, None) and post("m", "read") == (200, None), "delete")
    keys = json.loads(client.send("GET", "/v1/kv?prefix=pipe&limit=3").body)
    check([item["key"] for item in keys["keys"]] == ["pipe0", "pipe1", "pipe2"] and keys["more"],
          "a list of keys")
    again = {"Idempotency-Key": "once"}
    first = client.send("POST", "/v1/kv/n2", '{"change":"add","args":{"by":1}}', again)
    second = client.send("POST", "/v1/kv/n2", '{"change":"add","args":{"by":1}}', again)
    check(json.loads(first.body)["value"] == "1" == json.loads(second.body)["value"],
          "an Idempotency-Key: the repeat is known as one")
    client.close()


# What is wrong: method, path, headers, body; status, and what the detail speaks of.
BAD = [
    ("POST", "/v1/kv/bad", {}, '{"change":"double","args":{}}', 400, "double"),
    ("POST", "/v1/kv/bad", {}, '{"change":"add","args":{"by":1}', 400, "JSON"),
    ("POST", "/v1/kv/bad", {}, '{"change":"add"}', 400, "args.by"),
    ("POST", "/v1/kv/bad", {}, '{"change":"add","args":{"by":1.5}}', 400, "args.by"),
    ("POST", "/v1/kv/bad", {}, '{"change":"set","args":{"valeu":"x"}}', 400, "valeu"),
    ("POST", "/v1/kv/bad", {}, '{"change":"add","args":{"by":1}}', 409, "integer"),
    ("PUT", "/v1/kv/bad", {"If-Match": '"-1"'}, "x", 400, "If-Match"),
    ("PUT", "/v1/kv/bad", {"If-Match": "1"}, "x", 400, "If-Match"),
    ("PUT", "/v1/kv/bad", {"If-Match": '"99"'}, "x", 412, "version"),
    ("PUT", "/v1/kv/bad", {"If-None-Match": '"1"'}, "x", 400, "If-None-Match"),
    ("PUT", "/v1/kv/bad", {"If-Match": '"1"', "If-None-Match": "*"}, "x", 400, "If-None-Match"),
    ("PUT", "/v1/kv/bad", {"Idempotency-Version": "1"}, "x", 400, "Idempotency-Key"),
    ("PUT", "/v1/kv/bad", {}, "x" * ((1 << 20) + 1), 413, "accepted"),
    ("PUT", "/v1/kv/" + "k" * 1025, {}, "x", 413, "1024"),
    ("PUT", "/v1/kv/", {}, "x", 400, "key"),
    ("PUT", "/v1/kv/%00bad", {}, "x", 400, "zero"),
    ("PUT", "/v1/kv/bad%zz", {}, "x", 400, "percent"),
    ("GET", "/v1/kv?limit=0", {}, None, 400, "limit"),
    ("GET", "/v1/kv?colour=red", {}, None, 400, "colour"),
    ("GET", "/v1/kv/bad?timeout=soon", {}, None, 400, "timeout"),
    ("PATCH", "/v1/kv/bad", {}, "x", 405, "GET"),
    ("GET", "/v2/kv/bad", {}, None, 404, "page"),
    ("PUT", "/v1/acceptors", {}, "{}", 400, "accepted"),
    ("PUT", "/v1/acceptors", {"If-Match": '"1"'}, "", 400, "JSON"),
    ("PUT", "/v1/acceptors", {}, '{"goal":["node1"]}', 428, "If-Match"),
    ("PUT", "/v1/acceptors", {"If-Match": '"99"'}, '{"goal":["node1"]}', 412, ""),
    ("PUT", "/v1/acceptors", {"If-Match": "V"},
     '{"accept":{"nodes":["node1","node1","node2"],"quorum":2}}', 400, "twice"),
    ("PUT", "/v1/acceptors", {"If-Match": "V"},
     '{"accept":{"nodes":["node1","node2","node3"],"quorum":4}}', 400, "quorum"),
    ("PUT", "/v1/acceptors", {"If-Match": "V"},
     '{"accept":{"nodes":["node1","node2","node3"],"quorum":1}}', 409, "some quorum"),
    ("PUT", "/v1/acceptors", {"If-Match": "V"},
     '{"accept":{"nodes":["node1","node2","node3","nodeX"],"quorum":3}}', 400, "nodeX"),
    ("PUT", "/v1/acceptors", {"If-Match": "V"},
     '{"accept":{"nodes":["node1","node2","node3","node4"],"quorum":3}}', 400, "node4"),
    ("PUT", "/v1/acceptors", {"If-Match": "V"}, '{"proposers":[]}', 400, "proposers"),
]


def check_bad(node):
    client = Http(node.target)
    client.run("PUT", "bad", "value")
    configuration = client.send("GET", "/v1/acceptors")
    told = set()
    for method, path, headers, body, status, about in BAD:
        headers = {name: configuration.headers["ETag"] if value == "V" else value
                   for name, value in headers.items()}
        reply = client.send(method, path, body, headers)
        problem = json.loads(reply.body)
        fits = (reply.status == status == problem["status"] and problem["done"] == "no" and
                about in problem["detail"] and
                reply.headers["Content-Type"] == "application/problem+json")
        check(fits, f"{status} {problem.get('code')}: {problem['detail'][:70]}" +
              ("" if fits else f"; to {method} {path[:40]} {(body or '')[:60]}: {reply.status}"))
        told.add(problem["detail"])
    check(len(told) >= len(BAD) - 3, "each its own")
    after = client.send("GET", "/v1/acceptors")
    same = [json.loads(page.body)[part] for page in (configuration, after)
            for part in ("version", "prepare", "accept", "goal")]
    check(client.run("GET", "bad") == "=1:value" and same[:4] == same[4:], "nothing has changed")
    client.close()
    answer = raw(node, b"PUT /v1/kv/bad HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n")
    check(statuses(answer) == [400], "a length that is none")
    answer = raw(node, b"GET /v1/kv/bad HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 70000 + b"\r\n\r\n")
    check(statuses(answer) == [431], "headers that are too long")
    check(statuses(raw(node, b"*1\r\n$4\r\nPING\r\n")) == [400], "what is not HTTP")


def check_slow(node):
    """idle_timeout is a second here, and a request that has begun has half a minute."""
    def send(said, expected, what):
        begun = time.monotonic()
        answer = raw(node, said, SLOW)
        ended.append((what, time.monotonic() - begun < SLOW and statuses(answer) == expected,
                      answer))
    ended = []
    threads = [threading.Thread(target=send, args=arguments) for arguments in (
        (b"", [], "says nothing"), (b"GET /v1/kv/x HT", [408], "sends half a request"),
        (b"PUT /v1/kv/x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf", [408],
         "owes a body"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for what, fits, answer in ended:
        check(fits, f"who {what} is not waited for" + ("" if fits else f"; {answer}"))
    check(Http(node.target).run("GET", "x") == "_", "and half a request changes nothing")


def answered(context, port, token, method="GET", path="/v1/kv/x", body=None, headers=None):
    client = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=TIMEOUT)
    headers = dict(headers or {})
    if token:
        headers["Authorization"] = f"Bearer {token}"
    client.request(method, path, body, headers)
    response = client.getresponse()
    response.read()
    client.close()
    return response


def check_closed(directory):
    """TLS and tokens."""
    certificate, key = (os.path.join(directory, f"node.{what}") for what in ("crt", "key"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "9", "-subj", "/CN=node",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    os.chmod(key, 0o600)
    files = []
    for name in ("token", "admin_token"):
        files.append(os.path.join(directory, name))
        with open(os.open(files[-1], os.O_CREAT | os.O_WRONLY, 0o600), "w") as out:
            out.write(f"the-{name}\n")

    class Closed(RegisterNode):
        """Ready as its admin listener says: the other one speaks TLS."""

        def settings(self, peers):
            return super().settings(peers) + [
                ("proposer", "tls.cert", quoted(certificate)),
                ("proposer", "tls.key", quoted(key)),
                ("proposer", "token_file", quoted(files[0])),
                ("proposer", "admin_token_file", quoted(files[1]))]

        def ready(self):
            return super(RegisterNode, self).ready()
    cluster = RegisterCluster(1, Closed)
    node = cluster.nodes[0]
    context = ssl.create_default_context(cafile=certificate)
    port = node.proposer_port
    check(answered(context, port, None).status == 401, "TLS, without a token: 401")
    check(answered(context, port, "the-other").status == 401, "with a wrong one, too")
    check(answered(context, port, "the-token", "PUT", body="x").status == 201 and
          answered(context, port, "the-token").status == 200, "with the token: it is served")
    status = answered(context, port, "the-token", path="/v1/acceptors")
    match = {"If-Match": status.headers["ETag"]}
    goal = '{"goal":["node1"]}'
    for path, body in (("/v1/acceptors", goal), ("/v1/acceptors/advance", ""),
                       ("/v1/acceptors/rescan", "")):
        method = "PUT" if body else "POST"
        check(answered(context, port, "the-token", method, path, body, match).status == 403,
              f"{method} {path} needs the admin's token")
    check(answered(context, port, "the-admin_token", "POST", "/v1/acceptors/rescan").status == 200,
          "and takes it")
    answer = raw(node, b"GET / HTTP/1.1\r\n\r\n")
    check(statuses(answer) == [400], "who speaks no TLS is told so")
    cluster.close()


def test():
    cluster = RegisterCluster(3, with_settings(("proposer", "idle_timeout", '"1s"')))
    node = cluster.nodes[1]
    check_curl(node)
    check_python(node)
    check_wrk(node)
    check_pipeline(node)
    check_conditions(node)
    check_changes(node)
    check_bad(node)
    check_slow(node)
    cluster.close()
    directory = tempfile.mkdtemp(prefix="skep-test-")
    try:
        check_closed(directory)
    finally:
        shutil.rmtree(directory)


run(test)
