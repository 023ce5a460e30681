"""What is measured with registers: three nodes of this project, three members of etcd, and Gryadka
on three Redis servers, each in a temporary directory, on free ports of the loopback. All are
context managers.

Nodes and etcd have: api, addresses (of clients), rss(), kill(i), restart(i)."""

import http.client
import json
import os
import shutil
import subprocess
import tempfile

from peers import START_TIMEOUT, TOP, Redis, memory_of
from cluster import free_port, wait_until
from register_cluster import RegisterCluster


class Registers:
    """Nodes that are acceptor and proposer, with the defaults of conf/node."""

    api = "skep"

    def __init__(self, count=3):
        self.cluster = RegisterCluster(count)
        self.nodes = self.cluster.nodes
        self.addresses = [node.proposer_address for node in self.nodes]

    def kill(self, index):
        self.nodes[index].kill()

    def restart(self, index):
        self.nodes[index].start()
        self.cluster.wait_ready()

    def rss(self):
        """Bytes of each process."""
        return [memory_of(node.process.pid) for node in self.nodes]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cluster.close()


class Etcd:
    """Its members, with etcd's defaults."""

    api = "etcd"

    def __init__(self, count=3):
        self.directory = tempfile.mkdtemp(prefix="skep-bench-")
        self.addresses = [f"127.0.0.1:{free_port()}" for _ in range(count)]
        self.peers = [f"127.0.0.1:{free_port()}" for _ in range(count)]
        self.processes = [self.begin(index) for index in range(count)]
        wait_until(lambda: all(self.answers(address) for address in self.addresses),
                   START_TIMEOUT, "an answer from every member of etcd")

    def begin(self, index):
        cluster = ",".join(f"m{n}=http://{peer}" for n, peer in enumerate(self.peers))
        client, peer = (f"http://{addresses[index]}" for addresses in (self.addresses, self.peers))
        command = ["etcd", "--name", f"m{index}", "--data-dir",
                   os.path.join(self.directory, str(index)), "--log-level", "error",
                   "--listen-client-urls", client, "--advertise-client-urls", client,
                   "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                   "--initial-cluster", cluster, "--initial-cluster-state", "new"]
        with open(os.path.join(self.directory, f"{index}.log"), "ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log)

    @staticmethod
    def ask(address, path, question):
        """The answer, None when there is none."""
        connection = http.client.HTTPConnection(address, timeout=2)
        try:
            connection.request("POST", path, json.dumps(question))
            answer = connection.getresponse()
            return json.loads(answer.read()) if answer.status == 200 else None
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def answers(self, address):
        return self.ask(address, "/v3/kv/range", {"key": "AA=="}) is not None

    def kill(self, index):
        self.processes[index].kill()
        self.processes[index].wait()

    def restart(self, index):
        self.processes[index] = self.begin(index)
        wait_until(lambda: self.answers(self.addresses[index]), START_TIMEOUT,
                   "an answer after the restart")

    def rss(self):
        return [memory_of(process.pid) for process in self.processes]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()
        shutil.rmtree(self.directory)


class Gryadka:
    """The library, from npm, in a process of Node.js that is proposers and clients in one."""

    PACKAGE = "gryadka@1.61.8"

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="skep-bench-")
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix",
                        self.directory, self.PACKAGE], check=True)
        self.acceptors = Redis("apart", fsync="always")

    def increments(self, clients, seconds):
        """What a closed loop of clients measures, each with a counter of its own."""
        said = subprocess.run(
            ["node", os.path.join(TOP, "tests/bench/gryadka.js"), str(clients), str(seconds),
             *map(str, self.acceptors.ports)], capture_output=True, text=True, check=True,
            env=dict(os.environ, NODE_PATH=os.path.join(self.directory, "node_modules"))).stdout
        return json.loads(said)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.acceptors.__exit__()
        shutil.rmtree(self.directory)


def etcd_version():
    said = subprocess.run(["etcd", "--version"], capture_output=True, text=True, check=True).stdout
    return "etcd " + said.split()[2]
