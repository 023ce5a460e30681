"""The acceptors are changed under load, by runs of `server acceptors` that are killed and started
again: 3 to 4 to 5 to 4 to 3, 3 to 1, 1 to 3. A machine that died is replaced by a standby; with its
old disk it is harmless when it comes back, and cannot be an acceptor again until its disk is
wiped. Nothing that was acknowledged is lost, each register's history is linearizable.

    registers_grow.py [--seed N]
"""

import argparse
import json
import random
import shutil
import subprocess
import time

from cluster import SERVER, check, run, wait_until
from load import NotDone, Unknown
from register_cluster import Http, Problem, RegisterCluster, begin_load, check_all

WORKERS = 8
LEAST = 1000  # acknowledged requests without which the test has shown little
TOOL_TIMEOUT = 90  # seconds; it gives up by itself after a minute without progress
INTERRUPTED = 3  # times that a change is, at most


class Operator:
    """Who changes the acceptors."""

    def __init__(self, cluster, dice):
        self.cluster, self.dice = cluster, dice

    def command(self, words):
        proposers = ",".join(node.proposer_address for node in self.cluster.nodes
                             if "proposer" in node.roles and node.running())
        return [SERVER, "acceptors", "--connect", proposers, *words]

    def run(self, *words):
        """Exit code and what was printed on either stream."""
        result = subprocess.run(self.command(words), capture_output=True, text=True, check=False,
                                timeout=TOOL_TIMEOUT)
        return result.returncode, result.stdout + result.stderr

    def status(self):
        client = Http(self.cluster.targets()[0])
        status = json.loads(client.ask("GET", "/v1/acceptors").body)
        client.close()
        return status

    def acceptors(self):
        """Their names, if no change is under way; else None."""
        status = self.status()
        nodes = status["accept"]["nodes"]
        under_way = status["goal"] or status["holding"] or nodes != status["prepare"]["nodes"]
        return None if under_way else sorted(nodes)

    def bring_to(self, wanted, *words):
        """Runs the command, kills it (kill -9) a few times, and lets it come to its end."""
        interrupted = 0
        for _ in range(INTERRUPTED):
            process = subprocess.Popen(self.command(words), stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            try:
                process.wait(0.02 + self.dice.random() * 0.3)
                break
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                interrupted += 1
        if self.acceptors() != wanted:
            code, said = self.run(*words)
            # The last run's last step may have been taken since.
            well = code == 0 or ("is no acceptor; the acceptors are" in said and
                                 self.acceptors() == wanted)
            check(well, f"acceptors {' '.join(words)}, killed {interrupted} times, ends well" +
                  ("" if well else f": {code} {said}"))
        now = self.acceptors()
        check(now == wanted, f"the acceptors are {' '.join(wanted)}" +
              ("" if now == wanted else f"; but: {self.status()}"))

    def do(self, *words):
        code, said = self.run(*words)
        check(code == 0, f"acceptors {' '.join(words)}" + (f": {code} {said}" if code else ""))


def member(asked, name):
    """The store of the living member of that name, as a node tells; None when it tells of none."""
    said = subprocess.run([SERVER, "admin", "--connect", asked.admin_address, "--json", "cluster",
                           "status"], capture_output=True, text=True, check=True).stdout
    stores = [each["id"] for each in json.loads(said)["members"]
              if each["name"] == name and each["state"] == "alive"]
    return stores[0] if len(stores) == 1 else None


def wipe(cluster, *nodes):
    """They lose their disks, and are known as others."""
    first = cluster.nodes[0]
    for node in nodes:
        before = member(node, node.name)
        node.kill()
        shutil.rmtree(node.data)
        node.start()
        wait_until(lambda: member(first, node.name) not in (None, before), 30,
                   f"{first.name} knows {node.name} with its new disk")


def up_and_down(cluster, operator):
    names = ["node1", "node2", "node3"]
    operator.bring_to(names + ["node4"], "grow", "node4")
    operator.bring_to(names + ["node4", "node5"], "grow", "node5")
    operator.bring_to(names + ["node4"], "shrink", "node5")
    operator.bring_to(names, "shrink", "node4")
    wipe(cluster, *cluster.nodes[3:])  # who was an acceptor is so again without what it had


def replace_dead(cluster, operator):
    """Node 3 dies, and node 4 takes its place."""
    dead = cluster.nodes[2]
    client = Http(cluster.nodes[0].target)
    client.run("PUT", "moved", "before")
    dead.kill()
    operator.bring_to(["node1", "node2", "node3", "node4"], "grow", "node4")
    operator.bring_to(["node1", "node2", "node4"], "shrink", "node3")
    operator.do("proposers", "node1,node2")
    client.run("PUT", "moved", "after")
    dead.start()
    wait_until(lambda: answers(dead), 30, "the dead one's return")
    told = stale(dead)
    check(told is None, "back with its old disk, it tells nobody what is no more" +
          (f"; but: {told}" if told else ""))
    said = subprocess.run([SERVER, "admin", "--connect", cluster.nodes[1].admin_address, "cluster",
                           "leave"], capture_output=True, text=True, check=False)
    check(said.returncode == 1 and "server acceptors shrink node2" in said.stderr,
          f"an acceptor does not leave the cluster: {said.stderr.splitlines()[-1]}")
    before = operator.status()
    code, said = operator.run("grow", "node3")
    after = operator.status()
    check(code and "empty its data" in said and
          all(before[part] == after[part] for part in ("prepare", "accept", "holding")),
          f"nor can it be an acceptor again as it is: {said.splitlines()[-1]}")
    check(operator.status()["goal"] is None, "and no goal is left of that")
    wipe(cluster, dead)
    operator.bring_to(["node1", "node2", "node3", "node4"], "grow", "node3")
    operator.bring_to(["node1", "node2", "node3"], "shrink", "node4")
    operator.do("proposers", "node1,node2,node3")
    cluster.wait_ready()
    check(Http(dead.target).run("GET", "moved").endswith(":after"), "with an empty one, it can")
    client.close()


def answers(node):
    try:
        Http(node.target).close()
        return True
    except NotDone:
        return False


def stale(node):
    """What a node that is in no configuration tells of a register, if that is wrong."""
    client = Http(node.target)
    end = time.monotonic() + 3
    while time.monotonic() < end:
        try:
            told = client.run("GET", "moved")
            if not told.endswith(":after"):
                return told
        except (NotDone, Problem):
            pass
        except Unknown as error:
            if "504" in str(error):
                return str(error)
            client = Http(node.target)
        time.sleep(0.1)
    client.close()
    return None


def one_and_three(cluster, operator, load):
    others = cluster.nodes[1:3]
    load.ports = [cluster.nodes[0].target]
    operator.bring_to(["node1"], "shrink", "node2,node3")
    operator.do("proposers", "node1")
    wipe(cluster, *others)
    operator.bring_to(["node1", "node2", "node3"], "grow", "node2,node3")
    operator.do("proposers", "node1,node2,node3")
    cluster.wait_ready()
    load.ports = cluster.targets()


def test():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = arguments.parse_args()
    print(f"      seed {options.seed}", flush=True)
    cluster = RegisterCluster()
    cluster.add_standby()
    cluster.add_standby()
    operator = Operator(cluster, random.Random(options.seed))
    load = begin_load(cluster, WORKERS)
    try:
        up_and_down(cluster, operator)
        done = load.total("done")
        failures = [text for worker in load.workers for text in worker.failures]
        check(not failures, f"of {done} requests meanwhile none failed" +
              (f"; but {len(failures)}: {failures[:3]}" if failures else ""))
        load.ports = [node.target for node in cluster.nodes[:2]]
        replace_dead(cluster, operator)
        one_and_three(cluster, operator, load)
    finally:
        load.stop()
    check_all(cluster, load, LEAST)
    cluster.close()


run(test)
