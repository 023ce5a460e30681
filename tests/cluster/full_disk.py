"""A node whose disk is full: it says of each write whether it was done, goes on reading, and writes
again when there is room; in a cluster the others own its arcs meanwhile. And one whose data
directory cannot be written: it says so, and does not start. Needs root, for a small file system of
the test's own.
"""

import http.client
import os
import subprocess

from cluster import Cluster, Node, check, run, wait_until
from inside import move_inside
from load import Client, NotDone, Unknown

INSIDE = "SKEP_TEST_MOUNTS"  # set in the environment of a test that has moved
SIZE = 24  # MiB
VALUE = b"v" * 200_000
MOST = 2000  # writes, of which the disk takes less than a tenth


def mount(node, options):
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", node.data], check=True)


def remount(node, options):
    subprocess.run(["mount", "-o", "remount," + options, node.data], check=True)


def on_small_disk(directory, name, peers):
    node = Node(directory, name, peers)
    os.mkdir(node.data)
    mount(node, f"size={SIZE}m")
    return node


def write_until_refused(node, times=3):
    """The keys that were acknowledged, and what the first refusals said."""
    written, refused = [], []
    client = Client(node.ring_port)
    for number in range(MOST):
        key = f"key:{number}"
        try:
            client.run("SET", key, VALUE)
            written.append(key)
        except (NotDone, Unknown) as error:
            refused.append(str(error))
            if len(refused) == times:
                break
    client.close()
    return written, refused


def check_there(node, keys, when):
    client = Client(node.ring_port)
    missing = [key for key in keys if client.run("GET", key) != VALUE]
    client.close()
    check(not missing, f"{when}, all {len(keys)} acknowledged entries are there" +
          (f"; missing: {missing[:5]}" if missing else ""))


def writes(node):
    client = Client(node.ring_port)
    try:
        return client.run("SET", "again", "x") == b"OK"
    except (NotDone, Unknown):
        return False
    finally:
        client.close()


def test_full():
    cluster = Cluster(1, on_small_disk)
    node = cluster.nodes[0]
    written, refused = write_until_refused(node)
    check(written and len(refused) == 3, f"{len(written)} writes acknowledged, then refused: "
          f"{refused[:1]}")
    check(all(text.startswith(("TRYAGAIN ", "UNCERTAIN ")) for text in refused),
          "each refusal says whether it was done")
    check_there(node, written, "on a full disk")
    remount(node, f"size={4 * SIZE}m")
    wait_until(lambda: writes(node), 30, "a write after there is room again")
    check(True, "it writes again when there is room")
    check_there(node, written, "after that")
    node.kill()
    node.start()
    cluster.wait_ready()
    check_there(node, written, "after kill -9")
    node.terminate()
    check(node.exit_status() == 0, "it stops in good order")
    test_read_only(node)
    subprocess.run(["umount", node.data], check=True)
    cluster.close()


def test_read_only(node):
    remount(node, "ro")
    before = os.path.getsize(node.log)
    node.start()
    status = node.exit_status()
    with open(node.log, encoding="utf-8") as log:
        log.seek(before)
        said = log.read()
    check(status != 0 and "cannot be written" in said,
          f"with a read-only data directory it ends with status {status} and says: {said.strip()}")


def owner(node, key):
    client = Client(node.ring_port)
    name = client.run("RING", "OWNER", key).decode().split("@")[0]
    client.close()
    return name


def outcome(node, key):
    client = Client(node.ring_port)
    try:
        return client.run("SET", key, "x").decode()
    except (NotDone, Unknown) as error:
        return str(error)
    finally:
        client.close()


def readiness(node):
    connection = http.client.HTTPConnection(node.host, node.admin_port, timeout=5)
    connection.request("GET", "/readyz")
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def second_on_small_disk(directory, name, peers):
    return (on_small_disk if name == "node2" else Node)(directory, name, peers)


def test_one_of_three():
    cluster = Cluster(3, second_on_small_disk)
    first, full, third = cluster.nodes
    written, refused = write_until_refused(first, 1)
    check(written and len(refused) == 1, f"of three nodes one is full after {len(written)} writes: "
          f"{refused[:1]}")
    status, text = readiness(full)
    check(status == 503 and "store" in text, f"it is not ready: {text.strip()}")
    keys = [f"small:{number}" for number in range(100)]

    def left():
        outcome(first, keys[0])  # by its writes it learns that the store refuses them
        return all(owner(first, key) != full.name for key in keys)
    wait_until(left, 30, "the others own the full one's arcs")
    for node in (first, full):
        said = {outcome(node, key) for key in keys}
        check(said == {"OK"}, f"then they take all writes, through {node.name} as well: {said}")
    cluster.wait_ready([first, third])
    check(True, "and say that they are ready")
    check(readiness(full)[0] == 503, "the full one does not")
    check_there(first, written, "meanwhile")
    remount(full, f"size={8 * SIZE}m")
    wait_until(lambda: any(owner(first, key) == full.name for key in keys), 30,
               "with room again, it owns arcs again")
    cluster.wait_ready()
    own = [key for key in keys if owner(first, key) == full.name]
    said = {outcome(first, key) for key in own}
    check(said == {"OK"}, f"with room again, it owns {len(own)} of 100 keys: {said}")
    check_there(full, written, "after that")
    for node in cluster.nodes:
        node.terminate()
        check(node.exit_status() == 0, f"{node.name} stops in good order")
    subprocess.run(["umount", full.data], check=True)
    cluster.close()


def test():
    if move_inside(INSIDE, "--mount"):
        test_full()
        test_one_of_three()
    else:
        print("      not run: full disks, which need root and mounts", flush=True)


run(test)
