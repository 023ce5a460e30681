"""Three nodes with little memory for entries, and many times more data: everything can be read,
also after kill -9 of all, and the processes stay small. Three whose entries are in memory only:
what does not fit is deleted, on all of them, and counted. And one with a bound for its disk: above
it, entries are read and deleted, but not written."""

import http.client
import random

from cluster import Cluster, check, run, says_ready, wait_until, waits_for, with_ring
from load import Client, ReplyError

MIB = 1 << 20
MEMORY = 8  # MiB
KEYS = 8_000
VALUE = 25_000  # bytes
AT_ONCE = 50  # requests
LARGEST = 176  # MiB, of a process with the store's caches
DISK = 16  # MiB


def value(number, written=0):
    return random.Random(number * 10 + written).randbytes(VALUE)


def fill(node, numbers, written):
    client = Client(node.ring_port)
    for first in range(0, len(numbers), AT_ONCE):
        some = numbers[first:first + AT_ONCE]
        client.pipeline([("SET", f"key:{n}", value(n, written)) for n in some])
    client.close()


def check_all(node, written, when):
    client = Client(node.ring_port)
    wrong = []
    for first in range(0, KEYS, AT_ONCE):
        some = range(first, min(first + AT_ONCE, KEYS))
        replies = client.pipeline([("GET", f"key:{n}") for n in some])
        wrong += [n for n, reply in zip(some, replies) if reply != value(n, written.get(n, 0))]
    client.close()
    check(not wrong, f"{when}, {node.name} reads all {KEYS} entries" +
          (f"; wrong are {len(wrong)}: {wrong[:5]}" if wrong else ""))


def resident(node):
    with open(f"/proc/{node.process.pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) // 1024
    raise RuntimeError("no VmRSS")


def check_small(cluster, when):
    def sizes():
        return [resident(node) for node in cluster.nodes]
    # What is written is in memory until the store has moved it from the journal.
    wait_until(lambda: max(sizes()) <= LARGEST, 30, f"processes of {LARGEST} MiB, {when},")
    check(True, f"{when}, the processes take {sizes()} MiB, with " +
          f"{KEYS * VALUE // MIB} MiB of values on each node")


def metric(node, name):
    connection = http.client.HTTPConnection("127.0.0.1", node.admin_port, timeout=5)
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + " "))


def test_memory():
    cluster = Cluster(3, with_ring(max_memory=f"{MEMORY}MiB"))
    fill(cluster.nodes[0], range(KEYS), 0)
    check_small(cluster, "after the writes")
    check_all(cluster.nodes[1], {}, "after the writes")
    again = random.Random(1).sample(range(KEYS), KEYS // 10)
    fill(cluster.nodes[2], again, 1)
    written = dict.fromkeys(again, 1)
    check_all(cluster.nodes[0], written, "after some were written again")
    check_small(cluster, "after the reads")
    for node in cluster.nodes:
        evicted, read = (metric(node, f"skep_ring_{what}_total")
                         for what in ("evictions", "read_backs"))
        check(evicted > KEYS // 2 and read > 0,
              f"{node.name} dropped {evicted} values and read {read} back")
    for node in cluster.nodes:
        node.kill()
    cluster.start_all()
    check_all(cluster.nodes[2], written, "after kill -9 of all")
    check_small(cluster, "after kill -9 of all")
    late = cluster.add()
    late.start()
    cluster.wait_ready()
    check_all(late, written, "after a fourth has joined")
    cluster.close()


def read_all(node):
    """What is there, by number."""
    client = Client(node.ring_port)
    there = {}
    for first in range(0, KEYS, AT_ONCE):
        some = range(first, min(first + AT_ONCE, KEYS))
        replies = client.pipeline([("GET", f"key:{n}") for n in some])
        there.update((n, reply) for n, reply in zip(some, replies) if reply is not None)
    client.close()
    return there


def test_room():
    cluster = Cluster(3, with_ring(max_memory=f"{MEMORY}MiB", durability="none"))
    fill(cluster.nodes[0], range(KEYS), 0)
    check(True, f"all {KEYS} writes were taken")
    wait_until(lambda: not any(metric(node, "skep_ring_tombstones") for node in cluster.nodes), 30,
               "the tombstones' end")
    there = read_all(cluster.nodes[0])
    check(MEMORY * MIB // 2 < len(there) * VALUE < MEMORY * MIB, f"{len(there)} entries are left")
    check(all(there[n] == value(n) for n in there), "each with its value")
    check(all(read_all(node) == there for node in cluster.nodes[1:]), "the same on all nodes")
    used = [metric(node, "skep_ring_memory_bytes") for node in cluster.nodes]
    check(max(used) <= MEMORY * MIB, f"which take {used} bytes of memory")
    deleted = [metric(node, "skep_ring_evicted_entries_total") for node in cluster.nodes]
    check(len(there) + sum(deleted) == KEYS, f"the nodes count {deleted} that they deleted")
    check_small(cluster, "after that")
    cluster.close()


def refusal(client, *words):
    try:
        client.run(*words)
    except ReplyError as error:
        return str(error)
    return None


def test_disk():
    cluster = Cluster(1, with_ring(max_disk=f"{DISK}MiB"))
    node = cluster.nodes[0]
    client = Client(node.ring_port)
    written = 0
    refused = None
    while refused is None and written < 10 * DISK * MIB // VALUE:
        refused = refusal(client, "SET", f"key:{written}", value(written))
        written += refused is None
    check(refused and "max_disk" in refused, f"after {written} writes: {refused}")
    wait_until(lambda: "max_disk" in waits_for(node), 10, "/readyz says it")
    check(all(client.run("GET", f"key:{n}") == value(n) for n in range(written)),
          "all of them are read")
    replies = client.pipeline([("DEL", f"key:{n}") for n in range(written)])
    check(replies == [1] * written, "all of them are deleted")
    wait_until(lambda: refusal(client, "SET", "again", "x") is None, 30, "room again")
    wait_until(lambda: says_ready(node.admin_port), 10, "and ready")
    check(True, "then it writes again, and is ready")
    client.close()
    cluster.close()


def test():
    test_memory()
    test_room()
    test_disk()


run(test)
