"""Message disposition notifications: what a reader did with a message (RFC 8098, in the frame of RFC 6522); both ways.

    disposition-notification-content = [ reporting-ua-field CRLF ] [ mdn-gateway-field CRLF ]
              [ original-recipient-field CRLF ] final-recipient-field CRLF [ original-message-id-field CRLF ]
              disposition-field CRLF *( error-field CRLF ) *( extension-field CRLF )     RFC 8098 §3.1

The order is not fixed. Letter case means nothing in a disposition; it is read as lower case. Where other scripts need
it, the part is a `message/global-disposition-notification` in UTF-8 (RFC 6533 §5). `receipt` makes whole messages of it.
"""

import re
from collections.abc import Iterable

import msgspec

from pillarbox.grammar.message import header, message_id
from pillarbox.grammar.message.header import fold_words
from pillarbox.model.errors import SyntaxProblem

CONTENT_OCTETS = 65_536
"""Of the fields together, when they are read."""
FIELDS_MOST = 200
VALUE_OCTETS = 900
"""Of one value, when it is written: a line holds it."""

ACTION_MODES = ("manual-action", "automatic-action")
SENDING_MODES = ("mdn-sent-manually", "mdn-sent-automatically")
TYPES = ("deleted", "dispatched", "displayed", "processed")
_SPELLING = {"mdn-sent-manually": "MDN-sent-manually", "mdn-sent-automatically": "MDN-sent-automatically"}

_ATOM = r"[A-Za-z0-9!#$%&'*+\-=?^_`{|}~.]+"
_TYPED = re.compile(r"\s*(" + _ATOM + r")\s*;\s*(.*\S)\s*", re.DOTALL)
_DISPOSITION = re.compile(
    r"\s*(" + "|".join(ACTION_MODES) + r")\s*/\s*(" + "|".join(SENDING_MODES) + r")\s*;\s*(" + "|".join(TYPES)
    + r")\s*(?:/\s*(" + _ATOM + r"(?:\s*,\s*" + _ATOM + r")*)\s*)?"
)  # fmt: skip
_FIELD_NAME = re.compile(r"[!-9;-~]{1,100}")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")
_KNOWN = frozenset(
    ("reporting-ua", "mdn-gateway", "original-recipient", "final-recipient", "original-message-id", "disposition",
     "error")
)  # fmt: skip


