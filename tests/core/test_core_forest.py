"""Conversations from References and subjects (RFC 5256 §3): examples, a plain reading of the steps, and hostile mail."""

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from in_pieces import done

from pillarbox.core.finding.forest import Letter, by_references, by_subject
from pillarbox.grammar.imap.responses.thread import format_thread
from pillarbox.model.arrangement import Forest


def letter(uid: int, name: str, *references: str, subject: str = "", sent: int | None = None) -> Letter:
    return Letter(uid, uid if sent is None else sent, name, references, subject.encode())


def text(forest: Forest) -> str:
    return b"".join(format_thread(forest)).decode().removeprefix("* THREAD").strip()


def threads(*letters: Letter) -> str:
    return text(done(by_references(letters)))


# --- step by step ----------------------------------------------------------------------------------------------------


def test_replies_hang_on_what_they_answer():
    assert threads(letter(1, "a"), letter(2, "b", "a"), letter(3, "c", "a", "b"), letter(4, "d", "a")) == "(1 (2 3)(4))"


def test_what_is_missing_holds_together_what_answers_it():
    assert threads(letter(1, "b", "gone"), letter(2, "c", "gone")) == "((1)(2))"
    assert threads(letter(1, "b", "x", "y", "z")) == "(1)"
    assert threads(letter(1, "a"), letter(2, "c", "a", "gone")) == "(1 2)"


def test_a_reference_that_was_cut_off_does_not_take_a_message_from_its_parent():
    assert threads(letter(1, "a"), letter(2, "b", "a"), letter(3, "c", "b"), letter(4, "d", "a", "c")) == "(1 2 3 4)"


def test_the_last_reference_is_the_parent_whatever_others_have_said():
    assert threads(letter(1, "c", "x", "b"), letter(2, "b", "a"), letter(3, "a")) == "(3 2 1)"


def test_a_message_that_comes_later_says_itself_that_it_answers_nobody():
    assert threads(letter(1, "c", "a", "b"), letter(2, "a"), letter(3, "b")) == "(2)(3 1)"
    assert threads(letter(1, "a"), letter(2, "b"), letter(3, "c", "a", "b")) == "(1 2 3)"


def test_of_two_messages_with_one_identifier_the_first_has_it():
    assert threads(letter(1, "a"), letter(2, "a"), letter(3, "b", "a")) == "(1 3)(2)"
    assert threads(letter(1, ""), letter(2, ""), letter(3, "b", "")) == "(1)(2)(3)"


def test_a_loop_is_not_closed():
    assert threads(letter(1, "a", "b"), letter(2, "b", "a")) == "(2 1)"
    assert threads(letter(1, "a", "a")) == "(1)"
    assert threads(letter(1, "a", "x", "y"), letter(2, "b", "y", "x")) == "((1)(2))"


def test_siblings_go_by_the_moment_they_were_sent_then_by_their_place():
    late, early, same = letter(2, "b", "a", sent=9), letter(3, "c", "a", sent=5), letter(4, "d", "a", sent=9)
    assert threads(letter(1, "a", sent=7), late, early, same) == "(1 (3)(2)(4))"
    assert threads(letter(1, "a", sent=7), letter(2, "b", sent=3)) == "(2)(1)"
    assert threads(letter(1, "a", sent=7), letter(2, "b", "gone", sent=9), letter(3, "c", "gone", sent=3)) == (
        "((3)(2))(1)"
    )


def test_threads_of_one_subject_become_one():
    new, reply = letter(1, "a", subject="trip"), letter(2, "b", subject="Re: TRIP")
    assert threads(new, reply) == "(1 2)"
    assert threads(letter(1, "a", subject="Re: trip"), letter(2, "b", subject="trip")) == "(2 1)"
    assert threads(new, letter(2, "b", subject="trip")) == "((1)(2))"
    assert threads(letter(1, "a", subject="Re: trip"), letter(2, "b", subject="Fwd: trip")) == "((1)(2))"
    assert threads(new, letter(2, "b", subject="Trip"), letter(3, "c", subject="Re: trip")) == "((1)(2)(3))"
    pair = letter(3, "c", "gone", subject="trip"), letter(4, "d", "gone", subject="x")
    assert threads(new, *pair) == "((1)(3)(4))"
    other = letter(5, "e", "lost", subject="trip"), letter(6, "f", "lost", subject="y")
    assert threads(*pair, *other) == "((3)(4)(5)(6))"
    assert threads(letter(1, "a"), letter(2, "b"), letter(3, "c", subject="Re:")) == "(1)(2)(3)"


def test_the_order_of_subjects():
    letters = [
        letter(1, "", subject="trip", sent=5),
        letter(2, "", subject="Re: other", sent=4),
        letter(3, "", subject="Re: trip", sent=9),
        letter(4, "", subject="TRIP", sent=7),
        letter(5, "", subject="", sent=8),
    ]
    assert text(done(by_subject(letters))) == "(2)(1 (4)(3))(5)"
    assert text(done(by_subject([]))) == text(done(by_references([]))) == ""


# --- a plain reading of steps 1 to 4 and 6, for mail that does not contradict itself ----------------------------------


class Node:
    def __init__(self, letter: Letter | None) -> None:
        self.letter = letter
        self.parent: Node | None = None
        self.children: list[Node] = []

    def is_above(self, other: "Node | None") -> bool:
        while other is not None:
            if other is self:
                return True
            other = other.parent
        return False

    def cut(self) -> None:
        if self.parent is not None:
            self.parent.children.remove(self)
            self.parent = None

    def hang_on(self, parent: "Node") -> None:
        if not self.is_above(parent):
            self.parent = parent
            parent.children.append(self)


