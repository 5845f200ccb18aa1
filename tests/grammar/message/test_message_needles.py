"""Words of texts, and needles: what an index of words says agrees with a look at the text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.grammar.message.text import fold
from pillarbox.grammar.message.words import WORD_OCTETS, Needle, Word, inner_words, is_unspaced, words_of


def knows(text: str, word: Word) -> bool:
    """What an index says of a text."""
    wanted = word.text.encode()
    return any(one == wanted or (word.is_beginning and one.startswith(wanted)) for one in words_of(text))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ""),
        ("to be, or not to be", "to be or not"),
        ("snake_case e-mail x@y.z", "snake case e mail x y z"),
        ("“grüße”—ça\u00a0va", "grüße ça va"),
        ("会議の予定", "会議 議の の予 予定 定"),
        ("abc会x", "abc 会 x"),
        ("สวัสดี", "สว วั ัส สด ดี ี"),
        ("हिन्दी।", "हिन्दी"),
        ("a" * 100, "a" * WORD_OCTETS),
        ("é" * 100, "é" * (WORD_OCTETS // 2)),
        ("x" + "é" * 100, "x" + "é" * 31),
        ("\N{GRINNING FACE} ?!", ""),
    ],
)
def test_the_words_of_a_text(text: str, words: str):
    assert words_of(text) == {word.encode() for word in words.split()}


@pytest.mark.parametrize(
    ("needle", "is_phrase", "text", "found"),
    [
        ("foo", False, "foo", True),
        ("foo", False, "a (foobar)", True),
        ("foo", False, "xfoo éfoo 1foo", False),
        ("foo", False, "x_foo", True),
        ("foo", False, "会foo", True),
        ("foo", True, "foobar", False),
        ("foo", True, "foo.", True),
        ("foo", True, "foo会", True),
        ("the rest", True, "is the \r\n rest", True),
        ("the rest", True, "is the restless", False),
        ("a a", False, "xa a\na", True),
        ("a a", False, "xa xa a", False),
        ("a " * 20, True, "x " + "a\n" * 20, True),
        ("a " * 20, True, "x " + "a\n" * 19, False),
        ("the  rest", False, "is the restless", True),
        ("bob@far.test", False, "<bob@far.test>", True),
        ("bob@far.test", False, "bob at far.test", False),
        ("@far", False, "bob@far.test", True),
        ("c++", False, "c+ and c++", True),
        ("議の", False, "会議の", True),
        ("議会", False, "会議の", False),
        ("\u0301a", False, "e\u0301a", False),
        ("", False, "", True),
        (" ", False, "x", True),
    ],
)
def test_where_a_needle_stands(needle: str, is_phrase: bool, text: str, found: bool):
    assert Needle(needle, is_phrase=is_phrase).is_in(text) is found


def test_places_are_from_left_to_right_and_none_in_another():
    assert list(Needle("ab").places("ab xab abab ab")) == [(0, 2), (7, 9), (12, 14)]
    assert list(Needle("のの").places("のののの")) == [(0, 2), (2, 4)]
    assert list(Needle("").places("x")) == []


@pytest.mark.parametrize(
    ("needle", "is_phrase", "words", "is_decided"),
    [
        ("foo", False, [Word("foo", True)], True),
        ("foo", True, [Word("foo")], True),
        ("foo.", False, [Word("foo")], False),
        ("foo bar", False, [Word("foo"), Word("bar", True)], False),
        ("会", False, [Word("会", True)], True),
        ("会議", False, [Word("会議")], True),
        ("会議の", True, [Word("会議"), Word("議の")], False),
        ("会x", False, [Word("会", True), Word("x", True)], False),
        ("@", False, [], False),
        ("a" * 80, True, [Word("a" * 60, True)], False),
    ],
)
def test_what_an_index_is_asked(needle: str, is_phrase: bool, words: list[Word], is_decided: bool):
    made = Needle(needle, is_phrase=is_phrase)
    assert (list(made.words), made.is_decided) == (words, is_decided)


def test_inner_words_do_not_touch_the_ends():
    assert inner_words("x foo y") == [Word("foo")]
    assert inner_words("foo") == inner_words("foo bar") == []
    assert inner_words(" foo ") == [Word("foo")]
    assert inner_words("会議の") == [Word("会議"), Word("議の")]
    assert inner_words(f" {'a' * 70} ") == [Word("a" * 60, True)]


def test_scripts_without_spaces():
    assert is_unspaced("会議") and is_unspaced("ไทย")
    assert not is_unspaced("한국어") and not is_unspaced("a会") and not is_unspaced("")


letters = st.sampled_from("ab1 _-.@é\u0301会議の予ไัहि।한“\n")
texts = st.text(letters, max_size=40) | st.text("abé", min_size=55, max_size=80)


@given(texts, texts, st.booleans(), st.data())
def test_an_index_names_all_texts_and_decides_where_it_says_so(text: str, other: str, is_phrase: bool, data):
    text, low = fold(text), data.draw(st.integers(0, 40))
    for piece in (fold(other), fold(text[low : low + data.draw(st.integers(0, 70))])):
        needle = Needle(piece, is_phrase=is_phrase)
        if needle.is_in(text):
            assert all(knows(text, word) for word in needle.words)
        elif needle.is_decided:
            assert not knows(text, needle.words[0])
        if piece in text:
            assert all(knows(text, word) for word in inner_words(piece))


@given(st.text(max_size=60), st.text(max_size=5), st.booleans())
def test_any_text_and_any_needle(text: str, needle: str, is_phrase: bool):
    text, made = fold(text), Needle(fold(needle), is_phrase=is_phrase)
    if made.is_in(text):
        assert all(knows(text, word) for word in made.words)
    elif made.is_decided:
        assert not knows(text, made.words[0])
    for word in words_of(text):
        assert 0 < len(word) <= WORD_OCTETS and not word.decode().isspace()
