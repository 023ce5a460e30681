"""What the tests of registers share: nodes that are acceptor and proposer, a client over HTTP, and
a load whose histories have to be linearizable, whose counters have to be their successes, and of
which no acknowledged change may be lost."""

import http.client
import json
import time
import urllib.parse

from cluster import Cluster, Node, check, free_port, quoted, says_ready
from load import Event, Load, NotDone, Unknown, check_history, observe

FULL = ["acceptor", "proposer", "admin"]
STANDBY = ["acceptor", "admin"]
REGISTERS = 24
COUNTERS = 4  # that are added to
COMPARED = 4  # counters that are read, then compared and set
REPEATS = 4  # of a change whose outcome is unknown


class RegisterNode(Node):
    """A node that is an acceptor and, unless it is a standby, a proposer."""

    roles = FULL
    initial = ()  # the nodes of the first configuration

    def __init__(self, directory, name, peers, host="127.0.0.1"):
        self.proposer_port = free_port()
        self.proposer_address = f"{host}:{self.proposer_port}"
        self.target = (host, self.proposer_port, None)  # what Http() takes
        self.full_name = None
        super().__init__(directory, name, peers, host)
        self.full_name = f"{name}@{self.cluster_address}"

    def settings(self, peers):
        initial = [node.full_name for node in self.initial]
        return super().settings(peers) + [
            ("proposer", "listen", quoted(self.proposer_address)),
            ("proposer", "initial_acceptors", quoted(initial)),
            ("proposer", "initial_proposers", quoted(initial))]

    def ready(self):
        return super().ready() and ("proposer" not in self.roles or
                                    says_ready(self.proposer_port, self.host, self.target[2]))


class RegisterCluster(Cluster):
    """Nodes 1 to n, each an acceptor and a proposer of the first configuration, all started."""

    def __init__(self, count=3, make=RegisterNode):
        super().__init__(0, make)
        for _ in range(count):
            self.add()
        for node in self.nodes:
            node.initial = list(self.nodes)
        self.know_all(founder=self.nodes[0])
        self.start_all()
        self.know_all()

    def know_all(self, founder=None):
        """Each node lists all others, but for who is to found the cluster."""
        for node in self.nodes:
            node.configure([] if node is founder else
                           [other.cluster_address for other in self.nodes if other is not node])

    def add_standby(self, roles=STANDBY):
        """Another node, which is in no configuration, started and ready."""
        node = self.add()
        node.roles = roles
        self.know_all()
        node.start()
        self.wait_ready([node])
        return node

    def targets(self):
        return [node.target for node in self.nodes if "proposer" in node.roles]


class Problem(Exception):
    """An error reply that says that nothing was done: its status and problem document."""

    def __init__(self, status, document):
        super().__init__(f"{status} {document}")
        self.status, self.document = status, document


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def version(self):
        """What the ETag says; None without one."""
        tag = self.headers.get("ETag")
        return None if tag is None else int(tag.strip('"'))


