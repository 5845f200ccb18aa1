"""SMTP commands: one table, run both ways (RFC 5321 §4.1.1 and extensions)."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.grammar.smtp import commands
from pillarbox.grammar.smtp.commands import (
    Auth,
    Bdat,
    Data,
    Ehlo,
    Expn,
    Helo,
    Help,
    Mail,
    Noop,
    Quit,
    Rcpt,
    Rset,
    StartTls,
    UnknownCommand,
    Vrfy,
)
from pillarbox.grammar.smtp.parameters import MailParameters, RcptParameters, UnknownParameter
from pillarbox.model.address import Address
from pillarbox.model.envelope import BodyType, HoldRequest
from pillarbox.model.errors import SyntaxProblem

ALICE = Address("alice", "example.org")

BOTH_WAYS = [
    ("HELO mail.example.org", Helo("mail.example.org")),
    ("EHLO [192.0.2.1]", Ehlo("[192.0.2.1]")),
    ("MAIL FROM:<>", Mail(None)),
    ("MAIL FROM:<alice@example.org>", Mail(ALICE)),
    (
        "MAIL FROM:<alice@example.org> SIZE=1000 BODY=8BITMIME SMTPUTF8",
        Mail(ALICE, MailParameters(1000, BodyType.EIGHT_BIT_MIME, smtputf8=True)),
    ),
    (
        "MAIL FROM:<> AUTH=<> RET=HDRS ENVID=a+20b",
        Mail(None, MailParameters(auth="<>", ret="HDRS", envid="a b")),
    ),
    ("MAIL FROM:<> HOLDFOR=999999999", Mail(None, MailParameters(hold=HoldRequest(seconds=999_999_999)))),
    (
        "MAIL FROM:<> HOLDUNTIL=2026-11-24T10:00:00Z",
        Mail(None, MailParameters(hold=HoldRequest(until=datetime(2026, 11, 24, 10, tzinfo=UTC)))),
    ),
    ('MAIL FROM:<"a b"@example.org>', Mail(Address("a b", "example.org"))),
    ("RCPT TO:<alice@example.org>", Rcpt(ALICE)),
    ("RCPT TO:<postmaster>", Rcpt(Address("postmaster", ""))),
    ("RCPT TO:<jürgen@example.org>", Rcpt(Address("jürgen", "example.org"))),
    ("RCPT TO:<a@[192.0.2.7]>", Rcpt(Address("a", "[192.0.2.7]"))),
    ("RCPT TO:<a@[IPv6:2001:db8::1]>", Rcpt(Address("a", "[IPv6:2001:db8::1]"))),
    (
        "RCPT TO:<alice@example.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;bob@example.net",
        Rcpt(ALICE, RcptParameters(("SUCCESS", "FAILURE"), "rfc822;bob@example.net")),
    ),
    ("DATA", Data()),
    ("RSET", Rset()),
    ("VRFY alice", Vrfy("alice")),
    ("EXPN staff", Expn("staff")),
    ("HELP", Help()),
    ("HELP MAIL", Help("MAIL")),
    ("NOOP", Noop()),
    ("QUIT", Quit()),
    ("STARTTLS", StartTls()),
    ("AUTH PLAIN", Auth("PLAIN")),
    ("AUTH PLAIN AGEAYg==", Auth("PLAIN", "AGEAYg==")),
    ("AUTH LOGIN =", Auth("LOGIN", "=")),
    ("BDAT 86 LAST", Bdat(86, is_last=True)),
    ("BDAT 0", Bdat(0, is_last=False)),
]


@pytest.mark.parametrize(("line", "command"), BOTH_WAYS, ids=[line for line, _ in BOTH_WAYS])
def test_a_command_is_parsed_and_formatted_by_one_definition(line, command):
    assert commands.parse(line.encode()) == command
    assert commands.format(command) == line.encode() + b"\r\n"


LENIENT = [
    ("mail from: <alice@example.org>", Mail(ALICE)),
    ("MAIL FROM:alice@example.org", Mail(ALICE)),
    ("RCPT TO:<@relay.example,@b.example:alice@example.org>", Rcpt(ALICE)),
    ("rcpt to:<PostMaster>", Rcpt(Address("postmaster", ""))),
    ("RCPT TO:<alice@EXAMPLE.org.>", Rcpt(ALICE)),
    ("RCPT TO:<alice@bücher.example>", Rcpt(Address("alice", "xn--bcher-kva.example"))),
    (
        "MAIL FROM:<> HOLDUNTIL=2026-11-24t11:00:00+01:00",
        Mail(None, MailParameters(hold=HoldRequest(until=datetime(2026, 11, 24, 10, tzinfo=UTC)))),
    ),
    ("DATA ", Data()),
    ("NOOP anything at all", Noop("anything at all")),
    ("MAIL FROM:< >", Mail(None)),
    ('RCPT TO:<"a\\"> b"@example.org>', Rcpt(Address('a"> b', "example.org"))),
]


@pytest.mark.parametrize(("line", "command"), LENIENT, ids=[line for line, _ in LENIENT])
def test_what_others_send_is_understood(line, command):
    assert commands.parse(line.encode()) == command


WRONG = [
    "EHLO", "EHLO a b", "DATA now", "MAIL", "MAIL TO:<a@b>", "MAIL FROM:<a@b", "MAIL FROM:<a>", "MAIL FROM:<a@b> SIZE",
    "MAIL FROM:<a@b> SIZE=x", "MAIL FROM:<a@b> BODY=9BIT", "MAIL FROM:<a@b> SMTPUTF8=1", "MAIL FROM:<a@b> RET=SOME",
    "MAIL FROM:<a@b> SIZE=1 SIZE=2", "MAIL FROM:<a@b>SIZE=1", "MAIL FROM:<a@b> =x", "MAIL FROM:<a@b> ENVID=a+2",
    "RCPT TO:<>", "RCPT", "RCPT TO:<a@b> NOTIFY=NEVER,DELAY", "RCPT TO:<a@b> ORCPT=x", "RCPT TO:<a@-..b>",
    "RCPT TO:<a@[1.2.3]>", "RCPT TO:<a@[IPv6:zz]>", 'RCPT TO:<""@b>', "RCPT TO:<@x:>", "VRFY", "AUTH", "AUTH PLAIN a b",
    "BDAT", "BDAT x", "BDAT 1 LASTLY", "NOOP \x00", "RCPT TO:<a@" + "b" * 64 + ">", "RCPT TO:<" + "a" * 1000 + "@b>",
    "MAIL FROM:a@b@c", "MAIL FROM:<> HOLDFOR", "MAIL FROM:<> HOLDFOR=0", "MAIL FROM:<> HOLDFOR=1000000000",
    "MAIL FROM:<> HOLDUNTIL", "MAIL FROM:<> HOLDUNTIL=2026-11-24", "MAIL FROM:<> HOLDUNTIL=2026-02-30T10:00:00Z",
    "MAIL FROM:<> HOLDUNTIL=2026-11-24T10:00:00", "MAIL FROM:<> HOLDFOR=1 HOLDUNTIL=2026-11-24T10:00:00Z",
    "MAIL FROM:<> HOLDUNTIL=0001-01-01T00:00:00+23:59",
]  # fmt: skip


@pytest.mark.parametrize("line", WRONG)
def test_what_is_no_command_is_a_syntax_problem(line):
    with pytest.raises(SyntaxProblem):
        commands.parse(line.encode())


def test_unknown_verbs_and_parameters_are_told_apart():
    with pytest.raises(UnknownCommand):
        commands.parse(b"TURN")
    with pytest.raises(UnknownParameter):
        commands.parse(b"MAIL FROM:<a@b.c> FOO=1")
    with pytest.raises(UnknownParameter):
        commands.parse(b"RCPT TO:<a@b.c> FOO")
    with pytest.raises(SyntaxProblem):
        commands.parse(b"\xff\xfe")


@given(st.binary(max_size=200))
def test_any_octets_parse_or_are_a_syntax_problem(octets):
    try:
        command = commands.parse(octets)
    except SyntaxProblem:
        return
    assert commands.parse(commands.format(command)[:-2]) == command


@given(st.sampled_from(["MAIL FROM:", "RCPT TO:", "AUTH ", "EHLO ", "BDAT "]), st.text(max_size=60))
def test_any_argument_parses_or_is_a_syntax_problem(verb, text):
    try:
        commands.parse((verb + text).encode("utf-8", "surrogatepass"))
    except SyntaxProblem:
        return
