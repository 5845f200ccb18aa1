"""docs/manual/jmap-table.md has all that the code knows of JMAP, nothing else, and for each a test that exists."""

import csv
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from pillarbox.grammar.jmap import body, comparators, contacts, email, email_filter, mdn, queued_query, submission_query
from pillarbox.grammar.jmap.header_forms import Form
from pillarbox.grammar.jmap.headers import CONVENIENCE
from pillarbox.grammar.jmap.problems import ProblemKind
from pillarbox.grammar.jscontact import card
from pillarbox.model.contact import AddressBook, BookId
from pillarbox.model.mailbox import Mailbox
from pillarbox.serve.jmap import addressbook, identity, mailbox, quota, session_object, thread, vacation
from pillarbox.serve.jmap.blob import get as blob
from pillarbox.serve.jmap.contact.objects import OURS
from pillarbox.serve.jmap.email.where import PROPERTIES as OF_THE_STORE
from pillarbox.serve.jmap.methods import METHODS
from pillarbox.serve.jmap.push import subscription
from pillarbox.serve.jmap.push.types import DELIVERY, QUOTA, TYPES
from pillarbox.serve.jmap.queued import objects as queued
from pillarbox.serve.jmap.replies import NAMES
from pillarbox.serve.jmap.submission import objects as submission
from places import ROOT

SOURCES = ROOT / "src/pillarbox/serve/jmap"
TESTS = ROOT / "tests"
DEFAULT_FOLDER = TESTS / "serve/jmap"
CODE = re.compile(r"`([^`]+)`")
SECTION = re.compile(r"(?:(\d{4}) )?§([0-9]+(?:\.[0-9]+)*)")
METHOD_ERROR = re.compile(r'\bProblem\(\s*"(\w+)"')
SET_ERROR = re.compile(r'\bSetProblem\(\s*"(\w+)"')


class Row(NamedTuple):
    """`kind` is the first cell of the table's head, `names` what stands in the row's first cell."""

    heading: str
    kind: str
    names: tuple[str, ...]
    rfc: str
    tests: tuple[str, ...]


