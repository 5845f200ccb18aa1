"""Writes `pillarbox.toml` with a comment for every setting, and takes `KEY=VALUE` from the command line."""

import tomllib
from typing import Any

import msgspec

from pillarbox.app.config import Configuration, ConfigurationError, convert

COMMENTS: dict[str, str] = {
    "server": "Who this server is, and where it listens.",
    "server.hostname": "The name in the greeting, in Received fields and in EHLO; the MX records should lead to it.",
    "server.domains": "Domains to take mail for at first; more by `pillarbox domain add`.",
    "server.listen": "The address to listen on; 0.0.0.0 is all of this machine's.",
    "server.port_base": "Added to every port: 25 MX, 465 submissions, 587 submission, 143 IMAP, 993 IMAPS, 80, 443.",
    "dns": "Where names are looked up.",
    "dns.nameservers": "host:port of name servers; none: those of this machine.",
    "relay": "Mail to elsewhere.",
    "relay.port": "The port of other mail servers.",
    "relay.retry_seconds": "Intervals between attempts, the last one repeats; one number is the first, and they double.",
    "relay.expire_seconds": "After so long a message comes back to its sender.",
    "relay.smarthost": "host:port that takes all mail to elsewhere; empty: the recipients' own servers, by MX.",
    "submission": "Mail that is sent from a mailbox, as web mail does; over SMTP programs ask for themselves.",
    "submission.undo_seconds": "How long it waits before it goes, and can be taken back; 0: it goes at once.",
    "routes": 'Domains whose mail goes to a host past the DNS: "example.org" = "192.0.2.1:25".',
    "tls": "The certificate that is shown; paths are relative to this folder.",
    "tls.certificate": "With the chain, PEM.",
    "tls.key": "PEM, readable by nobody else.",
    "keep": "How long what nobody needs any more is kept all the same.",
    "keep.deleted_seconds": "Contents of deleted mail.",
    "keep.changes_seconds": "Changes, for clients that were away; one that was away for longer reads all anew.",
    "keep.passports_seconds": "Passports of messages, with their dialogues.",
    "keep.submissions_seconds": "What is noted of mail that was sent from a mailbox; the mail itself is the owner's.",
    "push": "Telling programs elsewhere that something changed; push services are reached over HTTPS.",
    "push.allowed_hosts": "Hosts, with :port or without, that may be told though they are not on the public internet.",
    "push.contact": "Whom a push service may ask about us, mailto: or https:; empty: the postmaster.",
    "images": "Pictures from elsewhere in messages, fetched by this server so that nobody learns where one reads.",
    "images.proxy": "Fetch them; false: web mail shows none of them.",
    "images.allowed_hosts": "Hosts, with :port or without, that they may come from though they are not public.",
    "log": "One event a line on standard error.",
    "log.level": "debug, info, warning or error.",
    "log.json": "JSON in place of key=value.",
    "limits": "Bounds on everything that a peer can send or hold. 0 where it says so means none.",
    "limits.message_octets": "One message, header and all.",
    "limits.header_octets": "The header of one message, or of one part of it.",
    "limits.line_octets": "A line of content, without its end; longer ones are refused unless long_lines.",
    "limits.long_lines": "Take lines up to long_line_octets, as the large providers do.",
    "limits.long_line_octets": "The same with long_lines.",
    "limits.parts": "MIME parts of one message.",
    "limits.part_depth": "Parts within parts.",
    "limits.smtp_command_octets": "An SMTP command line with its parameters.",
    "limits.smtp_auth_line_octets": "A line of an AUTH exchange.",
    "limits.smtp_recipients": "Recipients of one message.",
    "limits.smtp_bad_commands": "Errors in one SMTP connection before it is closed.",
    "limits.smtp_commands": "Commands in one SMTP connection before it is closed.",
    "limits.smtp_command_timeout_seconds": "Silence where a command should come.",
    "limits.smtp_data_timeout_seconds": "Silence within content.",
    "limits.smtp_client_connect_seconds": "Patience with other servers: until the connection stands,",
    "limits.smtp_client_greeting_seconds": "until they greet,",
    "limits.smtp_client_command_seconds": "until they answer a command,",
    "limits.smtp_client_data_end_seconds": "until they answer the end of the content.",
    "limits.imap_line_octets": "One line of an IMAP command.",
    "limits.imap_literal_octets": "A literal; APPEND's may have message_octets.",
    "limits.imap_command_octets": "A whole IMAP command, literals and all; APPEND's literal is not counted.",
    "limits.imap_bad_commands": "Errors in one IMAP connection before it is closed.",
    "limits.imap_preauth_timeout_seconds": "Silence of somebody who has not signed in.",
    "limits.imap_client_command_seconds": "As an IMAP client: without an octet of an answer.",
    "limits.imap_idle_timeout_seconds": "Silence of somebody who has.",
    "limits.http_header_octets": "The header of an HTTP request.",
    "limits.http_header_seconds": "Until it is whole.",
    "limits.http_body_stall_seconds": "Until the next 1,000 octets of a body, or its end.",
    "limits.http_keep_alive_seconds": "Silence between two HTTP requests.",
    "limits.jmap_request_octets": "A JMAP request.",
    "limits.jmap_calls": "Method calls in one JMAP request.",
    "limits.jmap_objects": "Objects that one JMAP method gets or sets.",
    "limits.jmap_concurrent_requests": "JMAP requests of one account at the same time.",
    "limits.jmap_upload_octets": "A file that is uploaded; best not less than message_octets.",
    "limits.jmap_concurrent_uploads": "Uploads of one account at the same time.",
    "limits.push_listeners": "Event sources and WebSockets of one account that wait for changes.",
    "limits.push_subscriptions": "Push subscriptions of one account; and so many are made in one hour.",
    "limits.push_interval_seconds": "Between two messages to one push subscription.",
    "limits.push_connections": "Connections to push services.",
    "limits.push_seconds": "For one message to a push service.",
    "limits.image_octets": "A picture that is fetched for a reader.",
    "limits.image_seconds": "Until its turn comes, and then until it is there.",
    "limits.image_connections": "Pictures that are fetched at the same time.",
    "limits.image_connections_per_account": "The same for one account.",
    "limits.connections": "Connections to all ports together.",
    "limits.connections_per_address": "Connections from one address.",
    "limits.connections_per_loopback": "The same from this machine; 0: not counted.",
    "limits.pending_output_octets": "What may wait for a client that does not read.",
    "limits.write_stall_seconds": "How long it may wait.",
    "limits.tls_handshake_seconds": "Until TLS stands.",
    "limits.address_books": "Address books of one account.",
    "limits.cards": "Contacts of one account.",
    "limits.card_octets": "One contact, its photographs and sounds apart.",
    "limits.card_medium_octets": "One photograph, logo or sound of a contact.",
    "limits.card_media_octets": "All of them, of one account.",
    "limits.account_octets": "Quota of each account; 0: none.",
    "limits.hold_seconds": "The longest that a message may be held before it is sent.",
    "limits.held_messages": "Messages that one account may have held at the same time.",
    "limits.queue_retry_seconds": "Between two attempts that the sender of a queued message asks for.",
    "limits.identities": "Identities of one account.",
    "limits.signature_octets": "One signature of an identity.",
    "limits.vacation_octets": "Subject and texts of an answer for somebody who is away.",
    "limits.vacation_senders": "Whom such an answer went to, remembered for each account.",
    "limits.mailboxes": "Mailboxes of one account.",
    "limits.mailboxes_per_message": "Mailboxes that one message can be put into over JMAP.",
    "limits.mailbox_name_octets": "The name of a mailbox, with those above it.",
    "limits.mailbox_depth": "Mailboxes within mailboxes.",
    "limits.keywords": "Different keywords of one account.",
    "limits.login_failures": "Wrong passwords from one address in login_window_seconds.",
    "limits.login_window_seconds": "How long they are remembered.",
    "limits.tokens": "Tokens of one account.",
    "limits.passkeys": "Passkeys of one account.",
    "limits.sessions": "Browsers of one account that are signed in; one more ends the longest unused.",
    "limits.session_seconds": "The longest that a browser stays signed in.",
    "limits.session_idle_seconds": "The same without being used.",
    "limits.recent_sign_in_seconds": "How long after a sign-in one may change with what one signs in.",
    "limits.password_threads": "Passwords that are verified at the same time.",
    "limits.dns_timeout_seconds": "For one answer of a name server.",
    "limits.relay_connections": "Connections to other servers.",
    "limits.relay_connections_per_destination": "Connections to one domain's servers.",
    "limits.relay_messages_per_connection": "Messages over one of them.",
    "limits.hops": "Received fields in a message before a loop is assumed.",
    "limits.alias_depth": "Aliases that lead to aliases.",
}


