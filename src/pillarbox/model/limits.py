"""Bounds on everything that a peer can send or hold, each with its unit; `[limits]` in the configuration sets them.

RFC 5321 §4.5.3 gives minima for what must be accepted; none of the defaults is below them.
"""

import msgspec


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Defaults are right for one machine."""

    message_octets: int = 50_000_000
    header_octets: int = 1_000_000
    line_octets: int = 998
    """Of content, without CRLF (RFC 5322 §2.1.1). Longer lines are refused with 554 5.6.0 … unless `long_lines`."""
    long_lines: bool = True
    """Take lines up to `long_line_octets` in content, as the large providers do."""
    long_line_octets: int = 1_000_000
    parts: int = 1_000
    part_depth: int = 50

    smtp_command_octets: int = 2_048
    """With parameters; RFC 5321 §4.5.3.1.4 asks for 512 at least, RFC 4954 §4 for 12,288 in AUTH."""
    smtp_auth_line_octets: int = 12_288
    smtp_recipients: int = 1_000
    """RFC 5321 §4.5.3.1.8: at least 100."""
    smtp_bad_commands: int = 20
    """Errors in one connection before 421."""
    smtp_commands: int = 100_000
    """Commands in one connection before 421."""
    smtp_command_timeout_seconds: float = 300.0
    """RFC 5321 §4.5.3.2.7."""
    smtp_data_timeout_seconds: float = 180.0
    """Between two blocks of content; RFC 5321 §4.5.3.2.5."""
    smtp_client_connect_seconds: float = 30.0
    smtp_client_greeting_seconds: float = 300.0
    smtp_client_command_seconds: float = 300.0
    smtp_client_data_end_seconds: float = 600.0
    """RFC 5321 §4.5.3.2.6."""

    imap_line_octets: int = 65_536
    imap_literal_octets: int = 1_000_000
    """Of any literal but APPEND's, whose bound is `message_octets`."""
    imap_command_octets: int = 4_000_000
    imap_bad_commands: int = 20
    imap_preauth_timeout_seconds: float = 60.0
    imap_client_command_seconds: float = 120.0
    """Without an octet of an answer."""
    imap_idle_timeout_seconds: float = 1_860.0
    """RFC 9051 §5.4: at least 30 minutes."""

    http_header_octets: int = 32_768
    http_header_seconds: float = 10.0
    """Until a header is whole; before the first octet of a connection too."""
    http_body_stall_seconds: float = 30.0
    """Until the next 1,000 octets of a body, or its end."""
    http_keep_alive_seconds: float = 75.0
    """Between two requests."""

    jmap_request_octets: int = 10_000_000
    """maxSizeRequest, as all of these in RFC 8620 §2."""
    jmap_calls: int = 64
    """maxCallsInRequest."""
    jmap_objects: int = 1_000
    """maxObjectsInGet and maxObjectsInSet."""
    jmap_concurrent_requests: int = 8
    """maxConcurrentRequests."""
    jmap_upload_octets: int = 50_000_000
    """maxSizeUpload: as large as a message may be."""
    jmap_concurrent_uploads: int = 4
    """maxConcurrentUpload."""

    connections: int = 10_000
    connections_per_address: int = 50
    connections_per_loopback: int = 0
    """0: loopback is not counted."""
    pending_output_octets: int = 1_000_000
    """Beyond this no more is made for a client that does not read."""
    write_stall_seconds: float = 300.0
    tls_handshake_seconds: float = 30.0

    account_octets: int = 0
    """0: no quota."""
    mailboxes: int = 10_000
    mailbox_name_octets: int = 1_000
    mailbox_depth: int = 50
    keywords: int = 500
    login_failures: int = 10
    """From one address, in `login_window_seconds`."""
    login_window_seconds: float = 600.0
    password_threads: int = 2

    dns_timeout_seconds: float = 5.0
    relay_connections: int = 20
    relay_connections_per_destination: int = 5
    relay_messages_per_connection: int = 100
    hops: int = 100
    """Received fields before a loop is assumed; RFC 5321 §6.3 asks for a large one."""
    alias_depth: int = 10
