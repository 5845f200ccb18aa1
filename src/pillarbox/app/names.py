"""Domain names and addresses as an operator writes them; what is none is refused in words for people."""

import re

from pillarbox.grammar.smtp.path import parse_address
from pillarbox.model.address import Address, domain_key
from pillarbox.model.errors import Invalid, SyntaxProblem

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


def read_domain(text: str) -> str:
    """Lower-case A-labels of letters, digits and hyphens (RFC 5321 §4.1.2). Raises: Invalid."""
    try:
        name = domain_key(text)
    except (ValueError, UnicodeError):
        raise Invalid(f"{text!r} is no domain name") from None
    if not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise Invalid(f"{text!r} is no domain name")
    return name


def read_address(text: str) -> Address:
    """user@domain. Raises: Invalid."""
    try:
        return parse_address(text)
    except SyntaxProblem:
        raise Invalid(f"{text!r} is no address: user@domain is one") from None
