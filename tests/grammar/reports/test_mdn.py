"""Disposition notifications (RFC 8098, RFC 6533 §5): the fields; what is written is read again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.grammar.reports import mdn
from pillarbox.grammar.reports.mdn import (
    ACTION_MODES,
    CONTENT_OCTETS,
    FIELDS_MOST,
    SENDING_MODES,
    TYPES,
    Disposition,
    Notification,
    Typed,
    check_extension,
    format_notification,
    parse_disposition,
    parse_notification,
    parse_typed,
)
from pillarbox.model.errors import SyntaxProblem

JOE = Typed("rfc822", "Joe_Recipient@example.com")
DISPLAYED = Disposition("manual-action", "mdn-sent-manually", "displayed")
EXAMPLE = (
    b"Reporting-UA: joes-pc.cs.example.com; Foomail 97.1\r\n"
    b"Original-Recipient: rfc822;Joe_Recipient@example.com\r\n"
    b"Final-Recipient: rfc822;Joe_Recipient@example.com\r\n"
    b"Original-Message-ID: <199509192301.23456@example.org>\r\n"
    b"Disposition: manual-action/MDN-sent-manually; displayed\r\n"
)
SHORT = b"Final-Recipient: rfc822; a@b\r\nDisposition: %b\r\n"


def test_the_example_of_rfc_8098_section_9():
    made = parse_notification(EXAMPLE)
    assert made == Notification(
        final_recipient=JOE,
        disposition=DISPLAYED,
        reporting_ua="joes-pc.cs.example.com; Foomail 97.1",
        original_recipient=JOE,
        original_message_id="199509192301.23456@example.org",
    )
    assert format_notification(made) == EXAMPLE.replace(b"rfc822;", b"rfc822; ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("manual-action/MDN-sent-manually; displayed", DISPLAYED),
        ("MANUAL-ACTION/mdn-SENT-manually;DISPLAYED", DISPLAYED),
        (" manual-action / MDN-sent-manually ; displayed ", DISPLAYED),
        (
            "automatic-action/MDN-sent-automatically; processed/error",
            Disposition("automatic-action", "mdn-sent-automatically", "processed", ("error",)),
        ),
        (
            "manual-action/MDN-sent-manually; deleted / Error , x-other",
            Disposition("manual-action", "mdn-sent-manually", "deleted", ("error", "x-other")),
        ),
    ],
)
def test_dispositions(text: str, expected: Disposition):
    assert parse_disposition(text) == expected
    assert expected.is_automatic is ("automatically" in text)


@pytest.mark.parametrize(
    "text",
    ["", "displayed", "manual-action; displayed", "manual-action/MDN-sent-manually", "manual-action/x; displayed",
     "manual-action/MDN-sent-manually; denied", "manual-action/MDN-sent-manually; displayed/",
     "manual-action/MDN-sent-manually; displayed; x", "manual-action/MDN-sent-manually; displayed/a b"],
)  # fmt: skip
def test_what_is_no_disposition(text: str):
    with pytest.raises(SyntaxProblem):
        parse_disposition(text)
    with pytest.raises(SyntaxProblem):
        parse_notification(SHORT % text.encode())


@pytest.mark.parametrize("text", ["a@b", "", ";", "rfc822;", "rfc822; ", "rfc 822; a@b", "; a@b"])
def test_an_address_has_a_kind(text: str):
    with pytest.raises(SyntaxProblem):
        parse_typed(text)


def test_comments_and_folds_are_no_part_of_a_value():
    """RFC 8098 §3.1.1."""
    made = parse_notification(
        b"FINAL-RECIPIENT: (who) RFC822 (kind);\r\n\ta@b (Ann)\r\n"
        b"Disposition: automatic-action (rule)/\r\n MDN-sent-automatically; processed (done)\r\n"
        b"MDN-Gateway: dns; gate.example\r\nReporting-UA: Mail 1 (on paper)\r\n"
    )
    assert made.final_recipient == Typed("rfc822", "a@b")
    assert made.disposition == Disposition("automatic-action", "mdn-sent-automatically", "processed")
    assert made.gateway == Typed("dns", "gate.example")
    assert made.reporting_ua == "Mail 1 (on paper)"


def test_errors_and_extensions_are_kept_in_order_and_other_lines_passed_over():
    made = parse_notification(
        SHORT % b"manual-action/MDN-sent-manually; displayed/error"
        + b"Error: first\r\nX-Mail: 1\r\nerror: second\r\nX-Mail: 2\r\nno field\r\nodd name: x\r\nOriginal-Message-ID: none\r\n"
        + b"Disposition: manual-action/MDN-sent-manually; deleted\r\n"
    )
    assert made.errors == ("first", "second")
    assert made.extensions == (("X-Mail", "1"), ("X-Mail", "2"))
    assert made.original_message_id is None
    assert made.disposition.type == "displayed", "the first counts"


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"Final-Recipient: rfc822; a@b\r\n",
        b"Disposition: manual-action/MDN-sent-manually; displayed\r\n",
        SHORT % b"manual-action/MDN-sent-manually; displayed" + b"Original-Recipient: a@b\r\n",
        SHORT % b"manual-action/MDN-sent-manually; displayed" + b"MDN-Gateway: gate\r\n",
        SHORT % b"manual-action/MDN-sent-manually; displayed" + b"X: 1\r\n" * FIELDS_MOST,
        SHORT % b"manual-action/MDN-sent-manually; displayed" + b"X: " + b"1" * CONTENT_OCTETS,
    ],
)
def test_what_is_no_notification(octets: bytes):
    with pytest.raises(SyntaxProblem):
        parse_notification(octets)


@pytest.mark.parametrize("name", ["Final-Recipient", "DISPOSITION", "error", "", "a b", "a:b", "é", "x" * 101])
def test_some_names_are_not_to_be_added(name: str):
    with pytest.raises(SyntaxProblem):
        check_extension(name)
    check_extension("X400-Physical-Forwarding-Address")


def test_no_value_begins_a_field_of_its_own():
    made = Notification(
        final_recipient=Typed("rfc822", "a@b\r\nDisposition: x"),
        disposition=DISPLAYED,
        reporting_ua="x\nBcc: y\0z",
        errors=("a\r\n\r\nb", "é" * 2_000, "x" * 2_000),
        extensions=(("X", " \t "),),
    )
    octets = format_notification(made)
    read = parse_notification(octets)
    assert read.final_recipient.name == "a@b Disposition: x"
    assert read.reporting_ua == "x Bcc: y z"
    assert read.errors[0] == "a b"
    assert read.extensions == (("X", ""),)
    assert max(map(len, octets.split(b"\r\n"))) <= 998


def test_other_scripts_are_seen():
    plain = Notification(final_recipient=JOE, disposition=DISPLAYED)
    assert not mdn.has_other_scripts(plain)
    assert mdn.has_other_scripts(Notification(final_recipient=Typed("utf-8", "josé@b"), disposition=DISPLAYED))


words = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='();,\\"/'), min_size=1, max_size=20
)
typed = st.builds(Typed, st.sampled_from(["rfc822", "utf-8", "x400"]), words)
notifications = st.builds(
    Notification,
    final_recipient=typed,
    disposition=st.builds(
        Disposition,
        st.sampled_from(ACTION_MODES),
        st.sampled_from(SENDING_MODES),
        st.sampled_from(TYPES),
        st.lists(st.sampled_from(["error", "x-1", "other"]), max_size=2).map(tuple),
    ),
    reporting_ua=st.none() | words,
    gateway=st.none() | typed,
    original_recipient=st.none() | typed,
    original_message_id=st.none() | st.from_regex(r"[a-z0-9.]{1,30}@[a-z.]{1,20}", fullmatch=True),
    errors=st.lists(words, max_size=3).map(tuple),
    extensions=st.lists(st.tuples(st.sampled_from(["X-A", "Foomail"]), words), max_size=3).map(tuple),
)


@given(notifications)
def test_what_is_written_is_read_again(made: Notification):
    assert parse_notification(format_notification(made)) == made


@given(st.binary(max_size=300) | st.binary(max_size=100).map(lambda tail: EXAMPLE + tail))
def test_any_octets_parse_or_are_a_syntax_problem(octets: bytes):
    try:
        made = parse_notification(octets)
    except SyntaxProblem:
        return
    assert parse_notification(format_notification(made)).disposition == made.disposition
