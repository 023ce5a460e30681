"""The ring beside Redis, both in one run on one machine, taking turns; medians, as a table.

See --help, or scripts/bench, which builds first."""

import csv
import io
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request

from peers import TOP, Redis, Skep, ask
from report import main, paired

LOAD = os.path.join(TOP, "build/release/bench_load")
MILLION = 1_000_000


def redis_benchmark(address, test, pipeline, requests):
    """(requests per second, 99th percentile in ms)"""
    said = subprocess.run(
        ["redis-benchmark", "-p", address.rsplit(":", 1)[1], "-c", "50", "-d", "100", "-r",
         "100000", "-n", str(requests), "-P", str(pipeline), "-t", test, "--csv"],
        capture_output=True, text=True, check=True).stdout
    rows = [row for row in csv.reader(io.StringIO(said)) if len(row) > 6]
    row = dict(zip(rows[0], rows[1]))
    return float(row["rps"]), float(row["p99_latency_ms"])


def load(addresses, **options):
    """What bench_load measured."""
    command = [LOAD]
    for address in addresses:
        command += ["--node", address]
    for name, value in options.items():
        command += [f"--{name}"] if value is True else [f"--{name}", str(value)]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    figures = json.loads(said.stdout)
    if figures["errors"]:
        print(f"  {figures['errors']} errors, the first: {said.stderr.splitlines()[0]}")
    return figures


def fill(server, keys):
    load(server.addresses[:1], command="fill", keys=keys, pipeline=32)


def throughput(table, part, case, ours, theirs, unit_p99="ms"):
    """Rows for (rate, p99) pairs."""
    table.add(part, case, [f[0] for f in ours], [f[0] for f in theirs], "1/s", least=1)
    table.add(part, case + ", p99", [f[1] for f in ours], [f[1] for f in theirs], unit_p99, most=1)


def one_node(table, args):
    with Skep() as ours, Redis() as theirs:
        for pipeline in (1, 16):
            for test in ("get", "set", "incr", "mset"):
                requests = (40_000 if args.quick else 200_000) * (1 if pipeline == 1 else 8)
                if test == "mset":
                    requests //= 4  # ten keys each
                for server in (ours, theirs):
                    redis_benchmark(server.addresses[0], "set", 16, 100_000)  # keys are there
                results = paired(args.rounds,
                                 lambda: redis_benchmark(ours.addresses[0], test, pipeline,
                                                         requests),
                                 lambda: redis_benchmark(theirs.addresses[0], test, pipeline,
                                                         requests))
                throughput(table, "one node", f"{test.upper()}, -P {pipeline}", *results)


def three_nodes(table, args):
    def rate(addresses, **options):
        figures = load(addresses, seconds=3 if args.quick else 10, **options)
        return figures["rps"], figures["p99_us"] / 1000

    with Skep(3) as ours, Redis("replicated") as theirs:
        for server in (ours, theirs):
            fill(server, 100_000)
        for pipeline in (1, 16):
            common = {"pipeline": pipeline}
            throughput(table, "three nodes", f"SET, -P {pipeline}; primary, WAIT 1", *paired(
                args.rounds, lambda: rate(ours.addresses, command="set", **common),
                lambda: rate(theirs.addresses[:1], command="set", wait=1, **common)))
            throughput(table, "three nodes", f"GET, -P {pipeline}; primary", *paired(
                args.rounds, lambda: rate(ours.addresses, command="get", **common),
                lambda: rate(theirs.addresses[:1], command="get", **common)))
    with Skep(3) as ours, Redis("cluster") as theirs:
        slots = ask(ours.addresses[0], "CLUSTER", "SLOTS")[:1] == b"*"
        how = "to the owner" if slots else "to any node"
        straight = {"slots": True} if slots else {}
        load(theirs.addresses, command="set", pipeline=32, requests=200_000, slots=True)
        fill(ours, 100_000)
        for pipeline in (1, 16):
            for command in ("set", "get"):
                common = {"pipeline": pipeline, "command": command}
                throughput(table, "three nodes",
                           f"{command.upper()}, -P {pipeline}, {how}; Redis cluster", *paired(
                               args.rounds, lambda: rate(ours.addresses, **straight, **common),
                               lambda: rate(theirs.addresses, slots=True, **common)))


