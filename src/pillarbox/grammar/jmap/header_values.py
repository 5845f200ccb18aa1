"""Writes a value in one of the forms of RFC 8621 §4.1.2 as the text behind a field's name and colon.

What a client hands in never begins a field of its own: line ends stand where we fold, or where a Raw value folds.
Addresses need not be ones that mail could be sent to, as a draft may be half finished (RFC 8621 §4.6).
"""

import re
from typing import assert_never

from pillarbox.grammar.jmap.dates import parse_date
from pillarbox.grammar.jmap.header_forms import Form
from pillarbox.grammar.message import date, encoded_word
from pillarbox.grammar.message.address_list import format_name
from pillarbox.grammar.message.header import fold_words
from pillarbox.grammar.message.message_id import format_ids
from pillarbox.grammar.smtp.path import parse_address
from pillarbox.model.errors import SyntaxProblem

LINE_OCTETS = 998
"""RFC 5322 §2.1.1, without CRLF."""
TEXT_MOST = 100_000
"""Characters of one value of text; encoding more would keep others waiting."""
NAME_MOST = 5_000
"""Characters of a display name."""
_WORD_MOST = 200
"""A word of plain text that is longer goes encoded, in pieces: it must not make a line too long."""

_FOLDED = re.compile(r"\r\n(?=[ \t]+[^ \t\r\n])")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NO_ADDRESS = re.compile(r"[\x00-\x1f\x7f]")
_BARE = re.compile(r"[^\s()<>@,;:\\\"\[\].]+(?:[.@][^\s()<>@,;:\\\"\[\].]+)*")
_NAMELESS = '""'
_ID = re.compile(r"[^\s<>()\x00-\x1f\x7f]{1,900}")
_URL = re.compile(r"[^\s<>\x00-\x1f\x7f]{1,900}")


def write_value(name: str, value: object, form: Form) -> str | None:
    """What follows `name:`; None when the value says that there is no such field (null, no addresses, no ids).

    Raises: SyntaxProblem when it is no value of the form.
    """
    if value is None or value == []:
        return None
    match form:
        case Form.RAW:
            return _raw(name, value)
        case Form.TEXT:
            return " " + write_text(_string(value), len(name) + 2)
        case Form.DATE:
            return " " + date.format(parse_date(value))
        case Form.MESSAGE_IDS:
            return " " + format_ids(_strings(value, _ID))
        case Form.URLS:
            return " " + ",\r\n ".join(f"<{url}>" for url in _strings(value, _URL))
        case Form.ADDRESSES:
            return " " + _addresses(value, len(name) + 2)
        case Form.GROUPED_ADDRESSES:
            return " " + ",\r\n ".join(_group(group, len(name) + 2) for group in _list(value))
        case _:
            assert_never(form)


def write_text(text: str, used: int) -> str:
    """Text as it is where a line can hold it, else as encoded words; `used` characters stand before it.

    Raises: SyntaxProblem when it is far too long.
    """
    if len(text) > TEXT_MOST:
        raise SyntaxProblem(f"at most {TEXT_MOST} characters")
    words = text.split(" ")
    is_plain = "" not in words and max(map(len, words)) <= _WORD_MOST
    return fold_words(encoded_word.encode(text, always=not is_plain and bool(text)), used)


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise SyntaxProblem("a string")
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise SyntaxProblem("an array")
    return value


def _strings(value: object, what: re.Pattern[str]) -> list[str]:
    found = [_string(item) for item in _list(value)]
    if not all(what.fullmatch(item) for item in found):
        raise SyntaxProblem("an identifier or a URL, without angle brackets")
    return found


def _raw(name: str, value: object) -> str:
    """Line ends may fold, nothing else; a line of white space alone would end the header for some."""
    text = _string(value)
    lines = _FOLDED.split(text)
    if any(_CONTROL.search(line) for line in lines):
        raise SyntaxProblem("a value without control characters, folded by CRLF and a space if at all")
    if max(len(line.encode("utf-8", "replace")) for line in lines) + len(name) + 1 > LINE_OCTETS:
        raise SyntaxProblem(f"lines of at most {LINE_OCTETS} octets")
    return text


def _addresses(value: object, used: int) -> str:
    return ",\r\n ".join(fold_words(_address(item), used) for item in _list(value))


def _address(value: object) -> str:
    match value:
        case {"email": str(email), **others} if not others.keys() - {"name"}:
            name = others.get("name")
        case _:
            raise SyntaxProblem("an EmailAddress")
    if not isinstance(name, str | None):
        raise SyntaxProblem("a name, or null")
    spec = _spec(email)
    shown = _name(name or "")
    if shown:
        return f"{shown} <{spec}>"
    return spec if spec else "<>"


def _name(name: str) -> str:
    """White space around and runs of it say nothing in a name (RFC 8621 §4.1.2.3), and would fold badly."""
    if len(name) > NAME_MOST:
        raise SyntaxProblem(f"a name of at most {NAME_MOST} characters")
    name = " ".join(name.split())
    if max(map(len, name.split(" "))) > _WORD_MOST:
        return encoded_word.encode(name, always=True)
    return format_name(name) if name else ""


def _spec(email: str) -> str:
    """An address as it is; what is none, but would be taken for more than one, is quoted as a whole."""
    if len(email) > LINE_OCTETS // 4:
        raise SyntaxProblem("a shorter address")
    if _NO_ADDRESS.search(email) is not None:
        raise SyntaxProblem("an address without control characters")
    if not email or _BARE.fullmatch(email):
        return email
    try:
        parse_address(email)
    except SyntaxProblem:
        return '"' + email.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return email


def _group(value: object, used: int) -> str:
    match value:
        case {"name": str() | None as name, "addresses": list(addresses), **others} if not others:
            inside = _addresses(addresses, used)
        case _:
            raise SyntaxProblem("an EmailAddressGroup")
    if name is None:
        return inside
    return f"{_name(name) or _NAMELESS}: {inside};"
