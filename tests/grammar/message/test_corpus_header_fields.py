"""432 header fields that another parser has read: ours reads the same, or the table says why not.

The expectations are one parser's reading (`stalwart-mail-parser/headers`); names in the tables are how a field begins.
"""

import json

import pytest

from pillarbox.grammar.message import address_list, date, encoded_word, header, message_id, parameters, text
from pillarbox.model.errors import SyntaxProblem


@pytest.fixture
def cases(corpora):
    """All cases of a file: the unfolded value, and what was expected."""
    folder = corpora / "stalwart-mail-parser" / "headers"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")

    def load(name):
        found = []
        for case in json.loads((folder / name).read_text()):
            octets = b"X:" + case["header"].encode()
            first = next(iter(header.fields(octets, 0, len(octets))))
            found.append((case["header"], header.unfold(first.value), case["expected"]))
        return found

    return load


def differing(cases, read, expect):
    """The fields that were read otherwise."""
    return {raw: (got, want) for raw, value, case in cases if (got := read(value)) != (want := expect(case))}


def check(found, known):
    """Every difference stands in the table, and everything in the table is a difference."""
    starts = [start for starts in known.values() for start in starts]
    unknown = {raw: both for raw, both in found.items() if not raw.lstrip().startswith(tuple(starts))}
    assert unknown == {}
    assert [start for start in starts if not any(raw.lstrip().startswith(start) for raw in found)] == []


ADDRESSES = {
    "a comment is the name of an address only where there is no other (RFC 5322 §3.4)": [
        "Pete(A nice \\) chap)", "A Group(Some people)", "(Empty list)", "Nathaniel Borenstein <nsb@", "Name (comment)",
    ],
    "a folded line is one line before anything else is looked at: what is escaped here is the space": ["Pete(A nice \n"],
    "white space, comments and a route are no part of the address (RFC 5322 §4.4)": ["Mary Smith <@node", "John Doe <jdoe@machine(c"],
    "white space around a name goes, quoted or not": ['"  James Smythe"'],
    "a URL is no address; lists of them are not for this parser (RFC 2369 §2)": [
        "<http", "<mailto", "(Use this command", "<ftp", "NO (posting",
    ],
    "words after the angle bracket are passed over": ["<a@b.com> =?utf-8"],
}  # fmt: skip


def test_addresses(cases):
    def expect(case):
        if case is None:
            return []
        groups = [case["List"]] if "List" in case else [group["addresses"] for group in case["Group"]]
        return [(found["name"] or "", found["address"]) for group in groups for found in group]

    def read(value):
        return [(found.name, found.address) for found in address_list.parse(value)]

    check(differing(cases("address.json"), read, expect), ADDRESSES)


TYPES = {
    "only the first section names a charset (RFC 2231 §4.1); the others keep what looks like one": ["application/pdf\n   filename*0*"],
    "white space between encoded words goes, of different charsets too (RFC 2047 §6.2)": ['image/jpeg;\n   name="=?iso'],
    "a value without quotes ends at white space": ["image/jpeg;\n   name==?iso"],
    "white space at the end of a field is no part of it, so a string that is never closed ends before": ['inva/lid; name="   \n'],
    "a fold within a string is one space": ['inva/lid; name="   \n    ";'],
    "asterisks where none may stand (RFC 2231 §7) are part of the name": ["test/encoded; key4*", "malicious/attempt"],
    "a subtype is one token; what follows is passed over (RFC 2045 §5.1)": ["text/plain/format"],
    "a parameter without a value is empty": ["text/plain; name=  "],
}  # fmt: skip


def test_types_and_parameters(cases):
    def expect(case):
        if case is None or not case.get("c_subtype"):
            return None
        # The language that RFC 2231 §4 can give to a value is not kept here.
        kept = [(name, value) for name, value in case.get("attributes") or [] if not name.endswith("-language")]
        return case["c_type"].lower(), case["c_subtype"].lower(), sorted((n.lower(), v) for n, v in kept)

    def read(value):
        found = parameters.parse_type(value)
        if found is None:
            return None
        names = {name.rstrip(b"*").lower() for name, _ in found[2]}
        values = sorted((name.decode(), parameters.find(found[2], name)) for name in names)
        return found[0].decode().lower(), found[1].decode().lower(), values

    check(differing(cases("content_type.json"), read, expect), TYPES)


def moment(case):
    if case is None:
        return None
    east = (-1 if case["tz_before_gmt"] else 1) * (case["tz_hour"] * 60 + case["tz_minute"])
    return (*(case[unit] for unit in ("year", "month", "day", "hour", "minute", "second")), east)


def read_moment(value):
    try:
        found = date.parse(value)
    except SyntaxProblem:
        return None
    return (*found.timetuple()[:6], int(found.utcoffset().total_seconds()) // 60)


DATES = {
    "a month is a name (RFC 5322 §3.3)": ["20 11 (some", "4 8 15 16 23 42"],
    "this is a whole Received field, not the date at its end": ["by 2002:aa7"],
}


def test_dates(cases):
    check(differing(cases("date.json"), read_moment, moment), DATES)


RECEIVED = {
    "a date without a zone or in the order of asctime is read in any order there, and wrongly": [
        "FROM ca-ex-bridge1", "from TCE-E-7", "from pl027", "from [<4124973",
    ],
    "a two-digit year below 50 is in this century (RFC 5322 §4.3)": ["from snake.corp", "from smtp.greyware", "from olgisoft"],
    "a zone's name is read (RFC 5322 §4.3)": ["from [193.220.176.134]", "(from vashugins"],
    "seconds before a fraction are read": ["from MjA3NDc4Mg"],
    "an underscore before the date is not passed over": ["from testintranator"],
}  # fmt: skip


def test_dates_of_received_fields(cases):
    def expect(case):
        return moment((case or {}).get("date"))

    def read(value):
        return read_moment(value[value.rfind(b";") + 1 :])

    check(differing(cases("received.json"), read, expect), RECEIVED)


IDS = {
    "white space within an identifier is no part of it (RFC 5322 §4.5.4)": ["<1234   @"],
    "an identifier stands in angle brackets (RFC 5322 §3.6.4)": ["malformed@id", "malformed2@id", "m"],
}


def test_identifiers(cases):
    check(differing(cases("id.json"), message_id.parse_ids, lambda case: case or []), IDS)


def test_lists(cases):
    def read(value):
        return [encoded_word.decode(piece).strip() for piece in value.split(b",") if piece.strip()]

    check(differing(cases("list.json"), read, lambda case: case), {})


WORDS = {
    "no space is put between a text and the encoded word that touches it": [
        "[SUSPECTED SPAM]=?",
        "Some text =?utf-8?Q??=here",
    ],
    "a fold within an encoded word, which may not be there, is a space": ["=?utf-8?Q?Hello"],
}


def test_unstructured_fields(cases):
    check(differing(cases("unstructured.json"), text.header_text, lambda case: case or ""), WORDS)
