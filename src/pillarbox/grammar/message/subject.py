"""The base subject: what replies and forwards of one message have in common (RFC 5256 §2.1)."""

import re

from pillarbox.grammar.message.text import header_text

_SPACE = re.compile(r"\s+")
_TRAILER = re.compile(r"(?:\s|\(fwd\))+\Z", re.IGNORECASE)
_LEADER = re.compile(r"(?:\[[^\[\]]*\]\s*)*(?:re|fwd?)\s*(?:\[[^\[\]]*\]\s*)?:\s*", re.IGNORECASE)
_BLOB = re.compile(r"\[[^\[\]]*\]\s*")
_WRAPPED = re.compile(r"\[fwd:(.*)\]\Z", re.IGNORECASE | re.DOTALL)
TEXT_MOST = 1_000
"""A longer subject is looked at so far."""


def base_subject(value: bytes) -> str:
    """Of a raw field value: decoded, without `Re:`, `Fwd:`, `(fwd)`, list names in brackets; in lower case."""
    text = _SPACE.sub(" ", header_text(value[: TEXT_MOST * 4])).strip()[:TEXT_MOST]
    while True:
        text = _without_leaders(_TRAILER.sub("", text).strip())
        wrapped = _WRAPPED.match(text)
        if wrapped is None:
            return text.lower()
        text = wrapped[1].strip()


def _without_leaders(text: str) -> str:
    """Drop leaders, and blobs as long as something is left."""
    while True:
        leader = _LEADER.match(text) or _BLOB.match(text)
        if leader is None or (leader.re is _BLOB and leader.end() == len(text)):
            return text
        text = text[leader.end() :]
