"""Five nodes under 64 clients, and everything that may happen to them, one after the other: kill
-9, pauses (SIGSTOP), wiped disks and, as root, networks that are cut in one direction or both.
No acknowledged write is lost, no delete undone, each key's history is linearizable, and a node that
is alone refuses, and says so.

    partitions.py [--seconds N] [--rounds N] [--seed N]
"""

import faults
import namespaces
from cluster import Cluster, check, run
from everything import check_all, step
from load import Client, Load, NotDone, Unknown

NODES = 5
WORKERS = 64
LEAST = 2000  # acknowledged requests without which the test has shown little
ALONE = 32  # requests to such a node


def check_refuses(node):
    """A node that reaches no other does nothing, and says of each request that it did not."""
    def ask(number):
        words = ("SET", f"alone:{number}", "x") if number % 2 else ("GET", f"alone:{number}")
        try:
            return Client(node.ring_target).run(*words)
        except (NotDone, Unknown) as error:
            if not str(error).startswith(("TRYAGAIN ", "UNCERTAIN ")):
                raise RuntimeError(str(error)) from error
            raise
    wrong = namespaces.all_refused(ask, ALONE)
    check(not wrong, f"{node.name}, alone, refused {ALONE} requests and said so" +
          (f"; wrong: {wrong[:3]}" if wrong else ""))


def test_round(seconds, dice, network):
    cluster = Cluster(NODES, network.node if network else None)
    faults.know_all(cluster)
    load = Load([node.ring_target for node in cluster.nodes], WORKERS, step)
    try:
        if network:
            namespaces.Cuts(cluster, dice, check_refuses).run_for(seconds)
        else:
            faults.Faults(cluster, dice).run_for(seconds)
    finally:
        load.stop()
    cluster.wait_ready()
    check(True, "the ring is stable again")
    check_all(cluster, load, LEAST)
    cluster.close()


def test():
    network = namespaces.Network() if namespaces.move_inside() else None
    if not network:
        print("      not run: cut networks, which need root and network namespaces", flush=True)
    faults.rounds(30, lambda seconds, dice: test_round(seconds, dice, network))


run(test)
