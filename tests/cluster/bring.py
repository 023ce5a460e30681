"""cluster join --bring: a node with a hive of its own joins another one with what it holds, is
killed again and again meanwhile, and in the end every key that was absent there has come, once."""

import json
import os
import subprocess
import urllib.request

from cluster import SERVER, Cluster, Node, check, free_port, run, wait_until, waits_for
from load import Client

OWN = [f"own:{n}" for n in range(8000)]  # in the one hive
BOTH = [f"both:{n}" for n in range(2000)]
THERE = [f"there:{n}" for n in range(1000)]  # in the other
HOUR = 3600


def named(name):
    return lambda directory, _, peers: Node(directory, name, peers)


def ask(node, commands):
    client = Client(node.ring_port)
    replies = client.pipeline(commands)
    client.close()
    return replies


def values(node, keys):
    return ask(node, [("GET", key) for key in keys])


def all_are(node, keys, value):
    return set(values(node, keys)) == {value}


def admin(node, *words):
    done = subprocess.run([SERVER, "admin", "--connect", node.admin_address, *words],
                          capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()


def ring_of(node):
    with urllib.request.urlopen(f"http://127.0.0.1:{node.admin_port}/ring", timeout=10) as answer:
        return json.load(answer)


def told(node):
    """What the ring says of itself; nothing while the node starts."""
    try:
        return ring_of(node)
    except OSError:
        return {}


def refusals(solo, there, other, twin):
    """All of these change nothing."""
    for words, expected in (
            (("127.0.0.1:%d" % free_port(), "--bring"), "nothing has changed"),
            ((solo.ring_address, "--bring"), "nothing has changed"),
            ((there.cluster_address,), "--bring"),
            ((solo.cluster_address, "--bring"), "own address"),
            ((there.cluster_address, "--brings"), "accepted")):
        status, said = admin(solo, "cluster", "join", *words)
        check(status in (1, 2) and expected in said, f"refused: {said}")
    status, said = admin(twin, "cluster", "join", there.cluster_address, "--bring")
    check(status == 1 and "called node1, too" in said, f"refused: {said}")
    status, said = admin(there, "cluster", "join", solo.cluster_address, "--bring")
    check(status == 1 and "node2" in said and "node3" in said, f"refused: {said}")
    status, said = admin(there, "cluster", "join", other.cluster_address, "--bring")
    check(status == 1 and "already" in said, f"refused: {said}")
    status, said = admin(there, "cluster", "join", other.cluster_address)
    check(status == 0 and said == "joined", f"without --bring it is no mistake: {said}")
    check(all_are(solo, OWN + BOTH, b"own") and all_are(there, BOTH + THERE, b"there"),
          "after these both hives have what they had")


def restart(node):
    node.kill()
    node.start()


def count_to(node, least):
    """Waits until so many entries were brought, or all."""
    def reached():
        now = told(node)
        return now.get("started") and (not now["bringing"] or now["brought"] >= least)
    wait_until(reached, 60, f"{least} entries are brought")
    return ring_of(node)["brought"]


def test():
    hive = Cluster(3)
    there = hive.nodes[0]
    alone = Cluster(1, named("solo"))
    solo = alone.nodes[0]
    twin = Cluster(1).nodes[0]
    ask(there, [("SET", key, "there") for key in BOTH + THERE])
    ask(solo, [("SET", key, "own") for key in OWN + BOTH])
    ask(solo, [("SET", "lasting", "own", "EX", HOUR), ("SET", "brief", "own", "PX", 1),
               ("SET", "deleted", "own"), ("DEL", "deleted")])
    refusals(solo, there, hive.nodes[1], twin)

    # An empty node with a cluster of its own simply joins.
    empty = Cluster(1, named("empty")).nodes[0]
    empty.terminate()
    check(empty.exit_status() == 0, "a node that was started without peers by mistake stops")
    empty.configure([there.cluster_address])
    empty.start()
    way = f"admin --connect {empty.admin_address} cluster join {there.cluster_address}"
    wait_until(lambda: way in waits_for(empty), 30, "not ready with them, it says what to do")
    wait_until(lambda: told(empty).get("stable"), 30, "its ring is stable again")
    status, said = admin(empty, "cluster", "join", there.cluster_address)
    check(status == 0 and "joining" in said, f"an empty one needs no --bring: {said}")
    wait_until(lambda: len(told(empty).get("nodes", [])) == 4, 30, "the empty one joins")
    hive.wait_ready([*hive.nodes, empty])

    status, said = admin(solo, "cluster", "join", there.cluster_address, "--bring")
    check(status == 0 and "joining" in said, f"the other one brings: {said}")
    restart(solo)  # wherever it is now
    brought = 0
    for _ in range(4):
        brought = count_to(solo, brought + 1000)
        restart(solo)

    # What has come, and is deleted then, does not come again; more than one round later.
    brought = count_to(solo, brought + 1)
    gone = [key for key, value in zip(OWN, values(there, OWN)) if value][:500]
    ask(there, [("DEL", key) for key in gone])
    count_to(solo, brought + 1000)
    restart(solo)
    check(len(gone) == 500, "500 of the entries that have come are deleted")

    wait_until(lambda: told(solo).get("started") and not ring_of(solo)["bringing"], 60,
               "everything is brought")
    hive.wait_ready([*hive.nodes, empty, solo])
    for node in (there, solo):
        check(all_are(node, sorted(set(OWN) - set(gone)), b"own"),
              f"through {node.name}: what was absent has come")
        check(all_are(node, BOTH + THERE, b"there"), "what was there has stayed")
        check(all_are(node, gone + ["brief", "deleted"], None), "what is gone has stayed away")
    check(0 < ask(there, [("TTL", "lasting")])[0] <= HOUR, "what expires still does")
    figures = ring_of(solo)
    check(figures["brought"] + figures["brought_present"] == len(OWN) + len(BOTH) + 1,
          f"each was brought once: {figures['brought']} put, {figures['brought_present']} there")
    wait_until(lambda: not os.path.exists(os.path.join(solo.data, "bring")), 10,
               "the old store is removed")

    solo.terminate()
    check(solo.exit_status() == 0, "it stops in order")
    solo.start()
    hive.wait_ready([*hive.nodes, empty, solo])
    check(len(ring_of(solo)["nodes"]) == 5, "and comes back into its new cluster")


run(test)
