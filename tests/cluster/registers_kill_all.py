"""Three nodes that are each acceptor and proposer, under load, that are killed all at once (kill
-9), again and again, and started in any order: nothing acknowledged is lost.

    registers_kill_all.py [--rounds N] [--seed N]
"""

import argparse
import random

import faults
from cluster import check, run, says_ready, wait_until
from register_cluster import RegisterCluster, begin_load, check_all

WORKERS = 16
LEAST = 300  # acknowledged requests without which the test has shown little


def test():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = arguments.parse_args()
    print(f"      seed {options.seed}", flush=True)
    cluster = RegisterCluster()
    load = begin_load(cluster, WORKERS)
    try:
        faults.kill_all(cluster, random.Random(options.seed), options.rounds)
    finally:
        load.stop()
    check(True, "all are ready again")
    check_all(cluster, load, LEAST)
    first, second, third = cluster.nodes
    for node in (second, third):
        node.kill()
    wait_until(lambda: not says_ready(first.proposer_port), 30, "one of three that is not ready")
    second.start()
    wait_until(lambda: says_ready(first.proposer_port), 30, "two of three that are ready")
    check(True, "one of three is not ready, two are")
    cluster.close()


run(test)