def new_document(
    *, hostname: str, domains: list[str], listen: str, port_base: int, settings: list[str]
) -> dict[str, Any]:
    """The document for `init`. Raises: ConfigurationError."""
    document: dict[str, Any] = {
        "server": {"hostname": hostname, "domains": domains, "listen": listen, "port_base": port_base}
    }
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise ConfigurationError(f"--set {setting}: write KEY=VALUE")
        put(document, key.strip(), read_value(value.strip()))
    convert(document, "--set" if settings else "init")
    return document


def put(document: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted key; behind `routes.` all is one domain. Raises: ConfigurationError."""
    section, dot, name = key.partition(".")
    if not dot or not name:
        raise ConfigurationError(f"--set {key}: a key is section.name")
    if key == "dns.nameservers" and isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    document.setdefault(section, {})[name.strip('"')] = value


def read_value(text: str) -> Any:
    """A TOML value; what is none is taken as a string."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def write(document: dict[str, Any]) -> str:
    """The commented file: what is set, and what could be."""
    lines = ["# Pillarbox. A line that begins with # shows a default; take the # away to change it.", ""]
    for section in msgspec.structs.fields(Configuration):
        given = document.get(section.name, {})
        lines += [f"# {COMMENTS[section.name]}", f"[{section.name}]"]
        if section.name == "routes":
            lines += [f"{_toml(domain)} = {_toml(target)}" for domain, target in given.items()]
        else:
            lines += _section(section.name, section.type, given)
        lines.append("")
    return "\n".join(lines)


def _section(name: str, kind: Any, given: dict[str, Any]) -> list[str]:
    lines = []
    for field in msgspec.structs.fields(kind):
        comment = COMMENTS.get(f"{name}.{field.name}")
        if comment is not None:
            lines.append(f"# {comment}")
        if field.name in given:
            lines.append(f"{field.name} = {_toml(given[field.name])}")
        else:
            default = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
            lines.append(f"# {field.name} = {_toml(default)}")
    return lines


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:_}" if isinstance(value, int) else repr(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return msgspec.json.encode(str(value)).decode()
