"""Envelope objects (RFC 8621 §7): an envelope of SMTP as JSON, both ways.

    Envelope = {"mailFrom": Address, "rcptTo": Address[]}     Address = {"email": String, "parameters": Object|null}

Parameters are those of MAIL and RCPT, without the encodings that they have on the wire (RFC 3461 §4).
"""

import msgspec

from pillarbox.grammar.jmap.ijson import JsonObject
from pillarbox.grammar.smtp.parameters import MailParameters, RcptParameters, read_mail, read_rcpt
from pillarbox.grammar.smtp.path import parse_address
from pillarbox.model.address import Address
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.submission import EnvelopeAddress, SubmissionEnvelope


class ReadEnvelope(msgspec.Struct, frozen=True):
    """An envelope as it was given, and what it says. `reverse_path` None is the null one, which is "" here;
    `recipients` are the addresses of `named.rcpt_to`, None for what is none. Who is named twice is there once."""

    named: SubmissionEnvelope
    reverse_path: Address | None
    recipients: tuple[Address | None, ...]
    mail: MailParameters
    rcpt: tuple[RcptParameters, ...]


class NoReversePath(SyntaxProblem):
    """The address of `mailFrom` is none."""


def parse(value: object) -> ReadEnvelope:
    """Raises: SyntaxProblem; UnknownParameter, NoReversePath."""
    match value:
        case {"mailFrom": mail_from, "rcptTo": list(rcpt_to), **others} if not others:
            sender = _address(mail_from)
            recipients = {one.text: one for one in map(_address, rcpt_to)}
        case _:
            raise SyntaxProblem("an Envelope")
    try:
        reverse_path = parse_address(sender.text) if sender.text else None
    except SyntaxProblem:
        raise NoReversePath("an address, or none, in mailFrom") from None
    return ReadEnvelope(
        SubmissionEnvelope(sender, tuple(recipients.values())),
        reverse_path,
        tuple(map(_parsed, recipients)),
        read_mail(_pairs(sender)),
        tuple(read_rcpt(_pairs(one)) for one in recipients.values()),
    )


def format(envelope: SubmissionEnvelope) -> JsonObject:
    """The object."""
    return {"mailFrom": _object(envelope.mail_from), "rcptTo": [_object(one) for one in envelope.rcpt_to]}


def _address(value: object) -> EnvelopeAddress:
    match value:
        case {"email": str(email), **others} if not others.keys() - {"parameters"} and "\0" not in email:
            parameters = others.get("parameters")
        case _:
            raise SyntaxProblem("an Address with its email")
    if parameters is None:
        return EnvelopeAddress(email)
    if not isinstance(parameters, dict):
        raise SyntaxProblem("an object of parameters, or null")
    if not all(isinstance(one, str | None) for one in parameters.values()):
        raise SyntaxProblem("a string or null as the value of a parameter")
    return EnvelopeAddress(email, parameters)


def _pairs(address: EnvelopeAddress) -> list[tuple[str, str | None]]:
    return [(name.upper(), value) for name, value in (address.parameters or {}).items()]


def _parsed(text: str) -> Address | None:
    try:
        return parse_address(text)
    except SyntaxProblem:
        return None


def _object(address: EnvelopeAddress) -> JsonObject:
    return {"email": address.text, "parameters": address.parameters}
