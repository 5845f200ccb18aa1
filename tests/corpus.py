"""All messages that others wrote, and generated ones, as content that SMTP could carry (CRLF line ends)."""

import importlib.util
import re
from collections.abc import Iterator

from places import corpora_folder

SUFFIXES = {".eml", ".msg", ".txt", ".mime", ""}
NOT_MESSAGES = {"README.md", "SOURCE.md", "COPYING", "COPYING.txt", "LICENSE", "LICENSE.txt", "NOTICE"}
FOLDERS = (
    "stalwart-mail-parser",
    "mime4j-testmsgs",
    "ruby-mail",
    "cpython-email",
    "cyrus-sieve",
    "stalwart-mail-auth",
)


def crlf(content: bytes) -> bytes:
    """Every line end becomes CRLF; bare CR too, which SMTP cannot carry (RFC 5321 §2.3.8)."""
    return re.sub(rb"\r\n|\r|\n", b"\r\n", content)


def collected() -> Iterator[tuple[str, bytes]]:
    """(name, content with CRLF, ended by CRLF) of every message in the corpora."""
    root = corpora_folder()
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if not path.is_file() or path.name in NOT_MESSAGES or "LICENSES" in path.parts:
                continue
            if path.suffix not in SUFFIXES and not path.name.startswith("msg_"):
                continue
            content = crlf(path.read_bytes())
            if b":" not in content[:2000]:
                continue
            if not content.endswith(b"\r\n"):
                content += b"\r\n"
            yield str(path.relative_to(root)), content


def generated(count: int) -> Iterator[tuple[str, bytes]]:
    """`count` varied messages, always the same ones, by the generator that lies beside the corpora."""
    path = corpora_folder().parent / "bench" / "gen_corpus.py"
    spec = importlib.util.spec_from_file_location("gen_corpus", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for number in range(count):
        yield f"generated/{number}", crlf(module.message(number)[0])
