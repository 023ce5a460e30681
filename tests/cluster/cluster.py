"""Clusters of the real server for tests: several processes, real sockets and files.

A Cluster makes node directories in a temporary directory, each a copy of conf/node with another
name, other peers and free ports; it starts, kills and restarts nodes, and ends them all when the
test ends. run() is a test's main: it counts the checks and prints "N passed, N failed" last.
"""

import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.request

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SERVER = os.path.join(TOP, "build/release/server")
READY_TIMEOUT = 60  # seconds until a cluster has to be ready
STOP_TIMEOUT = 20  # seconds until a node that was told to stop has to be gone

passed = 0
failed = 0


def check(holds, what):
    """Counts and prints one check; returns whether it holds."""
    global passed, failed
    print(("ok    " if holds else "FAIL  ") + what, flush=True)
    if holds:
        passed += 1
    else:
        failed += 1
    return holds


def run(test):
    """Runs test() as this program's checks, and exits."""
    def terminated(*_):
        raise TimeoutError("the test was told to end")
    signal.signal(signal.SIGTERM, terminated)
    try:
        test()
    except Exception as error:  # whatever it is, it is a failure and the logs are wanted
        traceback.print_exc(file=sys.stdout)
        check(False, f"the test ended early: {error!r}")
    finally:
        for cluster in list(Cluster.alive):
            if failed:
                cluster.show_logs()
            cluster.close()
    print(f"{passed} passed, {failed} failed", flush=True)
    sys.exit(1 if failed else 0)


def wait_until(condition, timeout, what):
    """Asks until condition() is true; raises TimeoutError(what) when it takes longer."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout} s: {what}")
        time.sleep(0.05)


given_ports = set()


def free_port():
    """A port that nobody listens on, below those that the kernel hands to outgoing connections: a
    node that is down for a moment must find its port free again."""
    while True:
        port = random.randint(10000, 32000)
        if port in given_ports:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        given_ports.add(port)
        return port


def set_toml(text, section, key, value):
    """The configuration `text` with another value for a key that stands there, maybe behind '#'."""
    start = re.search(rf"^\[{section}\]$", text, re.M).end() if section else 0
    end = re.compile(r"^\[|\Z", re.M).search(text, start).start()
    part, count = re.subn(rf"^(# *)?{key} *=.*$", lambda _: f"{key} = {value}", text[start:end],
                          count=1, flags=re.M)
    if count != 1:
        raise ValueError(f"conf/node/node.toml has no '{key}' in [{section}]")
    return text[:start] + part + text[end:]


def quoted(value):
    """A text, a number, or a list of them, as TOML."""
    return json.dumps(value)


def says_ready(port, host="127.0.0.1", token=None):
    """True when the node there says that it is ready: of a ring, that it is stable."""
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/readyz",
                           headers={"Authorization": f"Bearer {token}"} if token else {})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def waits_for(node):
    """What the node says that it waits for; nothing when it is ready, or not there."""
    try:
        urllib.request.urlopen(f"http://{node.admin_address}/readyz", timeout=5).close()
    except urllib.error.HTTPError as error:
        return error.read().decode()
    except OSError:
        pass
    return ""


class Node:
    """One node: its directory, its addresses and, while it runs, its process."""

    roles = ["ring", "admin"]
    command = []  # what the server is started through
    token = None  # of the admin listener

    def __init__(self, directory, name, peers, host="127.0.0.1"):
        self.name = name
        self.host = host
        self.directory = os.path.join(directory, name)
        self.data = os.path.join(self.directory, "data")
        self.config = os.path.join(self.directory, "node.toml")
        self.log = os.path.join(self.directory, "log")
        self.cluster_address = f"{host}:{free_port()}"
        self.ring_port = free_port()
        self.admin_port = free_port()
        self.ring_address = f"{host}:{self.ring_port}"
        self.admin_address = f"{host}:{self.admin_port}"
        self.ring_target = self.ring_port  # what Client() takes
        self.process = None
        self.ring = {}
        self.peers = peers
        shutil.copytree(os.path.join(TOP, "conf/node"), self.directory)
        self.configure(peers)

    def settings(self, peers):
        """What differs from the template: sections, keys and values, as TOML."""
        return [("", "name", quoted(self.name)), ("", "roles", quoted(self.roles)),
                ("cluster", "listen", quoted(self.cluster_address)),
                ("cluster", "peers", quoted(peers)),
                ("ring", "listen", quoted(self.ring_address)),
                ("admin", "listen", quoted(self.admin_address)),
                *(("ring", key, quoted(value)) for key, value in self.ring.items())]

    def set_ring(self, **values):
        """Other values in [ring], from the next start on."""
        self.ring.update(values)
        self.configure(self.peers)

    def configure(self, peers):
        self.peers = peers
        with open(os.path.join(TOP, "conf/node/node.toml"), encoding="utf-8") as template:
            text = template.read()
        for section, key, value in self.settings(peers):
            text = set_toml(text, section, key, value)
        with open(self.config, "w", encoding="utf-8") as config:
            config.write(text)

    def start(self):
        assert not self.running()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command + [SERVER, "--config", self.config],
                                            stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """SIGKILL, and waits until the process is gone."""
        self.process.kill()
        self.process.wait()

    def terminate(self):
        """SIGTERM, without waiting."""
        self.process.send_signal(signal.SIGTERM)

    def exit_status(self):
        """Waits until the process ends by itself."""
        return self.process.wait(STOP_TIMEOUT)

    def ready(self):
        return says_ready(self.admin_port, self.host, self.token)


def with_ring(**values):
    """Makes nodes, as Cluster wants them, with other values in [ring]."""
    def make(directory, name, peers):
        node = Node(directory, name, peers)
        node.set_ring(**values)
        return node
    return make


class Cluster:
    """Nodes 1 to n. The first founds the cluster; the others name it as their only peer. `make`
    makes a node of a directory, a name and peers."""

    alive = []

    def __init__(self, count, make=None):
        self.make = make or Node
        self.directory = tempfile.mkdtemp(prefix="skep-test-")
        self.nodes = []
        Cluster.alive.append(self)
        for _ in range(count):
            self.add().start()
        self.wait_ready()

    def add(self):
        """A node more, not started yet."""
        peers = [self.nodes[0].cluster_address] if self.nodes else []
        node = self.make(self.directory, f"node{len(self.nodes) + 1}", peers)
        self.nodes.append(node)
        return node

    def wait_ready(self, nodes=None):
        """Until all nodes, or those given, say in one round that they are ready."""
        nodes = nodes or self.nodes

        def all_ready():
            for node in nodes:
                if not node.running():
                    raise RuntimeError(f"{node.name} ended with status {node.process.returncode}")
            return all([node.ready() for node in nodes])
        wait_until(all_ready, READY_TIMEOUT, " and ".join(node.name for node in nodes) +
                   " are ready")

    def start_all(self):
        """Starts the nodes that do not run, and waits until all are ready."""
        for node in self.nodes:
            if not node.running():
                node.start()
        self.wait_ready()

    def show_logs(self, lines=40):
        for node in self.nodes:
            if not os.path.exists(node.log):
                continue  # it was never started
            print(f"-- the end of {node.name}'s log")
            with open(node.log, encoding="utf-8", errors="replace") as log:
                print("".join(log.readlines()[-lines:]), end="", flush=True)

    def close(self):
        """Ends all nodes and deletes their directories."""
        for node in self.nodes:
            if node.running():
                node.kill()
        shutil.rmtree(self.directory)
        Cluster.alive.remove(self)
