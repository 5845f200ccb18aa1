"""The command line's contract, from outside: statuses, one line of error, one document of JSON, plain text in pipes."""

import json
import os
import pty
import re
import subprocess
import sys
import time

import pytest

from servers import PASSWORD, Pillarbox, Refusal, command, running


def run(*words: str, stdin: str = "", env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pillarbox", *words], input=stdin, capture_output=True, text=True, timeout=60, env=env
    )


def refused(status: int, *words: str, stdin: str = "") -> str:
    """The one line of a command that must end with this status."""
    done = run(*words, stdin=stdin)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("pillarbox: ")
    return done.stderr.removeprefix("pillarbox: ").rstrip("\n")


@pytest.fixture(scope="module")
def resting(tmp_path_factory):
    """A data folder whose server does not run."""
    return Pillarbox(tmp_path_factory.mktemp("resting") / "data", hostname="mail.uni.test", domains=["uni.test"])


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("contract") / "data") as server:
        yield server


# statuses and errors


@pytest.mark.parametrize(
    "words",
    [["bogus"], ["init"], ["serve"], ["account", "add"], ["queue", "show"], ["account", "list", "--wrong"],
     ["queue", "list"], ["mail", "read", "one"], ["alias", "add", "a@uni.test", "--data", "x"],
     ["init", "x", "--hostname", "a.b", "--domain", "a.b", "--port-base", "many"],
     ["mail", "list", "--smtp", "127.0.0.1:25", "--user", "a@uni.test"]],
    ids=" ".join,
)  # fmt: skip
def test_what_is_no_command_is_one_line_and_status_2(words):
    assert refused(2, *words)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["account", "remove", "zoe@uni.test"], "zoe@uni.test has no account"),
        (["account", "remove", "zoe"], "'zoe' is no address: user@domain is one"),
        (["alias", "add", "info@far.test", "zoe@uni.test"], "far.test is no domain of this server"),
        (["alias", "add", "info@uni.test", "zoe"], "'zoe' is no address: user@domain is one"),
        (["alias", "remove", "zoe@uni.test"], "zoe@uni.test is no alias"),
        (["domain", "add", "no domain"], "'no domain' is no domain name"),
        (["domain", "remove", "far.test"], "far.test is no domain of this server"),
        (["queue", "show", "12"], "nothing in the queue is named 12"),
        (["queue", "retry", "x12"], "x12 is no queue id"),
        (["queue", "cancel", "12"], "nothing in the queue is named 12"),
        (["passport", "nothing@uni.test"], "no message named nothing@uni.test has passed here"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_refused_is_one_line_and_status_1(resting, words, line):
    assert refused(1, *words, "--data", str(resting.folder)) == line


def test_a_folder_without_a_configuration_is_named(tmp_path):
    assert str(tmp_path) in refused(1, "account", "list", "--data", str(tmp_path))


def test_a_password_comes_from_somewhere_and_is_not_empty(resting):
    words = ("account", "add", "zoe@uni.test", "--data", str(resting.folder))
    assert "--password-stdin" in refused(1, *words)
    assert refused(1, *words, "--password-stdin", stdin="\n") == "the password is empty"


def prompted(*answers: str, words: tuple[str, ...]) -> tuple[int, str]:
    """The status of a command on a terminal that asks, and all that was seen there."""
    master, slave = pty.openpty()
    process = subprocess.Popen([sys.executable, "-m", "pillarbox", *words], stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    seen, waiting, limit = "", list(answers), time.monotonic() + 60
    while time.monotonic() < limit:
        try:
            seen += os.read(master, 1_000).decode()
        except OSError:  # the other end is closed
            break
        if waiting and seen.endswith(": "):
            os.write(master, f"{waiting.pop(0)}\n".encode())
    os.close(master)
    return process.wait(timeout=20), seen


def test_on_a_terminal_the_password_is_asked_for_twice_and_not_shown(resting):
    words = ("account", "add", "typed@uni.test", "--data", str(resting.folder))
    status, seen = prompted("different", "passwords", "mine alone", "mine alone", words=words)
    assert status == 0, seen
    assert "do not match" in seen
    assert "mine alone" not in seen
    assert "typed@uni.test has a mailbox now" in seen
    resting.command("account", "remove", "typed@uni.test")


def test_a_store_that_is_none_is_one_line(tmp_path):
    server = Pillarbox(tmp_path / "data", hostname="mail.uni.test", domains=["uni.test"])
    for name in ("mail.db-wal", "mail.db-shm"):
        (server.folder / name).unlink(missing_ok=True)
    (server.folder / "mail.db").write_bytes(b"this is no database at all" * 400)
    assert "mail.db cannot be opened" in refused(1, "account", "list", "--data", str(server.folder))
    assert "mail.db cannot be opened" in refused(1, "serve", str(server.folder))


def test_without_a_word_the_help_is_shown_and_the_version_by_its_option():
    nothing = run()
    assert (nothing.returncode, nothing.stderr) == (2, "")
    assert nothing.stdout.startswith("Usage: ")
    assert re.fullmatch(r"pillarbox \d+\.\d+\.\d+\n", command("--version"))


# what is printed


def test_off_a_terminal_there_is_no_colour_no_wrapping_and_no_markup(server):
    long = f"{'x' * 60}@{'.'.join(['y' * 60] * 3)}.test"
    server.command("alias", "add", "[b]@uiowa.test".replace("[b]", "'bold'"), long)
    coloured = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": "40"}
    printed = command("alias", "list", "--data", str(server.folder), env=coloured)
    assert printed == f"'bold'@uiowa.test\t{long}\n"
    server.command("alias", "remove", "'bold'@uiowa.test")


@pytest.mark.parametrize(
    "words", [["account", "list"], ["alias", "list"], ["domain", "list"], ["queue", "list"]], ids=" ".join
)
def test_json_is_one_document_and_nothing_else(server, resting, words):
    for folder in (server.folder, resting.folder):
        assert isinstance(json.loads(command(*words, "--json", "--data", str(folder))), list)


def test_nothing_to_list_is_an_empty_document_or_no_line(resting):
    assert resting.json("queue", "list") == []
    assert resting.command("queue", "list") == ""


# accounts, aliases and domains, with the server running and without it


@pytest.mark.parametrize("state", ["running", "resting"])
def test_accounts_aliases_and_domains_are_kept(request, state):
    server = request.getfixturevalue("server" if state == "running" else "resting")
    home = server.domains[0]
    server.command("domain", "add", "Extra.Test")
    assert {"name": "extra.test"} in server.json("domain", "list")
    assert "is a domain of this server already" in refused(
        1, "domain", "add", "extra.test", "--data", str(server.folder)
    )
    server.add_account("carol@extra.test")
    (carol,) = [row for row in server.json("account", "list") if row["address"] == "carol@extra.test"]
    assert carol == {"address": "carol@extra.test", "used_octets": 0, "quota_octets": 0}
    server.command("account", "password", "carol@extra.test", "--password-stdin", stdin="another one\n")
    server.command("alias", "add", f"info@{home}", "carol@extra.test", "dave@far.test")
    assert server.json("alias", "list") == [
        {"address": f"info@{home}", "targets": ["carol@extra.test", "dave@far.test"]}
    ]
    assert server.command("alias", "list") == f"info@{home}\tcarol@extra.test dave@far.test\n"
    assert "accounts or aliases" in refused(1, "domain", "remove", "extra.test", "--data", str(server.folder))
    server.command("alias", "remove", f"info@{home}")
    server.command("account", "remove", "carol@extra.test")
    server.command("domain", "remove", "extra.test")
    assert server.json("alias", "list") == []
    assert {"name": "extra.test"} not in server.json("domain", "list")


def test_commands_that_come_at_the_same_time_wait_for_each_other(resting):
    """Each takes the lock for a moment; none is refused for it."""
    words = [sys.executable, "-m", "pillarbox", "account", "add", "--data", str(resting.folder), "--password-stdin"]
    started = [
        subprocess.Popen([*words, f"p{n}@uni.test"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        for n in range(4)
    ]
    for process in started:
        process.communicate(f"{PASSWORD}\n", timeout=60)
    assert [process.returncode for process in started] == [0, 0, 0, 0]
    for n in range(4):
        resting.command("account", "remove", f"p{n}@uni.test")


def test_the_data_folder_may_come_from_the_environment(resting):
    assert command("domain", "list", env={"PILLARBOX_DATA": str(resting.folder)}) == "uni.test\n"


def test_a_refusal_of_the_running_server_is_the_same_line(server):
    with pytest.raises(Refusal) as refusal:
        server.add_account("alice@uiowa.test")
    assert refusal.value.status == 1
    assert refusal.value.stderr == "pillarbox: alice@uiowa.test has an account already\n"
