"""Does this message get an answer from somebody who is away? (RFC 3834 §2, RFC 5230 §4.5 and §4.6)"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.filter.vacation import ADDRESSED_MOST, HEADER_OCTETS, Letter, Silence, is_program, judge
from pillarbox.model.address import Address

ALICE = Address("alice", "uiowa.test")
BOB = Address("bob", "far.test")
LETTER = b"From: Bob <bob@far.test>\r\nTo: alice@uiowa.test\r\nSubject: hello\r\nMessage-ID: <1@far.test>\r\n"

FIELDS: list[tuple[bytes, Silence | None]] = [
    (b"Auto-Submitted: no", None),
    (b"Auto-Submitted: NO (really)", None),
    (b"Auto-Submitted: no; x=y", None),
    (b"Auto-Submitted: auto-generated", Silence.AUTOMATIC),
    (b"Auto-Submitted: auto-replied", Silence.AUTOMATIC),
    (b"auto-submitted: auto-notified; owner-email=a@b", Silence.AUTOMATIC),
    (b"Auto-Submitted: (no) anything", Silence.AUTOMATIC),
    (b"Auto-Submitted:", Silence.AUTOMATIC),
    (b"Auto-Submitted: no\r\nAuto-Submitted: auto-replied", Silence.AUTOMATIC),
    (b"List-Id: <talk.far.test>", Silence.LIST),
    (b"List-Help: <mailto:h@far.test>", Silence.LIST),
    (b"List-Subscribe: <mailto:h@far.test>", Silence.LIST),
    (b"List-Unsubscribe: <mailto:h@far.test>", Silence.LIST),
    (b"List-Post: NO", Silence.LIST),
    (b"List-Owner: <mailto:h@far.test>", Silence.LIST),
    (b"List-Archive: <http://far.test>", Silence.LIST),
    (b"X-BeenThere: talk@far.test", Silence.LIST),
    (b"Mailing-List: contact a@far.test", Silence.LIST),
    (b"Precedence: bulk", Silence.BULK),
    (b"Precedence: LIST", Silence.BULK),
    (b"Precedence: junk", Silence.BULK),
    (b"Precedence: first-class", None),
    (b"X-Auto-Response-Suppress: DR, OOF", Silence.SUPPRESSED),
    (b"X-Auto-Response-Suppress: All", Silence.SUPPRESSED),
    (b"X-Auto-Response-Suppress: DR, RN", None),
    (b"Content-Type: multipart/report; report-type=delivery-status; boundary=x", Silence.REPORT),
    (b"Content-Type: Multipart/Report; report-type=disposition-notification", Silence.REPORT),
    (b"Content-Type: multipart/mixed; boundary=x", None),
    (b"Content-Type: nonsense", None),
    (b"X-Spam-Flag: YES", Silence.SPAM),
    (b"X-Spam-Status: Yes, score=9.1 required=5.0", Silence.SPAM),
    (b"X-Spam-Status: No, score=0.1 required=5.0", None),
    (b"X-Spam: yes", Silence.SPAM),
    (b"Received: from list-host by far.test", None),
    (b"X-Filler: " + b"x" * HEADER_OCTETS, Silence.TOO_LONG),
]


@pytest.mark.parametrize(("field", "expected"), FIELDS, ids=[field[:50].decode() for field, _ in FIELDS])
def test_what_a_field_says_about_an_answer(field: bytes, expected: Silence | None):
    found = judge(LETTER + field + b"\r\n\r\nHello.\r\n", BOB, ALICE)
    assert (found if isinstance(found, Silence) else None) is expected


@pytest.mark.parametrize(
    ("reverse_path", "expected"),
    [
        (None, Silence.NOBODY),
        (Address("", "far.test"), Silence.NOBODY),
        (ALICE, Silence.SELF),
        (Address("ALICE", "uiowa.test"), Silence.SELF),
        (Address("MAILER-DAEMON", "far.test"), Silence.PROGRAM),
        (Address("LISTSERV", "far.test"), Silence.PROGRAM),
        (Address("majordomo", "far.test"), Silence.PROGRAM),
        (Address("owner-talk", "far.test"), Silence.PROGRAM),
        (Address("talk-owner", "far.test"), Silence.PROGRAM),
        (Address("talk-request", "far.test"), Silence.PROGRAM),
        (Address("talk-bounces+alice=uiowa.test", "far.test"), Silence.PROGRAM),
        (Address("bounces-77", "far.test"), Silence.PROGRAM),
        (Address("noreply", "far.test"), Silence.PROGRAM),
        (Address("No-Reply+17", "far.test"), Silence.PROGRAM),
        (Address("do_not_reply", "far.test"), Silence.PROGRAM),
        (Address("shop-noreply", "far.test"), Silence.PROGRAM),
        (Address("postmaster", "far.test"), None),
        (Address("owner", "far.test"), None),
        (Address("request", "far.test"), None),
        (Address("norbert", "far.test"), None),
        (Address("nobody.knows", "far.test"), Silence.PROGRAM),
        (BOB, None),
    ],
    ids=str,
)
def test_who_is_answered(reverse_path: Address | None, expected: Silence | None):
    found = judge(LETTER + b"\r\n", reverse_path, ALICE)
    assert (found if isinstance(found, Silence) else None) is expected


@pytest.mark.parametrize(
    "author", [b"No Reply <noreply@shop.test>", b"alice@uiowa.test", b"a@b.test, noreply@shop.test"]
)
def test_the_author_counts_as_well_as_the_reverse_path(author: bytes):
    """A shop's mail has the reverse-path of its sending service; a forger's has the reader's own name in From."""
    found = judge(b"From: " + author + b"\r\nTo: alice@uiowa.test\r\n\r\n", Address("x17", "sender.test"), ALICE)
    assert found in (Silence.PROGRAM, Silence.SELF)


