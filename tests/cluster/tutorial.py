"""The README's tutorial, line by line: what stands there is run in a shell, and must print what
stands there. Only the ports and the directory are others, and nobody reads between the blocks:
instead, the test waits until the nodes that the block started are ready."""

import glob
import os
import re
import shutil
import signal
import tempfile

import cluster
from cluster import READY_TIMEOUT, check, free_port, run, says_ready, wait_until
from readme import Terminal, blocks

TIMEOUT = 300  # seconds for all commands


def elsewhere(text, directory):
    """The tutorial with free ports, in another directory."""
    text = text.replace("/tmp/hive", directory)
    ports = {}
    # A client that names no node talks to the default port, which is node 1's.
    text = re.sub(r"server ring(?! --daemon)", "server ring --daemon=127.0.0.1:2836", text)
    text = text.replace("--set name=node1", "--set name=node1 --set cluster.listen=127.0.0.1:5000 "
                        "--set ring.listen=127.0.0.1:2836 --set admin.listen=127.0.0.1:5001")
    return re.sub(r"(?<=127\.0\.0\.1:)\d+",
                  lambda match: str(ports.setdefault(match[0], free_port())), text)


def show_logs(directory):
    for name in sorted(glob.glob(f"{directory}/*/log")):
        print("-- the end of", name)
        with open(name, encoding="utf-8", errors="replace") as log:
            print("".join(log.readlines()[-40:]), end="", flush=True)


def follow(terminal, directory):
    tutorial = blocks("## Tutorial: a ring", lambda text: elsewhere(text, directory))
    for commands in tutorial:
        for command, given, expected in commands:
            printed = terminal.run(command, given)
            shown = " ".join(command.replace(directory, "/tmp/hive").split())
            if not check(printed == expected, f"$ {shown}"):
                print(f"      expected {expected!r}\n      printed  {printed!r}", flush=True)
        for port in re.findall(r"--set admin\.listen=127\.0\.0\.1:(\d+)", str(commands)):
            wait_until(lambda port=port: says_ready(int(port)), READY_TIMEOUT,
                       f"the node with admin port {port} is ready")
    check(len(tutorial) > 5, f"the README's tutorial has {len(tutorial)} blocks of commands")


def test():
    directory = tempfile.mkdtemp(prefix="skep-test-")
    os.rmdir(directory)  # the tutorial makes it
    terminal = Terminal()
    signal.signal(signal.SIGALRM, lambda *_: terminal.process.kill())
    try:
        signal.alarm(TIMEOUT)
        follow(terminal, directory)
    finally:
        if cluster.failed:
            show_logs(directory)
        terminal.end()
        shutil.rmtree(directory, ignore_errors=True)


run(test)
