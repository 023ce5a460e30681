"""Many clients that ask, in short requests, for more large values than fit into memory, through a
node that does not own them: the owner and the node asked stay small, what they answer is right or
says that it was not done, and afterwards they serve as ever."""

import random
import threading

from cluster import Cluster, check, run, wait_until, with_ring
from load import Client, NotDone, Unknown

MIB = 1 << 20
VALUE = 1_000_000  # bytes
KEYS = 8
CLIENTS = 200
AT_ONCE = 50  # requests of each
OWNER = 384  # MiB that its process may ever have taken
ASKED = 1280  # and the other's: one and a half of ring.max_client_memory, and what is on its way


def high_water(node):
    with open(f"/proc/{node.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM:"))


def value(key):
    return random.Random(key).randbytes(VALUE)


class Greedy(threading.Thread):
    """Asks for everything at once, and reads when all others have asked, too."""

    def __init__(self, node, values, asked):
        super().__init__(daemon=True)
        self.node, self.values, self.asked = node, values, asked
        self.right, self.refusals, self.wrong, self.dropped = 0, [], [], 0

    def run(self):
        client = Client(self.node.ring_port, 60)
        keys = [random.choice(list(self.values)) for _ in range(AT_ONCE)]
        client.socket.sendall(b"".join(b"GET %s\r\n" % key.encode() for key in keys))
        self.asked.wait()
        for number, key in enumerate(keys):
            try:
                reply = client.reply()
            except OSError:  # it holds too much
                self.dropped = len(keys) - number
                break
            if isinstance(reply, NotDone):
                self.refusals.append(str(reply))
            elif reply == self.values[key]:
                self.right += 1
            else:
                self.wrong.append(repr(reply)[:80])
        client.close()


def attack(node, values):
    """What the clients were told: right values, refusals, wrong ones, and how many requests ended
    with their connection."""
    asked = threading.Barrier(CLIENTS)
    clients = [Greedy(node, values, asked) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    return (sum(client.right for client in clients),
            [text for client in clients for text in client.refusals],
            [text for client in clients for text in client.wrong],
            sum(client.dropped for client in clients))


def done(node, *words):
    client = Client(node.ring_port)
    try:
        return client.run(*words)
    except (NotDone, Unknown):
        return None
    finally:
        client.close()


def test():
    cluster = Cluster(3, with_ring(request_timeout="2s"))
    owner, asked, third = cluster.nodes
    client = Client(third.ring_port)
    values = {}
    for number in range(1000):
        key = f"key:{number}"
        if len(values) < KEYS and client.run("RING", "OWNER", key).startswith(b"node1@"):
            values[key] = value(key)
            client.run("SET", key, values[key])
    client.close()
    check(len(values) == KEYS, f"{owner.name} owns {KEYS} keys of {VALUE} bytes")
    right, refusals, wrong, dropped = attack(asked, values)
    check(right > 0 and not wrong, f"of {CLIENTS * AT_ONCE} reads through {asked.name}, {right} "
          f"have the right value, {len(refusals)} were refused, {dropped} lost their connection" +
          (f"; wrong: {wrong[:3]}" if wrong else ""))
    print(f"      refused: {sorted(set(refusals))}", flush=True)
    check(high_water(owner) <= OWNER, f"{owner.name} took {high_water(owner)} MiB, of {OWNER}")
    check(high_water(asked) <= ASKED, f"{asked.name} took {high_water(asked)} MiB, of {ASKED}")
    cluster.wait_ready()
    for node in cluster.nodes:
        wait_until(lambda: all(done(node, "GET", key) == values[key] for key in values), 10,
                   f"all values through {node.name}")
        wait_until(lambda: done(node, "SET", node.name, "x") == b"OK", 10, "a write after that")
    check(True, "afterwards all nodes read and write")
    cluster.close()


run(test)
