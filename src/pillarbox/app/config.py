"""`pillarbox.toml`: reads it, checks it, writes it. An error names file, key and reason in one line.

Nothing starts from a configuration that is not right as a whole.
"""

import ipaddress
import tomllib
from pathlib import Path
from typing import Any, Literal

import msgspec

from pillarbox.app.names import read_domain
from pillarbox.core.contents.remote_images import ImageSettings
from pillarbox.core.housekeeping import KeepSettings
from pillarbox.core.sending.submissions import SubmissionSettings
from pillarbox.model.errors import Invalid
from pillarbox.model.limits import Limits

FILE = "pillarbox.toml"

PORT_OFFSETS = {"mx": 25, "submissions": 465, "submission": 587, "imap": 143, "imaps": 993, "http": 80, "https": 443}
KEPT_MOST_SECONDS = 3_155_760_000
"""A hundred years, which is for ever, and can be reckoned with."""
HOLD_MOST_SECONDS = 999_999_999
"""RFC 4865 §3."""
ZERO_IS_NONE = ("account_octets", "connections_per_loopback")
"""Limits for which 0 means that there is none; any other must let something through."""


class ConfigurationError(Exception):
    """One line: which file, which key, what is wrong."""


class ServerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[server]`."""

    hostname: str
    domains: list[str]
    listen: str = "127.0.0.1"
    port_base: int = 0


class DnsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[dns]`."""

    nameservers: list[str] = []


class RelaySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[relay]`."""

    port: int = 25
    retry_seconds: float | tuple[float, ...] = (300, 600, 1_800, 3_600, 7_200, 14_400)
    expire_seconds: float = 432_000
    smarthost: str = ""


class TlsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[tls]`; paths are relative to the data folder."""

    certificate: str = "tls/server.crt"
    key: str = "tls/server.key"


class PushSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[push]`."""

    allowed_hosts: list[str] = []
    contact: str = ""


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[log]`."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    json: bool = False


class Configuration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    server: ServerSettings
    dns: DnsSettings = DnsSettings()
    relay: RelaySettings = RelaySettings()
    routes: dict[str, str] = {}
    submission: SubmissionSettings = SubmissionSettings()
    tls: TlsSettings = TlsSettings()
    keep: KeepSettings = KeepSettings()
    push: PushSettings = PushSettings()
    images: ImageSettings = ImageSettings()
    log: LogSettings = LogSettings()
    limits: Limits = Limits()

    def port(self, name: str) -> int:
        """Of a listener: base + 25, 465, 587, 143, 993, 80 or 443."""
        return self.server.port_base + PORT_OFFSETS[name]


def load(folder: Path) -> Configuration:
    """The configuration of a data folder. Raises: ConfigurationError."""
    path = folder / FILE
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise ConfigurationError(f"{path}: there is no such file; make it with `pillarbox init`") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigurationError(f"{path}: {problem}") from None
    return parse(text, str(path))


def parse(text: str, name: str) -> Configuration:
    """The text of a file of this name. Raises: ConfigurationError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise ConfigurationError(f"{name}: {problem}") from None
    return convert(document, name)


def convert(document: dict[str, Any], name: str) -> Configuration:
    """A document that was read. Raises: ConfigurationError."""
    try:
        found = msgspec.convert(document, Configuration)
    except msgspec.ValidationError as problem:
        reason, _, place = str(problem).partition(" - at ")
        key = place.strip("`").removeprefix("$").removeprefix(".") or "the file"
        raise ConfigurationError(f"{name}: {key}: {reason}") from None
    _check(found, name)
    return found


def _check(found: Configuration, name: str) -> None:
    """What types cannot say."""
    _check_server(found.server, f"{name}: server")
    for server_name in found.dns.nameservers:
        _check_host_port(f"{name}: dns.nameservers", server_name, must_be_ip=True)
    for domain, target in found.routes.items():
        _check_domain(f"{name}: routes", domain)
        _check_host_port(f"{name}: routes.{domain}", target)
    if found.relay.smarthost:
        _check_host_port(f"{name}: relay.smarthost", found.relay.smarthost)
    if not 0 < found.relay.port < 65_536:
        raise ConfigurationError(f"{name}: relay.port: must be from 1 to 65535")
    for seconds in retry_seconds(found.relay):
        if seconds <= 0:
            raise ConfigurationError(f"{name}: relay.retry_seconds: must be above 0")
    if found.relay.expire_seconds <= 0:
        raise ConfigurationError(f"{name}: relay.expire_seconds: must be above 0")
    if not 0 <= found.submission.undo_seconds <= found.limits.hold_seconds:
        raise ConfigurationError(f"{name}: submission.undo_seconds: must be from 0 to limits.hold_seconds")
    if found.limits.hold_seconds > HOLD_MOST_SECONDS:
        raise ConfigurationError(f"{name}: limits.hold_seconds: must be {HOLD_MOST_SECONDS:_} at most")
    if found.push.contact and not found.push.contact.startswith(("mailto:", "https:")):
        raise ConfigurationError(f"{name}: push.contact: must begin with mailto: or https:")
    for field in msgspec.structs.fields(KeepSettings):
        if not 0 < getattr(found.keep, field.name) <= KEPT_MOST_SECONDS:
            raise ConfigurationError(f"{name}: keep.{field.name}: must be above 0, and {KEPT_MOST_SECONDS:_} at most")
    for field in msgspec.structs.fields(Limits):
        value = getattr(found.limits, field.name)
        if value < 0:
            raise ConfigurationError(f"{name}: limits.{field.name}: must not be below 0")
        if value == 0 and not isinstance(value, bool) and field.name not in ZERO_IS_NONE:
            raise ConfigurationError(f"{name}: limits.{field.name}: must be above 0")


def _check_server(server: ServerSettings, where: str) -> None:
    if not server.domains:
        raise ConfigurationError(f"{where}.domains: at least one domain is needed")
    _check_domain(f"{where}.hostname", server.hostname)
    for domain in server.domains:
        _check_domain(f"{where}.domains", domain)
    if not _is_ip(server.listen):
        raise ConfigurationError(f"{where}.listen: {server.listen!r} is no IP address")
    highest = 65_535 - max(PORT_OFFSETS.values())
    if not 0 <= server.port_base <= highest:
        raise ConfigurationError(f"{where}.port_base: must be from 0 to {highest}")


def _check_domain(where: str, text: str) -> None:
    try:
        read_domain(text)
    except Invalid as problem:
        raise ConfigurationError(f"{where}: {problem.text}") from None


def _check_host_port(where: str, text: str, *, must_be_ip: bool = False) -> None:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise ConfigurationError(f"{where}: {text!r} is not host:port")
    if must_be_ip and not _is_ip(host.strip("[]")):
        raise ConfigurationError(f"{where}: {host!r} is no IP address, and there is nobody yet to ask for it")


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def retry_seconds(relay: RelaySettings) -> tuple[float, ...]:
    """The intervals between attempts; one number is the first, from which they grow."""
    if isinstance(relay.retry_seconds, tuple):
        return relay.retry_seconds or (300.0,)
    first = float(relay.retry_seconds)
    return tuple(first * factor for factor in (1, 2, 4, 8, 16))
