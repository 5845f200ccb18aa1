"""jmap-jam, a JMAP client of others for JavaScript, unchanged, against `pillarbox serve` over TLS with a token."""

import json
import os
import shutil
import subprocess

import pytest

from places import ROOT
from servers import running, wait_until

pytestmark = [pytest.mark.interop]
JAM = ROOT / "tests/interop/jam"


@pytest.fixture(scope="module")
def node() -> str:
    """Node.js, and the client that `npm install` put beside the script."""
    found = shutil.which("node")
    if found is None or not (JAM / "node_modules/jmap-jam").is_dir():
        missing = "node, and: npm install --no-package-lock --prefix tests/interop/jam"
        if os.environ.get("PILLARBOX_NO_SKIP"):
            pytest.fail(f"needs {missing}")
        pytest.skip(f"needs {missing}")
    return found


def test_it_writes_sends_reads_and_downloads(node, tmp_path):
    with running(tmp_path / "data") as server:
        token = server.command("token", "add", "alice@uiowa.test", "jam").strip().splitlines()[-1]
        url = f"https://{server.listen}:{server.port('https')}/.well-known/jmap"
        done = subprocess.run(
            [node, str(JAM / "play.mjs"), url, token], capture_output=True, text=True, timeout=60, check=False,
            env={**os.environ, "NODE_EXTRA_CA_CERTS": str(server.folder / "tls/server.crt")},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == {
            "username": "alice@uiowa.test",
            "uploaded": 100_000,
            "created": ["draft"],
            "moved": 1,
            "submissions": 1,
            "subject": "from jmap-jam",
            "keywords": {},
            "text": ["Grüße, by jmap-jam.\n"],
            "inThread": True,
            "downloaded": 100_000,
            "sevens": True,
            "hasState": True,
            "refused": "accountNotFound",
        }
        wait_until(lambda: server.json("account", "list")[1]["used_octets"] > 100_000, what="bob has it")
