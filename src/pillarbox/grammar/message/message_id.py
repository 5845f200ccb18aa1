"""Message-ID, In-Reply-To, References: `<left@right>` (RFC 5322 §3.6.4)."""

import re

_ID = re.compile(rb"<\s*([^<>\s]+(?:\s+[^<>\s]+)*)\s*>")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def parse_ids(value: bytes) -> list[str]:
    """All identifiers of a field value, without angle brackets, in order; what stands between them is passed over."""
    return [b"".join(found.split()).decode("utf-8", "replace") for found in _ID.findall(value)]


def without_quotes(identifier: str) -> str:
    """The identifier as one text, whether its left side was quoted or not (RFC 5256 §3)."""
    return _QUOTED.sub(lambda match: _ESCAPE.sub(r"\1", match[1]), identifier) if '"' in identifier else identifier


def format_ids(ids: list[str]) -> str:
    """The field's value, one identifier a line where there are several."""
    return "\r\n ".join(f"<{identifier}>" for identifier in ids)


def make(left: str, domain: str) -> str:
    """A new identifier, without angle brackets; `left` must be unique within `domain`."""
    return f"{left}@{domain}"