def read() -> list[Row]:
    rows = []
    heading = kind = ""
    for line in (ROOT / "docs/manual/jmap-table.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("## "):
            heading = line[3:]
        elif line.startswith("|") and cells[1] == "RFC":
            kind = cells[0]
        elif line.startswith("|") and not cells[0].startswith("---"):
            rows.append(Row(heading, kind, tuple(CODE.findall(cells[0])), cells[1], tuple(CODE.findall(cells[2]))))
    assert len(rows) > 200
    return rows


ROWS = read()


def names_of(kind: str, heading: str = "") -> list[str]:
    """All that the tables of this kind have, of one section or of all."""
    return [name for row in ROWS if row.kind == kind and heading in ("", row.heading) for name in row.names]


# --- tests -----------------------------------------------------------------------------------------------------------


def test_every_row_names_a_test_and_every_test_exists():
    missing = []
    texts: dict[Path, str] = {}
    for row in ROWS:
        if row.kind == "never":
            continue
        assert row.names and row.tests, row
        for place in row.tests:
            file, _, name = place.partition("::")
            path = TESTS / file if "/" in file else DEFAULT_FOLDER / file
            text = texts.setdefault(path, path.read_text() if path.is_file() else "")
            if not re.search(rf"^(?:async )?def {re.escape(name)}\(", text, re.M):
                missing.append(f"{row.names[0]}: {place}")
    assert missing == []


def test_every_row_has_a_section_of_a_standard_that_is_listed(corpora):
    with (ROOT / "docs/rfc.tsv").open() as lines:
        known = {row["rfc"] for row in csv.DictReader(lines, delimiter="\t")}
    wrong = set()
    for row in ROWS:
        if row.rfc == "own":
            continue
        found = SECTION.findall(row.rfc)
        assert found and found[0][0], row
        number = ""
        for named, section in found:
            number = named or number
            text = corpora.parent / "rfc" / f"rfc{number}.txt"
            is_there = not text.is_file() or re.search(
                rf"^{re.escape(section)}\.?\s", text.read_text(errors="replace"), re.M
            )
            if number not in known or not is_there:
                wrong.add(f"{number} §{section}")
    assert wrong == set()


# --- methods and their arguments -------------------------------------------------------------------------------------


def test_every_method_has_a_row():
    assert sorted(names_of("method")) == sorted(method.name for method in METHODS)


def test_every_argument_has_a_row_of_its_method_or_of_the_standard_one():
    written: dict[str, set[str]] = {}
    for row in ROWS:
        if row.kind == "argument":
            method, *names = row.names
            written.setdefault(method, set()).update(names)
    unknown = {(name, argument) for name, arguments in written.items() for argument in arguments}
    for method in METHODS:
        if method.arguments is None:
            continue
        verb = method.name[method.name.index("/") :]
        for field in msgspec.structs.fields(method.arguments):
            name = field.encode_name
            assert name in written.get(method.name, ()) or name in written.get(verb, ()), (method.name, name)
            unknown -= {(method.name, name), (verb, name)}
    assert unknown == set(), "that no such method takes"


# --- objects ---------------------------------------------------------------------------------------------------------


INBOX = Mailbox(1, ("INBOX",), None, 1, 1, 1, 0, 0, 0, 1, subscribed=True)
PROPERTIES: dict[str, Iterable[str]] = {
    "property of a Mailbox": mailbox.objects.PROPERTIES,
    "property of MailboxRights": mailbox.objects.rights_of(INBOX),
    "property of a Thread": thread.PROPERTIES,
    "property of an Email": (*email.METADATA, *email.BODY, *CONVENIENCE, "headers", "header:"),
    "property of an EmailBodyPart": (*body.PROPERTIES, "header:"),
    "property of an EmailImport": ("blobId", *OF_THE_STORE),
    "property of an Identity": identity.PROPERTIES,
    "property of an EmailSubmission": submission.PROPERTIES,
    "property of a VacationResponse": vacation.PROPERTIES,
    "property of a PushSubscription": (*subscription.PROPERTIES, *subscription.SECRET),
    "property of a Quota": quota.PROPERTIES,
    "property of an MDN": mdn.PROPERTIES,
    "property of a Blob": blob.PROPERTIES,
    "property of an AddressBook": addressbook.get.PROPERTIES,
    "property of AddressBookRights": addressbook.get.object_of(AddressBook(BookId(1), "x"))["myRights"],
    "property of a ContactCard": (*card.PROPERTIES, *OURS, "@type"),
    "property of a QueuedMessage": queued.PROPERTIES,
    "form of a header field": [f"as{form.value}" for form in Form],
    "type whose changes are told": (*TYPES, DELIVERY, QUOTA),
    "capability": session_object.CAPABILITIES,
    "condition of Mailbox/query": mailbox.filter.conditions({}),
    "condition of Email/query": email_filter._CONDITIONS,
    "condition of EmailSubmission/query": submission_query._CONDITIONS,
    "condition of Quota/query": quota._CONDITIONS,
    "condition of ContactCard/query": contacts._CONDITIONS,
    "condition of QueuedMessage/query": queued_query._CONDITIONS,
    "sort key of Mailbox/query": mailbox.query._KEYS,
    "sort key of Email/query": comparators.SORT_KEYS,
    "sort key of EmailSubmission/query": submission_query._KEYS,
    "sort key of ContactCard/query": contacts.SORT_KEYS,
    "sort key of QueuedMessage/query": queued_query._KEYS,
    "problem with a request": [kind.value for kind in ProblemKind],
}
"""What the code has, by the head of the table."""


@pytest.mark.parametrize("kind", PROPERTIES)
def test_every_property_that_the_code_knows_has_a_row_and_no_other(kind: str):
    assert sorted(names_of(kind)) == sorted(PROPERTIES[kind])


def test_all_data_types_are_among_them():
    """A new one must be added here and there."""
    types = {method.name.partition("/")[0] for method in METHODS} - {"Core"}
    written = {kind.removeprefix("property of ").removeprefix("an ").removeprefix("a ") for kind in heads("property")}
    assert types - written == set()
    assert {method.name for method in METHODS if method.name.endswith("/query")} == {
        kind.removeprefix("condition of ") for kind in heads("condition")
    }
    assert heads("sort") == {kind.replace("condition", "sort key") for kind in heads("condition")}


def heads(first: str) -> set[str]:
    return {row.kind for row in ROWS if row.kind.split(" ")[0] == first}


# --- errors ----------------------------------------------------------------------------------------------------------


def raised(pattern: re.Pattern[str]) -> set[str]:
    return {name for path in SOURCES.rglob("*.py") for name in pattern.findall(path.read_text())}


def test_every_error_of_a_method_has_a_row_and_no_other():
    assert set(names_of("error")) == raised(METHOD_ERROR) | {of_method for of_method, _ in NAMES.values()}


def test_every_set_error_has_a_row_and_no_other():
    """What fails a method fails one object alone where the method goes on."""
    known = raised(SET_ERROR) | {of_object for _, of_object in NAMES.values()}
    assert known <= set(names_of("SetError"))
    assert set(names_of("SetError")) - known <= raised(METHOD_ERROR)


def test_what_is_never_answered_is_never_raised():
    never = set(names_of("never"))
    assert never and never.isdisjoint(names_of("error")) and never.isdisjoint(names_of("SetError"))
