"""What may happen to the nodes of a cluster under load."""

import argparse
import random
import shutil
import signal
import time


class Faults:
    """What happens to the nodes. Each fault ends before the next begins."""

    def __init__(self, cluster, dice):
        self.cluster = cluster
        self.dice = dice
        self.kinds = [self.kill, self.pause, self.wipe]

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


def kill_all(cluster, dice, rounds):
    """kill -9 of all nodes at once, which are then started in any order; so often."""
    for number in range(rounds):
        time.sleep(0.5 + dice.random() * 2)
        for node in cluster.nodes:
            node.process.kill()
        for node in cluster.nodes:
            node.process.wait()
        for node in dice.sample(cluster.nodes, len(cluster.nodes)):
            node.start()
        cluster.wait_ready()
        print(f"      {number + 1}. all were killed and started again", flush=True)


def know_all(cluster):
    """A founder that lost its disk has to know whom to join."""
    for node in cluster.nodes:
        node.configure([other.cluster_address for other in cluster.nodes if other is not node])


def rounds(seconds, test_round):
    """A test's main: test_round(seconds, dice) as often as --rounds says."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--seconds", type=int, default=seconds)
    arguments.add_argument("--rounds", type=int, default=1)
    arguments.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = arguments.parse_args()
    for number in range(options.rounds):
        seed = options.seed + number
        print(f"      round {number + 1} of {options.rounds}, seed {seed}", flush=True)
        test_round(options.seconds, random.Random(seed))
