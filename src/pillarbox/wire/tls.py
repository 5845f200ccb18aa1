"""TLS contexts: what we offer as a server, what we ask for as a client. TLS 1.2 and newer."""

import ssl
from pathlib import Path

from pillarbox.model.errors import Invalid


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """For listeners and STARTTLS. Raises: Invalid when the files are no pair."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise Invalid(f"the certificate {certificate} and its key cannot be used: {error.strerror or error}") from error
    return context


def opportunistic_context() -> ssl.SSLContext:
    """For relaying: encryption without knowing the other's name, better than none (RFC 7435 §1)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def verifying_context(authorities: Path | None = None) -> ssl.SSLContext:
    """For user agents: the server must show a certificate for its name, by the system's authorities or this file's."""
    context = ssl.create_default_context(cafile=None if authorities is None else str(authorities))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
