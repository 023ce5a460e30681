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
from load import Client, Event, Load, NotDone, Unknown, check_history, observe, reply_text

NODES = 5
WORKERS = 64
REGISTERS = 48
LEAST = 2000  # acknowledged requests without which the test has shown little
CUT = 3  # seconds that a network stays cut
SETTLED = 2.5  # seconds after which a node that is alone has lost all that it was lent
ALONE = 32  # requests to such a node


def keep(worker):
    """A key that nobody else writes, or the end of one."""
    settled = [key for key, state in worker.kept.items() if state == "there"]
    try:
        if settled and worker.random.random() < 0.3:
            key = worker.random.choice(settled)
            worker.kept[key] = "maybe"
            worker.request("DEL", key)
            worker.kept[key] = "gone"
        else:
            key = f"kept:{worker.number}:{len(worker.kept)}"
            worker.kept[key] = "maybe"
            worker.request("SET", key, key)
            worker.kept[key] = "there"
    except (NotDone, Unknown):
        pass


def step(worker):
    if not hasattr(worker, "history"):
        worker.history, worker.kept = [], {}
    if worker.random.random() < 0.02:
        worker.reconnect()
    key = f"register:{worker.random.randrange(REGISTERS)}"
    dice = worker.random.random()
    if dice < 0.3:
        observe(worker, "GET", key)
    elif dice < 0.5:
        observe(worker, "SET", key, f"{worker.number}.{len(worker.history)}")
    elif dice < 0.6:
        observe(worker, "DEL", key)
    else:
        keep(worker)
    worker.load.stopping.wait(worker.random.random() * 0.03)


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


def read_finally(cluster, history):
    """One read of each register through each node, after everything."""
    for node in cluster.nodes:
        client = Client(node.ring_target)
        for n in range(REGISTERS):
            event = Event(node.name, f"register:{n}", "GET", None)
            event.reply = reply_text("GET", client.run("GET", event.key))
            event.replied = time.monotonic_ns()
            history.append(event)
        client.close()


def check_kept(cluster, load):
    kept = {key: state for worker in load.workers for key, state in worker.kept.items()}
    keys = [key for key, state in kept.items() if state != "maybe"]
    client = Client(cluster.nodes[0].ring_target)
    values = {}
    for start in range(0, len(keys), 100):
        some = keys[start:start + 100]
        values.update(zip(some, client.pipeline([("GET", key) for key in some])))
    client.close()
    there = [key for key in keys if kept[key] == "there"]
    gone = [key for key in keys if kept[key] == "gone"]
    lost = [key for key in there if values[key] != key.encode()]
    undone = [key for key in gone if values[key] is not None]
    check(there and not lost, f"{len(there)} acknowledged writes, {len(lost)} lost {lost[:5]}")
    check(gone and not undone, f"{len(gone)} acknowledged deletes, {len(undone)} undone "
          f"{undone[:5]}")


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
    done = load.total("done")
    check(done >= LEAST, f"{done} requests acknowledged, {load.total('unknown')} uncertain, "
          f"{load.total('not_done')} not done")
    check_kept(cluster, load)
    history = [event for worker in load.workers for event in worker.history]
    read_finally(cluster, history)
    linearizable, explanation = check_history(history)
    print("\n".join("      " + line for line in explanation.splitlines()[-60:]), flush=True)
    check(linearizable, "each register's history is linearizable")


run(test)
