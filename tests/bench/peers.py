"""The servers that are measured beside each other: nodes of this project and Redis servers, each
in a temporary directory, on free ports of the loopback, ended by their processes.

Both kinds have: addresses, pids, rss(), restart(how); both are context managers."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests/cluster"))

from cluster import Cluster, free_port, set_toml, wait_until  # noqa: E402 (found by the path)

START_TIMEOUT = 120  # seconds until a server has to answer


def ask(address, *words, timeout=10):
    """One command by a plain client: the first line of the reply, and the second of a bulk."""
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout) as connection:
        request = f"*{len(words)}\r\n" + "".join(f"${len(w)}\r\n{w}\r\n" for w in words)
        connection.sendall(request.encode())
        replies = connection.makefile("rb")
        line = replies.readline().rstrip()
        return replies.readline().rstrip() if line[:1] == b"$" and line != b"$-1" else line


def answers(address, *words, reply):
    try:
        return ask(address, *words, timeout=2) == reply
    except OSError:
        return False


def memory_of(pid):
    """Bytes of resident memory."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return 0


class Skep:
    """Nodes with the defaults of conf/node, but for room for many connections."""

    def __init__(self, count=1):
        self.cluster = Cluster(count)
        for node in self.cluster.nodes:
            with open(node.config, encoding="utf-8") as file:
                text = set_toml(file.read(), "ring", "max_connections", "15000")
            with open(node.config, "w", encoding="utf-8") as file:
                file.write(text)
        self.nodes = self.cluster.nodes
        self.addresses = [node.ring_address for node in self.nodes]
        for node in self.nodes:
            self.stop(node)
        self.cluster.start_all()

    @staticmethod
    def stop(node, how=signal.SIGTERM):
        node.process.send_signal(how)
        node.process.wait(60)

    def rss(self):
        return sum(memory_of(node.process.pid) for node in self.nodes)

    def restart(self, how, key, reply):
        """Ends the first node by a signal and starts it; seconds until it answers GET key."""
        node = self.nodes[0]
        self.stop(node, how)
        begun = time.monotonic()
        node.start()
        wait_until(lambda: answers(node.ring_address, "GET", key, reply=reply), START_TIMEOUT,
                   "an answer after the restart")
        return time.monotonic() - begun

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cluster.close()


class Redis:
    """Redis servers with their log synced every second or as `fsync` says, in a `shape`: "one",
    "replicated" (a primary with two replicas), "cluster" (three masters), "apart" (three that know
    nothing of each other)."""

    def __init__(self, shape="one", fsync="everysec"):
        self.directory = tempfile.mkdtemp(prefix="skep-bench-")
        count = 1 if shape == "one" else 3
        self.ports = [free_port() for _ in range(count)]
        self.addresses = [f"127.0.0.1:{port}" for port in self.ports]
        self.cluster_ports = [free_port() for _ in range(count)]
        self.shape = shape
        self.fsync = fsync
        self.processes = [None] * count
        for index in range(count):
            self.start(index)
        for address in self.addresses:
            wait_until(lambda a=address: answers(a, "PING", reply=b"+PONG"), START_TIMEOUT,
                       "an answer from redis-server")
        if shape == "replicated":
            wait_until(lambda: b":2" in ask(self.addresses[0], "WAIT", "2", "100"), START_TIMEOUT,
                       "two replicas")
        if shape == "cluster":
            self.make_cluster()

    def start(self, index):
        place = os.path.join(self.directory, str(index))
        os.makedirs(place, exist_ok=True)
        command = ["redis-server", "--port", str(self.ports[index]), "--bind", "127.0.0.1",
                   "--dir", place, "--appendonly", "yes", "--appendfsync", self.fsync, "--save", "",
                   "--maxclients", "15000"]
        if self.shape == "replicated" and index > 0:
            command += ["--replicaof", "127.0.0.1", str(self.ports[0])]
        if self.shape == "cluster":
            command += ["--cluster-enabled", "yes", "--cluster-port",
                        str(self.cluster_ports[index])]
        with open(os.path.join(place, "log"), "ab") as log:
            self.processes[index] = subprocess.Popen(command, stdout=log, stderr=log)

    def make_cluster(self):
        size = 16384 // 3 + 1
        for index, address in enumerate(self.addresses):
            last = min((index + 1) * size, 16384) - 1
            ask(address, "CLUSTER", "ADDSLOTSRANGE", str(index * size), str(last))
            ask(address, "CLUSTER", "MEET", "127.0.0.1", str(self.ports[0]),
                str(self.cluster_ports[0]))

        def whole():
            return all(self.cluster_state(address) for address in self.addresses)
        wait_until(whole, START_TIMEOUT, "a whole Redis cluster")

    @staticmethod
    def cluster_state(address):
        said = subprocess.run(["redis-cli", "-p", address.rsplit(":", 1)[1], "CLUSTER", "INFO"],
                              capture_output=True, text=True, check=True).stdout
        return "cluster_state:ok" in said and "cluster_known_nodes:3" in said

    def rss(self):
        return sum(memory_of(process.pid) for process in self.processes)

    def restart(self, how, key, reply):
        self.processes[0].send_signal(how)
        self.processes[0].wait(60)
        begun = time.monotonic()
        self.start(0)
        wait_until(lambda: answers(self.addresses[0], "GET", key, reply=reply), START_TIMEOUT,
                   "an answer after the restart")
        return time.monotonic() - begun

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()
        shutil.rmtree(self.directory)
