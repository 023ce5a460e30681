"""RING FORGET: of three nodes two are killed, and one's disk is lost. What is left serves nothing
until both are written off, and then everything; the one that was written off by mistake stays out,
and comes back as a new node with an empty directory."""

import shutil

from cluster import Cluster, check, run, wait_until
from load import Client, NotDone, ReplyError

KEYS = [f"key:{n}" for n in range(1000)]


def ask(node, *commands):
    client = Client(node.ring_port)
    replies = client.pipeline(commands)
    client.close()
    return replies


def attempt(node, *words):
    """The reply, or what the refusal says."""
    try:
        return ask(node, words)[0]
    except (NotDone, ReplyError) as error:
        return f"refused: {error}"


def log_of(node):
    with open(node.log, encoding="utf-8") as log:
        return log.read()


def test():
    cluster = Cluster(3)
    left, lost, mistaken = cluster.nodes
    values = [value.encode() for value in KEYS]
    ask(left, *[("SET", key, key) for key in KEYS])

    check("no dead ring node" in attempt(left, "RING", "FORGET", "nobody", "YES"),
          "a name that is none is refused")
    check("is alive" in attempt(left, "RING", "FORGET", lost.name, "YES"),
          "so is a node that lives")
    check("syntax" in attempt(left, "RING", "FORGET", lost.name, "NO"), "and another word than YES")

    lost.kill()
    shutil.rmtree(lost.data)
    mistaken.kill()
    wait_until(lambda: "RING FORGET node2 YES" in attempt(left, "RING", "FORGET", lost.name), 30,
               "without YES it says what it means")
    check(attempt(left, "GET", KEYS[0]).startswith("refused"), "without a majority it refuses")
    for name in (lost.name, mistaken.name):
        wait_until(lambda: attempt(left, "RING", "FORGET", name, "YES") == b"OK", 30,
                   f"{name} is believed dead, and written off")
    wait_until(lambda: attempt(left, "GET", KEYS[0]) == values[0], 30, "the last node serves")
    check(ask(left, *[("GET", key) for key in KEYS]) == values, "what is left has every key")
    check(set(ask(left, *[("SET", key, key) for key in KEYS])) == {b"OK"}, "and takes writes")

    left.kill()
    left.start()
    wait_until(lambda: attempt(left, "GET", KEYS[0]) == values[0], 30, "it serves when restarted")
    mistaken.start()
    wait_until(lambda: "empty its data directory" in log_of(mistaken), 30,
               "it hears that it is not wanted")
    check("written this node off" in attempt(mistaken, "GET", KEYS[0]),
          "one that is written off answers nothing")
    check(ask(left, *[("GET", key) for key in KEYS]) == values, "and disturbs nobody")
    mistaken.kill()
    mistaken.start()
    check(mistaken.exit_status() != 0, "it does not start again")

    shutil.rmtree(mistaken.data)
    cluster.start_all()
    for node in cluster.nodes:
        check(ask(node, *[("GET", key) for key in KEYS]) == values,
              f"{node.name} has every key when all are back")


run(test)
