"""Parameters of MAIL and RCPT: `SIZE=1000 BODY=8BITMIME SMTPUTF8 …` (RFC 5321 §4.1.1.11); both ways.

esmtp-param = esmtp-keyword ["=" esmtp-value]

`read_mail` and `read_rcpt` take them as pairs too, with values that are decoded already.
"""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import msgspec

from pillarbox.model.envelope import BodyType, HoldRequest
from pillarbox.model.errors import SyntaxProblem

_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~\u0080-\U0010FFFF]+))?")
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_NOT_XTEXT = re.compile(r"[^!-*,-<>-~]")
_INTERVAL = re.compile(r"[1-9][0-9]{0,8}")
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)

Pair = tuple[str, str | None]
"""Keyword in capitals, and value."""


class UnknownParameter(SyntaxProblem):
    """A parameter that is not known here, or not for this command (555, RFC 5321 §4.1.1.11)."""


class MailParameters(msgspec.Struct, frozen=True):
    """Of MAIL: RFC 1870 §3, RFC 6152 §2, RFC 6531 §3.4, RFC 4954 §5, RFC 3461 §4.3 and §4.4, RFC 4865 §3."""

    size_octets: int | None = None
    body_type: BodyType = BodyType.SEVEN_BIT
    smtputf8: bool = False
    auth: str | None = None
    ret: str | None = None
    envid: str | None = None
    hold: HoldRequest | None = None


class RcptParameters(msgspec.Struct, frozen=True):
    """Of RCPT: RFC 3461 §4.1 and §4.2."""

    notify: tuple[str, ...] = ()
    orcpt: str | None = None


def _split(text: str) -> list[Pair]:
    pairs: list[Pair] = []
    for word in text.split(" "):
        if not word:
            continue
        match = _PARAMETER.fullmatch(word)
        if match is None:
            raise SyntaxProblem("parameters as KEYWORD=VALUE")
        pairs.append((match[1].upper(), match[2]))
    return pairs


def _once(pairs: Iterable[Pair]) -> Iterable[Pair]:
    seen: set[str] = set()
    for key, value in pairs:
        if key in seen:
            raise SyntaxProblem(f"{key} once")
        seen.add(key)
        yield key, value


def parse_mail(text: str) -> MailParameters:
    """What follows the path of MAIL. Raises: SyntaxProblem, UnknownParameter."""
    if not text.strip(" "):
        return MailParameters()
    return read_mail(_split(text), decode=decode_xtext)


def read_mail(pairs: Iterable[Pair], *, decode: Callable[[str], str] = str) -> MailParameters:
    """The parameters of MAIL from keywords and values. Raises: SyntaxProblem, UnknownParameter."""
    found: dict[str, object] = {}
    for key, value in _once(pairs):
        if key == "SIZE":
            if value is None or not (value.isascii() and value.isdigit()) or len(value) > 20:
                raise SyntaxProblem("SIZE=octets")
            found["size_octets"] = int(value)
        elif key == "BODY":
            try:
                found["body_type"] = BodyType((value or "").upper())
            except ValueError:
                raise SyntaxProblem("BODY=7BIT or BODY=8BITMIME") from None
        elif key == "SMTPUTF8":
            if value is not None:
                raise SyntaxProblem("SMTPUTF8 without a value")
            found["smtputf8"] = True
        elif key in ("AUTH", "ENVID"):
            found[key.lower()] = decode(value or "")
        elif key == "RET":
            if value is None or value.upper() not in ("FULL", "HDRS"):
                raise SyntaxProblem("RET=FULL or RET=HDRS")
            found["ret"] = value.upper()
        elif key in ("HOLDFOR", "HOLDUNTIL"):
            if "hold" in found:
                raise SyntaxProblem("HOLDFOR or HOLDUNTIL, not both")
            found["hold"] = _hold_for(value) if key == "HOLDFOR" else _hold_until(value)
        else:
            raise UnknownParameter(f"a parameter of MAIL, not {key}")
    return msgspec.convert(found, MailParameters)


