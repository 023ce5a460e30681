"""Three nodes that all go down, by SIGTERM and by kill -9, and come up in another order: the same
cluster with everything in it. While one is dead and nobody can take its place, the other two are
ready, also after a restart."""

from cluster import Cluster, check, run
from load import Client

KEYS = 3000
BATCH = 100


def write(cluster, keys, generation):
    """Writes the keys through all nodes in turn."""
    keys = list(keys)
    for start in range(0, len(keys), BATCH):
        client = Client(cluster.nodes[start // BATCH % len(cluster.nodes)].ring_port)
        batch = keys[start:start + BATCH]
        client.pipeline([("SET", f"key:{n}", f"{generation}:{n}") for n in batch])
        client.close()


def check_values(cluster, generation_of, when):
    """Reads every key through every node."""
    for node in cluster.nodes:
        client = Client(node.ring_port)
        values = client.pipeline([("GET", f"key:{n}") for n in range(KEYS)])
        client.close()
        wrong = [n for n in range(KEYS) if values[n] != f"{generation_of(n)}:{n}".encode()]
        check(not wrong, f"{when}, {node.name} has all {KEYS} keys" +
              (f"; wrong: {[(n, values[n]) for n in wrong[:5]]}" if wrong else ""))


def start_in_another_order(cluster):
    for node in cluster.nodes[1:] + cluster.nodes[:1]:
        node.start()
    cluster.wait_ready()


def test():
    cluster = Cluster(3)
    write(cluster, range(KEYS), 1)
    check_values(cluster, lambda n: 1, "after writing")

    for node in cluster.nodes:
        node.terminate()
    for node in cluster.nodes:
        status = node.exit_status()
        check(status == 0, f"{node.name} stopped with status {status}")
    start_in_another_order(cluster)
    check_values(cluster, lambda n: 1, "after SIGTERM to all")

    write(cluster, range(0, KEYS, 2), 2)
    for node in cluster.nodes:
        node.process.kill()
    for node in cluster.nodes:
        node.process.wait()
    start_in_another_order(cluster)
    check_values(cluster, lambda n: 1 + (n % 2 == 0), "after kill -9 of all at once")

    first, second, dead = cluster.nodes
    dead.kill()
    cluster.wait_ready([first, second])
    second.terminate()
    check(second.exit_status() == 0, f"{second.name} stopped while {dead.name} was dead")
    second.start()
    cluster.wait_ready([first, second])
    dead.start()
    cluster.wait_ready()
    check_values(cluster, lambda n: 1 + (n % 2 == 0), "after that")


run(test)
