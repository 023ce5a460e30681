"""What `cmake --install` makes: an executable behind a symlink, a template, a unit that systemd
accepts; and what a service manager, here a socket of the test's own, hears of a node's life."""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import tempfile

from cluster import TOP, Node, check, run, wait_until
from load import Client

PREFIX = "/opt/skep"


def installed(destination):
    subprocess.run(["cmake", "--install", "build/release", "--prefix", PREFIX], cwd=TOP, check=True,
                   stdout=subprocess.DEVNULL, env={**os.environ, "DESTDIR": destination})
    at = destination + PREFIX
    link = os.path.join(at, "bin/skep")
    check(os.readlink(link) == "../lib/skep/server", "bin/skep points to lib/skep/server")
    said = subprocess.run([link, "version"], capture_output=True, text=True, check=False).stdout
    check(said.startswith("server "), "it runs through the symlink")
    template = os.path.join(at, "share/skep/node/node.toml")
    valid = subprocess.run([link, "check", template], capture_output=True, text=True, check=False)
    check(valid.stdout == "valid: node1\n", "the template is installed, and valid")
    return at


def unit_is_valid(at):
    unit = os.path.join(at, "lib/systemd/system/skep@.service")
    with open(unit, encoding="utf-8") as file:
        text = file.read()
    command = f"ExecStart={PREFIX}/bin/skep --config /etc/skep/%i/node.toml"
    check(command in text, "the unit starts what was installed, with its instance's directory")
    for line in ["Type=notify", "StateDirectory=skep/%i", "ProtectSystem=strict",
                 "NoNewPrivileges=yes", "ExecReload=/bin/kill -HUP $MAINPID"]:
        check(line + "\n" in text, line)
    stop = [line for line in text.splitlines() if line.startswith("TimeoutStopSec=")]
    check(stop == ["TimeoutStopSec=60s"], "a stop gets longer than the node's own ten seconds")
    # The checker looks for the executable, too: at the place that was installed to.
    with open(unit, "w", encoding="utf-8") as file:
        file.write(text.replace(f"ExecStart={PREFIX}/", f"ExecStart={at}/"))
    instance = os.path.join(at, "skep@node1.service")
    shutil.copy(unit, instance)
    said = subprocess.run(["systemd-analyze", "verify", "--man=no", instance],
                          capture_output=True, text=True, check=False)
    ours = [line for line in said.stderr.splitlines() if "skep" in line]
    check(said.returncode == 0 and not ours, f"systemd-analyze verify accepts it {ours}")


class Manager:
    """A service manager's socket, and what it has heard."""

    def __init__(self, directory):
        self.path = os.path.join(directory, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setblocking(False)
        self.heard = []

    def has(self, start):
        while True:
            try:
                self.heard.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return any(each.startswith(start) for each in self.heard)

    def wait(self, start):
        wait_until(lambda: self.has(start), 30, f"{start} of {self.heard}")


def edit(node, old, new):
    with open(node.config, encoding="utf-8") as file:
        text = file.read()
    assert old in text
    with open(node.config, "w", encoding="utf-8") as file:
        file.write(text.replace(old, new))


def life(directory):
    manager = Manager(directory)
    node = Node(directory, "node1", [])
    edit(node, 'file = "stderr"', 'file = "own.log"')
    os.environ["NOTIFY_SOCKET"] = manager.path
    try:
        node.start()
    finally:
        del os.environ["NOTIFY_SOCKET"]
    try:
        manager.wait("READY=1")
        manager.wait("STATUS=serving")
        check(not manager.has("RELOADING"), "a node says that it is ready")
        figures(node)
        reloads(node, manager)
        node.terminate()
        check(node.exit_status() == 0, "it stops")
        check(manager.has("STOPPING=1"), "and says that it does")
    finally:
        if node.running():
            node.kill()


def figures(node):
    client = Client(node.ring_port)
    for i in range(10):
        client.run("SET", f"key{i}", "value")
    client.close()
    connection = http.client.HTTPConnection("127.0.0.1", node.admin_port, timeout=10)
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    told = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    for name, value in [('skep_ring_command_seconds_count{command="set"}', 10),
                        ('skep_ring_requests_total{answered="here"}', 10),
                        ("skep_ring_location_hits_total", 10), ("skep_ring_arcs_owned", 256),
                        ("skep_ring_entries", 10), ('skep_members{state="alive"}', 1)]:
        check(float(told.get(name, -1)) == value, f"{name} is {told.get(name)}")
    for name in ["skep_store_commit_seconds_count", "skep_loop_callback_seconds_count",
                 "skep_ring_memory_bytes", "process_resident_memory_bytes", "process_open_fds"]:
        check(float(told.get(name, 0)) > 0, f"{name} is {told.get(name)}")


def reload(node, manager):
    manager.has("")
    manager.heard.clear()
    node.process.send_signal(signal.SIGHUP)
    manager.wait("READY=1")
    check(manager.heard[0].startswith("RELOADING=1\nMONOTONIC_USEC="), "a reload is told")


def reloads(node, manager):
    log = os.path.join(node.directory, "own.log")
    shutil.move(log, log + ".1")
    edit(node, 'level = "info"', 'level = "debug"')
    edit(node, "moves = 8", "moves = 9")
    reload(node, manager)
    with open(log, encoding="utf-8") as file:
        said = file.read()
    check('reloaded: log.level from "info" to "debug"' in said,
          "the log is opened again; its level is reloaded, and told")
    check("not reloaded, but at the next start: ring.moves from 8 to 9" in said,
          "what cannot be reloaded is told, key by key")
    edit(node, "moves = 9", "moves = true")
    reload(node, manager)
    with open(log, encoding="utf-8") as file:
        said = file.read()
    check("the configuration is wrong, and nothing of it is taken over" in said and
          "ring.moves: found true" in said, "a broken file changes nothing, and is told")
    check(node.running(), "and the node goes on")


def test():
    directory = tempfile.mkdtemp(prefix="skep-install-")
    try:
        unit_is_valid(installed(os.path.join(directory, "root")))
        life(directory)
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    run(test)
