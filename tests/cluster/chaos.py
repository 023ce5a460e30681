"""Five nodes under 64 clients, of which one at a time is killed (kill -9), stopped for a while
(SIGSTOP), or loses its disk. No acknowledged write is lost, no delete undone, each key's history is
linearizable, and no counter lost or invented an increment.

    chaos.py [--seconds N] [--rounds N] [--seed N]
"""

import faults
from cluster import Cluster, check, run
from everything import check_all, step
from load import Load

WORKERS = 64
LEAST = 2000  # acknowledged requests without which the test has shown little


def test_round(seconds, dice):
    cluster = Cluster(5)
    faults.know_all(cluster)
    load = Load([node.ring_target for node in cluster.nodes], WORKERS, step)
    try:
        faults.Faults(cluster, dice).run_for(seconds)
    finally:
        load.stop()
    cluster.wait_ready()
    check(True, "the ring is stable again")
    check_all(cluster, load, LEAST)
    cluster.close()


run(lambda: faults.rounds(30, test_round))
