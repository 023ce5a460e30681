"""Three nodes under load that are killed all at once, again and again, and started in any order.
The machine stays up, so nothing acknowledged is lost, whatever ring.durability is.

    kill_all.py [--rounds N] [--seed N]
"""

import argparse
import os
import random
import subprocess

import faults
from cluster import SERVER, TOP, Cluster, check, run, with_ring
from everything import check_all, step
from load import Load

NODES = 3
WORKERS = 32
LEAST = 500  # acknowledged requests without which the test has shown little
MODES = ("interval", "commit")


def known(mode):
    return subprocess.run([SERVER, "check", os.path.join(TOP, "conf/node/node.toml"), "--set",
                           f"ring.durability={mode}"], capture_output=True,
                          check=False).returncode == 0


def test_mode(mode, dice, rounds):
    cluster = Cluster(NODES, with_ring(durability=mode))
    load = Load([node.ring_target for node in cluster.nodes], WORKERS, step)
    try:
        faults.kill_all(cluster, dice, rounds)
    finally:
        load.stop()
    check(True, f"{mode}: the ring is stable again")
    check_all(cluster, load, LEAST)
    cluster.close()


def test():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = arguments.parse_args()
    print(f"      seed {options.seed}", flush=True)
    for mode in MODES:
        if known(mode):
            test_mode(mode, random.Random(options.seed), options.rounds)
        else:
            print(f"      not run: {mode}, which this version does not have", flush=True)


run(test)