def test_all_recipient_fields_are_read_and_their_groups_opened():
    """RFC 5230 §4.5 names the six."""
    octets = (
        b"To: team: a@uiowa.test, b@uiowa.test;\r\nCc: C <c@uiowa.test>\r\nBcc: d@uiowa.test\r\n"
        b"Resent-To: e@uiowa.test\r\nResent-Cc: f@uiowa.test\r\nResent-Bcc: g@uiowa.test\r\nTo: h@uiowa.test\r\n"
        b"Reply-To: nobody@uiowa.test\r\n\r\nTo: i@uiowa.test\r\n"
    )
    letter = judge(octets, BOB, ALICE)
    assert isinstance(letter, Letter)
    assert sorted(address.local for address in letter.addressed) == list("abcdefgh")


def test_a_letter_to_hundreds_is_addressed_to_nobody():
    many = b", ".join(b"u%d@uiowa.test" % n for n in range(ADDRESSED_MOST))
    letter = judge(b"To: " + many + b"\r\n\r\n", BOB, ALICE)
    assert isinstance(letter, Letter) and len(letter.addressed) == ADDRESSED_MOST
    letter = judge(b"To: " + many + b", alice@uiowa.test\r\n\r\n", BOB, ALICE)
    assert isinstance(letter, Letter) and letter.addressed == ()


@pytest.mark.parametrize(
    ("fields", "references"),
    [
        (b"References: <a@x> <b@x>\r\nIn-Reply-To: <b@x>\r\n", ("a@x", "b@x")),
        (b"In-Reply-To: <b@x>\r\n", ("b@x",)),
        (b"In-Reply-To: <a@x> <b@x>\r\n", ()),
        (b"", ()),
    ],
)
def test_what_the_answer_takes_from_the_letter(fields: bytes, references: tuple[str, ...]):
    """RFC 5322 §3.6.4."""
    letter = judge(LETTER + fields + b"\r\n", BOB, ALICE)
    assert letter == Letter(BOB, (ALICE,), b"hello", "1@far.test", references)


@given(st.binary(max_size=400))
def test_any_octets_are_judged(octets: bytes):
    assert isinstance(judge(octets, BOB, ALICE), Silence | Letter)


@given(st.text(max_size=40))
def test_any_name_is_a_program_s_or_not(local: str):
    assert is_program(Address(local, "far.test")) in (True, False)
