"""ring set: options of the whole hive are changed while clients write; every node goes by them,
also one that was away, and after a restart; a joiner takes them over."""

import json
import subprocess
import urllib.request

from cluster import SERVER, Cluster, check, run, wait_until
from load import Client

KEYS = [f"key:{n}" for n in range(1000)]


def ring_of(node):
    with urllib.request.urlopen(f"http://127.0.0.1:{node.admin_port}/ring", timeout=10) as answer:
        return json.load(answer)


def ring_set(node, *words):
    done = subprocess.run([SERVER, "admin", "--connect", node.admin_address, "ring", "set", *words],
                          capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def shows(nodes, **options):
    return all(ring_of(node).items() >= options.items() for node in nodes)


def write_and_read(node, value):
    client = Client(node.ring_port)
    client.pipeline([("SET", key, value) for key in KEYS])
    found = client.pipeline([("GET", key) for key in KEYS])
    client.close()
    return set(found) == {value.encode()}


def test():
    cluster = Cluster(3)
    first, second, away = cluster.nodes
    for word, expected in (("arcs=512", "for ever"), ("durability=none", "none"),
                           ("durability=often", "commit"), ("replication=0", "1 to 9"),
                           ("lease=1h", "1m"), ("lease=100ms", "heartbeat"),
                           ("takeover_empty_after=soon", "never"), ("replicas=2", "durability"),
                           ("lease", "NAME=VALUE")):
        status, said = ring_set(first, word)
        check(status in (1, 2) and expected in said, f"{word}: {said.strip()}")
    check(shows(cluster.nodes, options_version=1), "none of these changes anything")

    status, said = ring_set(second, "durability=commit", "lease=900ms")
    check((status, said) == (0, "set\n"), f"two options are set: {said.strip()}")
    check(shows(cluster.nodes, durability="commit", lease_ms=900, options_version=2),
          "every node goes by them when that is answered")
    check(write_and_read(first, "synced"), "and serves")

    status, said = ring_set(first, "replication=2", "lease=400ms")
    check(status == 0, "fewer copies, and a shorter lease")
    cluster.wait_ready()
    kept = sum(node["kept"] for node in ring_of(first)["nodes"])
    check(kept == 2 * ring_of(first)["arcs"], f"there are two copies of each arc: {kept} in all")
    check(write_and_read(second, "two copies"), "and they serve")

    away.kill()
    status, said = ring_set(first, "replication=3", "durability=interval")
    check(status == 0, f"options are set while a node is away: {said.strip()}")
    away.start()
    cluster.wait_ready()
    wait_until(lambda: shows(cluster.nodes, replication=3, durability="interval",
                             options_version=4), 30, "it hears of them when it is back")
    cluster.wait_ready()
    kept = sum(node["kept"] for node in ring_of(first)["nodes"])
    check(kept == 3 * ring_of(first)["arcs"], f"there are three copies of each arc: {kept} in all")

    for node in cluster.nodes:
        node.kill()
    cluster.start_all()
    check(shows(cluster.nodes, replication=3, lease_ms=400, options_version=4),
          "they are there when all were killed")
    joiner = cluster.add()
    joiner.start()
    cluster.wait_ready()
    check(shows([joiner], replication=3, lease_ms=400, options_version=4),
          "a joiner takes them over")
    with open(joiner.log, encoding="utf-8") as log:
        check("differ from this node's file" in log.read(), "and says what its file had")
    check(write_and_read(joiner, "joined"), "and serves")


run(test)
