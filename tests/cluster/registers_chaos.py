"""Three nodes that are each acceptor and proposer, under 16 clients that go through random
proposers, while a random one is killed (kill -9) and started again every second; then the same with
pauses (SIGSTOP). Each register's history is linearizable, every counter equal to its successes,
nothing acknowledged is lost. At last it is measured how long a client waits at most whose node
lives on when another one is killed.

    registers_chaos.py [--seconds N] [--rounds N] [--seed N]
"""

import signal
import threading
import time

import faults
from cluster import check, run
from load import NotDone, Unknown
from register_cluster import Http, RegisterCluster, begin_load, check_all

WORKERS = 16
LEAST = 1000  # acknowledged requests without which a round has shown little
WATCHED = 2  # seconds before and after a kill


class EverySecond(faults.Faults):
    """One fault of one kind a second, which ends before the next begins."""

    def run_for(self, seconds):
        end = time.monotonic() + seconds
        done = 0
        while time.monotonic() < end:
            begun = time.monotonic()
            self.kinds[0]()
            done += 1
            time.sleep(max(0.0, begun + 1 - time.monotonic()))
        return done

    def kill(self):
        node, = self.any_nodes(1)
        node.kill()
        time.sleep(self.dice.random() * 0.5)
        node.start()

    def pause(self):
        node, = self.any_nodes(1)
        node.process.send_signal(signal.SIGSTOP)
        time.sleep(self.dice.random() * 0.9)
        node.process.send_signal(signal.SIGCONT)


class Watch:
    """A client that changes registers at one proposer, one after the other, and remembers when it
    succeeded."""

    def __init__(self, target, number):
        self.target, self.number = target, number
        self.ends = []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.main, daemon=True)
        self.thread.start()

    def main(self):
        client = Http(self.target)
        while not self.stopping.is_set():
            try:
                client.run("PUT", f"watched/{self.number}/{len(self.ends) % 50}", "x")
                self.ends.append(time.monotonic())
            except (NotDone, Unknown) as error:
                if "Error" in str(error):
                    client.close()
                    client = Http(self.target)
        client.close()

    def longest_gap(self):
        """Milliseconds."""
        self.stopping.set()
        self.thread.join()
        return max(b - a for a, b in zip(self.ends, self.ends[1:])) * 1000


def measure_gaps(cluster):
    """No more than told: on a busy machine it says little."""
    for node in cluster.nodes:
        watches = [Watch(other.target, other.name) for other in cluster.nodes if other is not node]
        time.sleep(WATCHED)
        node.kill()
        time.sleep(WATCHED)
        gaps = [watch.longest_gap() for watch in watches]
        print(f"      when {node.name} is killed, clients of the others wait at most "
              f"{max(gaps):.0f} ms", flush=True)
        node.start()
        cluster.wait_ready()


def test_round(seconds, dice):
    for kind, what in (("kill", "killed and started again"), ("pause", "stopped for a while")):
        cluster = RegisterCluster()
        load = begin_load(cluster, WORKERS)
        try:
            chaos = EverySecond(cluster, dice)
            chaos.kinds = [getattr(chaos, kind)]
            times = chaos.run_for(seconds)
        finally:
            load.stop()
        cluster.wait_ready()
        check(True, f"nodes were {what} {times} times, and all are ready again")
        check_all(cluster, load, LEAST)
        if kind == "kill":
            measure_gaps(cluster)
        cluster.close()


run(lambda: faults.rounds(15, test_round))
