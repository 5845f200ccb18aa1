"""MDN objects (RFC 9007 §2): receipts as JSON, both ways.

Addresses are written with their kind, as a notification has them (`rfc822; ann@far.test`); on the way in, an address
alone will do. Identifiers stand in angle brackets. Words of a disposition are lower case and nothing else.
"""

import msgspec

from pillarbox.grammar.jmap.ijson import JsonObject
from pillarbox.grammar.reports import mdn
from pillarbox.grammar.reports.mdn import ACTION_MODES, SENDING_MODES, TYPES, Disposition, Notification, Typed
from pillarbox.grammar.reports.receipt import TEXT_MOST, Receipt
from pillarbox.grammar.smtp.path import parse_address
from pillarbox.model.address import Address
from pillarbox.model.errors import SyntaxProblem

SUBJECT_MOST = 500
"""Characters."""
VALUE_MOST = 500
"""Characters of `reportingUA` and of an extension field."""
EXTENSIONS_MOST = 50
SERVER_SET = ("mdnGateway", "originalRecipient", "originalMessageId", "error")
PROPERTIES = (
    "forEmailId", "subject", "textBody", "includeOriginalMessage", "reportingUA", "disposition", "mdnGateway",
    "originalRecipient", "finalRecipient", "originalMessageId", "error", "extensionFields",
)  # fmt: skip
_KINDS = ("rfc822", "utf-8")


class InvalidMdn(SyntaxProblem):
    """invalidProperties (RFC 8620 §5.3): these cannot be."""

    def __init__(self, properties: tuple[str, ...]) -> None:
        super().__init__("other values of " + ", ".join(properties[:20]))
        self.properties = properties


class NewMdn(msgspec.Struct, frozen=True):
    """A receipt to be sent; what is None is for the server to say."""

    email_id: str
    disposition: Disposition
    recipient: Address | None = None
    subject: str | None = None
    text: str | None = None
    with_original: bool = False
    reporting_ua: str | None = None
    extensions: tuple[tuple[str, str], ...] = ()


def parse_new(value: JsonObject) -> NewMdn:
    """What a client sends. Raises: InvalidMdn, with every property that is wrong."""
    wrong = [name for name in value if name not in PROPERTIES]
    wrong += [name for name in SERVER_SET if value.get(name) is not None]
    email_id, with_original = value.get("forEmailId"), value.get("includeOriginalMessage", False)
    if not isinstance(email_id, str):
        wrong.append("forEmailId")
    if not isinstance(with_original, bool):
        wrong.append("includeOriginalMessage")
    texts: dict[str, str | None] = {}
    for name, most in (("subject", SUBJECT_MOST), ("textBody", TEXT_MOST), ("reportingUA", VALUE_MOST)):
        text = value.get(name)
        if isinstance(text, str | None) and len(text or "") <= most:
            texts[name] = text
        else:
            wrong.append(name)
    disposition = _disposition(value.get("disposition"))
    if disposition is None:
        wrong.append("disposition")
    recipient, extensions = value.get("finalRecipient"), value.get("extensionFields")
    if recipient is not None and _address(recipient) is None:
        wrong.append("finalRecipient")
    if extensions is not None and not _are_extensions(extensions):
        wrong.append("extensionFields")
    if wrong or disposition is None:
        raise InvalidMdn(tuple(dict.fromkeys(wrong)))
    return NewMdn(
        email_id=str(email_id),
        disposition=disposition,
        recipient=None if recipient is None else _address(recipient),
        subject=texts["subject"],
        text=texts["textBody"],
        with_original=bool(with_original),
        reporting_ua=texts["reportingUA"],
        extensions=tuple(extensions.items()) if isinstance(extensions, dict) else (),
    )


def _disposition(value: object) -> Disposition | None:
    match value:
        case {"actionMode": str(action), "sendingMode": str(sending), "type": str(done), **others} if not others:
            if action in ACTION_MODES and sending in SENDING_MODES and done in TYPES:
                return Disposition(action, sending, done)
    return None


def _address(value: object) -> Address | None:
    if not isinstance(value, str):
        return None
    try:
        typed = mdn.parse_typed(value) if ";" in value else Typed(_KINDS[0], value.strip())
        return parse_address(typed.name) if typed.kind in _KINDS else None
    except SyntaxProblem:
        return None


def _are_extensions(value: object) -> bool:
    if not isinstance(value, dict) or len(value) > EXTENSIONS_MOST:
        return False
    try:
        for name in value:
            mdn.check_extension(name)
    except SyntaxProblem:
        return False
    return all(isinstance(text, str) and len(text) <= VALUE_MOST for text in value.values())


def object_of(receipt: Receipt, email_id: str | None) -> JsonObject:
    """A receipt that came in. Of two extension fields of one name, the first is told."""
    return {
        "forEmailId": email_id,
        "subject": receipt.subject,
        "textBody": receipt.text,
        "includeOriginalMessage": receipt.has_original,
        **_fields(receipt.notification),
    }


def sent_object(given: JsonObject, subject: str, text: str, notification: Notification) -> JsonObject:
    """Of a receipt that was sent, the properties that the client did not set."""
    whole = {"subject": subject, "textBody": text, "includeOriginalMessage": False, **_fields(notification)}
    return {name: value for name, value in whole.items() if given.get(name) is None}


def _fields(notification: Notification) -> JsonObject:
    done, extensions = notification.disposition, dict(reversed(notification.extensions))
    identifier = notification.original_message_id
    return {
        "reportingUA": notification.reporting_ua,
        "disposition": {"actionMode": done.action_mode, "sendingMode": done.sending_mode, "type": done.type},
        "mdnGateway": _optional(notification.gateway),
        "originalRecipient": _optional(notification.original_recipient),
        "finalRecipient": str(notification.final_recipient),
        "originalMessageId": None if identifier is None else f"<{identifier}>",
        "error": list(notification.errors) or None,
        "extensionFields": extensions or None,
    }


def _optional(typed: Typed | None) -> str | None:
    return None if typed is None else str(typed)
