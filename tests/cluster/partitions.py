"""Five nodes under 64 clients, and everything that may happen to them, one after the other: kill
-9, pauses (SIGSTOP), wiped disks and, as root, networks that are cut in one direction or both.
No acknowledged write is lost, no delete undone, each key's history is linearizable, and a node that
is alone refuses, and says so.

    partitions.py [--seconds N] [--seed N]
"""

import argparse
import random
import shutil
import signal
import threading
import time

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


class Faults:
    """What happens to the nodes. Each fault ends before the next begins."""

    def __init__(self, cluster, dice, partitions):
        self.cluster = cluster
        self.dice = dice
        self.kinds = [self.kill, self.pause, self.wipe]
        if partitions:
            self.kinds += [self.isolate, self.split, self.one_way]

    def run_for(self, seconds):
        """All kinds in turn, in another order each time, each once at least."""
        end = time.monotonic() + seconds
        while True:
            for fault in self.dice.sample(self.kinds, len(self.kinds)):
                print("      " + fault(), flush=True)
            if time.monotonic() > end:
                return

    def any_nodes(self, count):
        return self.dice.sample(self.cluster.nodes, count)

    def kill(self):
        node, = self.any_nodes(1)
        node.kill()
        time.sleep(self.dice.random() * 2)
        node.start()
        return f"{node.name} was killed and started again"

    def pause(self):
        node, = self.any_nodes(1)
        seconds = 0.2 + self.dice.random() * 2.5
        node.process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        node.process.send_signal(signal.SIGCONT)
        return f"{node.name} was stopped for {seconds:.1f} s"

    def wipe(self):
        """One at a time: what the others hold has to be whole again before another is lost."""
        self.cluster.wait_ready()
        node, = self.any_nodes(1)
        node.kill()
        shutil.rmtree(node.data)
        node.start()
        self.cluster.wait_ready()
        return f"{node.name} lost its disk, and joined as another"

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


def make_cluster(partitions):
    cluster = Cluster(NODES, namespaces.Network().node if partitions else None)
    # A founder that lost its disk has to know whom to join.
    for node in cluster.nodes:
        node.configure([other.cluster_address for other in cluster.nodes if other is not node])
    return cluster


def test():
    partitions = namespaces.move_inside()
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--seconds", type=int, default=30)
    arguments.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = arguments.parse_args()
    print(f"      seed {options.seed}", flush=True)
    if not partitions:
        print("      not run: cut networks, which need root and network namespaces", flush=True)
    cluster = make_cluster(partitions)
    load = Load([node.ring_target for node in cluster.nodes], WORKERS, step)
    try:
        Faults(cluster, random.Random(options.seed), partitions).run_for(options.seconds)
    finally:
        load.stop()
    cluster.wait_ready()
    check(True, "the ring is stable again")
    check_all(cluster, load, LEAST)


run(test)
