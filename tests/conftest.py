"""What all tests share: the loop, the corpora, and that nothing is skipped where that is forbidden."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from places import corpora_folder

settings.register_profile("pillarbox", deadline=None)  # how long one example takes depends on who else is at work
settings.load_profile("pillarbox")

pytest_plugins = ("office",)


@pytest.fixture(scope="session")
def corpora() -> Path:
    folder = corpora_folder()
    if not folder.is_dir():
        pytest.skip(f"no corpora at {folder}: set PILLARBOX_CORPORA")
    return folder


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """With PILLARBOX_NO_SKIP a skipped test fails the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("PILLARBOX_NO_SKIP") and reporter is not None and exitstatus == 0:
        skipped = reporter.stats.get("skipped", [])
        if skipped:
            reporter.write_line(f"{len(skipped)} skipped, and none may be", red=True)
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