def plain_threads(letters: list[Letter]) -> str:
    nodes: dict[object, Node] = {}
    mine: list[Node] = []
    for one in letters:
        key = one.identifier if one.identifier and one.identifier not in nodes else object()
        nodes[key] = Node(one)
        mine.append(nodes[key])
    for node in mine:
        assert node.letter is not None
        last = None
        for reference in node.letter.references:
            found = nodes.setdefault(reference, Node(None))
            if last is not None and found.parent is None:
                found.hang_on(last)
            last = found
        node.cut()
        if last is not None:
            node.hang_on(last)
    roots: list[Node] = []
    for node in nodes.values():
        if node.parent is None:
            kids = real_children(node)
            roots += [node] if node.letter is not None or len(kids) > 1 else kids
    return "".join(f"({plain_text(root)})" for root in sorted(roots, key=moment))


def real_children(node: Node) -> list[Node]:
    found = []
    for child in node.children:
        found += [child] if child.letter is not None else real_children(child)
    return sorted(found, key=moment)


def moment(node: Node) -> tuple[int, int]:
    first = node.letter or real_children(node)[0].letter
    assert first is not None
    return first.sent, first.uid


def plain_text(node: Node) -> str:
    kids = real_children(node)
    own = str(node.letter.uid) if node.letter is not None else ""
    if len(kids) == 1:
        return f"{own} {plain_text(kids[0])}"
    return own + (" " if own and kids else "") + "".join(f"({plain_text(kid)})" for kid in kids)


@st.composite
def mailboxes(draw: st.DrawFn) -> list[Letter]:
    """Messages that refer to older ones alone, in any order, some missing, some lists cut."""
    count = draw(st.integers(0, 12))
    parents = {n: draw(st.none() | st.integers(0, n - 1)) if n else None for n in range(count)}
    made = []
    for name in draw(st.permutations(range(count))):
        line: list[int] = []
        here = parents[name]
        while here is not None:
            line.insert(0, here)
            here = parents[here]
        kept = [one for one in line if draw(st.integers(0, 5))]
        if draw(st.integers(0, 4)):
            made.append((name, kept))
    return [
        Letter(uid, draw(st.integers(0, 3)), f"m{name}", tuple(f"m{one}" for one in kept), f"subject {uid}".encode())
        for uid, (name, kept) in enumerate(made, start=1)
    ]


@settings(max_examples=400, deadline=None)
@given(mailboxes())
def test_it_is_what_a_plain_reading_of_the_standard_gives(letters: list[Letter]):
    assert text(done(by_references(letters))) == plain_threads(letters)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 3),
            st.sampled_from(["", *"abcdef"]),
            st.lists(st.sampled_from("abcdefgh"), max_size=5),
            st.sampled_from(["", "x", "Re: x", "y", "Re: y"]),
        ),
        max_size=10,
    )
)
def test_every_message_is_told_once_whatever_they_claim(rows: list[tuple[int, str, list[str], str]]):
    letters = [
        Letter(uid, sent, name, tuple(references), subject.encode())
        for uid, (sent, name, references, subject) in enumerate(rows, start=1)
    ]
    for forest in (done(by_references(letters)), done(by_subject(letters))):
        met: list[int] = []
        waiting = list(forest.roots)
        while waiting:
            node = waiting.pop()
            met.append(node)
            assert forest.numbers[node] or len(forest.children[node]) > 1, "a dummy holds several together"
            waiting += forest.children[node]
        assert len(met) == len(set(met))
        assert sorted(forest.numbers[node] for node in met if forest.numbers[node]) == [one.uid for one in letters]


# --- hostile mail ----------------------------------------------------------------------------------------------------

MANY = 50_000


def chain() -> list[Letter]:
    return [letter(n, f"m{n}", f"m{n - 1}", subject=f"s{n}") for n in range(1, MANY + 1)]


def chain_from_its_end() -> list[Letter]:
    return [letter(n, f"m{n}", f"m{n + 1}", subject="Re: x") for n in range(1, MANY + 1)]


def ring() -> list[Letter]:
    return [
        letter(n, f"m{n}", f"m{n % MANY + 1}", f"m{(n * 7) % MANY}", f"m{n % MANY + 1}") for n in range(1, MANY + 1)
    ]


def comb_of_missing() -> list[Letter]:
    return [letter(n, f"m{n}", f"d{n - 1}", f"d{n}", subject=f"s{n % 100}") for n in range(1, MANY + 1)]


def all_answer_one() -> list[Letter]:
    return [letter(n, f"m{n}", "gone", subject="Re: x", sent=MANY - n) for n in range(1, MANY + 1)]


def one_subject() -> list[Letter]:
    return [letter(n, f"m{n}", subject="x") for n in range(1, MANY + 1)]


def pairs_of_one_subject() -> list[Letter]:
    return [letter(n, f"m{n}", f"d{n // 2}", subject="x") for n in range(1, MANY + 1)]


def noise() -> list[Letter]:
    chance = random.Random(5256)
    names = [f"m{n}" for n in range(MANY)]
    return [Letter(n, n, names[n - 1], tuple(chance.choices(names, k=10)), b"") for n in range(1, MANY + 1)]


@pytest.mark.parametrize(
    "make",
    [chain, chain_from_its_end, ring, comb_of_missing, all_answer_one, one_subject, pairs_of_one_subject, noise],
    ids=lambda make: make.__name__,
)
def test_hostile_mail_costs_what_its_size_is(make):
    letters = make()
    began = time.process_time()
    forest = done(by_references(letters))
    written = b"".join(format_thread(forest))
    assert time.process_time() - began < 20, "the square of it would take hours"
    assert sum(1 for number in forest.numbers if number) == MANY
    assert written.count(b"(") == written.count(b")")
