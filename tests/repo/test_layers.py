"""Who may import whom is a contract, and the contract is checked."""

from importlinter.cli import lint_imports


def test_every_import_follows_the_house(monkeypatch):
    from places import ROOT

    monkeypatch.chdir(ROOT)
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0


def test_only_listeners_of_a_conversation_touch_the_wire():
    from places import ROOT

    found = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "src/pillarbox/serve").rglob("*.py")
        if "pillarbox.wire" in path.read_text() and path.name != "listener.py"
    ]
    assert found == []


def test_sql_stands_in_the_store_only():
    """A statement outside `store` would be a second place to keep true."""
    import re
    import tokenize

    from places import ROOT

    # Tokens, not syntax trees: Python 3.11 may lose count of its recursion while it builds many of them.
    statement = re.compile(
        r"""\w*(?:\"{3}|'{3}|"|')?\s*(select\s.+\sfrom|insert\s+into|update\s+\w+\s+set|delete\s+from)\s""", re.I | re.S
    )
    texts = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    found, in_store = [], 0
    for path in (ROOT / "src/pillarbox").rglob("*.py"):
        with path.open("rb") as source:
            hits = [
                f"{path.relative_to(ROOT)}:{token.start[0]}"
                for token in tokenize.tokenize(source.readline)
                if token.type in texts and statement.match(token.string)
            ]
        if path.relative_to(ROOT / "src/pillarbox").parts[0] == "store":
            in_store += len(hits)
        else:
            found += hits
    assert found == []
    assert in_store > 50, "the pattern must know a statement when it sees one"


def test_transactions_are_opened_by_core_only():
    """`core` decides what belongs together; everybody else asks it."""
    import re

    from places import ROOT

    found = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "src/pillarbox").rglob("*.py")
        if path.relative_to(ROOT / "src/pillarbox").parts[0] not in {"core", "store"}
        and re.search(r"\.(write|read)\(\s*(account|SYSTEM_ACCOUNT)\w*\s*\) as", path.read_text())
    ]
    assert found == []
