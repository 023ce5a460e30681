"""Three nodes that are each acceptor and proposer, under 16 clients, and what may happen to them,
one after the other: kill -9, pauses (SIGSTOP) and, as root, networks that are cut in one direction
or both. Each register's history is linearizable, every counter equal to its successes, and a
proposer that is alone refuses, and says so; of no read does it say that it may have been done.

    registers_partitions.py [--seconds N] [--rounds N] [--seed N]
"""

import faults
import namespaces
from cluster import check, run
from load import Unknown
from register_cluster import Http, RegisterCluster, RegisterNode, begin_load, check_all

WORKERS = 16
LEAST = 1000  # acknowledged requests without which the test has shown little
ALONE = 32  # requests to a proposer that is


class NetworkRegisterNode(namespaces.NetworkNode, RegisterNode):
    def settings(self, peers):
        settings = super().settings(peers)
        self.target = (self.host, self.proposer_port, self.network.secrets["proposer"])
        return settings


def check_refuses(node):
    def ask(number):
        key, soon = f"alone/{number}", {"Request-Timeout": "1s"}
        client = Http(node.target)
        if number % 2:
            return client.run("PUT", key, "x", soon)
        try:
            return client.run("GET", key, None, soon)
        except Unknown as error:
            raise RuntimeError(f"of a read: {error}") from error
    wrong = namespaces.all_refused(ask, ALONE)
    check(not wrong, f"{node.name}, alone, refused {ALONE} requests and said so" +
          (f"; wrong: {wrong[:3]}" if wrong else ""))


def test_round(seconds, dice, network):
    cluster = RegisterCluster(3, network.node if network else RegisterNode)
    chaos = (namespaces.Cuts(cluster, dice, check_refuses) if network
             else faults.Faults(cluster, dice))
    chaos.kinds.remove(chaos.wipe)  # an acceptor that lost its disk is replaced, by a person
    load = begin_load(cluster, WORKERS)
    try:
        chaos.run_for(seconds)
    finally:
        load.stop()
    cluster.wait_ready()
    check(True, "all are ready again")
    check_all(cluster, load, LEAST)
    cluster.close()


def test():
    network = namespaces.Network(NetworkRegisterNode) if namespaces.move_inside() else None
    if not network:
        print("      not run: cut networks, which need root and network namespaces", flush=True)
    faults.rounds(20, lambda seconds, dice: test_round(seconds, dice, network))


run(test)
