"""The order of texts: i;unicode-casemap, which all of IMAP sorts by (RFC 5051 §2, RFC 5256 §7)."""

import unicodedata


def collation_key(text: str) -> str:
    """What two texts are compared by: letters in title case, and taken apart. Code points and their UTF-8 octets have
    one order, so the keys need not be encoded."""
    if text.isascii():
        return text.upper()
    return unicodedata.normalize("NFKD", "".join(map(_title, text)))


def _title(letter: str) -> str:
    """The simple mapping: one letter for one."""
    title = letter.title()
    return title if len(title) == 1 else letter
