"""What JMAP's tests share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from jmap_site import Site, open_jmap

from office import open_office


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """One for each test."""
    async with open_office(tmp_path / "data") as office, open_jmap(office) as opened:
        yield opened
