"""What the lecture says, row by row: what is built has a test that shows it, and the named test exists."""

import csv
import re

from places import ROOT

STATES = {"yes", "part", "planned"}


def table() -> list[dict[str, str]]:
    with (ROOT / "docs/mission.tsv").open() as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def test_rows_are_complete_and_named_once():
    names = [row["row"] for row in table()]
    assert len(names) == len(set(names))
    for row in table():
        assert row["status"] in STATES, row
        assert row["text"], row
        assert None not in row, row


def test_what_is_built_has_a_test_and_what_is_planned_has_none():
    for row in table():
        assert bool(row["tests"]) == (row["status"] != "planned"), row


def test_every_named_test_exists():
    missing = []
    for row in table():
        for place in row["tests"].split():
            file, _, name = place.partition("::")
            path = ROOT / "tests" / file
            if not path.is_file() or (
                name and not re.search(rf"^(?:async )?def {re.escape(name)}\(", path.read_text(), re.M)
            ):
                missing.append(f"{row['row']}: {place}")
    assert missing == []


def test_all_parts_of_the_lecture_are_there():
    """Seven components, six steps, every reply code, and the parts on messages, IMAP and the web."""
    names = {row["row"] for row in table()}
    codes = {211, 214, 220, 221, 235, 250, 251, 252, 334, 354, 421, 432, 450, 451, 452, 454, 455, 500, 502, 503, 504, 521,
             523, 530, 534, 535, 554, 556}  # fmt: skip
    assert {f"M{n}" for n in range(1, 8)} | {f"step {n}" for n in range(1, 7)} | {f"code {n}" for n in codes} <= names
    assert {"message", "imap", "web"} <= {name.split(" ")[0] for name in names}
