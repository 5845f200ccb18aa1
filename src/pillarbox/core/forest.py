"""Conversations of a mailbox, from what its messages say of each other (RFC 5256 §3): pure, and without recursion.

What it costs grows with the number of references, however they lie: chains as long as the mailbox, loops, a thousand
messages that all answer one. What must never happen: a message that is its own ancestor.
"""

from collections.abc import Iterable, Sequence

import msgspec

from pillarbox.grammar.message.collation import collation_key
from pillarbox.grammar.message.subject import read_subject
from pillarbox.model.arrangement import Forest


class Letter(msgspec.Struct, frozen=True, gc=False):
    """What threading looks at. `sent` may be in any unit; `identifier` is empty where there is none; `references` go
    from the oldest to the one that is answered; `subject` is the raw field."""

    uid: int
    sent: int
    identifier: str
    references: tuple[str, ...]
    subject: bytes


def by_subject(letters: Sequence[Letter]) -> Forest:
    """ORDEREDSUBJECT: the first of a base subject is answered by all others. `letters` are in mailbox order."""
    order = sorted(range(len(letters)), key=lambda node: letters[node].sent)
    roots: dict[str, int] = {}
    children: list[list[int]] = [[] for _ in letters]
    for node in order:
        first = roots.setdefault(collation_key(read_subject(letters[node].subject)[0]), node)
        if first != node:
            children[first].append(node)
    return _forest(letters, len(letters), children, roots.values())


def by_references(letters: Sequence[Letter]) -> Forest:
    """REFERENCES: who answers whom, then threads of one subject together. `letters` are in mailbox order."""
    links = _Links(letters)
    children, roots = _pruned(links.parents, len(letters))
    order = _Order(letters, children)
    for siblings in children:
        siblings.sort(key=order.key)
    roots.sort(key=order.key)
    roots = _merged(letters, children, roots, order)
    return _forest(letters, len(children), children, roots)


def _forest(letters: Sequence[Letter], count: int, children: Iterable[list[int]], roots: Iterable[int]) -> Forest:
    numbers = (*(letter.uid for letter in letters), *(0 for _ in range(count - len(letters))))
    return Forest(numbers, tuple(map(tuple, children)), tuple(roots))


class _Links:
    """Step 1: parents, -1 for none. Nodes are the letters, then a dummy for each identifier that none of them has.

    A letter's own last reference is its parent, whatever was found before (step 1.B): so a link to a letter whose turn
    is still to come would be broken then, and is not made. No link is ever broken, therefore, and a set of joined trees
    is enough to see a loop: a node without a parent is the root of its tree, and it is above all that is in it.
    """

    def __init__(self, letters: Sequence[Letter]) -> None:
        self._count = len(letters)
        self.parents = [-1] * self._count
        self._joined = list(range(self._count))
        self._named: dict[str, int] = {}
        for node, letter in enumerate(letters):
            if letter.identifier:
                self._named.setdefault(letter.identifier, node)
        for node, letter in enumerate(letters):
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


def _pruned(parents: Sequence[int], letters: int) -> tuple[list[list[int]], list[int]]:
    """Steps 2 and 3: children without dummies, and roots, where a dummy stays if it holds several together."""
    below: list[list[int]] = [[] for _ in parents]
    tops: list[int] = []
    for node, parent in enumerate(parents):
        (tops if parent < 0 else below[parent]).append(node)
    children: list[list[int]] = [[] for _ in parents]
    roots: list[int] = []
    for node in (*range(letters), *(top for top in tops if top >= letters)):
        waiting = below[node]
        while waiting:
            child = waiting.pop()
            if child < letters:
                children[node].append(child)
            else:
                waiting += below[child]
    for top in tops:
        if top < letters or len(children[top]) > 1:
            roots.append(top)
        else:
            roots += children[top]
            children[top] = []
    return children, roots


class _Order:
    """By the moment that a message was sent, then by its place; a dummy goes where its first child does."""

    def __init__(self, letters: Sequence[Letter], children: Sequence[list[int]]) -> None:
        self._letters = letters
        self._children = children

    def first(self, node: int) -> int:
        """The node itself, or of a dummy its first child."""
        return node if node < len(self._letters) else self._children[node][0]

    def key(self, node: int) -> tuple[int, int]:
        """To sort by; the children of dummies are sorted."""
        first = self.first(node)
        return self._letters[first].sent, first


def _merged(letters: Sequence[Letter], children: list[list[int]], roots: list[int], order: _Order) -> list[int]:
    """Steps 5 and 6: threads of one subject become one. New dummies are put behind `children`."""
    subjects = {root: read_subject(letters[order.first(root)].subject) for root in roots}
    keys = {root: collation_key(base) for root, (base, _) in subjects.items()}
    answers = {root: is_reply for root, (_, is_reply) in subjects.items()}
    table: dict[str, int] = {}
    for root in roots:
        old = table.setdefault(keys[root], root)
        is_dummy = root >= len(letters)
        if old < len(letters) and (is_dummy or (answers[old] and not answers[root])):
            table[keys[root]] = root
    merged: dict[int, None] = dict.fromkeys(roots)
    touched = set()
    for root in roots:
        head = table[keys[root]]
        if root not in merged or not keys[root] or head == root:
            continue
        del merged[root]
        if head >= len(letters):
            children[head] += children[root] if root >= len(letters) else [root]
        elif answers[root] and not answers[head]:
            children[head].append(root)
        else:
            del merged[head]
            children.append([head, root])
            head = table[keys[root]] = len(children) - 1
            merged[head] = None
        touched.add(head)
    for node in touched:
        children[node].sort(key=order.key)
    return sorted(merged, key=order.key)
