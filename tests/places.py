"""Where the project lies, and what others wrote."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def corpora_folder() -> Path:
    """Where messages that others wrote lie; `PILLARBOX_CORPORA` names another place."""
    return Path(os.environ.get("PILLARBOX_CORPORA", ROOT.parent / "shared" / "corpora"))
