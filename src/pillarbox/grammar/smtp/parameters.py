"""Parameters of MAIL and RCPT: `SIZE=1000 BODY=8BITMIME SMTPUTF8 …` (RFC 5321 §4.1.1.11); both ways.

esmtp-param = esmtp-keyword ["=" esmtp-value]
"""

import re

import msgspec

from pillarbox.model.envelope import BodyType
from pillarbox.model.errors import SyntaxProblem

_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~\u0080-\U0010FFFF]+))?")
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_NOT_XTEXT = re.compile(r"[^!-*,-<>-~]")


class UnknownParameter(SyntaxProblem):
    """A parameter that is not known here, or not for this command (555, RFC 5321 §4.1.1.11)."""


class MailParameters(msgspec.Struct, frozen=True):
    """Of MAIL: RFC 1870 §3, RFC 6152 §2, RFC 6531 §3.4, RFC 4954 §5, RFC 3461 §4.3 and §4.4."""

    size_octets: int | None = None
    body_type: BodyType = BodyType.SEVEN_BIT
    smtputf8: bool = False
    auth: str | None = None
    ret: str | None = None
    envid: str | None = None


class RcptParameters(msgspec.Struct, frozen=True):
    """Of RCPT: RFC 3461 §4.1 and §4.2."""

    notify: tuple[str, ...] = ()
    orcpt: str | None = None


def _split(text: str) -> list[tuple[str, str | None]]:
    pairs: list[tuple[str, str | None]] = []
    seen: set[str] = set()
    for word in text.split(" "):
        if not word:
            continue
        match = _PARAMETER.fullmatch(word)
        if match is None:
            raise SyntaxProblem("parameters as KEYWORD=VALUE")
        key = match[1].upper()
        if key in seen:
            raise SyntaxProblem(f"{key} once")
        seen.add(key)
        pairs.append((key, match[2]))
    return pairs


def parse_mail(text: str) -> MailParameters:
    """What follows the path of MAIL. Raises: SyntaxProblem, UnknownParameter."""
    if not text.strip(" "):
        return MailParameters()
    found: dict[str, object] = {}
    for key, value in _split(text):
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
            found[key.lower()] = decode_xtext(value or "")
        elif key == "RET":
            if value is None or value.upper() not in ("FULL", "HDRS"):
                raise SyntaxProblem("RET=FULL or RET=HDRS")
            found["ret"] = value.upper()
        else:
            raise UnknownParameter(f"a parameter of MAIL, not {key}")
    return msgspec.convert(found, MailParameters)


def parse_rcpt(text: str) -> RcptParameters:
    """What follows the path of RCPT. Raises: SyntaxProblem, UnknownParameter."""
    if not text.strip(" "):
        return RcptParameters()
    notify: tuple[str, ...] = ()
    orcpt = None
    for key, value in _split(text):
        if key == "NOTIFY":
            notify = tuple((value or "").upper().split(","))
            if not set(notify) <= {"NEVER", "SUCCESS", "FAILURE", "DELAY"} or ("NEVER" in notify and len(notify) > 1):
                raise SyntaxProblem("NOTIFY=NEVER, or some of SUCCESS,FAILURE,DELAY")
        elif key == "ORCPT":
            kind, _, address = (value or "").partition(";")
            if not kind or not address:
                raise SyntaxProblem("ORCPT=type;address")
            orcpt = f"{kind};{decode_xtext(address)}"
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
    return out


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
