"""Every error that carries meaning has a row of its own in the reply table of every conversation."""

import importlib

import pytest

from pillarbox.model import errors
from places import ROOT

TABLES = sorted(path.parent.name for path in (ROOT / "src/pillarbox/serve").glob("*/replies.py"))
KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.MailError) and kind is not errors.MailError
]


def test_there_are_conversations_and_errors():
    assert {"smtp", "imap"} <= set(TABLES)
    assert len(KINDS) >= 20


@pytest.mark.parametrize("protocol", TABLES)
def test_every_error_has_a_row(protocol):
    module = importlib.import_module(f"pillarbox.serve.{protocol}.replies")
    (rows,) = [value for value in vars(module).values() if isinstance(value, dict) and errors.NotFound in value]
    assert [kind.__name__ for kind in KINDS if kind not in rows] == []
