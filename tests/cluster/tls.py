"""Three nodes in TLS with each other and with their clients, set up by what stands in the README,
"Across machines": its commands and its node.toml, with free ports and addresses of the loopback.
Then what must not get in: clients without TLS or without trust, nodes without a certificate or
with one of another CA; and new certificates on SIGHUP."""

import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

import cluster
from cluster import READY_TIMEOUT, SERVER, TOP, check, free_port, run, set_toml, wait_until

TIMEOUT = 20  # seconds for one command, or for a line to be in a log


class Hive:
    """The directory of the README's commands, and its nodes."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="skep-test-")
        self.ports = {"5000": free_port(), "2836": free_port(), "5001": free_port()}
        with open(os.path.join(TOP, "README.md"), encoding="utf-8") as readme:
            section = re.search(r"^## Across machines$(.*?)^## ", readme.read(), re.M | re.S)[1]
        blocks = re.findall(r"^```(console|toml)\n(.*?)^```", self.here(section), re.M | re.S)
        (_, self.setup), (_, self.toml), (_, self.clients) = blocks
        self.processes = {}

    def here(self, text):
        text = text.replace("10.0.0.", "127.0.0.").replace("build/release/server", SERVER)
        return re.sub(r"(?<=[:\s])(5000|2836|5001)\b", lambda port: str(self.ports[port[0]]), text)

    def port(self, known):
        return self.ports[str(known)]

    def file(self, *names):
        return os.path.join(self.directory, *names)

    def shell(self, commands):
        """Runs them; returns what is printed on both streams."""
        result = subprocess.run(["bash", "-c", commands], cwd=self.directory, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                                timeout=TIMEOUT)
        return result.stdout

    def console(self, block):
        """Each command of a block and what it should print, checked."""
        parts = re.split(r"^\$ ", block, flags=re.M)[1:]
        for part in parts:
            lines = part.splitlines()
            end = 1
            while end < len(lines) and lines[end].startswith("  "):
                end += 1
            yield "\n".join(lines[:end]), "".join(line + "\n" for line in lines[end:])

    def add(self, number, toml=None, certificate=None):
        """Makes node's directory, as the README says."""
        name = f"node{number}"
        os.mkdir(self.file(name))
        for source, target in (("ca.crt", "ca.crt"), ("ring.password", "ring.password"),
                               ("admin.token", "admin.token"),
                               ("admin.admin_token", "admin.admin_token"),
                               (f"{certificate or name}.crt", "node.crt"),
                               (f"{certificate or name}.key", "node.key")):
            shutil.copy(self.file(source), self.file(name, target))
        text = (toml or self.toml).replace('"node2"', f'"{name}"')
        text = re.sub(r'(?<=listen = "127\.0\.0\.)2', str(number), text)
        if number == 1:
            text = set_toml(text, "cluster", "peers", "[]")
        with open(self.file(name, "node.toml"), "w", encoding="utf-8") as file:
            file.write(text)
        return name

    def start(self, name):
        with open(self.file(name, "log"), "ab") as log:
            self.processes[name] = subprocess.Popen(
                [SERVER, "--config", self.file(name, "node.toml")], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log)

    def trust(self):
        return ssl.create_default_context(cafile=self.file("ca.crt"))

    def ready(self, number):
        url = f"https://127.0.0.{number}:{self.port(5001)}/readyz"
        try:
            with urllib.request.urlopen(url, context=self.trust(), timeout=5) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False

    def wait_ready(self, numbers):
        for number in numbers:
            wait_until(lambda number=number: self.ready(number), READY_TIMEOUT,
                       f"node{number} is ready")

    def log(self, name):
        with open(self.file(name, "log"), encoding="utf-8", errors="replace") as log:
            return log.read()

    def logged(self, name, text):
        try:
            wait_until(lambda: text in self.log(name), TIMEOUT, text)
        except TimeoutError:
            pass
        check(text in self.log(name), f"{name} logs: {text}")

    def show_logs(self):
        for name in self.processes:
            print(f"-- the end of {name}'s log\n" +
                  "".join(self.log(name).splitlines(True)[-30:]), end="", flush=True)

    def close(self):
        for process in self.processes.values():
            process.kill()
            process.wait()
        shutil.rmtree(self.directory)


