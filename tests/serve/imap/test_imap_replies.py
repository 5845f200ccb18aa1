"""Every error has its response, and the tables of commands agree."""

import re

import pytest

from pillarbox.grammar.imap import states
from pillarbox.grammar.imap.commands import line
from pillarbox.grammar.imap.commands.append import Append
from pillarbox.grammar.imap.commands.line import UnknownCommand
from pillarbox.grammar.imap.commands.mailbox import BadUse
from pillarbox.grammar.imap.commands.search import BadCharset
from pillarbox.grammar.imap.responses import status
from pillarbox.model import errors
from pillarbox.serve.imap import handlers, replies


def every_error() -> list[type[errors.MailError]]:
    found, waiting = [], [errors.MailError]
    while waiting:
        kind = waiting.pop()
        if kind.__module__ == errors.__name__ or kind in (UnknownCommand, BadCharset, BadUse):
            found.append(kind)
        waiting += kind.__subclasses__()
    return found


# RFC 3501 §7.1, RFC 5530 §3, RFC 6154 §3
KNOWN_CODES = {
    "", "BADCHARSET", "TRYCREATE", "UNAVAILABLE", "AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED",
    "PRIVACYREQUIRED", "CONTACTADMIN", "NOPERM", "INUSE", "EXPUNGEISSUED", "CORRUPTION", "SERVERBUG", "CLIENTBUG",
    "CANNOT", "LIMIT", "OVERQUOTA", "ALREADYEXISTS", "NONEXISTENT", "TOOBIG", "USEATTR",
}  # fmt: skip


def test_every_error_has_a_row_of_its_own():
    assert set(every_error()) == set(replies.CODES)


def test_every_code_is_registered():
    assert {code.split(b" ")[0].decode() for _, code in replies.CODES.values()} <= KNOWN_CODES


def test_bad_is_for_syntax_alone():
    bad = {kind for kind, (word, _) in replies.CODES.items() if word == "BAD"}
    assert bad == {errors.SyntaxProblem, UnknownCommand}


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_every_answer_can_be_parsed(kind):
    answer = replies.reply_to(b"a1", kind("some text"))
    assert status.parse(status.format(answer).removesuffix(b"\r\n")) == answer


def test_an_error_s_text_cannot_end_the_line():
    answer = status.format(replies.reply_to(b"a1", errors.SyntaxProblem("a charset, not x\r\n* BYE gotcha")))
    assert answer.count(b"\r\n") == 1
    assert answer.startswith(b"a1 BAD ")


def test_an_error_s_text_holds_only_what_a_text_may_hold():
    answer = status.format(replies.reply_to(b"a1", errors.SyntaxProblem("a charset, not \0\x1b[2J\x7fé")))
    assert answer == b"a1 BAD expected a charset, not ??[2J?? at octet 0\r\n"


def test_every_command_has_a_handler_and_a_state():
    assert {*handlers.TABLE, Append} == set(states.ALLOWED)


def test_every_command_that_can_be_parsed_is_known():
    samples = {
        "ID": b" NIL", "ENABLE": b" X", "LOGIN": b" a b", "AUTHENTICATE": b" PLAIN", "SELECT": b" a", "EXAMINE": b" a",
        "CREATE": b" a", "DELETE": b" a", "RENAME": b" a b", "SUBSCRIBE": b" a", "UNSUBSCRIBE": b" a",
        "LIST": b' "" *', "LSUB": b' "" *', "STATUS": b" a (MESSAGES)", "APPEND": b" a {5}\r\n", "SEARCH": b" ALL",
        "FETCH": b" 1 FLAGS", "STORE": b" 1 FLAGS ()", "COPY": b" 1 a", "MOVE": b" 1 a",
        "GETQUOTA": b" a", "GETQUOTAROOT": b" a", "SETQUOTA": b" a (STORAGE 5)", "SORT": b" (DATE) UTF-8 ALL",
        "THREAD": b" REFERENCES UTF-8 ALL",
    }  # fmt: skip
    for name in line.PARSERS:
        _, command = line.parse(b"a " + name.encode() + samples.get(name, b""))
        assert type(command) in states.ALLOWED, name


def test_texts_for_people_are_ascii_and_reveal_nothing():
    for kind in every_error():
        text = replies.reply_to(b"a", kind("x")).text
        assert text.isascii()
        assert not re.search(r"/\w+/|Traceback|\.py", text)
