"""The nouns: addresses, flags, sets, statuses, errors."""

from datetime import UTC, datetime
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.model import account, change, envelope, errors, mailbox, passport, query, queued
from pillarbox.model.address import Address, domain_key
from pillarbox.model.delivery import Action, DeliveryStatus
from pillarbox.model.errors import MailError, SyntaxProblem
from pillarbox.model.ids import AccountId, BlobId, MailboxId, MessageId, ModSeq, QueueId, TraceId, Uid
from pillarbox.model.keywords import ANSWERED, BITS, FLAGGED, REGISTERED_KEYWORDS, SEEN, SYSTEM_FLAGS, FlagSet
from pillarbox.model.limits import Limits
from pillarbox.model.ports import DnsOutcome, MxAnswer, MxRecord
from pillarbox.model.sequence_set import LARGEST, SequenceSet

DOMAINS = [
    ("Example.ORG", "example.org"),
    ("example.org.", "example.org"),
    ("bücher.example", "xn--bcher-kva.example"),
    ("_dmarc.example", "_dmarc.example"),
    ("a", "a"),
    ("[192.0.2.1]", "[192.0.2.1]"),
    ("a" * 63 + ".b", "a" * 63 + ".b"),
]


@pytest.mark.parametrize(("text", "key"), DOMAINS)
def test_domains_are_compared_as_lower_case_a_labels(text, key):
    assert domain_key(text) == key
    assert domain_key(key) == key


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "a..b",
        ".a",
        "a b",
        "a\r\nb",
        "a@b",
        "a" * 64,
        "a." * 127 + "a",
        "é" * 64,
        "é" * 300,
        "[",
        "[]",
        "[a b]",
        "[a",
    ],
)
def test_what_is_no_domain_is_a_value_error(text):
    with pytest.raises(ValueError):
        domain_key(text)


@given(st.text(max_size=30))
def test_any_text_is_a_domain_or_a_value_error(text):
    try:
        key = domain_key(text)
    except ValueError:
        return
    assert key.isascii() and key.isprintable() and " " not in key and domain_key(key) == key


def test_addresses_are_values():
    one, other = Address("Bob", "illinois.edu"), Address("bob", "illinois.edu")
    assert one != other
    assert one.key == other.key == str(other)
    assert one < other
    assert one.is_ascii
    assert not Address("bøb", "illinois.edu").is_ascii
    assert Address("Straße", "a").key == Address("STRASSE", "a").key


def test_flags_are_a_set_in_any_case_and_order():
    flags = FlagSet.of("custom", "\\seen", "$FORWARDED", "\\Answered", "Custom", "another")
    assert flags.names() == ("\\Answered", "\\Seen", "$Forwarded", "another", "custom")
    assert flags == FlagSet.of(*reversed(flags.names()))
    assert flags.bits & (ANSWERED | SEEN) and not flags.bits & FLAGGED
    assert FlagSet().names() == ()


def test_every_flag_has_a_bit_of_its_own():
    bits = [bit for bit, _ in (*SYSTEM_FLAGS, *REGISTERED_KEYWORDS)]
    assert len(set(bits)) == len(bits) == len(BITS)
    assert all(bit.bit_count() == 1 for bit in bits)


NAMES = st.lists(st.sampled_from([*BITS, "a", "b", "c"]), max_size=8)


@given(NAMES, NAMES)
def test_flags_are_added_and_taken_away(one, other):
    first, second = FlagSet.of(*one), FlagSet.of(*other)
    assert first | second == FlagSet.of(*one, *other)
    assert first - second == FlagSet.of(*(name for name in one if name not in other))
    assert (first | second) - second == first - second


RANGES = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=6)


@given(RANGES, st.integers(1, 12))
def test_a_set_holds_the_same_numbers_when_it_is_resolved(ranges, largest):
    resolved = SequenceSet(tuple(ranges)).resolve(largest)
    wanted = set()
    for low, high in ranges:
        ends = sorted(largest if end == LARGEST else end for end in (low, high))
        wanted |= set(range(ends[0], ends[1] + 1))
    assert {n for low, high in resolved for n in range(low, high + 1)} == wanted
    assert all(low <= high for low, high in resolved)
    assert all(one[1] + 1 < other[0] for one, other in pairwise(resolved))