class Http:
    """One connection, kept alive, to a proposer: (host, port, token)."""

    def __init__(self, to, timeout=15):
        self.host, self.port, self.token = to
        self.connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        try:
            self.connection.connect()
        except OSError as error:
            raise NotDone(str(error)) from error

    def close(self):
        self.connection.close()

    def send(self, method, path, body=None, headers=None):
        """A Reply, whatever its status. Raises OSError or HTTPException."""
        headers = dict(headers or {})
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        return Reply(response.status, response.headers, response.read())

    def ask(self, method, path, body=None, headers=None):
        """A Reply of less than 400, or 404 or 412. Raises NotDone, Unknown (with the `base` to
        repeat the change with, if it was told) or Problem."""
        try:
            reply = self.send(method, path, body, headers)
        except (OSError, http.client.HTTPException) as error:
            raise Unknown(f"{type(error).__name__} {error}") from error
        if reply.status < 400 or reply.status in (404, 412):
            return reply
        document = json.loads(reply.body)
        text = f"{reply.status} {document.get('code')}: {document.get('detail')}"
        if document["done"] == "unknown":
            unknown = Unknown(text)
            unknown.base = document.get("base")
            raise unknown
        if reply.status == 503:
            raise NotDone(text)
        raise Problem(reply.status, document)

    def run(self, op, key, argument=None, headers=None):
        """An operation as check_history reads it, and the reply as it reads it."""
        path = "/v1/kv/" + urllib.parse.quote(key)
        headers = dict(headers or {})
        if op == "GET":
            reply = self.ask("GET", path, None, headers)
            return "_" if reply.status == 404 else f"={reply.version}:{reply.body.decode()}"
        if op == "ADD":
            change = json.dumps({"change": "add", "args": {"by": int(argument)}})
            made = json.loads(self.ask("POST", path, change, headers).body)
            return f"={made['version']}:{made['value']}"
        if op in ("DEL", "CUT"):
            if op == "CUT":
                headers["If-Match"] = f'"{argument}"'
            reply = self.ask("DELETE", path, None, headers)
            return self.mismatch(reply) or "_"
        value = argument
        if op == "CAS":
            version, value = argument.split(":", 1)
            headers["If-Match"] = f'"{version}"'
        elif op == "CREATE":
            headers["If-None-Match"] = "*"
        reply = self.ask("PUT", path, value, headers)
        return self.mismatch(reply) or f"{'+' if reply.status == 201 else '@'}{reply.version}"

    @staticmethod
    def mismatch(reply):
        if reply.status != 412:
            return None
        return "!" if reply.version is None else f"!{reply.version}"


def text(_, reply):
    """What Http.run() returns is as check_history reads it."""
    return reply


def keep(worker):
    """A register that nobody else writes, or the end of one."""
    settled = [key for key, state in worker.kept.items() if state == "there"]
    try:
        if settled and worker.random.random() < 0.3:
            key = worker.random.choice(settled)
            worker.kept[key] = "maybe"
            worker.request("DEL", key)
            worker.kept[key] = "gone"
        else:
            key = f"kept/{worker.number}/{len(worker.kept)}"
            worker.kept[key] = "maybe"
            worker.request("PUT", key, key)
            worker.kept[key] = "there"
    except (NotDone, Unknown):
        pass


def repeat(worker, op, key, argument):
    """A change with a name of its own, which is repeated while its outcome is unknown and the
    version is told that makes this safe. Raises NotDone or Unknown."""
    worker.named += 1
    headers = {"Idempotency-Key": f"{worker.run}-{worker.number}-{worker.named}"}
    for left in range(REPEATS, -1, -1):
        try:
            return worker.request(op, key, argument, headers)
        except NotDone as error:
            if "Idempotency-Version" in headers:  # this time; the first may have been
                raise Unknown(str(error)) from error
            raise
        except Unknown as error:
            base = getattr(error, "base", None)
            if base is None or not left:
                raise
            headers["Idempotency-Version"] = str(base)
            worker.repeated += 1
    raise AssertionError("not reached")


def count(worker):
    """Adds one, in one request."""
    key = f"counter/{worker.random.randrange(COUNTERS)}"
    try:
        value = repeat(worker, "ADD", key, "1").split(":")[1]
        worker.counted.setdefault(key, []).append(value)
    except NotDone:
        pass
    except Unknown:
        worker.uncertain[key] = worker.uncertain.get(key, 0) + 1


def compare(worker):
    """Adds one: reads, then compares and sets, each through the proposer that is at hand."""
    key = f"compared/{worker.random.randrange(COMPARED)}"
    try:
        seen = worker.request("GET", key)
    except (NotDone, Unknown):
        return
    version, value = ("0", "0") if seen == "_" else seen[1:].split(":")
    value = str(int(value) + 1)
    try:
        if seen == "_":
            told = worker.request("CREATE", key, value)
        else:
            told = worker.request("CAS", key, f"{version}:{value}")
    except NotDone:
        return
    except Unknown:
        worker.uncertain[key] = worker.uncertain.get(key, 0) + 1
        return
    if not told.startswith("!"):
        worker.counted.setdefault(key, []).append(value)


