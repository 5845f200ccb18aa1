"""Somebody is away, on a server as it runs: set over JMAP, asked over SMTP, answered into a mailbox (RFC 8621 §8)."""

import re
import smtplib

from away import go_away, inbox
from servers import Pillarbox, running, wait_until


def write(server: Pillarbox, sender: str, to: str, identifier: str) -> None:
    with smtplib.SMTP(server.listen, server.port("mx"), timeout=10) as client:
        text = f"From: {sender}\r\nTo: {to}\r\nSubject: lunch?\r\nMessage-ID: <{identifier}>\r\n\r\nAt one?\r\n"
        client.sendmail(sender, [to], text)


def test_a_letter_over_smtp_brings_one_answer_back(tmp_path):
    with running(tmp_path / "data") as server:
        assert go_away(server, "alice@uiowa.test", textBody="Back on Monday.")["updated"] == {"singleton": None}
        assert go_away(server, "bob@uiowa.test", subject="Gone fishing")["updated"] == {"singleton": None}
        for number in range(3):
            write(server, "bob@uiowa.test", "alice@uiowa.test", f"{number}@uiowa.test")
        wait_until(lambda: inbox(server, "bob@uiowa.test"), what="the answer")
        (answer,) = inbox(server, "bob@uiowa.test")
        assert answer.startswith(b"Return-Path: <>\r\n")
        for said in (
            b"Subject: Auto: lunch?\r\n", b"In-Reply-To: <0@uiowa.test>\r\n", b"Auto-Submitted: auto-replied\r\n",
            b"Back on Monday.\r\n",
        ):  # fmt: skip
            assert said in answer
        assert len(inbox(server, "alice@uiowa.test")) == 3, "bob is away too, and his answer would be the fourth"
        assert server.json("queue", "list") == []
        identifier = re.search(rb"Message-ID: <([^>]+)>", answer)[1].decode()
        steps = [entry["step"] for entry in server.json("passport", identifier)]
        assert steps == ["accepted", "queued", "delivered", "attempted"]
