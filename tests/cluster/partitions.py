"""Five nodes under 64 clients, and everything that may happen to them, one after the other: kill
-9, pauses (SIGSTOP), wiped disks and, as root, networks that are cut in one direction or both.
No acknowledged write is lost, no delete undone, each key's history is linearizable, and a node that
is alone refuses, and says so.

    partitions.py [--seconds N] [--rounds N] [--seed N]
"""

import threading
import time

import faults
import namespaces
from cluster import Cluster, check, run
from everything import check_all, step
from load import Client, Load, NotDone, Unknown

NODES = 5
WORKERS = 64
LEAST = 2000  # acknowledged requests without which the test has shown little
CUT = 3  # seconds that a network stays cut
SETTLED = 2.5  # seconds after which a node that is alone has lost all that it was lent
ALONE = 32  # requests to such a node


class Cuts(faults.Faults):
    """Networks that are cut, too."""

    def __init__(self, cluster, dice):
        super().__init__(cluster, dice)
        self.kinds += [self.isolate, self.split, self.one_way]

    def cut(self, some, others, both):
        for one in some:
            for other in others:
                one.cut(other)
                if both:
                    other.cut(one)

    def heal(self):
        for node in self.cluster.nodes:
            node.heal()

    def isolate(self):
        nodes = self.any_nodes(NODES)
        self.cut(nodes[:1], nodes[1:], both=True)
        time.sleep(SETTLED)
        check_refuses(nodes[0])
        self.heal()
        return f"{nodes[0].name} was alone"

    def split(self):
        nodes = self.any_nodes(NODES)
        self.cut(nodes[:2], nodes[2:], both=True)
        time.sleep(CUT)
        self.heal()
        return f"{nodes[0].name} and {nodes[1].name} were cut off"

    def one_way(self):
        nodes = self.any_nodes(NODES)
        count = self.dice.randrange(1, 4)
        self.cut(nodes[:1], nodes[1:1 + count], both=False)
        time.sleep(CUT)
        self.heal()
        return f"nothing from {nodes[0].name} reached {count} of the others"


def check_refuses(node):
    """A node that reaches no other does nothing, and says of each request that it did not."""
    outcomes = []

    def ask(number):
        try:
            client = Client(node.ring_target)
            words = ("SET", f"alone:{number}", "x") if number % 2 else ("GET", f"alone:{number}")
            outcomes.append(f"done: {words[0]} {client.run(*words)}")
        except (NotDone, Unknown) as error:
            outcomes.append(str(error))
    threads = [threading.Thread(target=ask, args=(number,)) for number in range(ALONE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wrong = [text for text in outcomes if not text.startswith(("TRYAGAIN ", "UNCERTAIN "))]
    check(len(outcomes) == ALONE and not wrong,
          f"{node.name}, alone, refused {ALONE} requests and said so" +
          (f"; wrong: {wrong[:3]}" if wrong else ""))


def test_round(seconds, dice, network):
    cluster = Cluster(NODES, network.node if network else None)
    faults.know_all(cluster)
    load = Load([node.ring_target for node in cluster.nodes], WORKERS, step)
    try:
        (Cuts if network else faults.Faults)(cluster, dice).run_for(seconds)
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
