"""What users of Redis have works against a cluster of three nodes: redis-cli and redis-benchmark,
redis-py and ioredis, each as a plain client and as one of a Redis cluster.

ioredis comes from npm; that it cannot be fetched is a failure, and says so.
"""

import json
import os
import pty
import re
import select
import subprocess
import time

from cluster import TOP, Cluster, check, run
from python_redis import redis

TIMEOUT = 60  # seconds for a program
IOREDIS = "ioredis@5.4.1"


def program(*words, lines="", timeout=TIMEOUT):
    """What a program prints; what it says of errors behind it."""
    done = subprocess.run(words, input=lines, capture_output=True, text=True, timeout=timeout)
    return done.stdout + done.stderr


def cli(node, *words, **options):
    return program("redis-cli", "-p", str(node.ring_port), *words, **options)


def redis_cli(nodes):
    one, two, _ = nodes
    check(cli(one, "-c", "SET", "foo", "bar") == "OK\n", "redis-cli -c sets")
    check(cli(two, "-c", "GET", "foo") == "bar\n", "redis-cli -c gets, at another node")
    lines = "".join(f"SET key:{i} {'x' * (1 + i % 50)}\n" for i in range(2000))
    said = cli(one, "--pipe", lines=lines)
    check("errors: 0, replies: 2000" in said, f"redis-cli --pipe: {said.splitlines()[-1:]}")
    check(len(cli(two, "--scan").split()) == 2001, "redis-cli --scan tells every key")
    check(len(cli(two, "--scan", "--pattern", "key:1?").split()) == 10, "--scan --pattern")
    said = cli(one, "--bigkeys")
    check("2001 strings" in said and "has 50 bytes" in said, "redis-cli --bigkeys")
    said = cli(one, "--memkeys")
    check(re.search(r"2001 strings with [1-9]\d+ bytes", said) is not None, "redis-cli --memkeys")
    check(cli(one, "--cluster", "check", one.ring_address).count("[OK]") >= 3,
          "redis-cli --cluster check finds nothing wrong")
    said = cli(one, lines="MULTI\nSET never 1\nEXEC\nGET never\nGET foo\n")
    check(said.count("ERR MULTI") == 1 and "EXECABORT" in said and said.endswith("\n\nbar\n"),
          "nothing is done between a refused MULTI and EXEC")
    said = program("timeout", "2", "redis-cli", "-p", str(one.ring_port), "--raw", "--latency")
    check(len(said.split()) >= 4, "redis-cli --latency measures")
    said = on_terminal("redis-cli", "-p", str(one.ring_port), "--stat", until=r"(?m)^2001 ")
    check(said, "redis-cli --stat tells the keys")


def on_terminal(*words, until):
    """Whether a program that runs for ever prints to a terminal what `until` matches."""
    master, slave = pty.openpty()
    with subprocess.Popen(words, stdout=slave, stderr=slave, stdin=subprocess.DEVNULL) as process:
        os.close(slave)
        said, deadline = "", time.monotonic() + TIMEOUT
        while not re.search(until, said) and time.monotonic() < deadline:
            if select.select([master], [], [], 1)[0]:
                said += os.read(master, 65536).decode().replace("\r\n", "\n")
        process.kill()
    os.close(master)
    return re.search(until, said) is not None


def benchmark(nodes):
    for option in ([], ["--cluster"]):
        said = program("redis-benchmark", "-p", str(nodes[0].ring_port), "-n", "2000", "-q", "-t",
                       "get,set,incr,mset", *option)
        for test in ("SET", "GET", "INCR", "MSET (10 keys)"):
            check(re.search(rf"{re.escape(test)}: [\d.]+ requests per second", said) is not None,
                  f"redis-benchmark {' '.join(option)} {test}")


def redis_py(nodes):
    plain = redis.Redis(port=nodes[0].ring_port, decode_responses=True)
    check(plain.mset({"a": 1, "b": 2}) and plain.mget("a", "b") == ["1", "2"], "redis-py: MSET")
    check(plain.msetnx({"{t}a": 1, "{t}b": 2}), "redis-py: MSETNX of one slot")
    check(plain.rename("{t}a", "{t}c") and plain.copy("{t}c", "{t}d"), "redis-py: RENAME, COPY")
    try:
        plain.rename("a", "b")
        check(False, "redis-py: RENAME over two slots is refused")
    except redis.ResponseError as error:
        check("CROSSSLOT" in str(error) or "same slot" in str(error), f"redis-py: {error}")
    try:
        with plain.pipeline() as pipe:
            pipe.set("never", 1).execute()
        check(False, "redis-py: a transaction is refused")
    except redis.ResponseError as error:
        check("MULTI is not supported" in str(error), f"redis-py: {error}")
    check(plain.get("never") is None, "redis-py: and nothing of it is done")
    check(plain.info("all")["cmdstat_get"]["calls"] > 0, "redis-py: INFO counts commands")
    plain.close()
    smart = redis.RedisCluster("127.0.0.1", nodes[1].ring_port, decode_responses=True)
    check(all(smart.set(f"s{i}", i) for i in range(200)), "redis-py's RedisCluster sets")
    check([smart.get(f"s{i}") for i in range(200)] == [str(i) for i in range(200)],
          "redis-py's RedisCluster gets")
    owners = {smart.get_node_from_key(f"s{i}").port for i in range(200)}
    check(owners == {node.ring_port for node in nodes}, "redis-py's RedisCluster asks every owner")
    smart.close()


def ioredis(nodes, directory):
    """tests/cluster/ioredis.js prints a line of JSON a check."""
    said = program("npm", "install", "--no-audit", "--no-fund", "--prefix", directory, IOREDIS)
    if not check(os.path.isdir(os.path.join(directory, "node_modules", "ioredis")),
                 f"npm installs {IOREDIS}" + ("" if "added" in said else f": {said}")):
        return
    environment = dict(os.environ, NODE_PATH=os.path.join(directory, "node_modules"))
    done = subprocess.run(["node", os.path.join(TOP, "tests/cluster/ioredis.js"),
                           *(str(node.ring_port) for node in nodes)], capture_output=True,
                          text=True, timeout=TIMEOUT, env=environment)
    for line in done.stdout.splitlines():
        holds, what = json.loads(line)
        check(holds, "ioredis: " + what)
    check(done.returncode == 0, "ioredis: to the end" + done.stderr[-2000:])


def test():
    hive = Cluster(3)
    redis_cli(hive.nodes)
    benchmark(hive.nodes)
    redis_py(hive.nodes)
    ioredis(hive.nodes, hive.directory)


run(test)
