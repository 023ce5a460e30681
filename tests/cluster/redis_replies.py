"""The same requests to a node and to a real redis-server: the replies must be the same, byte for
byte, in RESP2 and RESP3. What Redis does not have (SET … IFEQ, DELIFEQ) is compared with a model.

  redis_replies.py [--skep HOST:PORT] [--seed N]

Without --skep it starts a node of its own. The node's entries are deleted.
"""

import argparse
import random
import socket
import subprocess
import tempfile

import cluster
from cluster import Cluster, check, free_port, run, wait_until
from python_redis import redis

TIMEOUT = 30  # seconds for a reply

INTEGERS = ["0", "1", "-1", "2", "10", "-10", "9223372036854775807", "-9223372036854775808",
            "9223372036854775808", "-9223372036854775809", "99999999999999999999999", "01", "+1",
            "-0", " 1", "1 ", "1.5", "1e3", "0x10", "abc", "", "-", "\0001", "1\000"]
FLOATS = ["0", "1.5", "-1.5", "3.0e3", "1e-17", "1e-18", "0.1", ".5", "5.", "-.5e1", "1e400",
          "1e5000", "1e-5000", "inf", "-inf", "nan", "infinity", "0x1p3", "1_0", " 1", "1 ", "abc",
          "", "+1", "00.50", "-0", "-0.0", "9007199254740993", "123456789012345678901234567890"]
TEXTS = ["", "a", "hello", "10", "-3", "3.25", "\r\n", "\000\377", "x" * 300]
OPTIONS = ["NX", "XX", "GET", "KEEPTTL", "PERSIST", "EX", "PX", "EXAT", "PXAT", "ex", "nX", "GT",
           "LT", "FOO", ""]
FAR = 4102444800  # a second in the year 2100


def encode(words):
    """The request as an array of bulks."""
    parts = [word if isinstance(word, bytes) else word.encode("latin-1") for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)