def test_only_a_delay_is_not_final():
    for action in Action:
        status = DeliveryStatus(Address("a", "b"), action, "4.4.1")
        assert status.is_final is (action is not Action.DELAYED)


def every_error(cls=MailError):
    return [cls, *(found for below in cls.__subclasses__() for found in every_error(below))]


MODEL_ERRORS = [cls for cls in every_error() if cls.__module__ == errors.__name__]


@pytest.mark.parametrize("cls", MODEL_ERRORS, ids=lambda cls: cls.__name__)
def test_every_error_stands_in_the_tree_and_has_a_text(cls):
    assert cls is MailError or cls.__name__ in errors.__doc__
    problem = cls("a word", 3) if cls is SyntaxProblem else cls()
    assert str(problem) == problem.text
    assert problem.text == ("expected a word at octet 3" if cls is SyntaxProblem else cls.__name__)
    assert isinstance(problem.temporary, bool)


def test_an_error_says_what_it_was_given():
    assert errors.NotFound("no such mailbox").text == "no such mailbox"
    problem = SyntaxProblem("CRLF", 7)
    assert (problem.expected, problem.offset) == ("CRLF", 7)


def test_limits_are_not_below_what_must_be_accepted():
    """RFC 5321 §4.5.3."""
    limits = Limits()
    assert limits.smtp_command_octets >= 512
    assert limits.smtp_recipients >= 100
    assert limits.smtp_auth_line_octets >= 12_288
    assert limits.line_octets == 998
    assert limits.smtp_command_timeout_seconds >= 300
    assert limits.imap_idle_timeout_seconds >= 1_800
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"no_such_limit": 1}, Limits)


AT = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
BOB = Address("bob", "illinois.edu")
VALUES = [
    account.Account(AccountId(1), BOB, 0, 5),
    account.Alias(BOB, (BOB,)),
    change.Change(AccountId(1), ModSeq(2), change.ChangeKind.FLAGS, MailboxId(3), Uid(4), MessageId(5)),
    envelope.Envelope(None, (envelope.Recipient(BOB),), envelope.BodyType.EIGHT_BIT_MIME),
    mailbox.Mailbox(MailboxId(1), ("INBOX",), mailbox.MailboxRole.INBOX, 1, Uid(1), ModSeq(1), 0, 0, 0, Uid(1), True),
    passport.PassportEntry(TraceId("t"), AccountId(1), AT, passport.Step.QUEUED, {"to": "x"}),
    queued.QueuedMessage(
        QueueId(1), TraceId("t"), AccountId(1), BOB, 5, b"", BlobId(b"x" * 32), envelope.BodyType.SEVEN_BIT, False, AT, AT,
        (queued.QueuedRecipient(0, BOB, None, queued.RecipientState.WAITING, 0, AT, ""),),
    ),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_values_are_frozen_and_survive_being_stored(value):
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(value), type=type(value)) == value
    with pytest.raises(AttributeError):
        setattr(value, value.__struct_fields__[0], None)


def test_every_account_begins_with_one_mailbox_of_each_role():
    assert {role for _, role in mailbox.NEW_ACCOUNT_MAILBOXES} == set(mailbox.MailboxRole)


def test_queries_compare_as_values():
    assert query.And((query.All(), query.Not(query.HasText("a")))) == query.And(
        (query.All(), query.Not(query.HasText("a")))
    )
    assert query.HasText("a") != query.HasText("a", body_only=True)


def test_answers_are_sorted_by_preference():
    records = (MxRecord(20, "b"), MxRecord(10, "c"), MxRecord(10, "a"))
    assert [record.host for record in sorted(records)] == ["a", "c", "b"]
    assert MxAnswer(DnsOutcome.NO_DOMAIN).records == ()