def _hold_for(value: str | None) -> HoldRequest:
    """future-release-integer = %x31-39 *8DIGIT (RFC 4865 §3)."""
    if value is None or _INTERVAL.fullmatch(value) is None:
        raise SyntaxProblem("HOLDFOR=seconds, from 1 to 999999999")
    return HoldRequest(seconds=int(value))


def _hold_until(value: str | None) -> HoldRequest:
    """future-release-date-time = date-time, that of Internet timestamps (RFC 4865 §3, erratum 2040)."""
    if value is None or _DATE_TIME.fullmatch(value) is None:
        raise SyntaxProblem("HOLDUNTIL=date-time")
    try:
        return HoldRequest(until=datetime.fromisoformat(value.upper()).astimezone(UTC))
    except (ValueError, OverflowError):
        raise SyntaxProblem("HOLDUNTIL=date-time") from None


def parse_rcpt(text: str) -> RcptParameters:
    """What follows the path of RCPT. Raises: SyntaxProblem, UnknownParameter."""
    if not text.strip(" "):
        return RcptParameters()
    return read_rcpt(_split(text), decode=decode_xtext)


def read_rcpt(pairs: Iterable[Pair], *, decode: Callable[[str], str] = str) -> RcptParameters:
    """The parameters of RCPT from keywords and values. Raises: SyntaxProblem, UnknownParameter."""
    notify: tuple[str, ...] = ()
    orcpt = None
    for key, value in _once(pairs):
        if key == "NOTIFY":
            notify = tuple((value or "").upper().split(","))
            if not set(notify) <= {"NEVER", "SUCCESS", "FAILURE", "DELAY"} or ("NEVER" in notify and len(notify) > 1):
                raise SyntaxProblem("NOTIFY=NEVER, or some of SUCCESS,FAILURE,DELAY")
        elif key == "ORCPT":
            kind, _, address = (value or "").partition(";")
            if not kind or not address:
                raise SyntaxProblem("ORCPT=type;address")
            orcpt = f"{kind};{decode(address)}"
        else:
            raise UnknownParameter(f"a parameter of RCPT, not {key}")
    return RcptParameters(notify, orcpt)


def format_mail(parameters: MailParameters) -> str:
    """With a space before each; empty when there is none."""
    out = ""
    if parameters.size_octets is not None:
        out += f" SIZE={parameters.size_octets}"
    if parameters.body_type is not BodyType.SEVEN_BIT:
        out += f" BODY={parameters.body_type.value}"
    if parameters.smtputf8:
        out += " SMTPUTF8"
    if parameters.auth is not None:
        out += f" AUTH={encode_xtext(parameters.auth)}"
    if parameters.ret is not None:
        out += f" RET={parameters.ret}"
    if parameters.envid is not None:
        out += f" ENVID={encode_xtext(parameters.envid)}"
    if parameters.hold is not None:
        out += f" {format_hold(parameters.hold)}"
    return out


def format_hold(hold: HoldRequest) -> str:
    """`HOLDFOR=…` or `HOLDUNTIL=…`."""
    if hold.until is None:
        return f"HOLDFOR={hold.seconds}"
    return f"HOLDUNTIL={format_date_time(hold.until)}"


def format_date_time(moment: datetime) -> str:
    """`2026-11-24T10:00:00Z`: in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def format_rcpt(parameters: RcptParameters) -> str:
    """With a space before each; empty when there is none."""
    out = f" NOTIFY={','.join(parameters.notify)}" if parameters.notify else ""
    if parameters.orcpt is not None:
        kind, _, address = parameters.orcpt.partition(";")
        out += f" ORCPT={kind};{encode_xtext(address)}"
    return out


def decode_xtext(text: str) -> str:
    """`a+20b` → `a b` (RFC 3461 §4). Raises: SyntaxProblem."""
    if not text or "+" in _XTEXT.sub("", text):
        raise SyntaxProblem("xtext")
    return _XTEXT.sub(lambda m: chr(int(m[1], 16)), text)


def encode_xtext(text: str) -> str:
    """`a b` → `a+20b`; what is not ASCII stays, for SMTPUTF8."""
    return _NOT_XTEXT.sub(lambda m: f"+{ord(m[0]):02X}" if ord(m[0]) < 128 else m[0], text)
