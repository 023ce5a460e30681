"""Three nodes with ring.durability = "none": entries are on no disk, outlive the end of each node
under load, one after the other, and not that of all."""

import os
import subprocess

from cluster import Cluster, check, run, wait_until, with_ring
from everything import check_all, step
from load import Client, Load

WORKERS = 16
LEAST = 500  # acknowledged requests without which the test has shown little
NEEDLE = "a value that is on no disk"


def value(node):
    client = Client(node.ring_port)
    found = client.run("GET", "needle")
    client.close()
    return found


def on_disk(node):
    """Whether a file of the node's has the needle in it."""
    return subprocess.run(["grep", "-raqF", NEEDLE, os.path.join(node.data, "")],
                          check=False).returncode == 0


def end_each(cluster, load):
    for number, node in enumerate(cluster.nodes):
        share = LEAST * (number + 1) // len(cluster.nodes)
        wait_until(lambda least=share: load.total("done") >= least, 60, "some load")
        if node is cluster.nodes[1]:
            node.terminate()
            check(node.exit_status() == 0, f"{node.name} was stopped")
        else:
            node.kill()
            check(True, f"{node.name} was killed")
        node.start()
        cluster.wait_ready()


def test():
    cluster = Cluster(3, with_ring(durability="none"))
    client = Client(cluster.nodes[0].ring_port)
    client.run("SET", "needle", NEEDLE)
    client.close()
    load = Load([node.ring_target for node in cluster.nodes], WORKERS, step)
    try:
        end_each(cluster, load)
    finally:
        load.stop()
    check_all(cluster, load, LEAST)
    for node in cluster.nodes:
        check(value(node) == NEEDLE.encode(), f"{node.name} has what was written at first")
        check(not on_disk(node), "and not on its disk")

    for node in cluster.nodes:
        node.process.kill()
    for node in cluster.nodes:
        node.process.wait()
    cluster.start_all()
    check(value(cluster.nodes[2]) is None, "after kill -9 of all it is gone")
    client = Client(cluster.nodes[1].ring_port)
    check(client.run("DBSIZE") == 0, "and so is everything else")
    client.close()


run(test)