def register(worker):
    """Something with a register that all have, which goes into the history."""
    key = f"register/{worker.random.randrange(REGISTERS)}"
    value = f"{worker.number}.{len(worker.history)}"
    version = worker.versions.get(key, 1)
    dice = worker.random.random()
    if dice < 0.4:
        observe(worker, "GET", key, None, text)
    elif dice < 0.6:
        observe(worker, "PUT", key, value, text)
    elif dice < 0.8:
        observe(worker, "CAS", key, f"{version}:{value}", text)
    elif dice < 0.86:
        observe(worker, "CREATE", key, value, text)
    elif dice < 0.93:
        observe(worker, "CUT", key, str(version), text)
    else:
        observe(worker, "DEL", key, None, text)
    told = worker.history[-1].reply if worker.history else None
    if told and told[0] in "=@+!" and len(told) > 1 and worker.history[-1].key == key:
        worker.versions[key] = int(told[1:].split(":")[0])


def step(worker):
    if not hasattr(worker, "history"):
        worker.history, worker.versions, worker.kept = [], {}, {}
        worker.counted, worker.uncertain, worker.named, worker.repeated = {}, {}, 0, 0
        worker.run = time.monotonic_ns()
    if worker.random.random() < 0.1:
        worker.reconnect()
    dice = worker.random.random()
    if dice < 0.5:
        register(worker)
    elif dice < 0.65:
        count(worker)
    elif dice < 0.8:
        compare(worker)
    else:
        keep(worker)
    worker.load.stopping.wait(worker.random.random() * 0.01)


def begin_load(cluster, workers):
    return Load(cluster.targets(), workers, step, Http)


def read_finally(cluster, history):
    """One read of each register through each proposer, after everything."""
    for number, target in enumerate(cluster.targets()):
        client = Http(target)
        for n in range(REGISTERS):
            event = Event(f"last{number}", f"register/{n}", "GET", None)
            event.reply = client.run("GET", event.key)
            event.replied = time.monotonic_ns()
            history.append(event)
        client.close()


def check_kept(cluster, load):
    client = Http(cluster.targets()[-1])
    kept = {key: state for worker in load.workers for key, state in worker.kept.items()}
    there = [key for key, state in kept.items() if state == "there"]
    gone = [key for key, state in kept.items() if state == "gone"]
    lost = [key for key in there if client.run("GET", key).split(":")[-1] != key]
    undone = [key for key in gone if client.run("GET", key) != "_"]
    client.close()
    check(there and not lost, f"{len(there)} acknowledged writes, {len(lost)} lost {lost[:5]}")
    check(gone and not undone, f"{len(gone)} acknowledged deletes, {len(undone)} undone "
          f"{undone[:5]}")


def check_counters(cluster, load):
    client = Http(cluster.targets()[0])
    keys = [f"counter/{n}" for n in range(COUNTERS)] + [f"compared/{n}" for n in range(COMPARED)]
    for key in keys:
        seen = [value for worker in load.workers for value in worker.counted.get(key, [])]
        known = [value for value in seen if value != "None"]  # of a repeat, it may not be
        uncertain = sum(worker.uncertain.get(key, 0) for worker in load.workers)
        told = client.run("GET", key)
        value = 0 if told == "_" else int(told.split(":")[1])
        check(len(seen) <= value <= len(seen) + uncertain,
              f"{key} is {value}: {len(seen)} increments acknowledged, {uncertain} uncertain")
        check(len(set(known)) == len(known), f"no two increments of {key} got the same number")
    client.close()


def check_all(cluster, load, least):
    """After a load, of which `least` requests have to have been acknowledged to show anything."""
    done = load.total("done")
    check(done >= least, f"{done} requests acknowledged, {load.total('unknown')} uncertain, of "
          f"which {load.total('repeated')} repeated, {load.total('not_done')} not done")
    check_kept(cluster, load)
    history = [event for worker in load.workers for event in worker.history]
    read_finally(cluster, history)
    linearizable, explanation = check_history(history, "--registers")
    print("\n".join("      " + line for line in explanation.splitlines()[-60:]), flush=True)
    check(linearizable, "each register's history is linearizable")
    check_counters(cluster, load)
