"""A load that writes, reads and deletes registers, whose histories have to be linearizable, keys
of its own, of which no acknowledged write may be lost and no acknowledged delete undone, and
counters, of which no acknowledged increment may be lost and none be there twice."""

import time

from cluster import check
from load import Client, Event, NotDone, Unknown, check_history, observe, reply_text

REGISTERS = 48
COUNTERS = 8


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
        worker.history, worker.kept, worker.counted, worker.uncertain = [], {}, {}, {}
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
    elif dice < 0.75:
        count(worker)
    else:
        keep(worker)
    worker.load.stopping.wait(worker.random.random() * 0.03)


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


def check_counters(cluster, load):
    client = Client(cluster.nodes[0].ring_target)
    for n in range(COUNTERS):
        key = f"counter:{n}"
        seen = [value for worker in load.workers for value in worker.counted.get(key, [])]
        uncertain = sum(worker.uncertain.get(key, 0) for worker in load.workers)
        value = int(client.run("GET", key) or 0)
        check(len(seen) <= value <= len(seen) + uncertain,
              f"{key} is {value}: {len(seen)} increments acknowledged, {uncertain} uncertain")
        check(len(set(seen)) == len(seen), f"no two increments of {key} got the same number")
    client.close()


def check_all(cluster, load, least):
    """After a load, of which `least` requests have to have been acknowledged to show anything."""
    done = load.total("done")
    check(done >= least, f"{done} requests acknowledged, {load.total('unknown')} uncertain, "
          f"{load.total('not_done')} not done")
    check_kept(cluster, load)
    history = [event for worker in load.workers for event in worker.history]
    read_finally(cluster, history)
    linearizable, explanation = check_history(history)
    print("\n".join("      " + line for line in explanation.splitlines()[-60:]), flush=True)
    check(linearizable, "each register's history is linearizable")
    check_counters(cluster, load)
