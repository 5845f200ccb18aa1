"""`pillarbox demo`: the lecture's six steps, really played; said plainly in a pipe, in colour on a terminal."""

import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time

import pytest

from pillarbox.lab.play import Play
from pillarbox.lab.scene import PlayFailed, Scene
from pillarbox.lab.stage import open_stage
from places import ROOT
from servers import wait_until

DEMO = [sys.executable, "-m", "pillarbox", "demo"]
PLAY_SECONDS = 5.0
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture(scope="module")
def played() -> str:
    began = time.monotonic()
    done = subprocess.run([*DEMO, "--once"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    seconds = float(re.search(r"All six steps, in ([\d.]+) seconds", done.stdout)[1])
    assert seconds <= PLAY_SECONDS
    assert time.monotonic() - began < 30
    return done.stdout


def steps(text: str) -> dict[int, str]:
    """What is told under each heading."""
    pieces = re.split(r"^ ?([1-6])  (?=\S)", text, flags=re.M)
    return {int(number): told for number, told in zip(pieces[1::2], pieces[2::2], strict=True)}


def test_the_six_steps_are_told_in_order(played):
    told = steps(played)
    assert list(told) == [1, 2, 3, 4, 5, 6]
    beginnings = ["Alice writes to bob@illinois.edu", "Her agent sends it by SMTP to her server mail.uiowa.edu",
                  "mail.uiowa.edu looks up", "mail.uiowa.edu sends the message", "mail.illinois.edu puts the message",
                  "Bob's agent fetches it"]  # fmt: skip
    assert [told[n].startswith(words) for n, words in enumerate(beginnings, 1)] == [True] * 6


def test_it_is_plain_text_in_a_pipe(played):
    assert "\x1b" not in played
    assert "[bold" not in played
    assert max(map(len, played.split("\n"))) > 120


@pytest.mark.parametrize("step", [2, 4])
def test_smtp_has_its_three_phases_with_both_sides_told_apart(played, step):
    told = steps(played)[step]
    assert re.findall(r"── (\w+) ──", told) == ["handshake", "transfer", "closure"]
    handshake, transfer, closure = re.split(r"── \w+ ──\n", told)[1:]
    assert handshake.startswith("  S: 220 ")
    assert "  C: STARTTLS" in handshake
    assert "  C: MAIL FROM:<alice@uiowa.edu>" in transfer
    assert "  C: RCPT TO:<bob@illinois.edu>" in transfer
    assert re.search(r"  S: 354 .*\(send the mail, end with a line of one dot\)", transfer)
    assert re.search(r"  S: 250 2\.0\.0 Accepted .*\(done\)\n *$", transfer)
    assert re.match(r"  C: QUIT .*\n  S: 221 .*\(goodbye\)", closure)


def test_who_speaks_to_whom_over_which_port_is_said(played):
    told = steps(played)
    assert re.search(r"SMTP  Alice's agent 127\.0\.0\.1:\d+ → mail\.uiowa\.edu 127\.0\.0\.2:\d+587 ", told[2])
    assert re.search(r"SMTP  mail\.uiowa\.edu 127\.0\.0\.1:\d+ → mail\.illinois\.edu 127\.0\.0\.3:\d+025 ", told[4])
    assert re.search(r"IMAP  Bob's agent 127\.0\.0\.1:\d+ → mail\.illinois\.edu 127\.0\.0\.3:\d+143 ", told[6])


def test_the_content_is_shown_as_it_crossed_the_wire_and_the_password_is_not(played):
    told = steps(played)[2]
    assert "  C: Subject: Mail in action\n" in told
    assert "Gr=C3=BC=C3=9Fe" in told
    assert re.search(r"^  C: \.    \(a line of one dot: the end\)$", told, re.M)
    assert "  C: AUTH PLAIN ****" in told


def test_the_other_server_is_found_by_mx_and_address(played):
    told = steps(played)[3]
    assert re.search(r"DNS  MX +illinois\.edu  →  10 mail\.illinois\.edu\.", told)
    assert re.search(r"DNS  A +mail\.illinois\.edu  →  127\.0\.0\.3", told)
    assert re.search(r"TCP +127\.0\.0\.1:\d+  →  127\.0\.0\.3:\d+025", told)


def test_bob_reads_what_alice_wrote_through_the_states_of_imap(played):
    told = steps(played)[6]
    assert re.findall(r"── ([a-z ]+) ──", told) == ["not authenticated", "authenticated", "selected", "logout"]
    assert re.search(r"── authenticated ──.*C: \w+ SELECT INBOX.*── selected ──.*UID FETCH", told, re.S)
    assert told.count("  | Received: from ") == 2
    assert "Grüße aus Iowa!" in told


def test_bob_reads_it_over_http_as_well(played):
    told = steps(played)[6].partition("or by HTTP")[2]
    assert re.search(r"POST /jmap/api HTTP/1\.1   \(to mail\.illinois\.edu:\d+443\)", told)
    assert [json.loads(text)[0] for text in re.findall(r"→ (\[.*\])", told)] == ["Email/query", "Email/get"]
    got = json.loads(re.findall(r"← (\[.*\])", told)[1])[1]["list"][0]
    assert got["subject"] == "Mail in action" and "Grüße aus Iowa!" in got["preview"]


async def test_a_step_that_fails_ends_the_play_with_the_reason():
    """Nobody knows illinois.edu: the first two steps are shown, the third says why it cannot be."""
    shown: list[Scene] = []
    async with open_stage() as stage:
        del stage.dns.zones["illinois.edu"]
        with pytest.raises(PlayFailed, match=r"^the relay failed: .*illinois\.edu"):
            await Play(stage, shown.append).perform()
    assert [scene.title[0] for scene in shown] == ["1", "2"]


def on_a_terminal(columns: int, *words: str) -> str:
    """The output on a terminal of so many columns."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*DEMO, *words], stdin=slave, stdout=slave, stderr=slave,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": "50"},
    )  # fmt: skip
    os.close(slave)
    output = b""
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        ready, _, _ = select.select([master], [], [], 1.0)
        if ready:
            try:
                output += os.read(master, 65_536)
            except OSError:  # the other end is closed
                break
    os.close(master)
    assert process.wait(timeout=20) == 0
    return output.decode().replace("\r\n", "\n")


def test_on_a_terminal_sides_have_their_colours_and_no_line_is_too_long():
    output = on_a_terminal(100, "--once")
    assert len(set(re.findall(r"(\x1b\[[0-9;]*m)  (?:C →|S ←)", output))) == 2
    plain = ANSI.sub("", output)
    assert max(map(len, plain.split("\n"))) <= 100
    assert list(steps(plain)) == [1, 2, 3, 4, 5, 6]


@pytest.fixture
def staying():
    """A demo that stays up, in its own process group, and what it has said."""
    process = subprocess.Popen(DEMO, stdout=subprocess.PIPE, text=True, start_new_session=True)
    said = ""
    assert process.stdout is not None
    while "Ctrl-C ends" not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    yield process, said
    if process.poll() is None:
        process.terminate()
        process.wait(timeout=20)
    process.stdout.close()


def listening(said: str) -> list[tuple[str, int]]:
    found = re.findall(r"(?:IMAP|SMTP) (127\.\S+) port (\d+) \(STARTTLS\) or (\d+) \(TLS\)", said)
    return [(host, int(port)) for host, *ports in found for port in ports]


def can_connect(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stays_up_for_other_clients_and_a_signal_ends_all_of_it(staying, number):
    process, said = staying
    assert [host for host, _ in listening(said)] == ["127.0.0.2"] * 4 + ["127.0.0.3"] * 4
    assert all(can_connect(*place) for place in listening(said))
    for person in ("alice@uiowa.edu", "bob@illinois.edu"):
        assert re.search(rf"user {person}  password \w{{8}}$", said, re.M)
    certificates = re.findall(r"certificate (\S+)", said)
    assert len(certificates) == 2
    assert all(map(os.path.isfile, certificates))
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does: to all of the group
    else:
        process.send_signal(number)
    assert process.wait(timeout=15) == 0
    assert not any(map(os.path.exists, certificates))
    wait_until(lambda: not any(can_connect(*place) for place in listening(said)), what="no server is left")


def test_bob_can_be_read_with_the_printed_words(staying):
    _, said = staying
    password = re.search(r"user bob@illinois\.edu  password (\w+)", said)[1]
    host, port = listening(said)[4]
    certificate = re.findall(r"certificate (\S+)", said)[1]
    words = ["mail", "list", "--imap", f"{host}:{port}", "--smtp", f"{host}:1", "--user", "bob@illinois.edu",
             "--password-stdin", "--ca", certificate]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "pillarbox", *words], input=f"{password}\n", capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("\tAlice\tMail in action\n")


def test_bob_s_mail_is_listed_by_the_printed_shell_line(staying):
    _, said = staying
    line = re.search(r"^  (curl .*)$", said, re.M)[1]
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    responses = json.loads(done.stdout)["methodResponses"]
    assert [one["subject"] for one in responses[1][1]["list"]] == ["Mail in action"]


def test_bob_s_mail_is_listed_by_the_lines_of_the_manual(staying):
    """`docs/manual/jmap.md`, with the demo's address and password in their places."""
    _, said = staying
    lines = re.search(r"\n\n((?:    .*\n)+)", (ROOT / "docs/manual/jmap.md").read_text())[1]
    password = re.search(r"user bob@illinois\.edu  password (\w+)", said)[1]
    host = re.findall(r"web  (http://[^/\s]+)", said)[1]
    lines = lines.replace("http://127.0.0.3:20080", host).replace("PASSWORD", password)
    done = subprocess.run(["/bin/sh", "-c", lines], capture_output=True, text=True, timeout=30)
    assert [one["subject"] for one in json.loads(done.stdout)["methodResponses"][1][1]["list"]] == ["Mail in action"]


def test_the_web_addresses_are_printed_and_answer(staying):
    _, said = staying
    clear = re.findall(r"web  (http://\S+) or https://\S+ \(JMAP\)", said)
    assert len(clear) == 2
    password = re.search(r"user bob@illinois\.edu  password (\w+)", said)[1]
    done = subprocess.run(
        ["curl", "-s", "-L", "-u", f"bob@illinois.edu:{password}", clear[1]], capture_output=True, text=True, timeout=30
    )
    assert json.loads(done.stdout)["username"] == "bob@illinois.edu"
