"""Scripts that Apache James is tested with, played against us: where we answer otherwise, the reason stands here.

The scripts are James talking; what the standard fixes is compared: the code of each reply.
"""

import re

import msgspec
import pytest
from smtp_dialogue import open_stage

from pillarbox.model.address import Address
from places import corpora_folder

FOLDER = corpora_folder() / "james-mpt" / "smtp"
SUBMISSION = {"authplain", "starttls_session_fixation"}
"""There James signs people in on the port of servers too; we do on that of submission."""
DIFFERENT = {
    "authplain": {
        1: (334, 503, "AUTH before EHLO: what is offered is not known yet (RFC 4954 §3)"),
        2: (334, 500, "and so the answers are no commands"),
        3: (235, 500, "the same"),
    },
    "starttls_session_fixation": {
        7: (501, 503, "the command is well-formed, its time is wrong (RFC 5321 §4.2.3)"),
    },
    "starttls_with_injection": {
        2: (451, 220, "TLS may begin; what came behind is thrown away (RFC 3207 §4.2), which other tests show"),
    },
}
CONTINUES = re.compile(r"\d{3}(?:-|\.)")


class Exchange(msgspec.Struct):
    """What a client says at once, and the codes that should come back."""

    said: list[str]
    codes: list[int]


def read_exchanges(path) -> list[Exchange]:
    """The steps of a script; the first is the greeting."""
    found = [Exchange([], [])]
    is_open = False
    for line in path.read_text(encoding="utf-8").split("\n"):
        kind, colon, text = line.partition(":")
        if not colon:
            continue
        text = text.removeprefix(" ")
        if kind == "C":
            if found[-1].codes:
                found.append(Exchange([], []))
            found[-1].said.append(text.replace("\\r\\n", "\r\n"))
        elif kind == "S":
            if not is_open:
                found[-1].codes.append(int(text[:3]))
            is_open = CONTINUES.match(text) is not None
    return found


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.test")), ids=lambda path: path.stem)
async def test_script(path, tmp_path):
    async with open_stage(tmp_path) as stage:
        await stage.mail.directory.add_domain("mydomain.tld")
        for name in ("bob", "starttls"):
            await stage.mail.accounts.add(Address(name, "mydomain.tld"), "secret")
        client = stage.connect(port="submission" if path.stem in SUBMISSION else "mx")
        answered, expected = [], []
        for exchange in read_exchanges(path):
            if exchange.said:
                client.send("".join(line + "\r\n" for line in exchange.said).encode())
            for code in exchange.codes:
                expected.append(code)
                answered.append(int((await client.read_reply())[0][:3]))
        assert not client.octets
        differences = {
            number: pair for number, pair in enumerate(zip(expected, answered, strict=True)) if pair[0] != pair[1]
        }
        assert differences == {number: row[:2] for number, row in DIFFERENT.get(path.stem, {}).items()}


def test_there_are_scripts():
    assert len(list(FOLDER.glob("*.test"))) == 8
