"""Octets in some charset as text. Never raises: what cannot be read becomes U+FFFD (RFC 7103 §8).

The text has no lone surrogates, so it can always be written as UTF-8.
"""

import codecs
import re

_ALIASES = {
    # RFC 2046 §4.1.2: what mail calls them, and what Python does; the web's superset where senders mean it.
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "ansi_x3.4-1968": "cp1252",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "unicode-1-1-utf-7": "utf-7",
    "utf8": "utf-8",
    "utf-8-mac": "utf-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "iso-8859-6-i": "iso-8859-6",
    "tis-620": "cp874",
    "x-mac-roman": "mac-roman",
    "macintosh": "mac-roman",
    "unknown-8bit": "utf-8",
    "x-unknown": "utf-8",
    "": "utf-8",
}

_NOT_OF_MAIL = frozenset(("idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"))
"""Codecs that Python has for itself: some raise or warn, some take the square of the length."""
_SURROGATE = re.compile("[\ud800-\udfff]")

_known: dict[str, str | None] = {}
_KNOWN_MOST = 500


def codec_name(charset: str) -> str | None:
    """Python's codec for a MIME charset, or None when it is unknown or no text codec."""
    key = charset.strip().strip("\"'").lower()
    if key not in _known:
        if len(_known) >= _KNOWN_MOST:
            _known.clear()
        try:
            found = codecs.lookup(_ALIASES.get(key, key))
            is_charset = getattr(found, "_is_text_encoding", True) and found.name not in _NOT_OF_MAIL
            _known[key] = found.name if is_charset else None
        except (LookupError, ValueError):
            _known[key] = None
    return _known[key]


def decode(octets: bytes, charset: str) -> str:
    """The text. UTF-8 is tried first where the charset is a single-octet Latin one or unknown: senders mislabel."""
    codec = _known.get(charset) or codec_name(charset)
    if codec in (None, "cp1252", "utf-8"):
        try:
            return octets.decode("utf-8")
        except UnicodeDecodeError:
            codec = "utf-8" if codec == "utf-8" else "cp1252"
    text = octets.decode(codec or "utf-8", "replace")
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text) if codec == "utf-7" else text
