"""Words of a folded text, for an index; and where a needle stands at the beginning of a word.

A word is a run of letters, marks and digits. Scripts that put no spaces between words (Han, kana, Thai and its
neighbours) have no words that could be told apart without a dictionary: there every character begins one, and the
index has each pair of neighbours, and the last character of a run by itself. Both ends, text and needle, are taken
apart here, so that what an index says of words is what a look at the text says.

All texts here are folded (`grammar.message.text.fold`).
"""

import re
from collections.abc import Iterator

import msgspec

WORDS_VERSION = 1
"""Grows when what `words_of` answers changes, so that an index can be made anew."""
WORD_OCTETS = 64
"""In UTF-8; of a longer word this much is known to the index."""
_SURE_OCTETS = WORD_OCTETS - 4
"""Never cut, and never what a cut word is."""

_PIECES_MOST = 16
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\ua9e0-\ua9ff\uaa60-\uaa7f\uf900-\ufaff\U00020000-\U0003ffff"
)
# Marks that belong to letters: Python's \w knows letters and digits alone.
_MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u0900-\u0963\u0966-\u0dff"
)
_LETTER = re.compile(rf"[^\W_{_UNSPACED}]|[{_MARKS}]")
_ODD = re.compile(rf"([{_UNSPACED}]+)|[^\x00-\x7f\w{_MARKS}{_UNSPACED}]+")
_RUN = re.compile(rf"((?:{_LETTER.pattern})+)|([{_UNSPACED}]+)")
_FIRST_UNSPACED = re.compile(f"[{_UNSPACED}]")
# Of ASCII letters and digits; every octet of another character is one of a word, for what is not has been taken out.
_APART = bytes(octet if octet >= 0x80 or bytes((octet,)).isalnum() else 0x20 for octet in range(256))


class Word(msgspec.Struct, frozen=True):
    """A word that the index must know, or with `is_beginning`, of which it must know one that begins so."""

    text: str
    is_beginning: bool = False


def words_of(text: str) -> set[bytes]:
    """The words of a text in UTF-8, each once, long ones cut; without ASCII white space or punctuation in them."""
    if not text.isascii():
        text = _ODD.sub(_apart, text)
    found = set(text.encode("utf-8", "replace").translate(_APART).split())
    if max(map(len, found), default=0) > WORD_OCTETS:
        found = {word if len(word) <= WORD_OCTETS else _cut(word) for word in found}
    return found


def _apart(match: re.Match[str]) -> str:
    run = match[1]
    return " " if run is None else f" {' '.join(_pairs(run))} "


def _pairs(run: str) -> list[str]:
    return [run[place : place + 2] for place in range(len(run))]


def _cut(word: bytes) -> bytes:
    return word[:WORD_OCTETS].decode("utf-8", "ignore").encode()


def inner_words(text: str) -> list[Word]:
    """The words that a text must have that has this one anywhere in it: those that do not touch its ends, where it
    may be a part of longer words."""
    found: list[Word] = []
    for match in _RUN.finditer(text):
        if match[2] is not None:
            found += map(Word, _pairs(match[2])[:-1])
        elif match.start() > 0 and match.end() < len(text):
            found.append(_word(match[0]))
    return found


def _word(text: str, *, is_beginning: bool = False) -> Word:
    """What is so long that the index may have cut it is looked for by its beginning."""
    octets = text.encode("utf-8", "replace")
    if len(octets) <= _SURE_OCTETS:
        return Word(text, is_beginning)
    return Word(octets[:_SURE_OCTETS].decode("utf-8", "ignore"), is_beginning=True)


class Needle:
    """A text to look for where a word begins; as a phrase, up to where one ends.

    `words` are those that the index must know of a text that has it; where `is_decided`, a text with the one has it.
    """

    __slots__ = ("_begins_word", "_ends_word", "_phrase", "is_decided", "text", "words")

    def __init__(self, text: str, *, is_phrase: bool = False) -> None:
        pieces = text.split()
        self.text = " ".join(pieces)
        # A pattern costs the product of both lengths at worst: of many pieces there is none.
        self._phrase = re.compile(r"\s+".join(map(re.escape, pieces))) if 1 < len(pieces) <= _PIECES_MOST else None
        self._begins_word = _is_letter(self.text[:1])
        self._ends_word = is_phrase and _is_letter(self.text[-1:])
        self.words = tuple(_needed(self.text, is_phrase))
        self.is_decided = len(self.words) == 1 and self.words[0].text == self.text

    def places(self, text: str) -> Iterator[tuple[int, int]]:
        """Where it stands in a text whose white space is single spaces, from left to right, none in another; the
        empty needle nowhere."""
        length = len(self.text)
        start = text.find(self.text) if length else -1
        while start >= 0:
            if self._is_apart(text, start, start + length):
                yield start, start + length
                start = text.find(self.text, start + length)
            else:
                start = text.find(self.text, start + 1)

    def _is_apart(self, text: str, start: int, end: int) -> bool:
        if self._begins_word and start > 0 and _is_letter(text[start - 1]):
            return False
        return not (self._ends_word and _is_letter(text[end : end + 1]))

    def is_in(self, text: str) -> bool:
        """Whether it stands anywhere, whatever white space is between its words; the empty needle stands everywhere."""
        if self._phrase is not None:
            match = self._phrase.search(text)
            while match is not None and not self._is_apart(text, match.start(), match.end()):
                match = self._phrase.search(text, match.start() + 1)
            return match is not None
        if " " in self.text:
            text = " ".join(text.split())
        return not self.text or next(self.places(text), None) is not None


def is_unspaced(text: str) -> bool:
    """Whether it begins with a character of a script that puts no spaces between words."""
    return _FIRST_UNSPACED.match(text) is not None


def _is_letter(character: str) -> bool:
    return _LETTER.match(character) is not None


def _needed(text: str, is_phrase: bool) -> Iterator[Word]:
    for match in _RUN.finditer(text):
        if match[2] is None:
            yield _word(match[0], is_beginning=match.end() == len(text) and not is_phrase)
        elif len(match[2]) == 1:
            yield Word(match[2], is_beginning=True)
        else:
            yield from map(Word, _pairs(match[2])[:-1])
