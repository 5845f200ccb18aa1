"""Whose mail it is, and where: from `~/.config/pillarbox/mail.toml`, or from options.

[home]
address = "alice@uiowa.edu"
name = "Alice"
smtp = "mail.uiowa.edu:587"
imap = "mail.uiowa.edu:993"
password_command = "pass mail/alice"
"""

import os
import subprocess
import tomllib
from pathlib import Path

import msgspec

from pillarbox.app.config import ConfigurationError

IMPLICIT_TLS = (465, 993)


class Endpoint(msgspec.Struct, frozen=True):
    """A host and port of SMTP or IMAP."""

    host: str
    port: int

    @property
    def is_implicit_tls(self) -> bool:
        """465 and 993, also behind a port base (20465)."""
        return self.port % 1_000 in IMPLICIT_TLS

    @property
    def is_loopback(self) -> bool:
        """Nobody else can listen."""
        return self.host == "localhost" or self.host.startswith("127.") or self.host == "::1"


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One section of the file."""

    address: str
    smtp: str
    imap: str
    name: str = ""
    user: str = ""
    password: str = ""
    password_command: str = ""
    ca: str = ""

    @property
    def login(self) -> str:
        """What to sign in as."""
        return self.user or self.address

    def endpoint(self, kind: str) -> Endpoint:
        """Of "smtp" or "imap". Raises: ConfigurationError."""
        text = self.smtp if kind == "smtp" else self.imap
        host, _, port = text.rpartition(":")
        if not host or not port.isdecimal():
            raise ConfigurationError(f"{kind}: {text!r} is not host:port")
        return Endpoint(host.strip("[]"), int(port))

    def find_password(self) -> str:
        """From the file, or from the command it names. Raises: ConfigurationError."""
        if self.password:
            return self.password
        if not self.password_command:
            raise ConfigurationError("no password: set password or password_command, or use --password-stdin")
        done = subprocess.run(
            self.password_command, shell=True, capture_output=True, text=True, check=False, timeout=60
        )
        if done.returncode:
            raise ConfigurationError(f"password_command ended with {done.returncode}: {done.stderr.strip()[:200]}")
        return done.stdout.split("\n")[0]


def path() -> Path:
    """Where the file is (XDG)."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path("~/.config").expanduser())
    return Path(base) / "pillarbox" / "mail.toml"


def load(name: str | None) -> Profile:
    """A section of the file, the first when no name is given. Raises: ConfigurationError."""
    file = path()
    try:
        document = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(
            f"{file}: there is no such file; make it, or use --smtp --imap --user --password-stdin"
        ) from None
    except (OSError, tomllib.TOMLDecodeError) as problem:
        raise ConfigurationError(f"{file}: {problem}") from None
    chosen = name or next(iter(document), None)
    if chosen is None or chosen not in document:
        raise ConfigurationError(f"{file}: {chosen or 'an account'}: there is no such section")
    try:
        return msgspec.convert(document[chosen], Profile)
    except msgspec.ValidationError as problem:
        reason, _, place = str(problem).partition(" - at ")
        key = place.strip("`").removeprefix("$.")
        raise ConfigurationError(f"{file}: {chosen}{'.' if key else ''}{key}: {reason}") from None
