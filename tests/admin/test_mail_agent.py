"""`pillarbox mail` against `pillarbox serve`: all five verbs, from outside."""

import json

import pytest

from servers import PASSWORD, Refusal, command, running


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("agent") / "data", hostname="localhost") as server:
        yield server


def mail(server, user: str, *words: str, stdin: str = "") -> str:
    return command(
        "mail", *words, "--smtp", f"localhost:{server.port('submission')}", "--imap", f"localhost:{server.port('imaps')}",
        "--user", f"{user}@uiowa.test", "--name", f"{user.title()} Ångström", "--password-stdin",
        "--ca", str(server.folder / "tls/server.crt"), stdin=f"{PASSWORD}\n{stdin}",
    )  # fmt: skip


def listed(server, user: str, mailbox: str = "INBOX") -> list[dict]:
    return json.loads(mail(server, user, "list", mailbox, "--json"))


def test_compose_list_read_reply_forward_and_save(server, tmp_path):
    picture = tmp_path / "Größe.bin"
    picture.write_bytes(bytes(range(256)) * 300)
    said = mail(
        server, "alice", "compose", "--to", "Bob Łoś <bob@uiowa.test>", "--subject", "Grüße — 日本語", "--attach",
        str(picture), "--body-stdin", stdin="Hello Bob\n.\nFrom Iowa\n",
    )  # fmt: skip
    assert said.startswith("250 2.0.0")
    sent = listed(server, "alice", "Sent")
    assert [row["subject"] for row in sent] == ["Grüße — 日本語"]

    (row,) = listed(server, "bob")
    assert (row["from"], row["subject"], row["flags"]) == ("Alice Ångström", "Grüße — 日本語", ["\\Recent"])
    shown = json.loads(mail(server, "bob", "read", str(row["uid"]), "--json"))
    assert shown["text"] == "Hello Bob\n.\nFrom Iowa\n"
    assert shown["headers"]["To"] == "Bob Łoś <bob@uiowa.test>"
    attachment = next(part for part in shown["parts"] if part["name"])
    assert attachment["name"] == "Größe.bin"
    assert "\\Seen" in listed(server, "bob")[0]["flags"]

    saved = tmp_path / "saved.bin"
    mail(server, "bob", "save", str(row["uid"]), str(saved), "--part", attachment["number"])
    assert saved.read_bytes() == picture.read_bytes()

    mail(server, "bob", "reply", str(row["uid"]), "--body-stdin", stdin="Thanks!\n")
    assert "\\Answered" in listed(server, "bob")[0]["flags"]
    (answer,) = listed(server, "alice")
    assert answer["subject"] == "Re: Grüße — 日本語"
    whole = tmp_path / "answer.eml"
    mail(server, "alice", "save", str(answer["uid"]), str(whole))
    text = whole.read_text()
    identifier = row["message_id"]
    assert f"In-Reply-To: {identifier}" in text
    assert f"References: {identifier}" in text
    read = json.loads(mail(server, "alice", "read", str(answer["uid"]), "--json"))["text"]
    assert read.startswith("Thanks!\n")
    assert "> Hello Bob" in read

    mail(server, "bob", "forward", str(row["uid"]), "--to", "alice@uiowa.test", "--body-stdin", stdin="see below\n")
    forwarded = listed(server, "alice")[-1]
    assert forwarded["subject"] == "Fwd: Grüße — 日本語"
    parts = json.loads(mail(server, "alice", "read", str(forwarded["uid"]), "--json"))["parts"]
    assert "message/rfc822" in [part["type"] for part in parts]
    assert "$Forwarded" in listed(server, "bob")[0]["flags"]


def test_a_draft_is_kept_and_not_sent(server):
    before = len(listed(server, "bob"))
    mail(server, "alice", "compose", "--draft", "--to", "bob@uiowa.test", "--bcc", "carol@example.net", "--subject", "later",
         "--body-stdin", stdin="not yet\n")  # fmt: skip
    (row,) = listed(server, "alice", "Drafts")
    assert "\\Draft" in row["flags"]
    assert len(listed(server, "bob")) == before


def test_bcc_gets_a_copy_and_nobody_is_told(server, tmp_path):
    mail(server, "alice", "compose", "--to", "alice@uiowa.test", "--bcc", "bob@uiowa.test", "--subject", "blind",
         "--body-stdin", stdin="x\n")  # fmt: skip
    row = listed(server, "bob")[-1]
    assert row["subject"] == "blind"
    mail(server, "bob", "save", str(row["uid"]), str(tmp_path / "blind.eml"))
    assert "bcc" not in (tmp_path / "blind.eml").read_text().lower()


def test_a_wrong_password_and_a_missing_message_are_one_line_and_status_1(server):
    with pytest.raises(Refusal) as refused:
        command("mail", "list", "--smtp", f"localhost:{server.port('submission')}", "--imap",
                f"localhost:{server.port('imaps')}", "--user", "bob@uiowa.test", "--password-stdin", "--ca",
                str(server.folder / "tls/server.crt"), stdin="wrong\n")  # fmt: skip
    assert refused.value.status == 1
    assert refused.value.stderr.count("\n") == 1
    with pytest.raises(Refusal) as missing:
        mail(server, "bob", "read", "9999")
    assert missing.value.status == 1


def test_the_account_comes_from_the_file_and_its_errors_name_the_key(server, tmp_path):
    folder = tmp_path / "pillarbox"
    folder.mkdir()
    file = folder / "mail.toml"
    file.write_text(
        f'[home]\naddress = "bob@uiowa.test"\nsmtp = "127.0.0.1:{server.port("submission")}"\n'
        f'imap = "127.0.0.1:{server.port("imap")}"\npassword_command = "echo \'{PASSWORD}\'"\n'
    )
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert "INBOX" in command("mail", "mailboxes", env=environment)
    file.write_text('[home]\naddress = "bob@uiowa.test"\nsmtp = 25\nimap = "x:1"\n')
    with pytest.raises(Refusal, match=r"mail.toml: home.smtp: Expected `str`"):
        command("mail", "list", env=environment)
