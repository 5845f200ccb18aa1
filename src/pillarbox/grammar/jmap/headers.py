"""Header fields as properties of Email and EmailBodyPart (RFC 8621 §4.1.3): names, forms, and reading.

    header:{header-field-name}[:as{header-form}][:all]

Which field may be had in which form is the table of RFC 8621 §4.1.2; `header_forms` reads and writes the values.
"""

import re
from collections.abc import Iterable

import msgspec

from pillarbox.grammar.jmap.header_forms import Form, read_raw, read_value
from pillarbox.grammar.jmap.ijson import JsonObject
from pillarbox.grammar.message.header import Content
from pillarbox.model.errors import SyntaxProblem

_FIELD_NAME = re.compile(r"[!-9;-~]+")
_FIELD = re.compile(rb"^([!-9;-~]+)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)", re.MULTILINE)
"""Name and raw value; folded lines begin with white space (RFC 5322 §2.2.3)."""
_PROPERTY = re.compile(r"header:([!-9;-~]+)(?::as([A-Za-z]+))?(:all)?")
_FORMS = {form.value: form for form in Form}

_ADDRESS_FORMS = (Form.ADDRESSES, Form.GROUPED_ADDRESSES)


def _forms_of_known_fields() -> dict[str, tuple[Form, ...]]:
    """The fields of RFC 5322 and RFC 2369, lower case, and the forms besides Raw that each may have."""
    addresses = ("from", "sender", "reply-to", "to", "cc", "bcc")
    resent = tuple(f"resent-{name}" for name in addresses)
    ids = ("message-id", "in-reply-to", "references", "resent-message-id")
    urls = tuple(f"list-{name}" for name in ("help", "unsubscribe", "subscribe", "post", "owner", "archive"))
    table: dict[str, tuple[Form, ...]] = {"return-path": (), "received": ()}
    table.update(dict.fromkeys(("subject", "comments", "keywords"), (Form.TEXT,)))
    table.update(dict.fromkeys((*addresses, *resent), _ADDRESS_FORMS))
    table.update(dict.fromkeys(ids, (Form.MESSAGE_IDS,)))
    table.update(dict.fromkeys(("date", "resent-date"), (Form.DATE,)))
    table.update(dict.fromkeys(urls, (Form.URLS,)))
    return table


_KNOWN_FIELDS = _forms_of_known_fields()


class HeaderProperty(msgspec.Struct, frozen=True):
    """One field in one form: `name` as the client wrote it; `all` asks for every instance."""

    name: str
    form: Form = Form.RAW
    all: bool = False

    @property
    def key(self) -> str:
        """What two names of the same field have in common."""
        return self.name.lower()


CONVENIENCE: dict[str, HeaderProperty] = {
    "messageId": HeaderProperty("Message-ID", Form.MESSAGE_IDS),
    "inReplyTo": HeaderProperty("In-Reply-To", Form.MESSAGE_IDS),
    "references": HeaderProperty("References", Form.MESSAGE_IDS),
    "sender": HeaderProperty("Sender", Form.ADDRESSES),
    "from": HeaderProperty("From", Form.ADDRESSES),
    "to": HeaderProperty("To", Form.ADDRESSES),
    "cc": HeaderProperty("Cc", Form.ADDRESSES),
    "bcc": HeaderProperty("Bcc", Form.ADDRESSES),
    "replyTo": HeaderProperty("Reply-To", Form.ADDRESSES),
    "subject": HeaderProperty("Subject", Form.TEXT),
    "sentAt": HeaderProperty("Date", Form.DATE),
}
"""Properties of Email that are short for a header field (RFC 8621 §4.1.3)."""


def is_field_name(text: str) -> bool:
    """Printable ASCII without the colon (RFC 5322 §3.6.8)."""
    return _FIELD_NAME.fullmatch(text) is not None


def is_permitted(name: str, form: Form) -> bool:
    """Whether a field may be had in this form; fields that nobody defined may be had in all."""
    if form is Form.RAW:
        return True
    forms = _KNOWN_FIELDS.get(name.lower())
    return forms is None or form in forms


def parse_property(text: str) -> HeaderProperty:
    """`header:List-Post:asURLs`. Raises: SyntaxProblem, for a form that the field must not have too."""
    match = _PROPERTY.fullmatch(text)
    form = None if match is None else _FORMS.get(match[2] or "Raw")
    if match is None or form is None:
        raise SyntaxProblem("header:name, :as and a form, :all")
    if not is_permitted(match[1], form):
        raise SyntaxProblem(f"a form that {match[1]} may have")
    return HeaderProperty(match[1], form, match[3] is not None)


class HeaderFields:
    """The fields of one header block, read once for all properties. A line that is no field is passed over."""

    __slots__ = ("_by_name", "_fields")

    def __init__(self, content: Content, start: int, end: int) -> None:
        found = _FIELD.findall(content[start:end])
        self._fields = [(name, value.rstrip(b"\r")) for name, value in found]
        self._by_name: dict[bytes, list[bytes]] = {}
        for name, value in self._fields:
            self._by_name.setdefault(name.lower(), []).append(value)

    def read(self, wanted: HeaderProperty) -> object:
        """The value of the last instance, or null; with `all` an array, which may be empty (RFC 8621 §4.1.3)."""
        found = self._by_name.get(wanted.key.encode(), [])
        if wanted.all:
            return [read_value(value, wanted.form) for value in found]
        return read_value(found[-1], wanted.form) if found else None

    def all(self) -> list[JsonObject]:
        """The property `headers`: all fields in their order, Raw (RFC 8621 §4.1.3)."""
        return [{"name": name.decode("ascii"), "value": read_raw(value)} for name, value in self._fields]


def read_properties(header: HeaderFields, wanted: Iterable[tuple[str, HeaderProperty]]) -> JsonObject:
    """The value of each, under the name that the client wrote."""
    return {text: header.read(one) for text, one in wanted}
