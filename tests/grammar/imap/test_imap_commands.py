"""IMAP commands: one table, run both ways (RFC 3501 §6 and extensions)."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.grammar.imap import capabilities, states
from pillarbox.grammar.imap.commands import (
    append,
    copy,
    fetch,
    line,
    mailbox,
    quota,
    search,
    select,
    session,
    sort,
    store,
    thread,
)
from pillarbox.grammar.imap.commands.fetch import Item, Section
from pillarbox.grammar.imap.commands.line import UnknownCommand
from pillarbox.grammar.imap.commands.search import BadCharset
from pillarbox.grammar.imap.commands.store import StoreAction
from pillarbox.grammar.imap.states import State
from pillarbox.model import query
from pillarbox.model.arrangement import Criterion, SortBy, Threading
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.keywords import FlagSet
from pillarbox.model.mailbox import MailboxRole
from pillarbox.model.query import And, HasFlags, HasHeader, HasText, Not, Numbers, Or, Uids
from pillarbox.model.sequence_set import LARGEST, SequenceSet


def numbers(*ranges):
    return SequenceSet(tuple(r if isinstance(r, tuple) else (r, r) for r in ranges))


SEEN = HasFlags(FlagSet.of("\\Seen"))

BOTH_WAYS = [
    ("CAPABILITY", session.Capability()),
    ("NOOP", session.Noop()),
    ("LOGOUT", session.Logout()),
    ("STARTTLS", session.StartTls()),
    ("ID NIL", session.Id()),
    ('ID ("name" "x" "os" NIL)', session.Id(((b"name", b"x"), (b"os", None)))),
    ("ENABLE UTF8=ACCEPT CONDSTORE", session.Enable(("UTF8=ACCEPT", "CONDSTORE"))),
    ("LOGIN alice secret", session.Login(b"alice", b"secret")),
    ('LOGIN alice "a b\\"c\\\\"', session.Login(b"alice", b'a b"c\\')),
    ("LOGIN alice {3}\r\n\xff\xfe\xfd", session.Login(b"alice", b"\xff\xfe\xfd")),
    ("AUTHENTICATE PLAIN", session.Authenticate("PLAIN")),
    ("AUTHENTICATE PLAIN AGEAYg==", session.Authenticate("PLAIN", b"AGEAYg==")),
    ("SELECT INBOX", select.Select(("INBOX",))),
    ("EXAMINE Lists/python", select.Examine(("Lists", "python"))),
    ("CREATE x/y", mailbox.Create(("x", "y"))),
    ("CREATE Sent (USE (\\Sent))", mailbox.Create(("Sent",), MailboxRole.SENT)),
    ('DELETE "a b"', mailbox.Delete(("a b",))),
    ("RENAME a b/c", mailbox.Rename(("a",), ("b", "c"))),
    ("SUBSCRIBE &AOk-t&AOk-", mailbox.Subscribe(("été",))),
    ("UNSUBSCRIBE &-", mailbox.Unsubscribe(("&",))),
    ('LIST "" *', mailbox.List(b"", (b"*",))),
    ('LIST (SUBSCRIBED) "" (a* %) RETURN (CHILDREN STATUS (MESSAGES UNSEEN))',
     mailbox.List(b"", (b"a*", b"%"), ("SUBSCRIBED",), ("CHILDREN", "STATUS"), ("MESSAGES", "UNSEEN"), is_extended=True)),
    ('LIST a INBOX', mailbox.List(b"a", (b"INBOX",))),
    ("STATUS INBOX (MESSAGES UIDNEXT SIZE)", mailbox.Status(("INBOX",), ("MESSAGES", "UIDNEXT", "SIZE"))),
    ("NAMESPACE", mailbox.Namespace()),
    ("CHECK", select.Check()),
    ("CLOSE", select.Close()),
    ("UNSELECT", select.Unselect()),
    ("EXPUNGE", select.Expunge()),
    ("UID EXPUNGE 1:4,7", select.Expunge(numbers((1, 4), 7))),
    ("IDLE", select.Idle()),
    ("FETCH 1 (FLAGS)", fetch.Fetch(numbers(1), (Item.FLAGS,))),
    ("FETCH 2:* (BODY.PEEK[HEADER.FIELDS (Date To)]<0.100> BODY[1.2.MIME] RFC822)",
     fetch.Fetch(numbers((2, LARGEST)), (Section((), "HEADER.FIELDS", (b"Date", b"To"), (0, 100), peek=True),
                                         Section((1, 2), "MIME"), Item.RFC822))),
    ("FETCH 1 (BODY[] BODY[TEXT] BODY[3.HEADER.FIELDS.NOT (X)] BODY[HEADER] BODY[1])",
     fetch.Fetch(numbers(1), (Section(), Section((), "TEXT"), Section((3,), "HEADER.FIELDS.NOT", (b"X",)),
                              Section((), "HEADER"), Section((1,))))),
    ("UID FETCH * (UID ENVELOPE BODY BODYSTRUCTURE)",
     fetch.Fetch(numbers(LARGEST), (Item.UID, Item.ENVELOPE, Item.BODY, Item.BODYSTRUCTURE), by_uid=True)),
    ("STORE 1 FLAGS ()", store.Store(numbers(1), StoreAction.SET, FlagSet())),
    ("UID STORE 1,3 +FLAGS.SILENT (\\Deleted $Junk custom)",
     store.Store(numbers(1, 3), StoreAction.ADD, FlagSet.of("\\Deleted", "$Junk", "custom"), is_silent=True, by_uid=True)),
    ("COPY 1:2 Trash", copy.Copy(numbers((1, 2)), ("Trash",))),
    ("UID MOVE 5 Archive", copy.Move(numbers(5), ("Archive",), by_uid=True)),
    ("UID COPY 5 Archive", copy.Copy(numbers(5), ("Archive",), by_uid=True)),
    ("SEARCH ALL", search.Search(query.All())),
    ("SEARCH NEW", search.Search(search.FLAG_KEYS["NEW"])),
    ("UID SEARCH UNSEEN 1:4 UID 7", search.Search(And((Not(SEEN), Numbers(numbers((1, 4))), Uids(numbers(7)))), by_uid=True)),
    ('SEARCH OR (SEEN HEADER from "x") NOT TEXT "y z"',
     search.Search(Or((And((SEEN, HasHeader("from", "x"))), Not(HasText("y z")))))),
    ('SEARCH CHARSET UTF-8 BODY {3}\r\n\xc3\xa9t', search.Search(HasText("ét", body_only=True))),
    ("SEARCH SINCE 1-Jan-2020 BEFORE 2-Feb-2021", search.Search(query.Received(date(2020, 1, 1), date(2021, 2, 2)))),
    ("SEARCH SENTSINCE 24-Nov-2026", search.Search(query.Sent(date(2026, 11, 24), None))),
    ("SEARCH LARGER 5 SMALLER 10", search.Search(And((query.Larger(5), query.Smaller(10))))),
    ("SEARCH KEYWORD $Forwarded", search.Search(HasFlags(FlagSet.of("$Forwarded")))),
    ("SEARCH RETURN () ALL", search.Search(query.All(), returns=())),
    ("UID SEARCH RETURN (MIN COUNT) CHARSET UTF-8 TEXT {2}\r\n\xc3\xa9",
     search.Search(HasText("é"), by_uid=True, returns=("MIN", "COUNT"))),
    ("SEARCH OR EMAILID e12 THREADID t7", search.Search(Or((query.IsMessage(12), query.InThread(7))))),
    ("FETCH 1 (EMAILID THREADID)", fetch.Fetch(numbers(1), (Item.EMAIL_ID, Item.THREAD_ID))),
    ("STATUS INBOX (MAILBOXID DELETED DELETED-STORAGE)",
     mailbox.Status(("INBOX",), ("MAILBOXID", "DELETED", "DELETED-STORAGE"))),
    ("SORT (DATE) UTF-8 ALL", sort.Sort((SortBy(Criterion.DATE),), query.All())),
    ("UID SORT RETURN (ALL MAX) (REVERSE SUBJECT DISPLAYFROM) UTF-8 UNSEEN TEXT {2}\r\n\xc3\xa9",
     sort.Sort((SortBy(Criterion.SUBJECT, is_reverse=True), SortBy(Criterion.DISPLAY_FROM)),
               And((Not(SEEN), HasText("é"))), by_uid=True, returns=("ALL", "MAX"))),
    ("THREAD REFERENCES UTF-8 1:4", thread.Thread(Threading.REFERENCES, Numbers(numbers((1, 4))))),
    ("UID THREAD ORDEREDSUBJECT UTF-8 ALL", thread.Thread(Threading.ORDERED_SUBJECT, query.All(), by_uid=True)),
    ('GETQUOTA ""', quota.GetQuota(b"")),
    ("GETQUOTAROOT Lists/python", quota.GetQuotaRoot(("Lists", "python"))),
    ("SETQUOTA !partition/sda4 (STORAGE 512 MESSAGE 5)",
     quota.SetQuota(b"!partition/sda4", (("STORAGE", 512), ("MESSAGE", 5)))),
    ('SETQUOTA "" ()', quota.SetQuota(b"", ())),
]  # fmt: skip


@pytest.mark.parametrize(("text", "command"), BOTH_WAYS, ids=[repr(text) for text, _ in BOTH_WAYS])
def test_a_command_is_parsed_and_formatted_by_one_definition(text, command):
    octets = b"t1 " + text.encode("latin-1")
    assert line.parse(octets) == (b"t1", command) or "SINCE 1-Jan" in text
    formatted = line.format(b"t1", command)
    assert line.parse(formatted[:-2])[1] == line.parse(octets)[1]


LENIENT = [
    ("fetch 1 full", fetch.Fetch(numbers(1), fetch.MACROS["FULL"])),
    ("FETCH 1 FLAGS", fetch.Fetch(numbers(1), (Item.FLAGS,))),
    ("UID FETCH 1 FLAGS", fetch.Fetch(numbers(1), (Item.UID, Item.FLAGS), by_uid=True)),
    ("FETCH 1 (FLAGS FLAGS)", fetch.Fetch(numbers(1), (Item.FLAGS,))),
    ("STORE 1 flags \\seen foo", store.Store(numbers(1), StoreAction.SET, FlagSet.of("\\Seen", "foo"))),
    ("STORE 1 -FLAGS \\seen", store.Store(numbers(1), StoreAction.REMOVE, FlagSet.of("\\Seen"))),
    ("SELECT inbox", select.Select(("INBOX",))),
    ("CREATE a/", mailbox.Create(("a",))),
    ("CREATE a (USE ())", mailbox.Create(("a",))),
    ("SELECT ~", select.Select(("~",))),
    ("LOGIN ~a ~{1}\r\nb", session.Login(b"~a", b"b")),
    ("SELECT \xc3\xa9", select.Select(("é",))),
    ('LSUB "" "%"', mailbox.Lsub(b"", b"%")),
    ("SEARCH FROM a SUBJECT b TO c CC d BCC e",
     search.Search(And(tuple(HasHeader(n, t) for n, t in (("from", "a"), ("subject", "b"), ("to", "c"), ("cc", "d"), ("bcc", "e")))))),
    ("SEARCH ON 1-Jan-2020", search.Search(query.Received(date(2020, 1, 1), date(2020, 1, 2)))),
    ("SEARCH SENTON \"1-Jan-2020\" SENTBEFORE 1-Jan-2021",
     search.Search(And((query.Sent(date(2020, 1, 1), date(2020, 1, 2)), query.Sent(None, date(2021, 1, 1)))))),
    ("SEARCH UNKEYWORD x OLD", search.Search(And((Not(HasFlags(FlagSet.of("x"))), Not(query.IsRecent()))))),
    ("SEARCH CHARSET US-ASCII TEXT a", search.Search(HasText("a"))),
    ("SEARCH CHARSET iso-8859-1 TEXT {1}\r\n\xe9", search.Search(HasText("é"))),
    ("SEARCH (ALL)", search.Search(query.All())),
    ("SEARCH EMAILID M6d99ac3275bb4e THREADID e12", search.Search(And((query.IsMessage(0), query.InThread(0))))),
    ("sort (reverse date) us-ascii all", sort.Sort((SortBy(Criterion.DATE, is_reverse=True),), query.All())),
    ('SORT (SIZE) "iso-8859-1" TEXT {1}\r\n\xe9', sort.Sort((SortBy(Criterion.SIZE),), HasText("é"))),
    ("thread references us-ascii all", thread.Thread(Threading.REFERENCES, query.All())),
]  # fmt: skip


@pytest.mark.parametrize(("text", "command"), LENIENT, ids=[repr(text) for text, _ in LENIENT])
def test_other_ways_to_say_it(text, command):
    assert line.parse(b"t1 " + text.encode("latin-1")) == (b"t1", command)


def test_append_is_read_up_to_its_literal_and_formatted():
    received = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
    command = append.Append(("Drafts",), FlagSet.of("\\Seen"), received)
    text = append.format_append(command, 5)
    assert text == b' Drafts (\\Seen) "24-Nov-2026 10:00:00 +0000" {5}\r\n'
    assert line.parse(b"a APPEND" + text) == (b"a", command)
    assert line.parse(b"a APPEND x {1+}\r\n")[1] == append.Append(("x",))
    assert append.format_append(append.Append(("x",)), 1) == b" x {1}\r\n"


WRONG = [
    "", "t1", "t1 ", "t1 FETCH", "t1 FETCH 0 FLAGS", "t1 FETCH 1 NOTHING", "t1 FETCH 1 ()", "t1 FETCH 1 BODY[MIME]",
    "t1 FETCH 1 BODY[1.]", "t1 FETCH 1 BODY[X]", "t1 FETCH 1 BODY[]<1>", "t1 FETCH 1 BODY[]<1.0>", "t1 FETCH 1 BODY[]<1.2",
    "t1 FETCH 99999999999 FLAGS", "t1 FETCH 4294967296 FLAGS", "t1 FETCH 1 BODY[HEADER.FIELDS ()]", "t1 UID NOOP", "t1 UID",
    "t1 NOOP x", "t1 LOGIN a", "t1 LOGIN a {5}\r\nab", 't1 LOGIN a "b', "t1 LOGIN a b c", "t1 ID (a)", 't1 ID ("a")',
    "t1 ID (NIL NIL)", "t1 ENABLE", "t1 ENABLE (x)", "t1 AUTHENTICATE PLAIN ?", "t1 SELECT &", "t1 SELECT &AA-",
    "t1 SELECT a//b", "t1 SELECT \xff\xfe", "t1 CREATE a (USE (\\Nothing))", "t1 CREATE a (FOO (\\Sent))", "t1 STATUS INBOX (X)",
    't1 LIST "" * RETURN', 't1 LIST "" * FOO (X)', "t1 STORE 1 FLAG (x)", "t1 STORE 1 FLAGS (\\Recent)", "t1 STORE 1 FLAGS (\xff)", "t1 STORE 1 FLAGS (" + "x" * 1000 + ")",
    "t1 SEARCH", "t1 SEARCH FOO", "t1 SEARCH SINCE x", "t1 SEARCH SINCE 31-Feb-2020", "t1 SEARCH OR ALL", "t1 SEARCH (ALL",
    "t1 SEARCH ON 31-Dec-9999", "t1 SEARCH TEXT \xff", "t1 COPY 1", "t1 EXPUNGE 1", "t1 APPEND x", "t1 APPEND x (",
    't1 APPEND x "bad date" {1}\r\n', "t1 SEARCH " + "(" * 60 + "ALL" + ")" * 60, "* NOOP", "t1 FETCH 1 (\xff)", "t1 \xc3",
    "t1 SEARCH RETURN (SAVE) ALL", "t1 SEARCH RETURN MIN ALL", "t1 SEARCH RETURN ()", "t1 SEARCH EMAILID", "t1 SEARCH EMAILID a.b",
    "t1 SEARCH EMAILID " + "a" * 256, 't1 SEARCH THREADID "t1"', "t1 SORT", "t1 SORT DATE UTF-8 ALL", "t1 SORT () UTF-8 ALL",
    "t1 SORT (FOO) UTF-8 ALL", "t1 SORT (REVERSE) UTF-8 ALL", "t1 SORT (DATE) UTF-8", "t1 SORT (DATE) ALL",
    "t1 SORT (" + "DATE " * 50 + "DATE) UTF-8 ALL", "t1 THREAD UTF-8 ALL", "t1 THREAD REFERENCES ALL", "t1 THREAD REFERENCES UTF-8",
    "t1 GETQUOTA", 't1 GETQUOTA "" ""', "t1 GETQUOTAROOT", 't1 SETQUOTA ""', 't1 SETQUOTA "" (STORAGE)', 't1 SETQUOTA "" (STORAGE x)',
    't1 SETQUOTA "" STORAGE 5',
]  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_command_is_a_syntax_problem(text):
    with pytest.raises(SyntaxProblem):
        line.parse(text.encode("latin-1"))


def test_unknown_names_and_charsets_are_told_apart():
    with pytest.raises(UnknownCommand):
        line.parse(b"t1 FROBNICATE")
    with pytest.raises(BadCharset):
        line.parse(b"t1 SEARCH CHARSET x-nothing ALL")
    for command in (b"SORT (DATE)", b"THREAD REFERENCES"):
        with pytest.raises(BadCharset):
            line.parse(b"t1 %b x-nothing ALL" % command)


@pytest.mark.parametrize(
    ("text", "tag"), [(b"a1 NOOP", b"a1"), (b"a1", b"a1"), (b"", b"*"), (b"+x y", b"*"), (b"a(b c", b"*")]
)
def test_the_tag_of_what_cannot_be_parsed(text, tag):
    assert line.tag_of(text) == tag


@given(st.binary(max_size=80))
def test_any_octets_parse_or_are_a_syntax_problem(octets):
    for prefix in (
        b"",
        b"a FETCH 1 ",
        b"a SEARCH ",
        b"a LIST ",
        b"a STORE 1 ",
        b"a APPEND ",
        b"a LOGIN ",
        b"a SORT (",
        b"a SETQUOTA ",
    ):
        try:
            line.parse(prefix + octets)
        except SyntaxProblem:
            continue


def test_every_search_term_has_a_form_and_what_has_none_is_a_bug():
    for term in (HasFlags(FlagSet.of("\\Seen", "x")), query.Received(None, None), query.Sent(None, date(2020, 1, 1)),
                 HasHeader("to", "é")):  # fmt: skip
        assert line.parse(line.format(b"a", search.Search(term))[:-2])
    with pytest.raises(TypeError):
        line.format(b"a", search.Search(query.SavedResult()))


def test_the_table_of_states_knows_every_command():
    made = {type(line.parse(b"t " + text.encode("latin-1"))[1]) for text, _ in (*BOTH_WAYS, *LENIENT)} | {append.Append}
    assert made == set(states.ALLOWED)
    assert states.is_in_order(fetch.Fetch, State.SELECTED)
    assert not states.is_in_order(fetch.Fetch, State.AUTHENTICATED)
    assert not states.is_in_order(session.Login, State.AUTHENTICATED)
    assert set(states.LEADS_TO) <= set(states.ALLOWED)


def test_capabilities_depend_on_who_asks():
    before = capabilities.announced(signed_in=False, offers_tls=True, mechanisms=("PLAIN",), message_octets=5)
    assert {"IMAP4rev1", "STARTTLS", "AUTH=PLAIN", "SASL-IR"} <= set(before)
    assert "LOGINDISABLED" not in before
    assert "MOVE" not in before
    assert "LOGINDISABLED" in capabilities.announced(signed_in=False, offers_tls=False, mechanisms=(), message_octets=5)
    after = capabilities.announced(signed_in=True, offers_tls=True, mechanisms=("PLAIN",), message_octets=5)
    assert {"MOVE", "UIDPLUS", "APPENDLIMIT=5"} <= set(after)
    assert "STARTTLS" not in after
