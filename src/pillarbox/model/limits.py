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
    push_listeners: int = 32
    """Event sources and WebSockets of one account that wait for changes."""
    push_subscriptions: int = 20
    """Of one account; and so many are made in one hour."""
    push_interval_seconds: float = 2.0
    """Between two messages to one push subscription; what comes meanwhile is told as one."""
    push_connections: int = 20
    """To push services, at the same time."""
    push_seconds: float = 20.0
    """For one message to a push service."""
    image_octets: int = 10_000_000
    """Of a picture that is fetched for a reader; so much memory each of them may take."""
    image_seconds: float = 10.0
    """To wait for a turn, and then to fetch it."""
    image_connections: int = 20
    image_connections_per_account: int = 6

    connections: int = 10_000
    connections_per_address: int = 50
    connections_per_loopback: int = 0
    """0: loopback is not counted."""
    pending_output_octets: int = 1_000_000
    """Beyond this no more is made for a client that does not read."""
    write_stall_seconds: float = 300.0
    tls_handshake_seconds: float = 30.0

    address_books: int = 100
    """Of one account, as all of these."""
    cards: int = 20_000
    card_octets: int = 200_000
    """Of one card, its media apart."""
    card_medium_octets: int = 5_000_000
    """Of one photograph, logo or sound."""
    card_media_octets: int = 200_000_000
    """Of all of them."""

    account_octets: int = 0
    """0: no quota."""
    hold_seconds: int = 31_536_000
    """The longest that a message may be held before it is sent (RFC 4865); 999,999,999 at most."""
    held_messages: int = 1_000
    """Of one account, at the same time."""
    queue_retry_seconds: float = 60.0
    """Between two attempts that the sender of a queued message asks for."""
    identities: int = 100
    """Of one account."""
    signature_octets: int = 100_000

    vacation_octets: int = 65_536
    """Of subject and texts together."""
    vacation_senders: int = 10_000
    """Whom an account's answer went to; RFC 5230 §4.2: at least 1,000."""
    mailboxes: int = 10_000
    mailboxes_per_message: int = 100
    """RFC 8621 §1.3.1, maxMailboxesPerEmail."""
    mailbox_name_octets: int = 1_000
    mailbox_depth: int = 50
    keywords: int = 500
    login_failures: int = 10
    """From one address, in `login_window_seconds`."""
    login_window_seconds: float = 600.0
    """Failures to show a second factor are counted by account as well, in the same numbers."""
    password_threads: int = 2
    tokens: int = 100
    """Of one account, as the next two."""
    passkeys: int = 20
    sessions: int = 50
    """Of browsers; one more ends the longest unused."""
    session_seconds: float = 2_592_000.0
    session_idle_seconds: float = 604_800.0
    """Without use it ends before that."""
    recent_sign_in_seconds: float = 600.0
    """So long after a sign-in one may change with what one signs in."""

    dns_timeout_seconds: float = 5.0
    relay_connections: int = 20
    relay_connections_per_destination: int = 5
    relay_messages_per_connection: int = 100
    hops: int = 100
    """Received fields before a loop is assumed; RFC 5321 §6.3 asks for a large one."""
    alias_depth: int = 10
