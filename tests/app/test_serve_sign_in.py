"""`pillarbox serve` from outside: the manual's walk with curl, and mail programs once there is a second factor."""

import imaplib
import json
import os
import re
import smtplib
import ssl
import subprocess
import time

import httpx
import pyotp
import pytest

from places import ROOT
from servers import PASSWORD, Pillarbox, running

WALK = re.compile(r"## A walk with curl\n(.+?)\n## ", re.S)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("sign-in") / "data", listen="127.0.0.1") as started:
        yield started


@pytest.mark.interop
def test_the_manual_s_walk_with_curl_works_as_it_is_written(server: Pillarbox, tmp_path):
    (section,) = WALK.findall((ROOT / "docs/manual/http.md").read_text())
    lines = [line[4:] for line in section.split("\n") if line.startswith("    ")]
    script = (
        "\n".join(lines)
        .replace("alice@example.org", "alice@uiowa.test")
        .replace(' "$SITE/', ' -w "\\n%{http_code}\\n" "$SITE/')
    )
    done = subprocess.run(
        ["bash", "-eu"],
        input=script,
        cwd=tmp_path,
        env={
            **os.environ,
            "SITE": f"https://127.0.0.1:{server.port('https')}",
            "CURL_CA_BUNDLE": str(server.folder / "tls/server.crt"),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    answers = re.findall(r"(.*)\n(\d{3})(?:\n|$)", done.stdout)
    assert [status for _, status in answers] == ["200", "200", "200", "200", "200", "204", "204", "401"], done.stdout
    assert json.loads(answers[0][0])["signedIn"] is True
    assert json.loads(answers[1][0])["account"] == "alice@uiowa.test"
    assert "urn:ietf:params:jmap:mail" in json.loads(answers[2][0])["capabilities"]
    assert len(json.loads(answers[3][0])["password"]) == 43
    assert len(json.loads(answers[4][0])["list"]) == 1


def imap(server: Pillarbox, password: str) -> str:
    trust = ssl.create_default_context(cafile=str(server.folder / "tls/server.crt"))
    with imaplib.IMAP4_SSL("127.0.0.1", server.port("imaps"), ssl_context=trust, timeout=20) as session:
        return session.login("bob@uiowa.test", password)[0]


def smtp(server: Pillarbox, password: str) -> int:
    trust = ssl.create_default_context(cafile=str(server.folder / "tls/server.crt"))
    with smtplib.SMTP_SSL("127.0.0.1", server.port("submissions"), context=trust, timeout=20) as session:
        return session.login("bob@uiowa.test", password)[0]


def test_mail_programs_need_an_app_password_once_there_is_a_second_factor(server: Pillarbox):
    trust = ssl.create_default_context(cafile=str(server.folder / "tls/server.crt"))
    site = f"https://127.0.0.1:{server.port('https')}"
    with httpx.Client(verify=trust, base_url=site, headers={"Origin": site}) as browser:
        login = {"login": "bob@uiowa.test", "password": PASSWORD}
        assert browser.post("/auth/sign-in", json=login).json()["signedIn"] is True
        phone = browser.post("/auth/app-passwords", json={"name": "phone"}).json()["password"]
        assert (imap(server, PASSWORD), smtp(server, PASSWORD)) == ("OK", 235)
        secret = browser.post("/auth/totp", json={}).json()["secret"]
        answer = browser.post("/auth/totp/confirm", json={"code": pyotp.TOTP(secret).at(int(time.time()))})
        assert answer.status_code == 200, answer.text
        with pytest.raises(imaplib.IMAP4.error):
            imap(server, PASSWORD)
        with pytest.raises(smtplib.SMTPAuthenticationError):
            smtp(server, PASSWORD)
        assert (imap(server, phone), smtp(server, phone)) == ("OK", 235)
        session = browser.get("/jmap/session").json()
        assert session["username"] == "bob@uiowa.test"
        account = session["primaryAccounts"]["urn:ietf:params:jmap:mail"]
        upload = session["uploadUrl"].replace("{accountId}", account)
        assert browser.post(upload, content=b"text").status_code == 403
        sent = browser.post(upload, content=b"text", headers={"X-Requested-With": "test"})
        assert sent.status_code == 201
        download = f"{site}/jmap/download/{account}/{sent.json()['blobId']}/a.txt"
        assert browser.get(download, params={"type": "text/plain"}).text == "text"
        calls = {"using": ["urn:ietf:params:jmap:core"], "methodCalls": [["Core/echo", {"a": 1}, "c"]]}
        assert browser.post("/jmap/api", json=calls).json()["methodResponses"] == [["Core/echo", {"a": 1}, "c"]]
        server.command("account", "recover", "bob@uiowa.test")
        assert browser.get("/auth").status_code == 401
        assert browser.post("/auth/sign-in", json=login).json()["signedIn"] is True
    assert (imap(server, PASSWORD), smtp(server, PASSWORD)) == ("OK", 235)
