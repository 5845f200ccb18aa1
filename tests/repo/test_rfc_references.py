"""Every `RFC n §s` in the source names a standard of `docs/rfc.tsv`, and the table names real places."""

import csv
import re

from places import ROOT

REFERENCE = re.compile(r"RFC (\d{3,5})(?: §([0-9A-Z](?:[0-9.]*[0-9])?))?")
LOOSE = re.compile(r"\bRFC(?!822)\d|\brfc ?(?!822\b)\d{3,5}\b|RFC \d+,? (?:section|sec\.|s\.)")
STATES = {"yes", "part", "planned"}


def table() -> dict[str, dict[str, str]]:
    with (ROOT / "docs/rfc.tsv").open() as lines:
        return {row["rfc"]: row for row in csv.DictReader(lines, delimiter="\t")}


def sources():
    return sorted((ROOT / "src/pillarbox").rglob("*.py"))


def test_every_reference_is_listed():
    known = table()
    missing = {
        f"{path.relative_to(ROOT)}: RFC {number}"
        for path in sources()
        for number, _ in REFERENCE.findall(path.read_text())
        if number not in known
    }
    assert missing == set()


def test_references_have_one_form():
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}" for path in sources() for match in LOOSE.finditer(path.read_text())
    ]
    assert found == []


def test_rows_are_complete_and_their_places_exist():
    for number, row in table().items():
        assert row["status"] in STATES, number
        assert row["title"], number
        for place in filter(None, row["where"].split()):
            assert (ROOT / "src/pillarbox" / place).exists(), f"RFC {number}: {place}"
        assert row["where"] or row["status"] == "planned", number


def test_sections_exist_where_the_text_is_at_hand(corpora):
    """A section that the standard does not have is a reference from memory."""
    folder = corpora.parent / "rfc"
    wrong = set()
    texts: dict[str, str] = {}
    for path in sources():
        for number, section in REFERENCE.findall(path.read_text()):
            file = folder / f"rfc{number}.txt"
            if not section or not section[0].isdigit() or not file.is_file():
                continue
            text = texts.setdefault(number, file.read_text(errors="replace"))
            if not re.search(rf"^\s*{re.escape(section)}\.?\s", text, re.M):
                wrong.add(f"{path.relative_to(ROOT)}: RFC {number} §{section}")
    assert wrong == set()
