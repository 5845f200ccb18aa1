"""Conversations of a mailbox, from what its messages say of each other (RFC 5256 §3): pure, and without recursion.

What it costs grows with the number of references, however they lie: chains as long as the mailbox, loops, a thousand
messages that all answer one. It is done in pieces (`core.finding.pieces`). What must never happen: a message that is its own
ancestor.
"""

from collections.abc import Mapping, Sequence

import msgspec

from pillarbox.core.finding.pieces import Pieces, in_order
from pillarbox.grammar.message.collation import collation_key
from pillarbox.grammar.message.subject import read_subject
from pillarbox.model.arrangement import Forest

LINKS = 1_000
"""References, or nodes, looked at between two turns."""
SUBJECTS = 200
NUMBERS = 3_000


class Letter(msgspec.Struct, frozen=True, gc=False):
    """What threading looks at. `sent` may be in any unit; `identifier` is empty where there is none; `references` go
    from the oldest to the one that is answered; `subject` is the raw field."""

    uid: int
    sent: int
    identifier: str
    references: tuple[str, ...]
    subject: bytes


def by_subject(letters: Sequence[Letter]) -> Pieces[Forest]:
    """ORDEREDSUBJECT: the first of a base subject is answered by all others. `letters` are in mailbox order."""
    order = yield from in_order(range(len(letters)), lambda node: letters[node].sent)
    first_of: dict[str, int] = {}
    children: dict[int, list[int]] = {}
    for count, node in enumerate(order, start=1):
        first = first_of.setdefault(collation_key(read_subject(letters[node].subject)[0]), node)
        if first != node:
            children.setdefault(first, []).append(node)
        if count % SUBJECTS == 0:
            yield
    return (yield from _forest(letters, len(letters), children, list(first_of.values())))


def by_references(letters: Sequence[Letter]) -> Pieces[Forest]:
    """REFERENCES: who answers whom, then threads of one subject together. `letters` are in mailbox order."""
    links = _Links(letters)
    yield from links.make()
    yield from _prune(links.parents, len(letters))
    tree = _Tree(letters)
    yield from tree.grow(links.parents)
    yield from tree.merge()
    return (yield from _forest(letters, tree.count, tree.children, tree.roots))


def _forest(
    letters: Sequence[Letter], count: int, children: Mapping[int, Sequence[int]], roots: Sequence[int]
) -> Pieces[Forest]:
    numbers: list[int] = []
    below: list[Sequence[int]] = []
    for start in range(0, count, NUMBERS):
        numbers += [letter.uid for letter in letters[start : start + NUMBERS]]
        below += [children.get(node, ()) for node in range(start, min(start + NUMBERS, count))]
        yield
    numbers += [0] * (count - len(letters))
    return Forest(numbers, below, roots)


class _Links:
    """Step 1: parents, -1 for none. Nodes are the letters, then a dummy for each identifier that none of them has.

    A letter's own last reference is its parent, whatever was found before (step 1.B): so a link to a letter whose turn
    is still to come would be broken then, and is not made. No link is ever broken, therefore, and a set of joined trees
    is enough to see a loop: a node without a parent is the root of its tree, and it is above all that is in it.
    """

    def __init__(self, letters: Sequence[Letter]) -> None:
        self._letters = letters
        self._count = len(letters)
        self.parents = [-1] * self._count
        self._joined = list(range(self._count))
        self._named: dict[str, int] = {}

    def make(self) -> Pieces[None]:
        for node, letter in enumerate(self._letters):
            if letter.identifier:
                self._named.setdefault(letter.identifier, node)
            if node % NUMBERS == 0:
                yield
        left = LINKS
        for node, letter in enumerate(self._letters):
            self._add(node, letter)
            left -= len(letter.references) + 1
            if left < 0:
                left = LINKS
                yield

    def _add(self, node: int, letter: Letter) -> None:
        last = -1
        for identifier in letter.references:
            found = self._node(identifier)
            if last >= 0 and not node <= found < self._count:
                self._link(last, found)
            last = found
        if last >= 0:
            self._link(last, node)

    def _node(self, identifier: str) -> int:
        node = self._named.get(identifier)
        if node is None:
            node = self._named[identifier] = len(self.parents)
            self.parents.append(-1)
            self._joined.append(node)
        return node

    def _link(self, parent: int, child: int) -> None:
        if self.parents[child] >= 0:
            return
        tree = self._tree(parent)
        if tree != self._tree(child):
            self.parents[child] = parent
            self._joined[self._tree(child)] = tree

    def _tree(self, node: int) -> int:
        joined = self._joined
        while joined[node] != node:
            joined[node] = joined[joined[node]]
            node = joined[node]
        return node


