"""One node, spoken to by redis-cli: what it acknowledged is there after kill -9."""

import subprocess

from cluster import Cluster, check, run


def redis_cli(node, *words):
    result = subprocess.run(["redis-cli", "-p", str(node.ring_port), *words], capture_output=True,
                            text=True, check=True)
    return result.stdout.strip()


def test():
    cluster = Cluster(1)
    node = cluster.nodes[0]
    check(redis_cli(node, "PING") == "PONG", "redis-cli PING says PONG")
    check(redis_cli(node, "SET", "entry", "thisismyentry") == "OK", "redis-cli SET says OK")
    check(redis_cli(node, "GET", "entry") == "thisismyentry", "redis-cli GET reads it")
    check(redis_cli(node, "DBSIZE") == "1", "one key is there")
    node.kill()
    cluster.start_all()
    check(redis_cli(node, "GET", "entry") == "thisismyentry", "after kill -9 it is still there")
    check(redis_cli(node, "DEL", "entry") == "1", "it can be deleted")
    check(redis_cli(node, "GET", "entry") == "", "and is gone")


run(test)
