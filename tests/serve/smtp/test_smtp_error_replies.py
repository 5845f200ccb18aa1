"""Every error has its reply, and the tables of commands agree."""

import re

import pytest

from pillarbox.core.flow.intake import HoldRefused
from pillarbox.grammar.smtp import commands, states
from pillarbox.grammar.smtp import replies as grammar
from pillarbox.grammar.smtp.commands import UnknownCommand
from pillarbox.grammar.smtp.parameters import UnknownParameter
from pillarbox.grammar.smtp.replies import Reply, ReplyReader
from pillarbox.model import errors
from pillarbox.serve.smtp import inquiry, replies, session


def every_error() -> list[type[errors.MailError]]:
    found, waiting = [], [errors.MailError]
    while waiting:
        kind = waiting.pop()
        if kind.__module__ == errors.__name__ or kind in (UnknownCommand, UnknownParameter, HoldRefused):
            found.append(kind)
        waiting += kind.__subclasses__()
    return found


CONSTANTS = {name: value for name, value in vars(replies).items() if isinstance(value, Reply)}
# RFC 5321 §4.2.2, §4.2.3; RFC 4954 §4 and §6; RFC 5248 §2.4; RFC 7504 §3; RFC 7505 §4
KNOWN_CODES = {
    211, 214, 220, 221, 235, 250, 251, 252, 334, 354, 421, 432, 450, 451, 452, 454, 455, 500, 501, 502, 503, 504, 521,
    523, 530, 534, 535, 550, 551, 552, 553, 554, 555, 556,
}  # fmt: skip


def test_every_error_has_a_row_of_its_own():
    assert set(every_error()) == set(replies.CODES)


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_what_is_temporary_says_so_and_can_be_read_back(kind):
    reply = replies.reply_to(kind("some text"))
    assert reply.code in KNOWN_CODES
    assert reply.is_temporary is (kind.temporary or kind is errors.Conflict)
    assert reply.status[0] == str(reply.code)[0]
    assert ReplyReader().feed(grammar.format(reply)) == [reply]


@pytest.mark.parametrize("name", CONSTANTS)
def test_code_and_status_are_of_one_class(name):
    """RFC 2034 §4; there is none in 3yz replies."""
    reply = CONSTANTS[name]
    assert reply.code in KNOWN_CODES
    if reply.code // 100 == 3:
        assert reply.status == ""
    else:
        assert re.fullmatch(r"[245]\.\d{1,3}\.\d{1,3}", reply.status)
        assert reply.status[0] == str(reply.code)[0]


def test_an_error_s_text_cannot_end_the_line_nor_make_it_too_long():
    octets = grammar.format(replies.reply_to(errors.NotAllowed("x\r\n250 ok\n\x1b[31m ü" + "y" * 5_000)))
    assert octets.count(b"\n") == octets.count(b"\r") == 1
    assert octets.isascii()
    assert len(octets) <= 512


def test_texts_for_people_reveal_nothing():
    for reply in [*(replies.reply_to(kind("some text")) for kind in every_error()), *CONSTANTS.values()]:
        assert reply.text.isascii()
        assert not re.search(r"/\w+/|Traceback|\.py", reply.text)


def test_every_command_has_a_handler_a_state_and_help():
    assert set(session.HANDLERS) == set(states.ALLOWED) == set(commands.Command.__args__)
    assert set(inquiry.TOPICS) == set(commands.PARSERS)
