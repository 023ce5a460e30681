"""Five nodes, one of which is killed and started again every three seconds, while clients read,
write, delete and count through all of them: each key's history is linearizable, and no counter lost
or invented an increment."""

import random
import sys
import time

from cluster import Cluster, check, run
from load import (Client, Event, Load, NotDone, Unknown, check_history, observe, reply_text)

WORKERS = 32
REGISTERS = 48
COUNTERS = 8
ROUNDS = 10  # kills
PERIOD = 3  # seconds from one kill to the next
DOWN = 1  # seconds that a killed node stays down
LEAST = 2000  # acknowledged requests without which the test has shown little


def count(worker):
    key = f"counter:{worker.random.randrange(COUNTERS)}"
    try:
        worker.counted.setdefault(key, []).append(worker.request("INCR", key))
    except NotDone:
        pass
    except Unknown:
        worker.uncertain[key] = worker.uncertain.get(key, 0) + 1


def step(worker):
    if not hasattr(worker, "history"):
        worker.history, worker.counted, worker.uncertain = [], {}, {}
    if worker.random.random() < 0.02:
        worker.reconnect()
    key = f"register:{worker.random.randrange(REGISTERS)}"
    dice = worker.random.random()
    if dice < 0.4:
        observe(worker, "GET", key)
    elif dice < 0.7:
        observe(worker, "SET", key, f"{worker.number}.{len(worker.history)}")
    elif dice < 0.8:
        observe(worker, "DEL", key)
    else:
        count(worker)
    worker.load.stopping.wait(worker.random.random() * 0.01)


def break_nodes(cluster, dice):
    for number in range(ROUNDS):
        node = dice.choice(cluster.nodes)
        node.kill()
        time.sleep(DOWN)
        node.start()
        time.sleep(PERIOD - DOWN)
        print(f"      {number + 1}. {node.name} was killed and started again", flush=True)


def read_finally(cluster, history):
    """One read of each register through each node, after everything."""
    for node in cluster.nodes:
        client = Client(node.ring_port)
        for n in range(REGISTERS):
            event = Event(node.name, f"register:{n}", "GET", None)
            event.reply = reply_text("GET", client.run("GET", event.key))
            event.replied = time.monotonic_ns()
            history.append(event)
        client.close()


def check_counters(cluster, load):
    client = Client(cluster.nodes[0].ring_port)
    for n in range(COUNTERS):
        key = f"counter:{n}"
        seen = [value for worker in load.workers for value in worker.counted.get(key, [])]
        uncertain = sum(worker.uncertain.get(key, 0) for worker in load.workers)
        value = int(client.run("GET", key) or 0)
        check(len(seen) <= value <= len(seen) + uncertain,
              f"{key} is {value}: {len(seen)} increments acknowledged, {uncertain} uncertain")
        check(len(set(seen)) == len(seen), f"no two increments of {key} got the same number")
    client.close()


def test():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else random.randrange(1 << 32)
    print(f"      seed {seed}", flush=True)
    cluster = Cluster(5)
    load = Load([node.ring_port for node in cluster.nodes], WORKERS, step)
    try:
        break_nodes(cluster, random.Random(seed))
    finally:
        load.stop()
    cluster.wait_ready()
    check(True, "the ring is stable again")
    done = load.total("done")
    check(done >= LEAST, f"{done} requests acknowledged, {load.total('unknown')} uncertain, "
          f"{load.total('not_done')} not done")
    history = [event for worker in load.workers for event in worker.history]
    read_finally(cluster, history)
    linearizable, explanation = check_history(history)
    print("\n".join("      " + line for line in explanation.splitlines()[-60:]), flush=True)
    check(linearizable, "each register's history is linearizable")
    check_counters(cluster, load)


run(test)
