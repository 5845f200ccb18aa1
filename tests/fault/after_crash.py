"""What a store of the contract's tables holds when it is opened after a crash."""

from pathlib import Path

import apsw


class Stored:
    """Read with nothing of ours in between; the file must pass SQLite's own check."""

    def __init__(self, path: Path) -> None:
        connection = apsw.Connection(str(path))
        try:
            assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]
            self.boxes = dict(connection.execute("select id, modseq from contract_box"))
            self.items = list(
                connection.execute("select account_id, modseq, uid, octets from contract_item order by 1, 2")
            )
            self.changes = list(
                connection.execute("select account_id, modseq, word from contract_change order by 1, 2")
            )
        finally:
            connection.close()

    def check_dense(self) -> None:
        """Each number was given once, with all its rows."""
        dense = [(box, n) for box, modseq in sorted(self.boxes.items()) for n in range(1, modseq + 1)]
        assert [(row[0], row[2]) for row in self.items] == dense, "uids have holes"
        assert [row[:2] for row in self.items] == dense, "items have holes"
        assert [row[:2] for row in self.changes] == dense, "changes have holes"