class Peer:
    """A raw connection that takes replies apart no further than to know where they end."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), TIMEOUT)
        self.buffer = b""

    def send(self, data):
        self.socket.sendall(data)

    def close(self):
        self.socket.close()

    def more(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError(f"closed, with {self.buffer!r} left")
        self.buffer += data

    def take(self, size):
        while len(self.buffer) < size:
            self.more()
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def line(self):
        while b"\r\n" not in self.buffer:
            self.more()
        return self.take(self.buffer.index(b"\r\n") + 2)

    def reply(self):
        """The bytes of one reply."""
        head = self.line()
        size = int(head[1:]) if head[:1] in b"$=!*%~>" else 0
        if head[:1] in b"$=!":
            return head if size < 0 else head + self.take(size + 2)
        if head[:1] in b"*~>%":
            count = max(size, 0) * (2 if head[:1] == b"%" else 1)
            return head + b"".join(self.reply() for _ in range(count))
        return head

    def rest(self):
        """Everything until the other side closes."""
        try:
            while True:
                self.more()
        except (EOFError, ConnectionResetError):
            taken, self.buffer = self.buffer, b""
            return taken


class Pair:
    """A node and Redis, asked the same."""

    def __init__(self, skep, peer, resp3):
        self.addresses = (skep, peer)
        self.name = "RESP3" if resp3 else "RESP2"
        self.peers = [Peer(address) for address in self.addresses]
        if resp3:
            for one in self.peers:
                one.send(encode(["HELLO", "3"]))
                one.reply()

    def close(self):
        for one in self.peers:
            one.close()

    def ask(self, *words):
        return self.raw(encode(words), 1)[0]

    def raw(self, data, count):
        """Sends bytes that are `count` requests; pairs of replies."""
        for one in self.peers:
            one.send(data)
        return list(zip(*[[one.reply() for _ in range(count)] for one in self.peers]))

    def same(self, *words):
        """Both must answer the same; the answer."""
        ours, theirs = self.ask(*words)
        self.judge(ours == theirs, words, ours, theirs)
        return ours

    def judge(self, holds, words, ours, theirs):
        if holds:
            cluster.passed += 1
        else:
            check(False, f"{self.name} {words!r}\n        node  {ours!r}\n        redis {theirs!r}")

    def flush(self):
        self.same("FLUSHALL")


def strings(pair):
    for text in TEXTS:
        pair.same("SET", "k", text)
        for command in ("GET", "STRLEN", "EXISTS", "TYPE", "TTL", "PTTL", "EXPIRETIME"):
            pair.same(command, "k")
        pair.same("APPEND", "k", text)
        pair.same("GETSET", "k", "new")
        pair.same("SETNX", "k", text)
        pair.same("GETDEL", "k")
        pair.same("SETNX", "k", text)
        pair.same("GETEX", "k")
        pair.same("MGET", "k", "absent", "k")
        pair.same("GETDEL", "absent")
    pair.same("MSET", "a", "1", "b", "2", "a", "3")
    pair.same("MGET", "a", "b", "c", "a")
    pair.same("MSET", "a", "1", "b")
    pair.same("EXISTS", "a", "a", "b", "c")
    pair.same("TOUCH", "a", "b", "c")
    pair.same("DEL", "a", "a", "b", "c")
    pair.same("UNLINK", "k", "a")
    pair.same("DBSIZE")


def set_options(pair):
    """Every pair of options, each with and without a number behind it, on a key there or not."""
    for present in (False, True):
        for one in OPTIONS:
            for other in [None, "0", "100", str(FAR), str(FAR * 1000), *OPTIONS]:
                for last in (None, str(FAR), "NX", "GET"):
                    pair.flush()
                    if present:
                        pair.same("SET", "k", "old", "PXAT", str(FAR * 1000 + 123))
                    words = [word for word in (one, other, last) if word is not None]
                    pair.same("SET", "k", "v", *words)
                    pair.same("GETEX", "k", *words)
                    pair.same("GET", "k")
                    # Relative times differ by what passes between the two.
                    if not {"EX", "PX", "ex"} & {word.upper() for word in words}:
                        pair.same("PEXPIRETIME", "k")


def integers(pair):
    for number in INTEGERS:
        for start in (None, *INTEGERS[:9], "abc"):
            for command in ("INCRBY", "DECRBY", "INCR", "DECR"):
                pair.flush()
                if start is not None:
                    pair.same("SET", "n", start)
                pair.same(command, "n", *([number] if command.endswith("BY") else []))
                pair.same("GET", "n")


def floats(pair):
    for number in FLOATS:
        for start in (None, *FLOATS):
            pair.flush()
            if start is not None:
                pair.same("SET", "f", start)
            pair.same("INCRBYFLOAT", "f", number)
            pair.same("GET", "f")


def ranges(pair):
    for value in ("", "x", "hello world"):
        pair.same("SET", "r", value)
        for start in INTEGERS + ["-5", "3", "5"]:
            for end in INTEGERS + ["-5", "3", "5"]:
                pair.same("GETRANGE", "r", start, end)
        pair.same("SUBSTR", "r", "0", "-2")
        pair.same("GETRANGE", "absent", "0", "-1")
    for offset in INTEGERS + ["3", "1000", "536870911", "536870912"]:
        for patch in ("", "ab"):
            for value in (None, "hello"):
                pair.flush()
                if value is not None:
                    pair.same("SET", "r", value, "EXAT", str(FAR))
                pair.same("SETRANGE", "r", offset, patch)
                pair.same("GET", "r")
                pair.same("PEXPIRETIME", "r")


def expiry(pair):
    numbers = INTEGERS + [str(FAR), str(FAR * 1000), "9223372036854775", "9223372036854776",
                          "-9223372036854775", "-9223372036854776"]
    for command in ("EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT"):
        for number in numbers:
            for present in (False, True):
                pair.flush()
                if present:
                    pair.same("SET", "e", "v")
                if not (command == "PEXPIRE" and number in ("1", "2", "10")):  # gone any moment
                    pair.same(command, "e", number)
                    pair.same("EXISTS", "e")
    at = str(FAR)
    for one in ("NX", "XX", "GT", "LT", "nx", "FOO", ""):
        for other in (None, "NX", "XX", "GT", "LT"):
            for start in (None, "", str(FAR - 1), at, str(FAR + 1)):
                pair.flush()
                if start is not None:
                    pair.same("SET", "e", "v", *(["EXAT", start] if start else []))
                pair.same("EXPIREAT", "e", at, one, *([other] if other else []))
                pair.same("EXPIRETIME", "e")
                pair.same("PEXPIRETIME", "e")
    for command in ("SETEX", "PSETEX"):
        for number in numbers:
            pair.flush()
            pair.same(command, "e", number, "v")
    pair.same("SET", "e", "v", "PXAT", str(FAR * 1000 + 499))
    pair.same("EXPIRETIME", "e")
    pair.same("PEXPIREAT", "e", str(FAR * 1000 + 500))
    pair.same("EXPIRETIME", "e")
    pair.same("PERSIST", "e")
    pair.same("PERSIST", "e")
    pair.same("TTL", "e")
    pair.same("PERSIST", "absent")
    pair.same("SET", "e", "v", "EX", "100")
    for command, most in (("TTL", 1), ("PTTL", 2000)):
        ours, theirs = pair.ask(command, "e")
        pair.judge(abs(int(ours[1:]) - int(theirs[1:])) <= most, [command], ours, theirs)
    pair.same("SET", "e", "v", "PX", "30")
    wait_until(lambda: pair.ask("EXISTS", "e") == (b":0\r\n", b":0\r\n"), TIMEOUT, "it expires")
    for command in ("GET", "TTL", "TYPE", "PERSIST", "STRLEN"):
        pair.same(command, "e")
    pair.same("DBSIZE")


def connection(pair):
    for words in (["PING"], ["PING", "x"], ["PING", "x", "y"], ["ECHO", ""], ["ECHO", "a\r\nb"],
                  ["SELECT", "0"], ["SELECT", "-1"], ["SELECT", "100"], ["SELECT", "x"],
                  ["SELECT", "99999999999"], ["AUTH", "x"], ["AUTH", "default", "x"],
                  ["AUTH", "nobody", "x"], ["AUTH", "a", "b", "c"],
                  ["CLIENT", "GETNAME"], ["CLIENT", "SETNAME", "a b"], ["CLIENT", "SETNAME", "me"],
                  ["CLIENT", "GETNAME"], ["CLIENT", "SETNAME", ""], ["CLIENT", "GETNAME"],
                  ["CLIENT", "NO-EVICT", "on"], ["CLIENT", "NO-EVICT", "x"],
                  ["CLIENT", "KILL", "1.2.3.4:5"], ["CLIENT", "KILL", "ID", "0"],
                  ["CLIENT", "KILL", "ID", "x"], ["CLIENT", "KILL", "ID", "999999"],
                  ["CLIENT", "KILL", "TYPE", "x"], ["CLIENT", "KILL", "TYPE", "master"],
                  ["CLIENT", "KILL", "USER", "x"], ["CLIENT", "KILL", "SKIPME", "x"],
                  ["CLIENT", "KILL", "FOO", "x"], ["CLIENT", "KILL", "ID", "1", "ADDR"],
                  ["CLIENT", "NOSUCH"], ["client", "nosuch", "x"], ["CONFIG", "NOSUCH"],
                  ["CLIENT"], ["CONFIG"], ["CONFIG", "GET"], ["CLIENT", "SETNAME"],
                  ["CONFIG", "GET", "save"], ["CONFIG", "GET", "appendonl?"],
                  ["CONFIG", "GET", "proto-max-bulk-len"], ["CONFIG", "GET", "nosuch"],
                  ["TIME", "x"], ["READONLY", "x"], ["COMMAND", "NOSUCH"],
                  ["FLUSHALL", "ASYNC"], ["FLUSHALL", "SYNC"], ["FLUSHDB", "x"],
                  ["FLUSHALL", "SYNC", "SYNC"], ["RANDOMKEY"], ["DBSIZE", "x"]):
        pair.same(*words)
    ours, theirs = pair.ask("TIME")
    seconds = [int(reply.split(b"\r\n")[2]) for reply in (ours, theirs)]
    pair.judge(abs(seconds[0] - seconds[1]) <= 2, ["TIME"], ours, theirs)
    pair.same("SET", "only", "1")
    pair.same("RANDOMKEY")
    for words in (["NOSUCH"], ["nosuch", "a", "b"], ["x" * 200, "y" * 200, "z"], ["", ""],
                  ["a\0b", "c\0d"], ["a\r\nb", "c\r\nd\r\n"], ["NOSUCH", *"abcdefghij" * 10],
                  ["NOSUCH", "a" * 60, "b" * 61, "c" * 60, "d"], ["client|id"], ["get|x", "y"]):
        pair.same(*words)


# Answered otherwise, and looked at elsewhere here; or of a part of Redis that a node has not got.
NOT_ALIKE = {"info", "hello", "command", "quit", "reset", "time", "auth", "client", "config",
             "cluster", "readonly", "readwrite", "multi", "exec", "discard", "watch"}
TOGETHER = {"msetnx", "rename", "renamenx", "copy"}


def arities(pair):
    """Every command that both have, with any number of words."""
    names = [name for name in known_commands(pair) if name not in NOT_ALIKE]
    check(len(names) > 44, f"{pair.name}: {len(names)} commands in common")
    for name in names:
        words = ["k", "1000", "2000", "3000", "4000", "5000", "6000"]
        if name in TOGETHER:  # of one slot
            words = ["k", *("{k}" + word for word in words[1:])]
        for count in range(len(words) + 1):
            pair.flush()
            pair.same(name, *words[:count])
            pair.same(name.upper(), *words[:1], *["k"] * count)
    for name in ("TIME", "READONLY", "READWRITE"):
        pair.same(name, "x")


def known_commands(pair):
    """The names of the commands that both servers have."""
    plain = [redis.Redis(*host_and_port(address)) for address in pair.addresses]
    names = [set(client.command().keys()) for client in plain]
    for client in plain:
        client.close()
    return sorted(names[0] & names[1])


def host_and_port(address):
    host, port = address.rsplit(":", 1)
    return host, int(port)


def walks(pair):
    """KEYS and SCAN tell the same sets."""
    names = [f"key:{i}" for i in range(300)] + ["a*b", "a?b", "a[b", "a]b", "a\\b", "a-b", "^", "",
                                                "\000", "\377\376", "häß", "h{tag}a", "hello"]
    pair.raw(b"".join(encode(["SET", name, "v"]) for name in names), len(names))
    for pattern in ("*", "key:*", "key:?", "key:[1-3]?", "key:[3-1]", "key:[^1]", "key:1[0-9]5",
                    "a\\*b", "a\\?b", "a[*]b", "a[[]b", "a[]b", "a[\\]]b", "a\\\\b", "a[b", "a[",
                    "[^]", "a[a-]b", "a[+--]b", "a?b", "", "?", "**", "*:*:*", "h*o", "h[a-", "\\",
                    "key:\\", "[", "*[", "\377*", "h?*llo"):
        ours, theirs = (set(Replies(reply).read()) for reply in pair.ask("KEYS", pattern))
        pair.judge(ours == theirs, ["KEYS", pattern], sorted(ours - theirs), sorted(theirs - ours))
        ours, theirs = (scan(one, "MATCH", pattern, "COUNT", "7") for one in pair.peers)
        pair.judge(ours == theirs, ["SCAN", pattern], sorted(ours - theirs), sorted(theirs - ours))
    for options in ([], ["TYPE", "string"], ["TYPE", "list"], ["COUNT", "100000"]):
        ours, theirs = (scan(one, *options) for one in pair.peers)
        pair.judge(ours == theirs, ["SCAN", options], len(ours), len(theirs))
    for words in (["SCAN"], ["SCAN", "x"], ["SCAN", "0", "COUNT"],
                  ["SCAN", "0", "COUNT", "0"], ["SCAN", "0", "COUNT", "x"],
                  ["SCAN", "0", "COUNT", "-1"], ["SCAN", "0", "FOO", "x"], ["SCAN", "0", "MATCH"],
                  ["SCAN", "18446744073709551616"], ["SCAN", " 1"], ["SCAN", "1 "]):
        pair.same(*words)
    pair.same("DBSIZE")
    pair.flush()
    pair.same("KEYS", "*")
    pair.same("SCAN", "0")
    pair.same("SCAN", "")


class Replies:
    """Takes an array of bulks, maybe nested, apart."""

    def __init__(self, data):
        self.data = data

    def read(self):
        head, self.data = self.data.split(b"\r\n", 1)
        if head[:1] == b"*":
            return [self.read() for _ in range(int(head[1:]))]
        size = int(head[1:])
        value, self.data = self.data[:size], self.data[size + 2:]
        return value


def scan(peer, *options):
    """All keys of a walk."""
    cursor, keys = b"0", set()
    while True:
        peer.send(encode(["SCAN", cursor, *options]))
        cursor, page = Replies(peer.reply()).read()
        keys.update(page)
        if cursor == b"0":
            return keys


def streams(pair, rng):
    """Pipelines in pieces, inline commands, and what is no RESP at all."""
    requests, count = b"", 0
    for i in range(3000):
        words = rng.choice([["SET", f"p{i % 50}", "v" * rng.randrange(200)], ["GET", f"p{i % 70}"],
                            ["INCR", "n"], ["MGET", "n", f"p{i % 50}"], ["DEL", f"p{i % 60}"],
                            ["DBSIZE"], ["NOSUCH", "x"], ["GET"], ["PING"]])
        inline = rng.random() < 0.3 and "" not in words
        requests += " ".join(words).encode() + b"\r\n" if inline else encode(words)
        count += 1
    pieces = []
    while requests:
        size = rng.choice([1, 2, 3, 10, 100, 5000])
        pieces.append(requests[:size])
        requests = requests[size:]
    for one in pair.peers:
        one.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            one.send(piece)
    for i in range(count):
        ours, theirs = (one.reply() for one in pair.peers)
        pair.judge(ours == theirs, [f"request {i} of the pipeline"], ours, theirs)
    for line in (b"PING\n", b"  PING  \r\n", b"ECHO \"a b\"\r\n", b"ECHO 'a\\'b'\r\n",
                 b"ECHO \"\\x41\\n\\t\\\"\\q\\x4\"\r\n", b"ECHO a\"b c\"\r\n", b"ECHO ''\r\n",
                 b"\r\n\r\nPING\r\n", b"*0\r\n*-1\r\nPING\r\n", b"echo 'a\"b'\r\n",
                 b"*1\r\n$4\r\nPINGxx", b"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n"):
        for ours, theirs in pair.raw(line, 1):
            pair.judge(ours == theirs, [line], ours, theirs)
    told = []  # to a client that ends its half of the connection and reads on
    for address in pair.addresses:
        one = Peer(address)
        one.send(b"".join(encode(["SET", f"p{i}", str(i)]) + encode(["GET", f"p{i}"])
                          for i in range(2000)))
        one.socket.shutdown(socket.SHUT_WR)
        told.append(one.rest())
        one.close()
    pair.judge(told[0] == told[1], ["the last words of a client"], *told)
    for bad in (b"ECHO \"a\r\n", b"ECHO 'a'b\r\n", b"ECHO \"a\"b\r\n", b"*x\r\n", b"*1\r\nPING\r\n",
                b"*1\r\n:4\r\n", b"*1\r\n\r\n", b"*1\r\n$-1\r\n", b"*1\r\n$x\r\n", b"*\r\n",
                b"*1\r\n$\r\n", b"*99999999999\r\n", b"*01\r\n", b"*+1\r\n", b"*1\r\n$04\r\n",
                b"*1\r\n$99999999999\r\n", b"a" * 70000, b"*" + b"1" * 70000,
                b"*1\r\n$" + b"1" * 70000, b"PING\r\n*1\r\nx\r\nPING\r\n", b"QUIT\r\nPING\r\n",
                b"SET a 1\r\nQUIT now\r\n", b"quit\r\n"):
        closed = []
        for address in pair.addresses:
            one = Peer(address)
            one.send(bad)
            closed.append(one.rest())
            one.close()
        pair.judge(closed[0] == closed[1], [bad[:80]], *closed)


def chance(pair, rng):
    """Any command with any words, on few keys, for long."""
    keys = ["a", "b", ""]
    values = TEXTS + INTEGERS[:12] + FLOATS[:6]
    shapes = [
        lambda: ["SET", rng.choice(values)] + rng.choices(["NX", "XX", "GET", "KEEPTTL"],
                                                          k=rng.randrange(3)),
        lambda: ["SET", rng.choice(values), "PXAT", str(FAR * 1000 + rng.randrange(5000))],
        lambda: ["GET"], lambda: ["GETDEL"], lambda: ["STRLEN"], lambda: ["TYPE"],
        lambda: ["GETEX", *rng.choice([[], ["PERSIST"], ["EXAT", str(FAR)], ["EXAT", "1"]])],
        lambda: ["GETSET", rng.choice(values)], lambda: ["SETNX", rng.choice(values)],
        lambda: ["APPEND", rng.choice(values)],
        lambda: ["GETRANGE", rng.choice(INTEGERS), rng.choice(INTEGERS)],
        lambda: ["SETRANGE", rng.choice(["0", "1", "7", "-1", "x"]), rng.choice(values)],
        lambda: ["INCR"], lambda: ["DECR"], lambda: ["INCRBY", rng.choice(INTEGERS)],
        lambda: ["DECRBY", rng.choice(INTEGERS)], lambda: ["INCRBYFLOAT", rng.choice(FLOATS)],
        lambda: ["PEXPIREAT", str(FAR * 1000 + rng.randrange(5000)),
                 *rng.choice([[], ["NX"], ["XX"], ["GT"], ["LT"], ["XX", "GT"]])],
        lambda: ["EXPIREAT", rng.choice(["0", "1", "-1", str(FAR)])],
        lambda: ["EXPIRETIME"], lambda: ["PEXPIRETIME"], lambda: ["PERSIST"],
        lambda: ["DEL", rng.choice(keys)], lambda: ["EXISTS", rng.choice(keys)],
        lambda: ["MGET", rng.choice(keys)], lambda: ["MSET", rng.choice(values)]]
    for _ in range(100):
        batch = []
        for _ in range(200):
            name, *rest = rng.choice(shapes)()
            batch.append([name, rng.choice(keys), *rest])
        replies = pair.raw(b"".join(map(encode, batch)), len(batch))
        for words, (ours, theirs) in zip(batch, replies):
            pair.judge(ours == theirs, words, ours, theirs)


def bulk(value):
    return b"$-1\r\n" if value is None else b"$%d\r\n%s\r\n" % (len(value), value)


class Model:
    """SET … IFEQ and DELIFEQ, which Redis 7.0 does not have, as Valkey has them."""

    def __init__(self):
        self.value = None

    def set_if(self, value, expected, get):
        before = self.value
        done = before is not None and before == expected
        if done:
            self.value = value
        if get:
            return bulk(before)
        return b"+OK\r\n" if done else bulk(None)

    def delete_if(self, expected):
        done = self.value is not None and self.value == expected
        if done:
            self.value = None
        return b":1\r\n" if done else b":0\r\n"


def conditions(address, rng):
    """Conditional commands against the model."""
    peer, model = Peer(address), Model()

    def expect(wanted, *words):
        peer.send(encode(words))
        got = peer.reply()
        if got == wanted:
            cluster.passed += 1
        else:
            check(False, f"{words!r}: {got!r} instead of {wanted!r}")

    expect(b"+OK\r\n", "FLUSHALL")
    values = [b"", b"a", b"b"]
    for _ in range(2000):
        value, expected = rng.choice(values), rng.choice(values)
        act = rng.randrange(4)
        if act == 0:
            expect(model.delete_if(expected), "DELIFEQ", "c", expected)
        elif act == 1:
            model.value = value
            expect(b"+OK\r\n", "SET", "c", value)
        elif act == 2:
            expect(model.set_if(value, expected, True), "SET", "c", value, "GET", "IFEQ", expected)
        else:
            expect(model.set_if(value, expected, False), "SET", "c", value, "IFEQ", expected)
        expect(bulk(model.value), "GET", "c")
    syntax = b"-ERR syntax error\r\n"
    expect(syntax, "SET", "c", "v", "IFEQ")
    expect(syntax, "SET", "c", "v", "NX", "IFEQ", "x")
    expect(syntax, "SET", "c", "v", "IFEQ", "x", "XX")
    expect(b"-ERR wrong number of arguments for 'delifeq' command\r\n", "DELIFEQ", "c")
    peer.close()


def clients(skep, peer):
    """redis-cli and redis-py get along with the node."""
    for words in (["PING"], ["SET", "c", "1"], ["INCR", "c"], ["MGET", "c", "d"], ["NOSUCH"],
                  ["DEL", "c"]):
        for option in ("-2", "-3"):
            printed = []
            for address in (skep, peer):
                host, port = host_and_port(address)
                done = subprocess.run(["redis-cli", "-h", host, "-p", str(port), option, "--no-raw",
                                       *words], capture_output=True, text=True, timeout=TIMEOUT)
                printed.append((done.returncode, done.stdout, done.stderr))
            check(printed[0] == printed[1], f"redis-cli {option} {' '.join(words)}: {printed}")
    client = redis.Redis(*host_and_port(skep), decode_responses=True, client_name="tour")
    with client.pipeline(transaction=False) as pipe:
        for i in range(1000):
            pipe.set(f"k{i}", i)
        pipe.dbsize()
        check(pipe.execute()[-1] == 1000, "redis-py: a pipeline of 1,000 writes and a DBSIZE")
    check(len(set(client.scan_iter(count=50))) == 1000, "redis-py: scan_iter tells all keys")
    check(client.info()["db0"]["keys"] == 1000, "redis-py: INFO tells how many keys there are")
    check("tour" in [each["name"] for each in client.client_list()],
          "redis-py: CLIENT LIST tells the name")
    check("get" in client.command(), "redis-py: COMMAND can be read")
    client.flushall()
    client.close()


def start_redis(bulk, directory):
    port = free_port()
    process = subprocess.Popen(["redis-server", "--port", str(port), "--save", "", "--daemonize",
                                "no", "--proto-max-bulk-len", bulk, "--appendonly", "yes",
                                "--dir", directory], stdout=subprocess.DEVNULL)

    def answers():
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False
    wait_until(answers, TIMEOUT, "redis-server answers")
    return process, f"127.0.0.1:{port}"


def tour(skep, seed, directory):
    ours = redis.Redis(*host_and_port(skep))
    bulk = ours.config_get("proto-max-bulk-len")["proto-max-bulk-len"]
    process, peer = start_redis(bulk, directory)
    ours.close()
    try:
        for resp3 in (False, True):
            rng = random.Random(seed)
            for part in (strings, set_options, integers, floats, ranges, expiry, connection,
                         arities, walks, lambda pair: streams(pair, rng),
                         lambda pair: chance(pair, rng)):
                pair = Pair(skep, peer, resp3)
                pair.flush()
                part(pair)
                pair.flush()
                pair.same("RESET")
                pair.close()
        conditions(skep, random.Random(seed))
        clients(skep, peer)
    finally:
        process.kill()
        process.wait()


def test():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--skep", metavar="HOST:PORT")
    arguments.add_argument("--seed", type=int, default=random.randrange(10**9))
    given = arguments.parse_args()
    print(f"seed {given.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="skep-replies-") as directory:
        tour(given.skep or Cluster(1).nodes[0].ring_address, given.seed, directory)


run(test)
