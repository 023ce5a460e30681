"""Registers beside etcd, three of each, both in one run on one machine, taking turns; increments
beside Gryadka, too; medians, as a table.

See --help, or scripts/bench, which builds first."""

import json
import os
import subprocess
import time

from peers import TOP
from register_peers import Etcd, Gryadka, Registers, etcd_version
from report import main, paired

LOAD = os.path.join(TOP, "build/release/bench_http")
SCRIPT = os.path.join(TOP, "tests/bench/registers.lua")
KEYS = 10_000
MILLION = 1_000_000
CONNECTIONS = (1, 8, 64, 256)
PATIENCE = 300  # ms
THREADS = 8  # of wrk: of eight connections, three, three and two go to each of three nodes


def seconds(args):
    return 3 if args.quick else 10


def told(what, figures, failed):
    if failed:
        print(f"  {what}: {figures}", flush=True)


def wrk(server, do, connections, args):
    """(requests per second, median and 99th percentile in ms), by wrk with its connections spread
    over all nodes; each round begins with another one, so that one connection sees all of them."""
    nodes = server.addresses
    wrk.turn += 1
    turn = wrk.turn // 2 % len(nodes)  # the same for both sides
    environment = dict(os.environ, BENCH_API=server.api, BENCH_DO=do,
                       BENCH_NODES=" ".join(nodes[turn:] + nodes[:turn]))
    said = subprocess.run(
        ["wrk", "-t", str(min(connections, THREADS)), "-c", str(connections), "-d",
         f"{seconds(args)}s", "--timeout", "10s", "-s", SCRIPT, f"http://{nodes[0]}"],
        env=environment, capture_output=True, text=True, check=True)
    figures = json.loads(said.stdout.splitlines()[-1])
    told(f"{server.api}, {do}", figures, figures["failed"] + figures["lost"])
    return figures["rps"], figures["p50_us"] / 1000, figures["p99_us"] / 1000


wrk.turn = 0


def begin_load(server, nodes=None, **options):
    """bench_http, under way."""
    command = [LOAD, "--api", server.api]
    for address in nodes or server.addresses:
        command += ["--node", address]
    for name, value in options.items():
        command += [f"--{name}"] if value is True else [f"--{name}", str(value)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end_load(server, process):
    """What bench_http measured."""
    out, errors = process.communicate()
    if process.returncode:
        raise RuntimeError(errors)
    figures = json.loads(out)
    told(f"{server.api}, the first of these errors was {errors.splitlines()[:1]}", figures,
         figures["errors"])
    return figures


def load(server, **options):
    return end_load(server, begin_load(server, **options))


def fill(server, keys=KEYS):
    load(server, do="fill", keys=keys, connections=256)


def requests(do, rate_at_least, p99_from):
    """The part that measures writes, or reads."""
    def part(table, args):
        with Registers() as ours, Etcd() as theirs:
            for server in (ours, theirs):
                fill(server)
            for connections in CONNECTIONS:
                results = paired(args.rounds, lambda: wrk(ours, do, connections, args),
                                 lambda: wrk(theirs, do, connections, args))
                rates, medians, tails = ([[f[n] for f in side] for side in results]
                                         for n in range(3))
                case = f"{do}, {connections} connection" + "s" * (connections > 1)
                table.add(do, case, *rates, "1/s", least=rate_at_least(connections))
                table.add(do, case + ", median", *medians, "ms",
                          most=0.8 if do == "write" and connections == 1 else None)
                table.add(do, case + ", p99", *tails, "ms",
                          most=1 if connections >= p99_from else None)
    return part


def increments(table, args):
    def rates(server, clients):
        return lambda: load(server, do="increment", connections=clients,
                            seconds=seconds(args))

    with Registers() as ours, Etcd() as theirs:
        for clients in (1, 8, 64):
            results = paired(args.rounds, rates(ours, clients), rates(theirs, clients))
            case = f"read, compare and set, {clients} client" + "s" * (clients > 1)
            table.add("increments", case, *([f["rps"] for f in side] for side in results), "1/s",
                      least=2)
            table.add("increments", case + ", median",
                      *([f["p50_us"] / 1000 for f in side] for side in results), "ms")


def gryadka(table, args):
    """The same increments; Gryadka calls its proposers in the process of the clients, ours are
    asked over HTTP."""
    with Registers() as ours, Gryadka() as theirs:
        for clients in (1, 8, 64):
            results = paired(args.rounds,
                             lambda n=clients: load(ours, do="increment", connections=n,
                                                    seconds=seconds(args)),
                             lambda n=clients: theirs.increments(n, seconds(args)))
            case = f"the same beside Gryadka, {clients} client" + "s" * (clients > 1)
            table.add("increments", case, *([f["rps"] for f in side] for side in results), "1/s",
                      least=2)
            table.add("increments", case + ", median",
                      *([f["p50_us"] / 1000 for f in side] for side in results), "ms")


def hot(table, args):
    def change(server):
        return load(server, do="hot", connections=64, random=True, seconds=seconds(args))

    with Registers() as ours, Etcd() as theirs:
        results = paired(args.rounds, lambda: change(ours), lambda: change(theirs))
        table.add("hot key", "add 1, 64 clients, random nodes",
                  *([f["rps"] for f in side] for side in results), "1/s")
        table.add("hot key", "the same, p99",
                  *([f["p99_us"] / 1000 for f in side] for side in results), "ms")


def gap(table, args):
    """The longest that a client of another node waits for a success when one is killed: any one,
    and so the worst of the three in each round. Clients ask again, on another connection, after
    PATIENCE: one that waits for the answer of an etcd that lost its leader waits for seconds."""
    def when_killed(server, index):
        others = [address for n, address in enumerate(server.addresses) if n != index]
        running = begin_load(server, nodes=others, do="write", connections=4, seconds=6,
                             patience=PATIENCE)
        time.sleep(2)
        server.kill(index)
        figures = end_load(server, running)
        server.restart(index)
        return figures["gap_us"] / 1000

    with Registers() as ours, Etcd() as theirs:
        for server in (ours, theirs):
            fill(server)
        figures = paired(args.rounds, lambda: max(when_killed(ours, n) for n in range(3)),
                         lambda: max(when_killed(theirs, n) for n in range(3)))
    table.add("kill -9", "longest wait, other node's clients", *figures, "ms", bound=100)


def memory(table, args):
    """Of an acceptor: the largest process of three nodes that are proposers, too."""
    figures = [[], []]
    for which, make in enumerate((Registers, Etcd)):
        with make() as server:
            fill(server, MILLION // 10 if args.quick else MILLION)
            load(server, do="write", connections=8, keys=MILLION, seconds=seconds(args))
            figures[which].append(max(server.rss()) / 1024 / 1024)
    case = f"{MILLION // 10 if args.quick else MILLION:,} keys of 100 bytes, a node"
    table.add("memory", case, *figures, "MiB", bound=400)


main("registers", __doc__,
     {"write": requests("write", lambda n: 2 if n >= 64 else None, 64),
      "read": requests("read", lambda n: 3, 1000),
      "increments": increments, "gryadka": gryadka, "hot": hot, "gap": gap, "memory": memory},
     "peer", etcd_version() + ", " + Gryadka.PACKAGE)
