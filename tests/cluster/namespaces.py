"""A network of this test's own: the test moves into a network namespace, and each node gets one
with an address, all on a bridge. Nothing has to be cleaned up: namespaces, bridge and veths go when
the processes in them end.
"""

import ctypes
import os
import secrets
import signal
import subprocess
import threading
import time

import faults
import inside
from cluster import Node, quoted, wait_until
from load import NotDone, Unknown

INSIDE = "SKEP_TEST_NETWORK"  # set in the environment of a test that has moved
PREFIX = "10.83.0."
TEST_HOST = PREFIX + "254"
PR_SET_PDEATHSIG = 1
CUT = 3  # seconds that a network stays cut
SETTLED = 2.5  # seconds after which a node that is alone has lost all that it was lent


def move_inside():
    """Runs this program again in a network namespace of its own. Returns whether it is in one."""
    return inside.move_inside(INSIDE, "--net", "nsenter", "ip")


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def ip(*words, namespace=None):
    enter = ["nsenter", f"--net=/proc/{namespace}/ns/net"] if namespace else []
    subprocess.run(enter + ["ip"] + [str(word) for word in words], check=True)


CREDENTIALS = (("cluster", "secret_file"), ("ring", "password_file"), ("admin", "token_file"),
               ("proposer", "token_file"))


class Network:
    """The bridge, and what the nodes on it share. `kind` is a NetworkNode."""

    def __init__(self, kind=None):
        self.kind = kind or NetworkNode
        self.secrets = {name: secrets.token_hex(16) for name, _ in CREDENTIALS}
        self.hosts = 0
        ip("link", "set", "lo", "up")
        ip("link", "add", "name", "br0", "type", "bridge")
        ip("address", "add", TEST_HOST + "/24", "dev", "br0")
        ip("link", "set", "br0", "up")

    def node(self, directory, name, peers):
        """A Node in a namespace of its own; what Cluster() takes as `make`."""
        self.hosts += 1
        return self.kind(self, self.hosts, directory, name, peers)


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

    def settings(self, peers):
        settings = super().settings(peers)
        for section, key in CREDENTIALS:
            name = section + ".credential"
            with open(os.open(os.path.join(self.directory, name), os.O_CREAT | os.O_WRONLY, 0o600),
                      "w") as out:
                out.write(self.network.secrets[section] + "\n")
            settings.append((section, key, quoted(name)))
        self.ring_target = (self.host, self.ring_port, self.network.secrets["ring"])
        self.token = self.network.secrets["admin"]
        return settings

    def cut(self, other):
        """From now on nothing that this node sends reaches the other; what that one sends does."""
        if other.host not in self.cuts:
            self.cuts.add(other.host)
            ip("route", "add", "blackhole", other.host + "/32", namespace=self.holder.pid)

    def heal(self):
        for host in self.cuts:
            ip("route", "delete", "blackhole", host + "/32", namespace=self.holder.pid)
        self.cuts.clear()


class Cuts(faults.Faults):
    """Networks that are cut, too. `alone` is given a node that has been alone for a while."""

    def __init__(self, cluster, dice, alone):
        super().__init__(cluster, dice)
        self.alone = alone
        self.kinds += [self.isolate, self.split, self.one_way]

    def cut(self, some, others, both):
        for one in some:
            for other in others:
                one.cut(other)
                if both:
                    other.cut(one)

    def heal(self):
        for node in self.cluster.nodes:
            node.heal()

    def all_nodes(self):
        return self.any_nodes(len(self.cluster.nodes))

    def isolate(self):
        nodes = self.all_nodes()
        self.cut(nodes[:1], nodes[1:], both=True)
        time.sleep(SETTLED)
        self.alone(nodes[0])
        self.heal()
        return f"{nodes[0].name} was alone"

    def split(self):
        nodes = self.all_nodes()
        self.cut(nodes[:2], nodes[2:], both=True)
        time.sleep(CUT)
        self.heal()
        return f"{nodes[0].name} and {nodes[1].name} were cut off"

    def one_way(self):
        nodes = self.all_nodes()
        count = self.dice.randrange(1, len(nodes) - 1)
        self.cut(nodes[:1], nodes[1:1 + count], both=False)
        time.sleep(CUT)
        self.heal()
        return f"nothing from {nodes[0].name} reached {count} of the others"


def all_refused(ask, count):
    """What those of `count` requests told that were not refused; ask(number) is one, which raises
    NotDone or Unknown. They are made at once."""
    wrong = []

    def run(number):
        try:
            wrong.append(f"done: {ask(number)}")
        except (NotDone, Unknown):
            pass
        except Exception as error:  # whatever it is, it is not what should be said
            wrong.append(str(error))
    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong
