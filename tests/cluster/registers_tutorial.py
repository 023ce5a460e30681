"""The README's walk through the registers, line by line, in two terminals, as a person has them.
Only the ports are others, and the source tree, of which there is a copy; and the clients count for
a shorter time."""

import glob
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile

import cluster
from cluster import TOP, check, run
from readme import Terminal, blocks

TIMEOUT = 240  # seconds for all commands
NODES = 5
PORTS = (5000, 5001, 8100)  # of node 1; node i has 1000(i-1) more
LOAD = "server load registers"


def is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_shift():
    """What to add to all ports, so that those of all nodes are free."""
    while True:
        shift = random.randint(5000, 18000)
        if all(is_free(port + shift + 1000 * node) for port in PORTS for node in range(NODES)):
            return shift


def make_tree(directory, shift):
    """What the walk needs of the source tree, with other ports."""
    os.makedirs(f"{directory}/scripts")
    os.makedirs(f"{directory}/conf")
    os.symlink(f"{TOP}/build", f"{directory}/build")
    for script in "cluster", "lib.sh":
        shutil.copy(f"{TOP}/scripts/{script}", f"{directory}/scripts")
    shutil.copytree(f"{TOP}/conf/node", f"{directory}/conf/node")
    with open(f"{directory}/conf/node/node.toml", "r+", encoding="utf-8") as file:
        text = re.sub(r'(?<=^listen = "127\.0\.0\.1:)\d+', lambda port: str(int(port[0]) + shift),
                      file.read(), flags=re.M)
        file.seek(0)
        file.truncate()
        file.write(text)


def elsewhere(text, shift):
    # A client that names no proposer talks to the default port, which is node 1's.
    text = re.sub(r"(server (?:kv|acceptors)) (?!`)", r"\1 --connect 127.0.0.1:8100 ", text)
    text = text.replace("--seconds 60", "--seconds 10")
    return re.sub(r"(?<=127\.0\.0\.1:)\d+", lambda port: str(int(port[0]) + shift), text)


def pattern(expected):
    """What may be printed: figures of a load, and how many registers it had, are any numbers; a
    line "…" is any lines."""
    lines = ""
    for line in expected.splitlines():
        if line == "…":
            lines += r"(?:.*\n)*"
        elif re.match(r"\d+ \[|# |rescanned ", line):
            lines += re.sub(r"\d+(?:\\\.\d+)?", r"\\d+(?:\\.\\d+)?", re.escape(line)) + "\n"
        else:
            lines += re.escape(line) + "\n"
    return lines


def compare(command, expected, printed):
    shown = re.sub(r" --connect \S+", "", command)
    if not check(re.fullmatch(pattern(expected), printed), f"$ {shown}"):
        print(f"      expected {expected!r}\n      printed  {printed!r}", flush=True)


def no_dip(printed):
    """No client of the load had an error, while the acceptors became more."""
    rows = re.findall(r"^\d+( \[.*\])$", printed, re.M)
    errors = [int(errors) for row in rows for errors in re.findall(r" (\d+)\]", row)]
    check(len(errors) >= 3 * 9 and sum(errors) == 0, "three more steps, and not one error")


def follow(first, second, shift):
    walk = blocks("### A walk", lambda text: elsewhere(text, shift))
    under_way = None
    for commands in walk:
        for command, given, expected in commands:
            if LOAD in command:
                first.begin(command, given)
                first_row = first.read_until("1 [")  # they count: now the other terminal
                first.printed += first_row
                under_way = (command, expected)
            else:
                compare(command, expected, second.run(command, given))
        if under_way and LOAD not in commands[0][0]:
            compare(*under_way, first.finish())
            no_dip(first.printed)
            under_way = None
    check(len(walk) > 6, f"the README's walk has {len(walk)} blocks of commands")


def script(directory, command):
    return subprocess.run(["scripts/cluster", *command.split()], cwd=directory,
                          capture_output=True, text=True, check=False)


def taken(directory, shift):
    """Somebody else listens where node 1 would."""
    with socket.create_server(("127.0.0.1", PORTS[0] + shift)):
        up = script(directory, "up")
    check(up.returncode == 1 and "node 1's cluster port" in up.stderr and
          len(up.stderr.splitlines()) == 1 and not os.path.exists(f"{directory}/cluster"),
          f"a port that is taken is said, and nothing else: {up.stderr}")


def end_nodes(directory):
    for file in glob.glob(f"{directory}/cluster/node*/pid"):
        with open(file, encoding="utf-8") as pid:
            number = int(pid.read())
        try:
            with open(f"/proc/{number}/cmdline", encoding="utf-8", errors="replace") as line:
                ours = directory in line.read()
            if ours:
                os.kill(number, signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            pass  # ended before


def show_logs(directory):
    for name in sorted(glob.glob(f"{directory}/cluster/*/log")):
        print("-- the end of", name)
        with open(name, encoding="utf-8", errors="replace") as log:
            print("".join(log.readlines()[-40:]), end="", flush=True)


def test():
    directory = tempfile.mkdtemp(prefix="skep-test-")
    shift = free_shift()
    make_tree(directory, shift)
    terminals = [Terminal(directory, errors=True) for _ in range(2)]
    signal.signal(signal.SIGALRM, lambda *_: [each.process.kill() for each in terminals])
    try:
        signal.alarm(TIMEOUT)
        follow(*terminals, shift)
        up = script(directory, "up")
        check(up.returncode == 0 and "Does not wait for node 3" in up.stderr,
              f"the node that was killed comes back, and is told to serve nobody: {up.stderr}")
        wiped = script(directory, "wipe")
        check(wiped.returncode == 0 and not os.path.exists(f"{directory}/cluster"),
              "and it can be wiped away")
        for command in "stop", "wipe", "kill 1":
            said = script(directory, command)
            check("there is no cluster" in said.stdout + said.stderr, f"which {command} says")
        taken(directory, shift)
    finally:
        if cluster.failed:
            show_logs(directory)
        end_nodes(directory)
        for terminal in terminals:
            terminal.end()
        shutil.rmtree(directory, ignore_errors=True)


run(test)
