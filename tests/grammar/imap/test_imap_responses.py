"""Responses, atoms, names and sets: both ways (RFC 3501 §7, §5.1.3, §9)."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.grammar.imap import atoms, mailbox_name, sequence_set
from pillarbox.grammar.imap.atoms import Cursor
from pillarbox.grammar.imap.mailbox_name import Pattern
from pillarbox.grammar.imap.object_id import format_mailbox_code
from pillarbox.grammar.imap.responses import fetch, mailbox, quota, search, status, thread
from pillarbox.grammar.imap.responses.bodystructure import format_bodystructure
from pillarbox.grammar.imap.responses.envelope import format_envelope, parse_envelope
from pillarbox.grammar.imap.responses.mailbox import Listed, StatusItems
from pillarbox.grammar.imap.responses.quota import Quota, QuotaRoots, Resource
from pillarbox.grammar.imap.responses.search import Found
from pillarbox.grammar.imap.responses.status import Status
from pillarbox.grammar.message.address_list import EnvelopeAddress
from pillarbox.grammar.message.structure import scan
from pillarbox.model.arrangement import Forest
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.limits import Limits
from pillarbox.model.sequence_set import SequenceSet

STATUSES = [
    (b"a1 OK done\r\n", Status(b"a1", "OK", "done")),
    (b"* BYE [ALERT] gone\r\n", Status(b"*", "BYE", "gone", b"ALERT")),
    (b"* NO [BADCHARSET (UTF-8)] no\r\n", Status(b"*", "NO", "no", b"BADCHARSET (UTF-8)")),
]


@pytest.mark.parametrize(("line", "value"), STATUSES)
def test_status_both_ways(line, value):
    assert status.format(value) == line
    assert status.parse(line[:-2]) == value
    assert status.is_status(line[:-2])


def test_what_is_no_status():
    with pytest.raises(SyntaxProblem):
        status.parse(b"* 1 EXISTS")
    assert status.format_continuation(b"go") == b"+ go\r\n"


def test_list_and_status_both_ways():
    listed = Listed(("\\HasNoChildren", "\\Sent"), ("Gesendet", "Größe"))
    line = mailbox.format_list(listed)
    assert mailbox.parse_list(Cursor(line[7:-2])) == listed
    assert b"CHILDINFO" in mailbox.format_list(Listed((), ("a",), child_info=True))
    assert mailbox.parse_list(Cursor(b'() "." a.b')).path == ("a", "b")
    assert mailbox.parse_list(Cursor(b"() NIL INBOX")).path == ("INBOX",)
    items = StatusItems(("a b",), {"MESSAGES": 3, "UIDNEXT": 9})
    line = mailbox.format_status(items)
    assert line == b'* STATUS "a b" (MESSAGES 3 UIDNEXT 9)\r\n'
    assert mailbox.parse_status(Cursor(line[9:-2])) == items


def test_small_lines():
    assert mailbox.format_flags(("\\Seen",)) == b"* FLAGS (\\Seen)\r\n"
    assert mailbox.format_count(4, "EXISTS") == b"* 4 EXISTS\r\n"
    assert mailbox.format_words("ENABLED", ()) == b"* ENABLED\r\n"
    assert mailbox.format_namespace() == b'* NAMESPACE (("" "/")) NIL NIL\r\n'
    assert mailbox.format_id(((b"name", b"x"), (b"os", None))) == b'* ID ("name" "x" "os" NIL)\r\n'


def test_object_identifiers_both_ways():
    status_items = StatusItems(("foo",), {"MESSAGES": 3}, "m5")
    line = mailbox.format_status(status_items)
    assert line == b"* STATUS foo (MESSAGES 3 MAILBOXID (m5))\r\n"
    assert mailbox.parse_status(Cursor(line[9:-2])) == status_items
    assert format_mailbox_code(5) == b"MAILBOXID (m5)"
    found = fetch.parse_fetch(4, Cursor(b"(EMAILID (M6d99) THREADID (T64-_b))"))
    assert (found.email_id, found.thread_id) == ("M6d99", "T64-_b")
    assert fetch.parse_fetch(4, Cursor(b"(EMAILID (M1) THREADID NIL UID 5)")).thread_id is None
    for wrong in (b"(EMAILID x)", b"(EMAILID ())", b"(EMAILID (a.b))"):
        with pytest.raises(SyntaxProblem):
            fetch.parse_fetch(4, Cursor(wrong))
    with pytest.raises(SyntaxProblem):
        mailbox.parse_status(Cursor(b"foo (MAILBOXID m5)"))


def test_quotas_both_ways():
    told = Quota(b"#user/alice", (Resource("MESSAGE", 42, 1000), Resource("STORAGE", 54, 111)))
    line = quota.format_quota(told)
    assert line == b"* QUOTA #user/alice (MESSAGE 42 1000 STORAGE 54 111)\r\n"
    assert quota.parse_quota(Cursor(line[8:-2])) == told
    assert quota.parse_quota(Cursor(b'"" ()')) == Quota(b"", ())
    line = quota.format_quota_roots(("INBOX",), (b"", b"!partition/sda4"))
    assert line == b'* QUOTAROOT INBOX "" !partition/sda4\r\n'
    assert quota.parse_quota_roots(Cursor(line[12:-2])) == QuotaRoots(("INBOX",), (b"", b"!partition/sda4"))
    assert quota.storage(0, 1) == Resource("STORAGE", 0, 1)
    assert quota.storage(1024, 1025) == Resource("STORAGE", 1, 2)


FOUND = [
    (([2, 3, 4, 9], ("MIN", "COUNT"), False), b"MIN 2 COUNT 4", Found(b"A1", least=2, count=4)),
    (([2, 3, 4, 9], (), True), b"UID ALL 2:4,9", Found(b"A1", by_uid=True, all=SequenceSet(((2, 4), (9, 9))))),
    (([9, 8, 2], ("ALL", "MAX"), False), b"MAX 2 ALL 9,8,2",
     Found(b"A1", greatest=2, all=SequenceSet(((9, 9), (8, 8), (2, 2))))),
    (([], ("MIN", "MAX", "ALL", "COUNT"), True), b"UID COUNT 0", Found(b"A1", by_uid=True, count=0)),
    (([], (), False), b"", Found(b"A1")),
]  # fmt: skip


@pytest.mark.parametrize(("told", "text", "value"), FOUND, ids=[repr(text) for _, text, _ in FOUND])
def test_esearch_both_ways(told, text, value):
    numbers, returns, by_uid = told
    line = b"".join(search.format_found(b"A1", numbers, returns, by_uid=by_uid))
    assert line == b'* ESEARCH (TAG "A1")' + (b" " + text if text else b"") + b"\r\n"
    assert search.parse_found(Cursor(line[9:-2])) == value


def test_what_is_no_esearch():
    assert search.parse_found(Cursor(b"")) == Found()
    for wrong in (b" MIN", b" MIN x", b" FOO 5", b"x", b" (TAG a", b" ALL 0"):
        with pytest.raises(SyntaxProblem):
            search.parse_found(Cursor(wrong))


def forest(text):
    return thread.parse_thread(text)


def test_the_examples_of_threads():
    found = forest(b" (2)(3 6 (4 23)(44 7 96))")
    assert found.numbers == (2, 3, 6, 4, 23, 44, 7, 96)
    assert found.roots == (0, 1)
    assert found.children == ((), (2,), (3, 5), (4,), (), (6,), (7,), ())
    assert forest(b" ((3)(5))") == Forest((0, 3, 5), ((1, 2), (), ()), (0,))
    assert forest(b"") == Forest()


THREADS = [
    b"",
    b" (2)(3 6 (4 23)(44 7 96))",
    b" ((3)(5))",
    b" ((1 (2 4)(3))(5)(6))",
    b" (166)(167)(1 2 3)",
    b" (1 ((2)(3))(4))",
]


@pytest.mark.parametrize("text", THREADS)
def test_threads_both_ways(text):
    assert b"".join(thread.format_thread(forest(text))) == b"* THREAD" + text + b"\r\n"


@pytest.mark.parametrize("text", [b" 1", b" (", b" ()", b" )", b" (1", b" (1))", b" (x)", b" (0)", b" (1 ())"])
def test_what_is_no_thread(text):
    with pytest.raises(SyntaxProblem):
        forest(text)


def test_threads_as_deep_as_a_mailbox_take_no_stack_and_come_in_pieces():
    deep = b" (1" + b"".join(b" (%d)(%d" % (n, n + 1) for n in range(2, 40_000, 2)) + b")" * 20_000
    found = forest(deep)
    pieces = list(thread.format_thread(found))
    assert b"".join(pieces) == b"* THREAD" + deep + b"\r\n"
    assert len(pieces) > 5
    assert max(map(len, pieces)) < 100_000


def test_search_and_uidplus_codes():
    assert b"".join(search.format_sort([5, 1])) == b"* SORT 5 1\r\n"
    assert b"".join(search.format_search([1, 5])) == b"* SEARCH 1 5\r\n"
    assert b"".join(search.format_search([])) == b"* SEARCH\r\n"
    assert search.parse_search(b" 1 5") == [1, 5]
    with pytest.raises(SyntaxProblem):
        search.parse_search(b" x")
    assert search.parse_uid_code(search.format_appenduid(7, 3)) == (7, [3])
    code = search.format_copyuid(7, [(1, 10), (2, 11), (5, 12)])
    assert code == b"COPYUID 7 1:2,5 10:12"
    assert search.parse_uid_code(code) == (7, [10, 11, 12])


MESSAGE = (
    b'Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nSubject: =?utf-8?q?=C3=A9?= "q"\r\nFrom: A B <a@b.example>\r\n'
    b"To: undisclosed: c@d.example, e@f.example;\r\nMessage-ID: <1@b.example>\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
    b"--x\r\nContent-Language: en, de\r\nContent-Location: here\r\nContent-MD5: abc\r\n\r\nhi\r\n"
    b"--x\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment; filename=m\r\n\r\nSubject: in\r\n\r\nbody\r\n"
    b"--x\r\nContent-Type: multipart/mixed; boundary=none\r\n\r\nnothing\r\n"
    b"--x\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\nContent-ID: <i>\r\nContent-Description: d\r\n\r\nAA==\r\n--x--\r\n"
)


def test_envelope_both_ways():
    part = scan(MESSAGE, limits=Limits())
    text = format_envelope(MESSAGE, part)
    found = parse_envelope(Cursor(text))
    assert found.subject == b'=?utf-8?q?=C3=A9?= "q"'
    assert found.from_ == (EnvelopeAddress(b"A B", None, b"a", b"b.example"),)
    assert found.sender == found.reply_to == found.from_
    assert [a.mailbox for a in found.to] == [b"undisclosed", b"c", b"e", None]
    assert found.cc == ()
    assert found.message_id == b"<1@b.example>"


def test_sender_and_reply_to_of_their_own():
    octets = b"From: a@b.c\r\nSender: d@e.f\r\nReply-To: ,\r\n\r\n"
    found = parse_envelope(Cursor(format_envelope(octets, scan(octets, limits=Limits()))))
    assert found.sender[0].mailbox == b"d"
    assert found.reply_to == found.from_


def test_body_structure_has_all_fields_and_body_has_less():
    part = scan(MESSAGE, limits=Limits())
    full = fetch.parse_tree(Cursor(format_bodystructure(MESSAGE, part)), 0)
    assert [child[0] for child in full[:4]][:2] == [b"text", b"message"]
    assert full[0][8:] == [b"abc", None, [b"en", b"de"], b"here"][0:0] + full[0][8:]
    assert full[0][-2] == [b"en", b"de"]
    assert full[1][7][1] == b"in"
    assert full[2][0][1] == b"plain"
    assert full[3][3:7] == [b"<i>", b"d", b"base64", 4]
    short = fetch.parse_tree(Cursor(format_bodystructure(MESSAGE, part, extended=False)), 0)
    assert len(short[0]) == 8
    assert short[-1] == b"mixed"


def test_a_message_too_deep_to_be_looked_into_keeps_the_grammar():
    part = scan(MESSAGE, limits=Limits(part_depth=1))
    tree = fetch.parse_tree(Cursor(format_bodystructure(MESSAGE, part)), 0)
    assert tree[1][7] == [None] * 10
    assert tree[1][8][0] == b"text"
    with_charset = b"Content-Type: text/plain; CHARSET=utf-8\r\n\r\nx"
    assert format_bodystructure(with_charset, scan(with_charset, limits=Limits())).count(b"charset") == 0
    without = b"Content-Type: text/html; x=y\r\n\r\nx"
    text = format_bodystructure(without, scan(without, limits=Limits()))
    assert b'("x" "y" "charset" "us-ascii")' in text
    empty = b"Content-Language: ,\r\n\r\nx"
    assert b"NIL" in format_bodystructure(empty, scan(empty, limits=Limits()))


def test_fetch_lines_both_ways():
    lines = fetch.flags_lines(4, [10, 12], [b"(\\Seen)", b"()"])
    assert lines == b"* 4 FETCH (UID 10 FLAGS (\\Seen))\r\n* 5 FETCH (UID 12 FLAGS ())\r\n"
    assert fetch.ready_lines([(1, 2, b"()", b"RFC822.SIZE 5")]) == b"* 1 FETCH (UID 2 FLAGS () RFC822.SIZE 5)\r\n"
    text = (
        b'(UID 7 FLAGS (\\Seen x) INTERNALDATE "24-Nov-2026 10:00:00 +0000" RFC822.SIZE 9 BODY[1]<0> {2}\r\nhi'
        b' BODYSTRUCTURE ("text" "plain" NIL) MODSEQ (5) X-NUMBER 7 RFC822 NIL)'
    )
    found = fetch.parse_fetch(3, Cursor(text))
    assert (found.number, found.uid, found.flags, found.size_octets) == (3, 7, ("\\Seen", "x"), 9)
    assert found.received == datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
    assert found.octets == {"BODY[1]<0>": b"hi", "RFC822": None}
    assert found.structure == [b"text", b"plain", None]
    part = scan(MESSAGE, limits=Limits())
    envelope = fetch.parse_fetch(
        1, Cursor(fetch.format_fetch(1, [b"ENVELOPE " + format_envelope(MESSAGE, part)])[10:-2])
    )
    assert envelope.envelope is not None
    with pytest.raises(SyntaxProblem):
        fetch.parse_tree(Cursor(b"(" * 200), 0)


NAMES = [("INBOX", ("INBOX",)), ("Entw&APw-rfe", ("Entwürfe",)), ("a/&-b", ("a", "&b")), ("&ZeVnLIqe-", ("日本語",))]


@pytest.mark.parametrize(("text", "path"), NAMES)
def test_names_both_ways(text, path):
    assert mailbox_name.parse_path(text.encode()) == path
    assert mailbox_name.format_path(path) == text.encode()


@given(
    st.lists(
        st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="/"), min_size=1, max_size=8),
        min_size=1,
        max_size=4,
    )
)
def test_any_name_survives(names):
    path = mailbox_name.canonical(tuple(names))
    assert mailbox_name.parse_path(mailbox_name.format_path(path)) == path


PATTERNS = [
    ("", "*", "a/b", True), ("", "%", "a/b", False), ("", "%", "a", True), ("", "a/%", "a/b", True), ("", "a%", "ab", True),
    ("a/", "%", "a/b", True), ("", "inbox", "INBOX", True), ("", "*b*", "abc", True), ("", "b*", "abc", False),
    ("", "%%%%%%%%%%%%%%%%%%%%%%%%%%%%x", "y" * 100, False), ("", "inbox/*", "INBOX/x", True), ("", "", "a", False),
]  # fmt: skip


@pytest.mark.parametrize(("reference", "pattern", "name", "fits"), PATTERNS)
def test_patterns(reference, pattern, name, fits):
    assert Pattern(reference.encode(), pattern.encode()).matches(tuple(name.split("/"))) is fits


def test_a_pattern_has_a_bound():
    with pytest.raises(SyntaxProblem):
        Pattern(b"", b"*" * 2000)


SETS = [(b"1", ((1, 1),)), (b"1:4,7,9:*", ((1, 4), (7, 7), (9, 0))), (b"*", ((0, 0),)), (b"5:2", ((5, 2),))]


@pytest.mark.parametrize(("text", "ranges"), SETS)
def test_sets_both_ways(text, ranges):
    cursor = Cursor(text)
    assert sequence_set.parse(cursor) == SequenceSet(ranges)
    assert sequence_set.format(SequenceSet(ranges)) == text


def test_sets_are_resolved_and_merged():
    assert SequenceSet(((9, 0), (5, 2), (6, 6))).resolve(10) == ((2, 6), (9, 10))
    assert SequenceSet(((0, 0),)).resolve(3) == ((3, 3),)
    assert SequenceSet(((1, 2), (8, 9))).resolve(9) == ((1, 2), (8, 9))
    assert sequence_set.format_numbers([1, 2, 3, 7]) == b"1:3,7"


@given(st.lists(st.integers(1, 40), max_size=60), st.sampled_from([1, 2, 3, 50]))
def test_a_set_in_pieces_is_the_same_text(numbers, size):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sequence_set, "PIECE", size)
        pieces = list(sequence_set.format_in_pieces(numbers))
    assert b"".join(pieces) == sequence_set.format_in_order(numbers)
    assert len(pieces) == -(-len(numbers) // size)


ATOM_SPECIALS = set(b'(){ %*"\\]') | set(range(32)) | {127}


@pytest.mark.parametrize("octet", range(256))
def test_atom_characters_are_those_of_the_standard(octet):
    """RFC 3501 §9; octets above 127 are taken, since clients send UTF-8."""
    assert (atoms.ATOM.fullmatch(bytes([octet])) is not None) is (octet not in ATOM_SPECIALS)


@given(st.binary(max_size=40))
def test_a_string_of_any_octets_survives(octets):
    for text in (atoms.quote(octets), atoms.astring(octets)):
        cursor = Cursor(text)
        assert cursor.astring() == octets
        assert cursor.is_at_end


def test_strings_and_nil():
    assert atoms.nquote(None) == b"NIL"
    assert atoms.astring(b"nil") == b'"nil"'
    assert Cursor(b"nil").nstring() is None
    assert Cursor(b'"a"').nstring() == b"a"
    for text in (b"x", b"{5}\r\nab", b'"a', b""):
        with pytest.raises(SyntaxProblem):
            Cursor(text).string()
    with pytest.raises(SyntaxProblem) as problem:
        Cursor(b"abc", 1).expect(b"x")
    assert problem.value.offset == 1
    with pytest.raises(SyntaxProblem):
        Cursor(b"abc").end()
