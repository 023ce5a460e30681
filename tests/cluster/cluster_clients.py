"""A client of a Redis cluster goes on through a join and a death, and a SCAN that is under way
meanwhile returns every key that is there throughout."""

import subprocess
import threading

from cluster import Cluster, check, run, wait_until
from load import Client, NotDone, Unknown
from python_redis import redis

KEYS = 3000
PAGE = 25  # keys that SCAN is asked for
TIMEOUT = 60  # seconds until everything is answered again


class Smart(threading.Thread):
    """Writes and reads through a cluster client, which asks the owners themselves."""

    def __init__(self, cluster):
        super().__init__()
        self.cluster = cluster
        self.connect()
        self.stopping = threading.Event()
        self.done, self.wrong, self.failures = 0, [], []
        self.start()

    def connect(self):
        node = next(node for node in self.cluster.nodes if node.running())
        self.client = redis.RedisCluster("127.0.0.1", node.ring_port, decode_responses=True,
                                         socket_timeout=10)

    def run(self):
        while not self.stopping.is_set():
            key = f"smart:{self.done % KEYS}"
            try:
                self.client.set(key, self.done)
                value = self.client.get(key)
                if value != str(self.done):
                    self.wrong.append((key, value, self.done))
                self.done += 1
            except redis.RedisError as error:
                self.failures.append(repr(error))
            except redis.exceptions.RedisClusterException as error:
                # redis-py 4.3 fails to look at the nodes anew when one is dead: so do as programs
                # do that use it.
                self.failures.append(repr(error))
                self.connect()

    def wait_for(self, more):
        before = self.done
        wait_until(lambda: self.done >= before + more, TIMEOUT, "answers to a cluster client")

    def end(self):
        self.stopping.set()
        self.join()
        self.client.close()


class Scan:
    """One walk over all keys, a page at a time, each through any node that is there."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.cursor, self.seen = b"0", set()

    def pages(self, most=None):
        """Goes on to the end, or for so many pages; what was not done is asked again."""
        count = 0
        while most is None or count < most:
            running = [node for node in self.cluster.nodes if node.running()]
            try:
                client = Client(running[count % len(running)].ring_port)
                self.cursor, keys = client.run("SCAN", self.cursor, "COUNT", PAGE)
                client.close()
            except (NotDone, Unknown):
                continue
            self.seen.update(keys)
            count += 1
            if self.cursor == b"0":
                return count
        return count


def stay(node):
    """The keys that are there throughout."""
    client = Client(node.ring_port)
    keys = [f"stay:{number}" for number in range(KEYS)]
    client.pipeline([("SET", key, key) for key in keys])
    client.close()
    return keys


def follows(node, keys):
    """Whether redis-cli, which is told of the owners, gets every one of these."""
    said = subprocess.run(["redis-cli", "-c", "-p", str(node.ring_port)], text=True, check=False,
                          input="".join(f"GET {key}\n" for key in keys), capture_output=True,
                          timeout=TIMEOUT).stdout
    return [line for line in said.splitlines() if line.startswith("stay:")] == keys


def test():
    cluster = Cluster(3)
    keys = stay(cluster.nodes[0])
    smart = Smart(cluster)
    scan = Scan(cluster)
    try:
        pages = scan.pages(20)
        cluster.add().start()
        pages += scan.pages(5)
        cluster.wait_ready()
        smart.wait_for(200)
        check(not smart.failures, f"{smart.done} requests of a cluster client through a join, "
              f"{len(smart.failures)} failed {smart.failures[:3]}")
        check(follows(cluster.nodes[0], keys[:300]), "redis-cli -c finds the new owners")
        pages += scan.pages(20)
        dead = cluster.nodes[1]
        dead.kill()
        pages += scan.pages(5)
        smart.wait_for(200)
        check(True, f"the cluster client goes on after a death, {len(smart.failures)} failed")
        check(follows(cluster.nodes[0], keys[:300]), "redis-cli -c finds the owners that are left")
        dead.start()
        cluster.wait_ready()
        check(scan.cursor != b"0", f"{pages} pages of a SCAN came meanwhile")
        pages += scan.pages()
    finally:
        smart.end()
    check(not smart.wrong, f"each value read is the one written last {smart.wrong[:3]}")
    missing = [key for key in keys if key.encode() not in scan.seen]
    check(not missing, f"the SCAN, of {pages} pages, told every one of {KEYS} keys that were there "
          f"throughout {missing[:3]}")


run(test)
