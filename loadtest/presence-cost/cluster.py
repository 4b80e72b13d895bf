"""The processes that `run` measures: a Redis, presence daemons, gateways, and reporters, which stand for gateways."""

import atexit
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PROGRAMS = pathlib.Path(os.environ.get("MARTLET_BIN", ROOT / ".build" / "release"))
COMPILE = ["cc", "-std=gnu17", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror"]
SHARDS = 16
SECRET = "a-secret-of-at-least-32-bytes-for-measuring"
CONFIGURATION = """
listen: 127.0.0.1:0
admin: 127.0.0.1:0
log_level: error
auth: {{tokens: [{{algorithm: HS256, secret: {secret}}}]}}
limits: {{drain_timeout: {drain}}}
backplane: {{kind: redis, redis: {{servers: ["redis://127.0.0.1:{port}"]}}}}
routes:
  - path: /g/{{group}}
    group: g_{{group}}
    presence: true
    events: {{e: {{}}}}
"""

running = []
# Without proxies: the environment's proxy knows nothing of this machine's loopback.
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@atexit.register
def end_everything():
    for process in running:
        process.kill()
    for process in running:
        process.wait()
    running.clear()


# SIGTERM and SIGHUP end the run as Ctrl-C does: by an exception, so that everything is stopped.
for number in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda *_: sys.exit(130))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, what, limit=120):
    end = time.monotonic() + limit
    while not (result := condition()):
        if time.monotonic() > end:
            sys.exit(f"run: it did not become true that {what}")
        time.sleep(0.02)
    return result


class Process:
    """A process that ends with this one, however that ends."""

    def __init__(self, command, core=None, **options):
        # A process group of its own: Ctrl-C is for us, and we end it.
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "start_new_session": True, **options}
        pinned = [] if core is None else ["taskset", "-c", str(core)]
        self.process = subprocess.Popen([*pinned, *map(str, command)], **options)
        running.append(self.process)

    def cpu(self):
        """Of all threads, in seconds."""
        total = 0
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def resident(self):
        """In bytes."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024

    def stop(self, with_signal=signal.SIGKILL):
        self.process.send_signal(with_signal)
        self.process.wait()
        running.remove(self.process)


class Redis(Process):
    def __init__(self, core=None):
        self.port = free_port()
        self.directory = tempfile.TemporaryDirectory(prefix="martlet-presence-")
        super().__init__(["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                          "--dir", self.directory.name], core)
        self.link = wait_for(self.connect, "Redis answers")
        self.prefixes = []

    def connect(self):
        try:
            return socket.create_connection(("127.0.0.1", self.port)).makefile("rwb")
        except OSError:
            return None

    def ask(self, *commands):
        """The replies to commands, each a sequence of words, sent together."""
        for words in commands:
            parts = [str(word).encode() for word in words]
            self.link.write(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
        self.link.flush()
        return [self.reply() for _ in commands]

    def reply(self):
        line = self.link.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        if kind == b"$":
            return None if rest == b"-1" else self.link.read(int(rest) + 2)[:-2]
        if kind == b"-":
            sys.exit(f"run: Redis: {rest.decode()}")
        return int(rest) if kind == b":" else rest

    def used_memory(self):
        info = self.ask(["INFO", "memory"])[0].decode()
        return int(re.search(r"used_memory:(\d+)", info).group(1))

    def shard_keys(self, what):
        """The key of each shard, once a daemon has begun to serve."""
        if not self.prefixes:
            found = self.ask(["KEYS", "martlet:*:presence:token"])[0]
            self.prefixes = [key.decode().removesuffix("token") for key in found]
        return [prefix + what for prefix in self.prefixes]

    def owners(self):
        """Of the shards that have one."""
        return [owner.decode() for owner in self.ask(*(["GET", key] for key in self.shard_keys("owner"))) if owner]

    def is_settled(self):
        """Whether nobody has to be told anything, and nobody is within the grace."""
        return not any(self.ask(*(["EXISTS", *self.shard_keys(what)] for what in ("debts", "departing", "parting"))))


class Daemon(Process):
    """A process of Martlet with an admin port."""

    def __init__(self, program, redis, core=None, drain="10s"):
        self.directory = tempfile.TemporaryDirectory(prefix="martlet-presence-")
        self.admin, self.port = free_port(), free_port()
        path = pathlib.Path(self.directory.name) / "martlet.yaml"
        path.write_text(CONFIGURATION.format(secret=SECRET, port=redis.port, drain=drain))
        addresses = ["--admin", f"127.0.0.1:{self.admin}"]
        if program == "martlet-gateway":
            addresses += ["--listen", f"127.0.0.1:{self.port}"]
        super().__init__([PROGRAMS / program, "--config", path, *addresses], core)
        wait_for(lambda: self.get("/readyz") is not None, f"{program} is ready")

    def get(self, path):
        try:
            return opener.open(f"http://127.0.0.1:{self.admin}{path}", timeout=5).read().decode()
        except OSError:
            return None

    def metric(self, name):
        """None where the program has no such metric."""
        found = re.search(rf"^martlet_presence_{name} (\S+)$", self.get("/metrics") or "", re.M)
        return float(found.group(1)) if found else None


def presence_daemons(redis, count=1, core=None):
    """Daemons that serve all shards, evenly."""
    daemons = [Daemon("martlet-presence", redis, core) for _ in range(count)]
    wait_for(lambda: [daemon.metric("owned_shards") for daemon in daemons] == [SHARDS // count] * count,
             "all shards are served")
    return daemons


class Reporter(Process):
    """A gateway without clients, see reporter.c."""

    def __init__(self, redis, core=None):
        self.directory = tempfile.TemporaryDirectory(prefix="martlet-presence-")
        program = pathlib.Path(self.directory.name) / "reporter"
        script = pathlib.Path(self.directory.name) / "report.lua"
        subprocess.run([*COMPILE, "-o", program, HERE / "reporter.c", "-lhiredis"], check=True)
        source = (ROOT / "Sources/MartletPresence/Redis/PresenceScripts.swift").read_text()
        script.write_text(re.search(r'name: "presence report",\s*source: """\n(.*?)"""', source, re.S).group(1))
        super().__init__([program, f"--port={redis.port}", f"--script={script}", f"--shards={SHARDS}"], core,
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def perform(self, verb, count, groups, batch, kind="users", first=0):
        """Seconds until all was applied."""
        self.process.stdin.write(f"{verb} {first} {count} {groups} {batch} {kind}\n".encode())
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if not answer:
            sys.exit("run: the reporter has failed")
        return float(answer[0])
