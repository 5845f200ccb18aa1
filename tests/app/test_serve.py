"""`pillarbox serve`: ready or not at all; ends in order and in time; one process for a folder, dead ones in nobody's way."""

import contextlib
import json
import re
import shutil
import signal
import smtplib
import socket
import sqlite3
import ssl
import stat
import subprocess
import sys
import time

import pytest

from servers import OFFSETS, PASSWORD, Pillarbox, Refusal, command, wait_until

STOP_SECONDS = 5.0


def make(folder, **settings) -> Pillarbox:
    return Pillarbox(folder, hostname="mail.uni.test", domains=["uni.test"], **settings)


def can_connect(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def refused_to_start(server: Pillarbox) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pillarbox", "serve", str(server.folder)], capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr.removeprefix("pillarbox: ").rstrip("\n")


@pytest.fixture
def server(tmp_path):
    server = make(tmp_path / "data")
    yield server
    server.kill()


def test_ready_is_said_when_all_listeners_accept(server):
    line = server.start()
    said = dict(re.findall(r"(\w+)=(\S+)", line))
    assert line.startswith("ready ")
    assert line.count("\n") == 1
    assert set(said) >= {"mx", "submission", "submissions", "imap", "imaps"}
    assert all(said[name] == f"127.0.0.1:{server.port(name)}" for name in said)
    assert all(can_connect(server.port(name)) for name in said)


def test_sigterm_ends_in_order_with_connections_open(server):
    server.start()
    connections = [socket.create_connection(("127.0.0.1", server.port(name)), timeout=10) for name in ("mx", "imap")]
    assert [connection.recv(1000)[:4] for connection in connections] == [b"220 ", b"* OK"]
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < STOP_SECONDS
    farewells = [connection.recv(1000) for connection in connections]
    assert [farewell[:5] for farewell in farewells] == [b"421 4", b"* BYE"]
    for connection in connections:
        connection.close()
    assert not (server.folder / "control.sock").exists()


def test_ctrl_c_is_the_same(server):
    server.start()
    assert server.process is not None
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(timeout=STOP_SECONDS) == 0


@pytest.mark.parametrize("taken", ["mx", "imaps"])
def test_a_port_in_use_is_one_line_and_nothing_stays_bound(server, taken):
    with socket.create_server(("127.0.0.1", server.port(taken))):
        began = time.monotonic()
        said = refused_to_start(server)
        assert time.monotonic() - began < STOP_SECONDS
    assert said == f"cannot listen on 127.0.0.1 port {server.port(taken)}: Address already in use"
    assert not any(can_connect(server.base + offset) for offset in OFFSETS.values())
    assert not (server.folder / "control.sock").exists()
    server.start()


@pytest.mark.parametrize(
    ("line", "wrong", "reason"),
    [
        ('# level = "info"', 'level = "loud"', "log.level: Invalid enum value 'loud'"),
        ("# parts = 1_000", "parts = 0", "limits.parts: must be above 0"),
        ("# port = 25", "prot = 25", "relay: Object contains unknown field `prot`"),
        ('# certificate = "tls/server.crt"', 'certificate = "tls/none.crt"', "tls.certificate: the certificate"),
    ],
)
def test_a_wrong_setting_names_file_key_and_reason(server, line, wrong, reason):
    file = server.folder / "pillarbox.toml"
    text = file.read_text()
    assert line in text
    file.write_text(text.replace(line, wrong))
    assert refused_to_start(server).startswith(f"{file}: {reason}")
    assert not any(can_connect(server.base + offset) for offset in OFFSETS.values())


def test_a_folder_that_is_none_is_named(tmp_path):
    with pytest.raises(Refusal, match=r"pillarbox\.toml: there is no such file") as refusal:
        command("serve", str(tmp_path))
    assert refusal.value.status == 1


def test_a_second_server_on_the_folder_is_refused_and_the_first_goes_on(server):
    server.start()
    assert refused_to_start(server) == f"{server.folder} is in use by another process"
    assert server.json("account", "list") == []


def test_the_control_socket_is_its_owners_and_changes_are_seen_at_once(server):
    server.start()
    assert stat.S_IMODE((server.folder / "control.sock").stat().st_mode) == 0o600
    server.add_account("alice@uni.test")
    with (
        socket.create_connection(("127.0.0.1", server.port("mx")), timeout=10) as client,
        client.makefile("rwb") as line,
    ):
        said = []
        for words in (b"", b"EHLO client.test\r\n", b"MAIL FROM:<>\r\n", b"RCPT TO:<alice@uni.test>\r\n"):
            line.write(words)
            line.flush()
            reply = line.readline()
            while reply[3:4] == b"-":
                reply = line.readline()
            said.append(reply[:3])
        assert said == [b"220", b"250", b"250", b"250"]
        server.command("account", "remove", "alice@uni.test")
        line.write(b"RSET\r\nMAIL FROM:<>\r\nRCPT TO:<alice@uni.test>\r\n")
        line.flush()
        assert [line.readline()[:3] for _ in range(3)] == [b"250", b"250", b"550"]


def test_what_a_killed_server_left_is_in_nobodys_way(server):
    server.start()
    server.add_account("alice@uni.test")
    server.kill()
    assert (server.folder / "control.sock").exists()
    assert (server.folder / "lock").exists()
    server.add_account("bob@uni.test")
    server.start()
    assert [row["address"] for row in server.json("account", "list")] == ["alice@uni.test", "bob@uni.test"]
    assert server.stop() == 0


def test_a_folder_may_lie_deeper_than_a_socket_address_is_long(tmp_path):
    server = make(tmp_path / ("deep" * 20) / ("down" * 20) / "data")
    server.add_account("alice@uni.test")
    server.start()
    try:
        server.add_account("bob@uni.test")
        assert len(server.json("account", "list")) == 2
    finally:
        server.stop()
    assert len(server.json("account", "list")) == 2


def test_a_command_waits_for_a_server_that_is_about_to_answer(server):
    """Between the lock and the control socket there is a moment in which nobody answers."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pillarbox", "serve", str(server.folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: (server.folder / "mail.db-shm").exists(), what="the server has the store open")
        server.add_account("alice@uni.test")
    finally:
        process.terminate()
        assert process.wait(timeout=STOP_SECONDS) == 0
        assert process.stdout is not None
        process.stdout.close()
    assert [row["address"] for row in server.json("account", "list")] == ["alice@uni.test"]


def submit(server, subject: str, octets: int) -> None:
    body = ("x" * 70 + "\r\n") * (octets // 72)
    context = ssl.create_default_context(cafile=str(server.folder / "tls/server.crt"))
    context.check_hostname = False
    with smtplib.SMTP("127.0.0.1", server.port("submission"), timeout=20) as client:
        client.starttls(context=context)
        client.login("alice@uni.test", PASSWORD)
        client.sendmail("alice@uni.test", ["alice@uni.test"], f"Subject: {subject}\r\n\r\n{body}")


def mail(server, *words: str) -> str:
    places = ["--smtp", f"127.0.0.1:{server.port('submission')}", "--imap", f"127.0.0.1:{server.port('imap')}"]
    return command("mail", *words, *places, "--user", "alice@uni.test", "--password-stdin", stdin=f"{PASSWORD}\n")


def test_a_copy_that_is_taken_while_the_server_runs_is_whole(server, tmp_path):
    """As docs/manual/operating.md has it: the database first, then the large contents."""
    server.start()
    server.add_account("alice@uni.test")
    submit(server, "small", 1_000)
    submit(server, "large", 200_000)
    copy = tmp_path / "copy"
    copy.mkdir()
    with contextlib.closing(sqlite3.connect(server.folder / "mail.db")) as source:
        with contextlib.closing(sqlite3.connect(copy / "mail.db")) as target:
            source.backup(target)
    for name in ("blobs", "tls"):
        shutil.copytree(server.folder / name, copy / name)
    shutil.copy2(server.folder / "pillarbox.toml", copy)
    submit(server, "later", 1_000)
    server.stop()

    server.folder = copy
    server.start()
    rows = json.loads(mail(server, "list", "--json"))
    assert [row["subject"] for row in rows] == ["small", "large"]
    assert mail(server, "read", str(rows[1]["uid"])).count("x" * 70) == 200_000 // 72