class Typed(msgspec.Struct, frozen=True):
    """An address or a host with the kind of name that it is: `rfc822; ann@far.test` (RFC 8098 §3.1.2)."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}; {self.name}"


class Disposition(msgspec.Struct, frozen=True):
    """What was done, how, and how the notification came to be sent (RFC 8098 §3.2.6); all in lower case."""

    action_mode: str
    sending_mode: str
    type: str
    modifiers: tuple[str, ...] = ()

    @property
    def is_automatic(self) -> bool:
        """Whether nobody was asked before it was sent."""
        return self.sending_mode == "mdn-sent-automatically"


class Notification(msgspec.Struct, frozen=True):
    """The fields of one notification. `original_message_id` has no angle brackets; `extensions` are names as written
    and values, in order."""

    final_recipient: Typed
    disposition: Disposition
    reporting_ua: str | None = None
    gateway: Typed | None = None
    original_recipient: Typed | None = None
    original_message_id: str | None = None
    errors: tuple[str, ...] = ()
    extensions: tuple[tuple[str, str], ...] = ()


def parse_typed(text: str) -> Typed:
    """`rfc822; ann@far.test`; the kind in lower case. Raises: SyntaxProblem."""
    match = _TYPED.fullmatch(text)
    if match is None:
        raise SyntaxProblem("a kind of address, a semicolon, an address")
    return Typed(match[1].lower(), match[2])


def parse_disposition(text: str) -> Disposition:
    """`manual-action/MDN-sent-manually; displayed`. Raises: SyntaxProblem."""
    match = _DISPOSITION.fullmatch(text.lower())
    if match is None:
        raise SyntaxProblem("a disposition")
    modifiers = tuple(word.strip() for word in match[4].split(",")) if match[4] else ()
    return Disposition(match[1], match[2], match[3], modifiers)


def parse_notification(octets: bytes) -> Notification:
    """The body of the part. Raises: SyntaxProblem.

    Of a field that may stand there once, the first counts. An identifier that cannot be read is none: the rest still
    says who did what, which is what readers of receipts from older programs need.
    """
    if len(octets) > CONTENT_OCTETS:
        raise SyntaxProblem(f"at most {CONTENT_OCTETS} octets")
    first: dict[str, bytes] = {}
    errors: list[str] = []
    extensions: list[tuple[str, str]] = []
    for count, field in enumerate(header.fields(octets, 0, len(octets))):
        if count >= FIELDS_MOST:
            raise SyntaxProblem(f"at most {FIELDS_MOST} fields")
        name, value = field.name.decode("utf-8", "replace"), header.unfold(field.value)
        if name.lower() == "error":
            errors.append(_text(value))
        elif name.lower() in _KNOWN:
            first.setdefault(name.lower(), value)
        elif _FIELD_NAME.fullmatch(name):
            extensions.append((name, _text(value)))
    if "final-recipient" not in first or "disposition" not in first:
        raise SyntaxProblem("Final-Recipient and Disposition")
    ids = message_id.parse_ids(first.get("original-message-id", b""))
    return Notification(
        final_recipient=parse_typed(_bare(first["final-recipient"])),
        disposition=parse_disposition(_bare(first["disposition"])),
        # It is for people, so its comments stay.
        reporting_ua=_text(first["reporting-ua"]) if "reporting-ua" in first else None,
        gateway=_optional(first.get("mdn-gateway")),
        original_recipient=_optional(first.get("original-recipient")),
        original_message_id=ids[0] if ids else None,
        errors=tuple(errors),
        extensions=tuple(extensions),
    )


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _bare(value: bytes) -> str:
    """Comments aside (RFC 8098 §3.1.1)."""
    return _text(header.without_comments(value))


def _optional(value: bytes | None) -> Typed | None:
    return None if value is None else parse_typed(_bare(value))


def check_extension(name: str) -> None:
    """Whether a field of this name may be added. Raises: SyntaxProblem."""
    if _FIELD_NAME.fullmatch(name) is None or name.lower() in _KNOWN:
        raise SyntaxProblem("the name of a field that RFC 8098 does not define")


def has_other_scripts(notification: Notification) -> bool:
    """Whether it needs the global form."""
    return not _lines(notification).isascii()


def format_notification(notification: Notification) -> bytes:
    """The body of the part, each line ended by CRLF."""
    return _lines(notification).encode("utf-8", "replace")


def _lines(notification: Notification) -> str:
    disposition = notification.disposition
    modifiers = "/" + ",".join(disposition.modifiers) if disposition.modifiers else ""
    sent = _SPELLING.get(disposition.sending_mode, disposition.sending_mode)
    done = f"{disposition.action_mode}/{sent}; {disposition.type}{modifiers}"
    found: list[tuple[str, object]] = [
        ("Reporting-UA", notification.reporting_ua),
        ("MDN-Gateway", notification.gateway),
        ("Original-Recipient", notification.original_recipient),
        ("Final-Recipient", notification.final_recipient),
        ("Original-Message-ID", notification.original_message_id and f"<{notification.original_message_id}>"),
        ("Disposition", done),
        *(("Error", error) for error in notification.errors),
        *notification.extensions,
    ]
    return _fields((name, str(value)) for name, value in found if value is not None)


def _fields(pairs: Iterable[tuple[str, str]]) -> str:
    """A value is text and nothing else: no line end of its own begins another field."""
    lines = []
    for name, value in pairs:
        text = _UNPRINTABLE.sub(" ", value).strip()
        text = text[: VALUE_OCTETS if text.isascii() else VALUE_OCTETS // 4]
        lines.append(f"{name}: {fold_words(' '.join(text.split()), len(name) + 2)}\r\n")
    return "".join(lines)