def settled_memory(server):
    """The resident memory once it has not grown or shrunk by a percent for two seconds."""
    last, since = server.rss(), time.monotonic()
    while time.monotonic() < since + 2:
        time.sleep(0.2)
        now = server.rss()
        if abs(now - last) > last / 100:
            last, since = now, time.monotonic()
    return server.rss()


def idle_connections(server, count):
    before = server.rss()
    host, port = server.addresses[0].rsplit(":", 1)
    connections = []
    try:
        for _ in range(count):
            connection = socket.create_connection((host, int(port)))
            connection.sendall(b"PING\r\n")
            connection.recv(16)
            connections.append(connection)
        return (server.rss() - before) / count / 1024
    finally:
        for connection in connections:
            connection.close()


def memory(table, args):
    figures = {"keys": [[], []], "idle": [[], []]}
    for _ in range(1 if args.quick else args.rounds):
        for which, make in enumerate((Skep, Redis)):
            with make() as server:
                before = settled_memory(server)
                fill(server, MILLION)
                figures["keys"][which].append((settled_memory(server) - before) / MILLION)
            with make() as server:
                figures["idle"][which].append(idle_connections(server, 10_000))
    table.add("memory", "a key of 16, a value of 100 bytes", *figures["keys"], "bytes", most=1)
    table.add("memory", "an idle connection of 10,000", *figures["idle"], "KiB")


def restart(table, args):
    value = b"x" * 100
    figures = {"stop": [[], []], "kill": [[], []]}
    for which, make in enumerate((Skep, Redis)):
        with make() as server:
            fill(server, MILLION)
            for _ in range(args.rounds):
                for name, how in (("stop", signal.SIGTERM), ("kill", signal.SIGKILL)):
                    seconds = server.restart(how, f"key:{MILLION - 1:012}", value)
                    figures[name][which].append(seconds)
    table.add("restart", "1,000,000 entries, after SIGTERM", *figures["stop"], "s", most=1)
    table.add("restart", "1,000,000 entries, after kill -9", *figures["kill"], "s", most=1)


def metrics(node):
    """The numbers of /metrics by name; those of one name with labels are added up."""
    found = {}
    try:
        with urllib.request.urlopen(f"http://{node.admin_address}/metrics", timeout=5) as page:
            for line in page.read().decode().splitlines():
                name, _, value = line.rpartition(" ")
                if name and not name.startswith("#"):
                    name = name.split("{")[0]
                    found[name] = found.get(name, 0) + float(value)
    except (OSError, ValueError):
        pass
    return found


def sustained(table, args):
    seconds, keys = (20, MILLION) if args.quick else (120, 10 * MILLION)
    rates = []
    for make in (Skep, Redis):
        with make() as server:
            begun = subprocess.Popen(
                [LOAD, "--node", server.addresses[0], "--command", "set", "--pipeline", "16",
                 "--keys", str(keys), "--seconds", str(seconds)], stdout=subprocess.PIPE)
            backlog = stall = 0
            while begun.poll() is None:
                if make is Skep:
                    seen = metrics(server.nodes[0])
                    backlog = max(backlog, seen.get("skep_store_unfolded_bytes", 0))
                    stall = max(stall, seen.get("skep_loop_longest_callback_seconds", 0))
                time.sleep(1)
            figures = json.loads(begun.stdout.read())
            rates.append([figures["rps"]])
            print(f"  {make.__name__}: {figures}", flush=True)
            if make is Skep:
                worst = (backlog / 1024 / 1024, stall * 1000, figures["errors"])
    case = f"SET over {keys:,} keys, {seconds} s, -P 16"
    table.add("sustained", case, *rates, "1/s")
    table.add("sustained", "largest backlog", [worst[0]], [], "MiB")
    table.add("sustained", "longest loop callback", [worst[1]], [], "ms")
    table.add("sustained", "refused", [worst[2]], [], "")


def redis_version():
    said = subprocess.run(["redis-server", "--version"], capture_output=True, text=True,
                          check=True).stdout
    return "Redis " + said.split()[2].removeprefix("v=")


main("ring", __doc__, {"one": one_node, "three": three_nodes, "memory": memory,
                       "restart": restart, "sustained": sustained}, "Redis", redis_version())
