"""Ten thousand clients that ask nothing: what each costs the node in memory, and who is refused
above ring.max_connections."""

import resource
import socket

from cluster import Cluster, check, run, wait_until

CONNECTIONS = 10_000
MOST = 10 * 1024  # bytes of the node's memory for each


def resident(node):
    """The node's resident memory in bytes."""
    with open(f"/proc/{node.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) * 1024


def connect(node):
    client = socket.create_connection(("127.0.0.1", node.ring_port), 20)
    client.sendall(b"PING\r\n")
    return client


def is_served(node):
    try:
        with connect(node) as client:
            return client.recv(100) == b"+PONG\r\n"
    except ConnectionError:
        return False


def test():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    count = min(CONNECTIONS, hard - 200)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    cluster = Cluster(1)
    node = cluster.nodes[0]
    node.kill()
    node.set_ring(max_connections=count)
    cluster.start_all()
    before = resident(node)
    clients = [connect(node) for _ in range(count)]
    answers = {client.recv(100) for client in clients}
    check(answers == {b"+PONG\r\n"}, f"{count} clients are answered")
    each = (resident(node) - before) // count
    check(each < MOST, f"each takes {each} bytes of the node's memory")
    with socket.create_connection(("127.0.0.1", node.ring_port), 20) as refused:
        check(refused.recv(100) == b"-ERR max number of clients reached\r\n", "one more is refused")
    for client in clients[:count // 5]:
        client.close()
    wait_until(lambda: is_served(node), 20, "there is room again")
    check(node.ready(), "the node is well")


run(test)
