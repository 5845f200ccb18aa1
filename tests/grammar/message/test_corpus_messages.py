"""Messages that others have taken apart: ours finds the same parts, texts and fields, or the table says why not.

The expectations are those of two other parsers: `stalwart-mail-parser` (JSON) and `mime4j-testmsgs` (events in XML).
"""

import json
import re
from xml.etree import ElementTree

import pytest

from pillarbox.grammar.message import address_list, charset, date, header, message_id, parameters, text, transfer
from pillarbox.grammar.message.structure import scan
from pillarbox.model.errors import SyntaxProblem
from pillarbox.model.limits import Limits

HEADER_ENDS = "a header ends with an empty line (RFC 5322 §2.2); there is none"
OUTER_ENDS = "a boundary of an outer multipart ends the parts inside (RFC 2046 §5.1.2)"
SAME = "a boundary that is declared once more inside is that of the outer multipart (RFC 2046 §5.1.2)"
LAST_PIECE = "a delimiter at the very end begins a part, an empty one"
NOT_MAIL = "the address has no domain; here it shows as one that is missing"
ENCODED_MESSAGE = (
    "a message inside may not be encoded (RFC 2046 §5.2.1), and parts are octets as they lie (RFC 9051 §6.4.5.1)"
)
NO_TRAILING_SPACE = (
    "a boundary does not end with white space (RFC 2046 §5.1.1), and what was added on the way is not compared"
)
FIRST_TYPE = "of two Content-Type fields the first counts"

JSON_DIFFERENCES = {
    "malformed/000": HEADER_ENDS,
    "malformed/001": "the inner boundary stands after the outer one has ended that part (RFC 2046 §5.1.2)",
    "malformed/002": "a multipart stays one where its boundary is never met",
    "malformed/003": SAME,
    "malformed/004": "`--ab` is no delimiter of the boundary `a` (RFC 2046 §5.1.1)",
    "malformed/005": "`--a----` closes the boundary `a--`, whatever is declared inside",
    "malformed/007": HEADER_ENDS,
    "malformed/008": SAME,
    "malformed/009": OUTER_ENDS,
    "malformed/011": OUTER_ENDS,
    "malformed/012": OUTER_ENDS,
    "malformed/013": LAST_PIECE,
    "malformed/014": LAST_PIECE,
    "malformed/016": OUTER_ENDS,
    "malformed/019": SAME,
    "malformed/020": FIRST_TYPE,
    "malformed/021": FIRST_TYPE,
    "malformed/022": "what is declared to be a message is one, though it has no fields",
    "rfc/000": "the body, which is no base64, is decoded as far as it goes",
    "rfc/001": NOT_MAIL,
    "rfc/002": "a comment is no part of a name (RFC 5322 §3.4)",
    "rfc/004": NOT_MAIL,
    "rfc/008": ENCODED_MESSAGE,
    "rfc/009": NOT_MAIL,
    "thirdparty/002": "base64 that is broken is decoded as far as it goes, not shown as it is",
    "thirdparty/005": "`--1--` within a line is text",
    "thirdparty/007": NOT_MAIL,
    "thirdparty/015": "parts are bounded by the outer delimiters, and the inner multiparts never meet theirs",
}


def stalwart(corpora):
    folder = corpora / "stalwart-mail-parser" / "eml"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    return folder


def ours(content, part, message=False):
    """A part as a value to compare: kind, media type, decoded body or parts."""
    kind = (part.type.decode().lower(), part.subtype.decode().lower())
    if part.is_multipart:
        return (kind, [ours(content, child) for child in part.children], *([facts(content, part)] if message else []))
    if part.inner is not None:
        return (kind, [ours(content, part.inner, message=True)], *([facts(content, part)] if message else []))
    octets = transfer.decode(content[part.body : part.end], part.encoding)
    if part.is_text:
        octets = charset.decode(octets, parameters.find(part.parameters, b"charset") or "us-ascii").encode()
    return (kind, octets.replace(b"\r\n", b"\n"), *([facts(content, part)] if message else []))


def facts(content, part):
    """What the header of a message says."""

    def value(name):
        found = [f for f in header.fields(content, part.start, part.body) if f.name.lower() == name]
        return header.unfold(found[-1].value) if found else None

    found = {}
    for name in ("from", "to", "cc", "reply-to", "sender"):
        if value(name.encode()) is not None:
            found[name] = [(one.name, one.address) for one in address_list.parse(value(name.encode()))]
    if value(b"subject"):
        found["subject"] = text.header_text(value(b"subject"))
    if value(b"message-id"):
        found["message-id"] = message_id.parse_ids(value(b"message-id"))
    if value(b"date"):
        try:
            found["date"] = date.parse(value(b"date")).timetuple()[:6]
        except SyntaxProblem:
            found["date"] = None
    return {name: one for name, one in found.items() if one}


