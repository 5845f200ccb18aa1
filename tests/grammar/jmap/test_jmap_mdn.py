"""MDN objects (RFC 9007 §2, §3)."""

import pytest

from pillarbox.grammar.jmap.mdn import (
    EXTENSIONS_MOST,
    SUBJECT_MOST,
    VALUE_MOST,
    InvalidMdn,
    NewMdn,
    object_of,
    parse_new,
    sent_object,
)
from pillarbox.grammar.reports.mdn import Disposition, Notification, Typed
from pillarbox.grammar.reports.receipt import TEXT_MOST, Receipt
from pillarbox.model.address import Address

DISPOSITION = {"actionMode": "manual-action", "sendingMode": "mdn-sent-manually", "type": "displayed"}
DISPLAYED = Disposition("manual-action", "mdn-sent-manually", "displayed")
EXAMPLE = {
    "forEmailId": "Md45b47b4877521042cec0938",
    "subject": "Read receipt for: World domination",
    "textBody": "This receipt shows that the email has been displayed on your recipient's computer.",
    "reportingUA": "joes-pc.cs.example.com; Foomail 97.1",
    "disposition": DISPOSITION,
    "extensionFields": {"EXTENSION-EXAMPLE": "example.com"},
}
JOHN = Typed("rfc822", "john@example.com")


def test_the_example_of_rfc_9007_section_3_1():
    assert parse_new(EXAMPLE) == NewMdn(
        "Md45b47b4877521042cec0938",
        DISPLAYED,
        subject="Read receipt for: World domination",
        text="This receipt shows that the email has been displayed on your recipient's computer.",
        reporting_ua="joes-pc.cs.example.com; Foomail 97.1",
        extensions=(("EXTENSION-EXAMPLE", "example.com"),),
    )


def test_the_least_that_there_can_be():
    nothing = dict.fromkeys(("subject", "textBody", "reportingUA", "finalRecipient", "extensionFields", "error"))
    for more in ({}, nothing):
        assert parse_new({"forEmailId": "e1", "disposition": DISPOSITION, **more}) == NewMdn("e1", DISPLAYED)
    assert parse_new({"forEmailId": "e1", "disposition": DISPOSITION, "includeOriginalMessage": True}).with_original


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rfc822; john@example.com", Address("john", "example.com")),
        ("RFC822;john@example.com", Address("john", "example.com")),
        ("utf-8; josé@example.com", Address("josé", "example.com")),
        (" john@example.com ", Address("john", "example.com")),
    ],
)
def test_a_final_recipient_with_or_without_its_kind(text: str, expected: Address):
    assert parse_new({"forEmailId": "e1", "disposition": DISPOSITION, "finalRecipient": text}).recipient == expected


@pytest.mark.parametrize(
    ("change", "properties"),
    [
        ({"forEmailId": None}, ("forEmailId",)),
        ({"forEmailId": 1}, ("forEmailId",)),
        ({"subject": "x" * (SUBJECT_MOST + 1)}, ("subject",)),
        ({"textBody": "x" * (TEXT_MOST + 1)}, ("textBody",)),
        ({"reportingUA": "x" * (VALUE_MOST + 1)}, ("reportingUA",)),
        ({"subject": 1, "textBody": [], "reportingUA": {}}, ("subject", "textBody", "reportingUA")),
        ({"includeOriginalMessage": "yes"}, ("includeOriginalMessage",)),
        ({"includeOriginalMessage": None}, ("includeOriginalMessage",)),
        ({"disposition": None}, ("disposition",)),
        ({"disposition": {**DISPOSITION, "type": "denied"}}, ("disposition",)),
        ({"disposition": {**DISPOSITION, "type": "Displayed"}}, ("disposition",)),
        ({"disposition": {**DISPOSITION, "sendingMode": "MDN-sent-manually"}}, ("disposition",)),
        ({"disposition": {**DISPOSITION, "actionMode": "x"}}, ("disposition",)),
        ({"disposition": {**DISPOSITION, "more": 1}}, ("disposition",)),
        ({"finalRecipient": 1}, ("finalRecipient",)),
        ({"finalRecipient": "nobody"}, ("finalRecipient",)),
        ({"finalRecipient": "x400; a@b"}, ("finalRecipient",)),
        ({"finalRecipient": "; a@b"}, ("finalRecipient",)),
        ({"extensionFields": []}, ("extensionFields",)),
        ({"extensionFields": {"a b": "x"}}, ("extensionFields",)),
        ({"extensionFields": {"Disposition": "x"}}, ("extensionFields",)),
        ({"extensionFields": {"X": 1}}, ("extensionFields",)),
        ({"extensionFields": {"X": "x" * (VALUE_MOST + 1)}}, ("extensionFields",)),
        ({"extensionFields": {f"X{n}": "" for n in range(EXTENSIONS_MOST + 1)}}, ("extensionFields",)),
        ({"error": ["x"], "originalRecipient": "x"}, ("originalRecipient", "error")),
        ({"colour": "red"}, ("colour",)),
    ],
)
def test_all_that_is_wrong_is_told(change: dict, properties: tuple[str, ...]):
    with pytest.raises(InvalidMdn) as problem:
        parse_new({**EXAMPLE, **change})
    assert problem.value.properties == properties


def test_a_receipt_that_came_in():
    """RFC 9007 §3.3."""
    notification = Notification(
        final_recipient=JOHN,
        disposition=DISPLAYED,
        reporting_ua="joes-pc.cs.example.com; Foomail 97.1",
        original_message_id="199509192301.23456@example.org",
        extensions=(("X", "1"), ("X", "2"), ("Y", "3")),
    )
    assert object_of(Receipt("Read receipt", "It was read.", notification), "e7") == {
        "forEmailId": "e7",
        "subject": "Read receipt",
        "textBody": "It was read.",
        "includeOriginalMessage": False,
        "reportingUA": "joes-pc.cs.example.com; Foomail 97.1",
        "disposition": DISPOSITION,
        "mdnGateway": None,
        "originalRecipient": None,
        "finalRecipient": "rfc822; john@example.com",
        "originalMessageId": "<199509192301.23456@example.org>",
        "error": None,
        "extensionFields": {"X": "1", "Y": "3"},
    }
    bare = Notification(final_recipient=JOHN, disposition=DISPLAYED, gateway=Typed("dns", "gate"), errors=("no ink",))
    made = object_of(Receipt("", "", bare), None)
    assert (made["originalMessageId"], made["error"], made["extensionFields"]) == (None, ["no ink"], None)
    assert made["mdnGateway"] == "dns; gate"


def test_of_what_was_sent_that_is_told_which_the_client_did_not_set():
    notification = Notification(final_recipient=JOHN, disposition=DISPLAYED, original_message_id="1@x")
    made = sent_object({"disposition": DISPOSITION, "subject": "mine", "textBody": None}, "mine", "ours", notification)
    assert made == {
        "textBody": "ours", "includeOriginalMessage": False, "reportingUA": None, "mdnGateway": None,
        "originalRecipient": None, "finalRecipient": "rfc822; john@example.com", "originalMessageId": "<1@x>",
        "error": None, "extensionFields": None,
    }  # fmt: skip