def _prune(parents: list[int], letters: int) -> Pieces[None]:
    """Steps 2 and 3: above a letter stands the next letter, or the dummy at the top."""
    left = LINKS
    for node in range(letters):
        parent = parents[node]
        passed = []
        while parent >= letters and parents[parent] >= 0:
            passed.append(parent)
            parent = parents[parent]
            left -= 1
            if left < 0:
                left = LINKS
                yield
        for dummy in passed:
            parents[dummy] = parent
        parents[node] = parent
        left -= 1
        if left < 0:
            left = LINKS
            yield


class _Tree:
    """Children and roots, all by the moment that a message was sent, then by its place; a dummy goes where its first
    child does. Dummies are numbered anew, behind the letters: those that are left are few."""

    def __init__(self, letters: Sequence[Letter]) -> None:
        self._letters = letters
        self._ranks = [0] * len(letters)
        self.count = len(letters)
        self.children: dict[int, list[int]] = {}
        self.roots: list[int] = []

    def grow(self, parents: Sequence[int]) -> Pieces[None]:
        """Steps 3 and 4. In the order of letters each is the last child so far."""
        letters, ranks = self._letters, self._ranks
        order = yield from in_order(range(len(letters)), lambda node: letters[node].sent)
        dummies: dict[int, int] = {}
        for rank, node in enumerate(order):
            ranks[node] = rank
            parent = parents[node]
            if parent >= len(letters):
                if parent not in dummies:
                    dummies[parent] = self._add_dummy([])
                    self.roots.append(dummies[parent])
                parent = dummies[parent]
            if parent < 0:
                self.roots.append(node)
            else:
                self.children.setdefault(parent, []).append(node)
            if rank % LINKS == 0:
                yield
        for place, root in enumerate(self.roots):
            if root >= len(letters) and len(self.children[root]) == 1:
                self.roots[place] = self.children.pop(root)[0]
            if place % NUMBERS == 0:
                yield

    def _add_dummy(self, children: list[int]) -> int:
        self.children[self.count] = children
        self.count += 1
        return self.count - 1

    def _first(self, node: int) -> int:
        """The node itself, or of a dummy its first child."""
        return node if node < len(self._letters) else self.children[node][0]

    def _rank(self, node: int) -> int:
        return self._ranks[self._first(node)]

    def merge(self) -> Pieces[None]:
        """Steps 5 and 6: threads of one subject become one."""
        keys: dict[int, str] = {}
        answers: dict[int, bool] = {}
        heads: dict[str, int] = {}
        for count, root in enumerate(self.roots, start=1):
            base, answers[root] = read_subject(self._letters[self._first(root)].subject)
            key = keys[root] = collation_key(base)
            old = heads.setdefault(key, root)
            if old < len(self._letters) and (root >= len(self._letters) or (answers[old] and not answers[root])):
                heads[key] = root
            if count % SUBJECTS == 0:
                yield
        merged = dict.fromkeys(self.roots)
        touched: dict[int, None] = {}
        for count, root in enumerate(self.roots, start=1):
            key = keys[root]
            if key and root in merged and heads[key] != root:
                heads[key] = self._join(heads[key], root, merged, answers)
                touched[heads[key]] = None
            if count % LINKS == 0:
                yield
        for count, node in enumerate(touched, start=1):
            self.children[node] = yield from in_order(self.children[node], self._rank)
            if count % LINKS == 0:
                yield
        self.roots = yield from in_order(merged, self._rank)

    def _join(self, head: int, root: int, merged: dict[int, None], answers: Mapping[int, bool]) -> int:
        """Put a thread below another of its subject, or both below a new dummy: what stands at the top then."""
        del merged[root]
        is_dummy = root >= len(self._letters)
        if head >= len(self._letters):
            self.children[head] += self.children.pop(root) if is_dummy else [root]
            return head
        if answers[root] and not answers[head]:
            self.children.setdefault(head, []).append(root)
            return head
        del merged[head]
        head = self._add_dummy([head, root])
        merged[head] = None
        return head
