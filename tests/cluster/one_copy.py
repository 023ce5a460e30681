"""Three nodes with ring.replication = 1: a node that is killed is given up, the others serve its
keys without what it had, and when it is back that is put where nothing is."""

import json
import urllib.request

from cluster import Cluster, check, run, wait_until, with_ring
from load import Client

KEYS = [f"key:{n}" for n in range(1000)]


def ask(node, commands):
    client = Client(node.ring_port)
    replies = client.pipeline(commands)
    client.close()
    return replies


def ring_of(node):
    with urllib.request.urlopen(f"http://127.0.0.1:{node.admin_port}/ring", timeout=10) as answer:
        return json.load(answer)


def test():
    cluster = Cluster(3, with_ring(replication=1, takeover_empty_after="2s", replace_after="3s"))
    first, lost, last = cluster.nodes
    ask(first, [("SET", key, "old") for key in KEYS])

    lost.kill()
    cluster.wait_ready([first, last])
    values = ask(last, [("GET", key) for key in KEYS])
    gone = [key for key, value in zip(KEYS, values) if value is None]
    check(gone and set(values) == {None, b"old"},
          f"the others serve every key; of {len(KEYS)} they have {len(KEYS) - len(gone)}")
    again = gone[::2]
    check(ask(first, [("SET", key, "new") for key in again]) == [b"OK"] * len(again),
          f"and take {len(again)} of those that are gone")

    lost.start()
    cluster.wait_ready()
    wait_until(lambda: not ring_of(lost)["bringing"], 30, "its entries are brought")
    values = ask(first, [("GET", key) for key in KEYS])
    wrong = [key for key, value in zip(KEYS, values)
             if value != (b"new" if key in again else b"old")]
    check(not wrong, f"when it is back, what it had is there where nothing was; wrong: {wrong[:5]}")
    told = ring_of(lost)
    check((told["brought"], told["brought_present"]) == (len(gone) - len(again), len(again)),
          f"it has put {told['brought']} entries, {told['brought_present']} were there already")


run(test)
