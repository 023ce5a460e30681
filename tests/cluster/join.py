"""Nodes 4 and 5 join and node 2 leaves while clients write and read: not one request fails, and
every key is there afterwards."""

import subprocess

from cluster import SERVER, Cluster, check, run
from load import Client, Load

WORKERS = 16
KEYS_PER_WORKER = 500


def step(worker):
    """Writes one of the worker's own keys, or reads one, whose value nobody else changes."""
    if not hasattr(worker, "values"):
        worker.values = {}
        worker.wrong = []
    key = f"w{worker.number}:{worker.random.randrange(KEYS_PER_WORKER)}"
    if worker.random.random() < 0.02:
        worker.reconnect()
    if worker.random.random() < 0.5:
        value = f"{worker.number}:{worker.done}".encode()
        worker.request("SET", key, value)
        worker.values[key] = value
    else:
        value = worker.request("GET", key)
        if value != worker.values.get(key):
            worker.wrong.append((key, value, worker.values.get(key)))
    worker.load.stopping.wait(0.002)


def leave(node):
    """Tells the node to leave for good; returns the command's exit status."""
    result = subprocess.run([SERVER, "admin", "--connect", node.admin_address, "cluster", "leave"],
                            timeout=120, check=False)
    return result.returncode


def check_everything(cluster, load):
    expected = {}
    for worker in load.workers:
        expected.update(worker.values)
    for node in cluster.nodes:
        if not node.running():
            continue
        client = Client(node.ring_port)
        keys = sorted(expected)
        found = client.pipeline([("GET", key) for key in keys])
        wrong = [key for key, value in zip(keys, found) if value != expected[key]]
        check(not wrong, f"{node.name} has all {len(keys)} keys" +
              (f"; wrong: {wrong[:5]}" if wrong else ""))
        size = client.run("DBSIZE")
        check(size == len(keys), f"{node.name} counts {size} keys")
        client.close()


def grow_and_shrink(cluster, load):
    """The changes under load; says how many requests were answered during each."""
    before = load.total("done")
    for _ in range(2):
        node = cluster.add()
        node.start()
        cluster.wait_ready()
        load.ports.append(node.ring_port)
        now = load.total("done")
        check(now > before, f"{node.name} joined, {now - before} requests meanwhile")
        before = now
    leaver = cluster.nodes[1]
    status = leave(leaver)
    check(status == 0, f"{leaver.name} left, status {status}")
    stayed = [node for node in cluster.nodes if node is not leaver]
    cluster.wait_ready(stayed)
    now = load.total("done")
    check(now > before, f"the ring is stable without it, {now - before} requests meanwhile")
    status = leaver.exit_status()
    check(status == 0, f"{leaver.name} ended by itself with status {status}")


def test():
    cluster = Cluster(3)
    load = Load([cluster.nodes[0].ring_port, cluster.nodes[2].ring_port], WORKERS, step)
    try:
        grow_and_shrink(cluster, load)
    finally:
        load.stop()
    failures = [text for worker in load.workers for text in worker.failures]
    check(not failures, f"{load.total('done')} requests, {len(failures)} failed" +
          (f": {failures[:5]}" if failures else ""))
    wrong = [item for worker in load.workers for item in worker.wrong]
    check(not wrong, "every read saw what its client had written last" +
          (f"; not: {wrong[:5]}" if wrong else ""))
    check_everything(cluster, load)


run(test)
