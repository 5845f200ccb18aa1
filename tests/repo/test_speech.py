"""The project speaks of itself alone, and code says why rather than when."""

import re
import subprocess

from places import ROOT

FORBIDDEN = re.compile(
    r"/work/|/root/|pypi\.org|files\.pythonhosted|registry\.npmjs|deb\.debian|\bissue #?\d|\bhelper-\d|Co-Authored|\bin this session\b"
)


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return listed.stdout.split("\n")[:-1]


def test_no_machine_path_registry_host_or_session_stands_in_a_file():
    found = []
    for name in tracked():
        path = ROOT / name
        if name == "tests/repo/test_speech.py" or not path.is_file():
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [f"{name}: {match.group()}" for match in FORBIDDEN.finditer(text)]
    assert found == []


def test_no_lock_file_with_hosts_is_kept():
    assert not [name for name in tracked() if name.endswith(("uv.lock", "poetry.lock", "package-lock.json"))]