def theirs(message, number=0, top=True):
    """The same from the JSON; `kind` is what the header declares, or the default."""
    part = message["parts"][number]
    values = {field["name"]: field["value"] for field in part["headers"] if isinstance(field["name"], str)}
    declared = values.get("content_type")
    declared = declared["ContentType"] if isinstance(declared, dict) and "ContentType" in declared else None
    ((body, inside),) = part["body"].items()
    default = ("message", "rfc822") if body == "Message" else ("text", "plain")
    kind = (
        (declared["c_type"].lower(), declared["c_subtype"].lower())
        if declared and declared.get("c_subtype")
        else default
    )
    own = [their_facts(values)] if top else []
    if body == "Multipart":
        return (kind, [theirs(message, one, top=False) for one in inside], *own)
    if body == "Message":
        return (kind, [theirs(inside)], *own)
    octets = inside.encode() if isinstance(inside, str) else bytes(inside)
    return (kind, octets.replace(b"\r\n", b"\n"), *own)


def their_facts(values):
    found = {}
    for name in ("from", "to", "cc", "reply-to", "sender"):
        value = values.get(name.replace("-", "_"))
        if isinstance(value, dict) and "Address" in value:
            case = value["Address"]
            groups = [case["List"]] if "List" in case else [group["addresses"] for group in case["Group"]]
            found[name] = [(one["name"] or "", one["address"]) for group in groups for one in group]
    if isinstance(values.get("subject"), dict):
        found["subject"] = values["subject"]["Text"]
    if isinstance(values.get("message_id"), dict):
        ids = values["message_id"]
        found["message-id"] = ids.get("TextList") or [ids["Text"]]
    if isinstance(values.get("date"), dict):
        case = values["date"]["DateTime"]
        found["date"] = tuple(case[unit] for unit in ("year", "month", "day", "hour", "minute", "second"))
    return found


def test_messages_with_json(corpora):
    folder = stalwart(corpora)
    found = {}
    for path in sorted(folder.rglob("*.eml")):
        content = path.read_bytes()
        got = ours(content, scan(content, limits=Limits()), message=True)
        want = theirs(json.loads(path.with_suffix(".json").read_text()))
        if got != want:
            found[path.relative_to(folder).with_suffix("").as_posix()] = (got, want)
    assert {name: both for name, both in found.items() if name not in JSON_DIFFERENCES} == {}
    assert JSON_DIFFERENCES.keys() - found.keys() == set()


XML_DIFFERENCES = {
    "bad-newlines-multiple-parts-base64": ENCODED_MESSAGE,
    "base64encoded-rfc822message-nested": ENCODED_MESSAGE,
    "base64encoded-rfc822message": ENCODED_MESSAGE,
    "malformedHeaderStartsBody-nocrlfcrlf": "a line that is no field does not begin the body (RFC 7103 §7.1.1); a setting there",
    "malformedHeaderStartsBody-noheader": HEADER_ENDS,
    "very-long-boundary": NO_TRAILING_SPACE,
    "very-very-long-boundary": NO_TRAILING_SPACE,
    "weird-boundary": NO_TRAILING_SPACE,
}

FIELD_NAME = re.compile(rb"[!-9;-~]+[ \t]*:")


def event_tree(folder, element):
    """(fields, what is inside) of a message or body part: parts, or the decoded octets."""
    fields = ["".join(field.itertext()) for field in element.iterfind("header/field")]
    inside = None
    for child in element:
        if child.tag == "multipart":
            inside = [event_tree(folder, part) for part in child if part.tag in ("body-part", "message")]
        elif child.tag == "message":
            inside = [event_tree(folder, child)]
        elif child.get("name"):
            inside = (folder / child.get("name")).read_bytes()
    return [" ".join(field.split()) for field in fields], inside


def part_tree(content, part):
    lines = [content[field.start : field.end] for field in header.fields(content, part.start, part.body)]
    # Lines that are no fields are left out there.
    fields = [" ".join(line.decode("latin-1").split()) for line in lines if FIELD_NAME.match(line)]
    if part.inner is not None:
        return fields, [part_tree(content, part.inner)]
    if part.is_multipart:
        return fields, [part_tree(content, child) for child in part.children]
    return fields, transfer.decode(content[part.body : part.end], part.encoding)


def test_messages_with_events(corpora):
    folder = corpora / "mime4j-testmsgs"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    found = {}
    for path in sorted(folder.glob("*.msg")):
        content = path.read_bytes()
        got = part_tree(content, scan(content, limits=Limits()))
        want = event_tree(folder, ElementTree.parse(path.with_name(f"{path.stem}_decoded.xml")).getroot())
        if got != want:
            found[path.stem] = (got, want)
    assert {name: both for name, both in found.items() if name not in XML_DIFFERENCES} == {}
    assert XML_DIFFERENCES.keys() - found.keys() == set()


CUTS = 24


def look_at_everything(content):
    """All that the program ever does with a message that came."""
    root = scan(content, limits=Limits(parts=100, part_depth=8))
    facts(content, root)
    text.main_text(content, root)
    text.all_header_text(content, text.headers_of(root)).encode()
    for part in text.text_parts(root):
        text.part_text(content, part).encode()
    for value in root.envelope:
        address_list.parse_raw(value or b"")


def test_no_file_of_any_corpus_is_too_much_whole_or_cut(corpora):
    count = 0
    for path in sorted(corpora.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            for place in {len(content) * number // CUTS for number in range(CUTS + 1)}:
                look_at_everything(content[:place] if place <= 100_000 else content[place - 100_000 : place])
            count += 1
    assert count > 300
