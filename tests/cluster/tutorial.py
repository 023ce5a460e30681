"""The README's tutorial, line by line: what stands there is run in a shell, and must print what
stands there. Only the ports and the directory are others, and nobody reads between the blocks:
instead, the test waits until the nodes that the block started are ready."""

import glob
import os
import re
import shutil
import signal
import subprocess
import tempfile

import cluster
from cluster import READY_TIMEOUT, TOP, check, free_port, run, says_ready, wait_until

END = "-- end of output --"
TIMEOUT = 300  # seconds for all commands


def blocks(readme):
    """The tutorial's blocks of commands, each a list of [command, its standard input, what it
    prints]."""
    section = re.search(r"^## Tutorial$(.*?)^## ", readme, re.M | re.S)[1]
    for block in re.findall(r"^```console\n(.*?)^```", section, re.M | re.S):
        commands = []
        for line in block.replace("\\\n", "").splitlines():
            if line.startswith("$ "):
                commands.append([line[2:], "", ""])
            elif prompt := re.match(r"\w+> (.*)", line):
                commands[-1][1] += prompt[1] + "\n"
            else:
                commands[-1][2] += line + "\n"
        yield commands


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


class Shell:
    """One bash with job control, as a person has in front of them."""

    def __init__(self):
        self.process = subprocess.Popen(["bash"], cwd=TOP, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.process.stdin.write("set -m\n")

    def run(self, command, given):
        """What the command prints."""
        self.process.stdin.write(f"{{ {command}\n}} <<'GIVEN'\n{given}GIVEN\necho '{END}'\n")
        self.process.stdin.flush()
        printed = ""
        for line in self.process.stdout:
            if line == END + "\n":
                return printed
            printed += line
        raise EOFError(f"the shell ended during: {command}")


def session(leader):
    """The processes that a shell has started, directly or not, and itself."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
                if int(stat.read().rpartition(")")[2].split()[3]) == leader:
                    found.append(int(pid))
        except FileNotFoundError:
            pass  # ended meanwhile
    return found


def show_logs(directory):
    for name in sorted(glob.glob(f"{directory}/*/log")):
        print("-- the end of", name)
        with open(name, encoding="utf-8", errors="replace") as log:
            print("".join(log.readlines()[-40:]), end="", flush=True)


def follow(shell, directory):
    with open(os.path.join(TOP, "README.md"), encoding="utf-8") as file:
        tutorial = list(blocks(elsewhere(file.read(), directory)))
    for commands in tutorial:
        for command, given, expected in commands:
            printed = shell.run(command, given)
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
    shell = Shell()
    signal.signal(signal.SIGALRM, lambda *_: shell.process.kill())
    try:
        signal.alarm(TIMEOUT)
        follow(shell, directory)
    finally:
        if cluster.failed:
            show_logs(directory)
        for pid in session(shell.process.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        shell.process.wait()
        shutil.rmtree(directory, ignore_errors=True)


run(test)
