"""Identity objects (RFC 8621 §6): what is in them as a `model.identity`, both ways.

EmailAddress = {"name": String|null, "email": String}         replyTo, bcc: EmailAddress[]|null
"""

from collections.abc import Mapping

from pillarbox.grammar.jmap.ijson import JsonObject
from pillarbox.grammar.smtp.path import parse_address
from pillarbox.model.address import Address
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.identity import IdentityText, NamedAddress

TEXT_DEFAULTS: JsonObject = {"name": "", "replyTo": None, "bcc": None, "textSignature": "", "htmlSignature": ""}


class WrongProperties(SyntaxProblem):
    """Some of an object's properties are not what they must be; `names` are all of them."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(f"right values of {', '.join(names)}")
        self.names = tuple(names)


def parse_text(value: Mapping[str, object]) -> IdentityText:
    """What an owner may change; all five properties must be there. Raises: WrongProperties."""
    wrong = [name for name in ("name", "textSignature", "htmlSignature") if not _is_text(value[name])]
    addresses: dict[str, tuple[NamedAddress, ...] | None] = {}
    for name in ("replyTo", "bcc"):
        try:
            addresses[name] = _addresses(value[name])
        except SyntaxProblem:
            wrong.append(name)
    if wrong:
        raise WrongProperties(wrong)
    return IdentityText(
        str(value["name"]),
        addresses["replyTo"],
        addresses["bcc"],
        str(value["textSignature"]),
        str(value["htmlSignature"]),
    )


def parse_email(value: object) -> Address:
    """The address that it is of; `*@example.org` is one too, of somebody who may send as anybody there.

    Raises: WrongProperties.
    """
    try:
        return parse_address(value if isinstance(value, str) else "")
    except SyntaxProblem:
        raise WrongProperties(["email"]) from None


def format_text(text: IdentityText) -> JsonObject:
    """The properties of `parse_text`."""
    return {
        "name": text.name,
        "replyTo": _objects(text.reply_to),
        "bcc": _objects(text.bcc),
        "textSignature": text.text_signature,
        "htmlSignature": text.html_signature,
    }


def _is_text(value: object) -> bool:
    return isinstance(value, str) and "\0" not in value


def _addresses(value: object) -> tuple[NamedAddress, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        raise SyntaxProblem("an array of EmailAddresses")
    return tuple(map(_address, value))


def _address(value: object) -> NamedAddress:
    match value:
        case {"email": str(email), **others} if not others.keys() - {"name"} and "\0" not in email:
            name = others.get("name")
        case _:
            raise SyntaxProblem("an EmailAddress")
    if not isinstance(name, str | None) or "\0" in (name or ""):
        raise SyntaxProblem("a name, or null")
    return NamedAddress(name, email)


def _objects(addresses: tuple[NamedAddress, ...] | None) -> list[JsonObject] | None:
    return None if addresses is None else [{"name": one.name, "email": one.address} for one in addresses]
