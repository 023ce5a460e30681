"""A network of this test's own: the test moves into a network namespace, and each node gets one
with an address, all on a bridge. Nothing has to be cleaned up: namespaces, bridge and veths go when
the processes in them end.
"""

import ctypes
import os
import secrets
import signal
import subprocess

import inside
from cluster import Node, set_toml, wait_until

INSIDE = "SKEP_TEST_NETWORK"  # set in the environment of a test that has moved
PREFIX = "10.83.0."
TEST_HOST = PREFIX + "254"
PR_SET_PDEATHSIG = 1


def move_inside():
    """Runs this program again in a network namespace of its own. Returns whether it is in one."""
    return inside.move_inside(INSIDE, "--net", "nsenter", "ip")


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def ip(*words, namespace=None):
    enter = ["nsenter", f"--net=/proc/{namespace}/ns/net"] if namespace else []
    subprocess.run(enter + ["ip"] + [str(word) for word in words], check=True)


class Network:
    """The bridge, and what the nodes on it share."""

    def __init__(self):
        self.secrets = {name: secrets.token_hex(16) for name in ("cluster", "ring", "admin")}
        self.hosts = 0
        ip("link", "set", "lo", "up")
        ip("link", "add", "name", "br0", "type", "bridge")
        ip("address", "add", TEST_HOST + "/24", "dev", "br0")
        ip("link", "set", "br0", "up")

    def node(self, directory, name, peers):
        """A Node in a namespace of its own; what Cluster() takes as `make`."""
        self.hosts += 1
        return NetworkNode(self, self.hosts, directory, name, peers)


class NetworkNode(Node):
    """A node with an address of its own. cut() and heal() say which others it cannot send to."""

    def __init__(self, network, number, directory, name, peers):
        self.network = network
        self.cuts = set()
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"],
                                       preexec_fn=die_with_parent)
        own = os.readlink("/proc/self/ns/net")
        wait_until(lambda: os.readlink(f"/proc/{self.holder.pid}/ns/net") != own, 10,
                   "a network namespace for " + name)
        host = PREFIX + str(number)
        outside, inside = f"out{number}", f"in{number}"
        ip("link", "add", "name", outside, "type", "veth", "peer", "name", inside)
        ip("link", "set", outside, "master", "br0", "up")
        ip("link", "set", inside, "netns", self.holder.pid)
        for words in (("link", "set", "lo", "up"), ("link", "set", inside, "up"),
                      ("address", "add", host + "/24", "dev", inside)):
            ip(*words, namespace=self.holder.pid)
        self.command = ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net"]
        super().__init__(directory, name, peers, host)

    def configure(self, peers):
        super().configure(peers)
        with open(self.config, encoding="utf-8") as config:
            text = config.read()
        for section, key in (("cluster", "secret_file"), ("ring", "password_file"),
                             ("admin", "token_file")):
            file = os.path.join(self.directory, section + ".credential")
            with open(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600), "w") as out:
                out.write(self.network.secrets[section] + "\n")
            text = set_toml(text, section, key, f'"{section}.credential"')
        with open(self.config, "w", encoding="utf-8") as config:
            config.write(text)
        self.ring_target = (self.host, self.ring_port, self.network.secrets["ring"])
        self.token = self.network.secrets["admin"]

    def cut(self, other):
        """From now on nothing that this node sends reaches the other; what that one sends does."""
        if other.host not in self.cuts:
            self.cuts.add(other.host)
            ip("route", "add", "blackhole", other.host + "/32", namespace=self.holder.pid)

    def heal(self):
        for host in self.cuts:
            ip("route", "delete", "blackhole", host + "/32", namespace=self.holder.pid)
        self.cuts.clear()
