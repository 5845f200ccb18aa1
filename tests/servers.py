"""Runs `pillarbox serve` as its own process, for tests that look at it from outside."""

import contextlib
import itertools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

OFFSETS = {
    "mx": 25,
    "submissions": 465,
    "submission": 587,
    "imap": 143,
    "imaps": 993,
    "http": 80,
    "https": 443,
}
PASSWORD = "correct horse battery staple"
READY_SECONDS = 20.0

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
_bases = itertools.cycle(range(21000 + _worker * 12000, 33000 + _worker * 12000, 1000))


def free_base(listen: str = "127.0.0.1") -> int:
    """A port base of which every port can be bound now."""
    for base in itertools.islice(_bases, 24):
        with contextlib.ExitStack() as stack:
            try:
                for offset in OFFSETS.values():
                    probe = stack.enter_context(socket.socket())
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind((listen, base + offset))
            except OSError:
                continue
            return base
    raise RuntimeError("no free range of ports")


class Refusal(Exception):
    """A command ended with another status than 0."""

    def __init__(self, status: int, stderr: str) -> None:
        super().__init__(f"exit {status}: {stderr}")
        self.status = status
        self.stderr = stderr


def command(*words: str, stdin: str = "", env: dict[str, str] | None = None) -> str:
    """Run `pillarbox WORDS…`; its standard output."""
    done = subprocess.run(
        [sys.executable, "-m", "pillarbox", *words],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **(env or {})},
        check=False,
    )
    if done.returncode:
        raise Refusal(done.returncode, done.stderr)
    return done.stdout


class Pillarbox:
    """One server with its data folder."""

    def __init__(
        self,
        folder: Path,
        *,
        hostname: str,
        domains: list[str],
        listen: str = "127.0.0.1",
        **settings: object,
    ):
        self.folder = folder
        self.hostname = hostname
        self.domains = domains
        self.listen = listen
        self.base = free_base(listen)
        self.process: subprocess.Popen[str] | None = None
        self.prefix: list[str] = []
        words = [
            "init",
            str(folder),
            "--hostname",
            hostname,
            "--listen",
            listen,
            "--port-base",
            str(self.base),
        ]
        for domain in domains:
            words += ["--domain", domain]
        for key, value in settings.items():
            words += ["--set", f"{key.replace('__', '.')}={value}"]
        command(*words)

    def port(self, name: str) -> int:
        return self.base + OFFSETS[name]

    def add_account(self, address: str, password: str = PASSWORD) -> None:
        self.command("account", "add", address, "--password-stdin", stdin=password + "\n")

    def command(self, *words: str, stdin: str = "") -> str:
        return command(*words, "--data", str(self.folder), stdin=stdin)

    def json(self, *words: str):
        return json.loads(self.command(*words, "--json"))

    def start(self) -> str:
        """Start and wait for the line `ready …`, which is returned."""
        self.log = (self.folder / "test.log").open("a")
        self.process = subprocess.Popen(
            [*self.prefix, sys.executable, "-m", "pillarbox", "serve", str(self.folder)],
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], READY_SECONDS)
        line = self.process.stdout.readline() if ready else ""
        if not line.startswith("ready"):
            self.kill()
            raise RuntimeError(f"not ready: {line!r}\n{(self.folder / 'test.log').read_text()[-4000:]}")
        return line

    def stop(self) -> int:
        """SIGTERM, and wait; its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=15)
        self._close()
        return status

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        if self.process is None:
            return
        self.process.kill()
        self.process.wait(timeout=15)
        self._close()

    def _close(self) -> None:
        assert self.process is not None and self.process.stdout is not None
        self.process.stdout.close()
        self.log.close()
        self.process = None

    def log_text(self) -> str:
        return (self.folder / "test.log").read_text()


@contextlib.contextmanager
def running(folder: Path, **words: object) -> Iterator[Pillarbox]:
    """A server with alice@ and bob@ its first domain, started, and stopped in order at the end."""
    domains = words.pop("domains", ["uiowa.test"])
    server = Pillarbox(folder, hostname=words.pop("hostname", "mail.uiowa.test"), domains=domains, **words)
    server.add_account(f"alice@{domains[0]}")
    server.add_account(f"bob@{domains[0]}")
    server.start()
    try:
        yield server
    finally:
        if server.process is not None:
            server.stop()


def wait_until(condition, *, seconds: float = 20.0, what: str = "the condition") -> None:
    """Look again until it holds; fails when it does not in time."""
    limit = time.monotonic() + seconds
    pause = 0.01
    while not condition():
        if time.monotonic() > limit:
            raise AssertionError(f"{what} did not hold within {seconds} s")
        time.sleep(pause)
        pause = min(0.2, pause * 1.5)
