"""Clients for tests: a small one of RESP, and many of these or of others in threads, whose requests
are recorded as histories that check_history decides on."""

import os
import random
import socket
import subprocess
import threading
import time

from cluster import TOP

CHECK_HISTORY = os.path.join(TOP, "build/release/check_history")


class ReplyError(Exception):
    """An error reply."""


class NotDone(Exception):
    """The request was certainly not done: no connection, or -TRYAGAIN."""


class Unknown(Exception):
    """The request may have been done: -UNCERTAIN, or the connection was lost."""


class Client:
    """One RESP2 connection, to a port of this machine or to (host, port, password). Replies are
    bytes, int, None or lists of them."""

    def __init__(self, to, timeout=15):
        host, port, password = to if isinstance(to, tuple) else ("127.0.0.1", to, None)
        try:
            self.socket = socket.create_connection((host, port), timeout)
        except OSError as error:
            raise NotDone(str(error)) from error
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.input = self.socket.makefile("rb")
        if password:
            try:
                self.run("AUTH", password)
            except Unknown as error:  # nothing was asked for yet
                self.close()
                raise NotDone(str(error)) from error

    def close(self):
        self.input.close()
        self.socket.close()

    def run(self, *words):
        """Sends one command and waits for its reply."""
        return self.pipeline([words])[0]

    def pipeline(self, commands):
        """Sends the commands together. Raises the first error reply as what it means."""
        request = bytearray()
        for words in commands:
            request += b"*%d\r\n" % len(words)
            for word in words:
                word = word if isinstance(word, bytes) else str(word).encode()
                request += b"$%d\r\n%s\r\n" % (len(word), word)
        try:
            self.socket.sendall(request)
            replies = [self.reply() for _ in commands]
        except OSError as error:
            raise Unknown(str(error)) from error
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        return replies

    def reply(self):
        line = self.input.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("connection closed")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b"-":
            text = rest.decode()
            if text.startswith("TRYAGAIN"):
                return NotDone(text)
            return Unknown(text) if text.startswith("UNCERTAIN") else ReplyError(text)
        if kind == b":":
            return int(rest)
        if kind == b"$":
            size = int(rest)
            if size < 0:
                return None
            data = self.input.read(size + 2)
            if len(data) != size + 2:
                raise ConnectionError("connection closed")
            return data[:-2]
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        raise ReplyError(f"not a RESP2 reply: {line!r}")


class Event:
    """One request in a history. `reply` is None while unknown, else the text for check_history."""

    def __init__(self, client, key, op, argument):
        self.client, self.key, self.op, self.argument = client, key, op, argument
        self.reply = None
        self.invoked = time.monotonic_ns()
        self.replied = 0

    def line(self):
        return (f"{self.client} {self.key} {self.op} {self.argument or '-'} "
                f"{'unknown' if self.reply is None else self.reply} {self.invoked} {self.replied}")


class Load:
    """Threads that each keep a connection to a random node and call step(worker) until stopped.

    step() does requests through worker.request() and may draw from worker.random. connect(port)
    makes a client with run() and close(), which raise as Client's do.
    """

    def __init__(self, ports, workers, step, connect=Client):
        self.ports = list(ports)  # or what else connect() takes; may be replaced while it runs
        self.connect = connect
        self.step = step
        self.stopping = threading.Event()
        self.workers = [Worker(self, number) for number in range(workers)]
        for worker in self.workers:
            worker.thread.start()

    def stop(self):
        """Stops all threads; raises what one of them died of."""
        self.stopping.set()
        for worker in self.workers:
            worker.thread.join()
        for worker in self.workers:
            if worker.error:
                raise worker.error

    def total(self, counter):
        return sum(getattr(worker, counter) for worker in self.workers)


class Worker:
    """One thread of a load: its connection, its history and its counters."""

    def __init__(self, load, number):
        self.load = load
        self.number = number
        self.random = random.Random(number)
        self.client = None
        self.done = 0
        self.not_done = 0
        self.unknown = 0
        self.failures = []  # what failed requests said
        self.error = None
        self.thread = threading.Thread(target=self.main, daemon=True)

    def main(self):
        try:
            while not self.load.stopping.is_set():
                self.load.step(self)
        except Exception as error:  # reported by stop()
            self.error = error
        if self.client:
            self.client.close()

    def request(self, *words):
        """One command through the connection, made anew when there is none. Raises NotDone or
        Unknown, after which the next request goes through another connection."""
        try:
            if not self.client:
                self.client = self.load.connect(self.random.choice(self.load.ports))
            reply = self.client.run(*words)
            self.done += 1
            return reply
        except NotDone as error:
            self.not_done += 1
            self.drop(error)
            raise
        except Unknown as error:
            self.unknown += 1
            self.drop(error)
            raise

    def drop(self, why):
        self.failures.append(str(why))
        if self.client:
            self.client.close()
            self.client = None

    def reconnect(self):
        """Lets the next request choose a node anew."""
        if self.client:
            self.client.close()
            self.client = None


def reply_text(op, reply):
    """A reply as check_history reads it."""
    if op == "SET":
        return "+" + reply.decode()
    if op == "GET":
        return "_" if reply is None else "$" + reply.decode()
    return f":{reply}"


def observe(worker, op, key, argument=None, text=reply_text):
    """A request that goes into worker.history, unless it was certainly not done. `text` makes of an
    op and its reply what check_history reads."""
    event = Event(worker.number, key, op, argument)
    try:
        reply = worker.request(op, key, *([argument] if argument else []))
        event.replied = time.monotonic_ns()
        event.reply = text(op, reply)
    except NotDone:
        return
    except Unknown:
        pass
    worker.history.append(event)


def check_history(events, *kind):
    """Whether each key's history is linearizable, and what the checker says; `kind` is its
    option."""
    lines = "\n".join(event.line() for event in events) + "\n"
    result = subprocess.run([CHECK_HISTORY, *kind], input=lines, capture_output=True, text=True,
                            check=False)
    return result.returncode == 0, (result.stdout + result.stderr).strip()