class Redis:
    """A client of the ring, by Python's own TLS."""

    def __init__(self, hive, number):
        plain = socket.create_connection((f"127.0.0.{number}", hive.port(2836)), TIMEOUT)
        self.socket = hive.trust().wrap_socket(plain, server_hostname=f"127.0.0.{number}")
        self.input = self.socket.makefile("rb")
        with open(hive.file("ring.password"), encoding="ascii") as password:
            self.ask(f"AUTH {password.read().strip()}")

    def ask(self, line):
        self.socket.sendall(line.encode() + b"\r\n")
        reply = self.input.readline().decode().rstrip()
        return self.input.readline().decode().rstrip() if reply[:1] == "$" else reply

    def serial(self):
        return ssl.DER_cert_to_PEM_cert(self.socket.getpeercert(binary_form=True))


def follow_readme(hive):
    for command, _ in hive.console(hive.setup):
        hive.shell(command)
    check(os.path.exists(hive.file("node3.crt")), "the README's commands make certificates")
    for number in (1, 2, 3):
        hive.start(hive.add(number))
        if number == 1:
            hive.wait_ready([1])
    hive.wait_ready([1, 2, 3])
    for command, expected in hive.console(hive.clients):
        printed = hive.shell(command)
        shown = " ".join(command.split())[:80]
        if not check(printed == expected, f"$ {shown} …"):
            print(f"      expected {expected!r}\n      printed  {printed!r}", flush=True)


def speak(hive):
    one, three = Redis(hive, 1), Redis(hive, 3)
    check(three.ask("SET k value") == "+OK" and one.ask("GET k") == "value",
          "a value goes in at node3 and comes out at node1")
    large = "x" * 3_000_000
    check(three.ask(f"SET big {large[:60000]}") == "+OK" and
          len(one.ask("GET big")) == 60000, "a larger one, too")
    hive.processes["node2"].kill()
    hive.processes["node2"].wait()
    wait_until(lambda: one.ask("SET k other") == "+OK", TIMEOUT, "the others take writes")
    hive.start("node2")
    hive.wait_ready([1, 2, 3])
    check(Redis(hive, 2).ask("GET k") == "other", "a node that was killed comes back into TLS")


def keep_out(hive):
    with socket.create_connection(("127.0.0.1", hive.port(2836)), TIMEOUT) as plain:
        plain.sendall(b"PING\r\n")
        check(plain.recv(100) == b"-ERR this port speaks TLS only\r\n",
              "a Redis client without TLS is told so")
    with socket.create_connection(("127.0.0.1", hive.port(5001)), TIMEOUT) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
        check(plain.recv(100).startswith(b"HTTP/1.1 400 "), "so is one of HTTP")
    hive.logged("node1", "it speaks RESP to a port that takes TLS only")
    printed = hive.shell(f"{SERVER} ring --connect 127.0.0.1:{hive.port(2836)} --tls get k")
    check("its certificate is not of a CA that is trusted here" in printed,
          "our client does not trust any CA")
    printed = hive.shell(f"{SERVER} ring --connect 127.0.0.1:{hive.port(2836)} --ca ca.crt get k")
    check("asks for a password" in printed, "and without a password it gets nothing")
    stranger = hive.toml.replace('"127.0.0.2:', '"127.0.0.4:')
    hive.shell('openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 '
               '-subj /CN=stranger -keyout stranger.key -out stranger.crt')
    name = hive.add(4, stranger, "stranger")
    hive.start(name)
    hive.logged(name, "it does not accept our certificate: that is of no CA that it trusts")
    hive.logged("node1", "(cluster.tls): its certificate is not of a CA that is trusted here")
    plain = re.sub(r"(?m)^tls = .*$", "", hive.toml.replace('"127.0.0.2:', '"127.0.0.5:'))
    name = hive.add(5, plain, "stranger")
    hive.start(name)
    hive.logged(name, "speaks TLS, and this node does not: cluster.tls has to be set")
    check(not hive.ready(4) and hive.shell(f"{SERVER} admin --config node1/node.toml --json "
                                           "cluster status").count('"alive"') == 3,
          "neither is in the cluster")


def renew(hive):
    before = Redis(hive, 1)
    old = before.serial()
    hive.shell(re.search(r"  openssl req.*?node\$i\.crt$", hive.setup, re.M | re.S)[0]
               .replace("$i", "1"))
    for suffix in ("crt", "key"):
        shutil.copy(hive.file(f"node1.{suffix}"), hive.file("node1", f"node.{suffix}"))
    hive.processes["node1"].send_signal(signal.SIGHUP)
    hive.logged("node1", "ring: has read its certificates again")
    check(Redis(hive, 1).serial() != old, "after SIGHUP clients see the new certificate")
    check(before.ask("PING") == "+PONG", "who was connected stays so")


def test():
    hive = Hive()
    try:
        follow_readme(hive)
        speak(hive)
        keep_out(hive)
        renew(hive)
    finally:
        if cluster.failed or sys.exc_info()[0]:
            hive.show_logs()
        hive.close()


run(test)
