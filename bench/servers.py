"""Starts what is measured: Pillarbox, and Postfix that hands over to Dovecot by LMTP. All durable, as shipped.

Dovecot: sdbox, its fastest format here; the documented high-performance login mode; static passwords (no hash cost).
"""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from peers import POSTFIX_MASTER, free_port, wait_port  # noqa: E402
from servers import PASSWORD, Pillarbox  # noqa: E402

SERVER_CORE = "0"
USERS = 10


class Server:
    """Where a server listens, who has mail there, and which processes are its."""

    def __init__(
        self,
        name: str,
        host: str,
        smtp: int,
        imap: int,
        domain: str,
        password: str,
        roots: list[int],
        *,
        http: int = 0,
        user_names: list[str] | None = None,
    ) -> None:
        self.name = name
        self.host = host
        self.smtp = smtp
        self.imap = imap
        self.domain = domain
        self.password = password
        self.roots = roots
        self.http = http
        self.user_names = user_names or [f"big@{domain}"]
        """Who has a large mailbox."""

    def user(self, number: int) -> str:
        return f"u{number}@{self.domain}"


Opener = Callable[[Path], AbstractContextManager[Server]]


@contextlib.contextmanager
def open_servers(folder: Path, *, only: str | None, peer: Opener | None = None) -> Iterator[list[Server]]:
    """Both, or the one asked for; the peer is Postfix with Dovecot unless another is named."""
    with contextlib.ExitStack() as stack:
        servers = []
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
        if only != "peer":
            servers.append(stack.enter_context(ours(folder / "ours")))
        if only != "ours":
            servers.append(stack.enter_context((peer or postfix_dovecot)(folder / "peer")))
        yield servers


@contextlib.contextmanager
def ours(folder: Path) -> Iterator[Server]:
    """Pillarbox as `init` makes it."""
    server = Pillarbox(folder, hostname="mail.bench.test", domains=["bench.test"])
    server.prefix = ["taskset", "-c", SERVER_CORE]
    for number in range(USERS):
        server.add_account(f"u{number}@bench.test")
    server.add_account("big@bench.test")
    server.start()
    assert server.process is not None
    try:
        yield Server(
            "ours",
            "127.0.0.1",
            server.port("mx"),
            server.port("imap"),
            "bench.test",
            PASSWORD,
            [server.process.pid],
            http=server.port("http"),
        )
    finally:
        server.stop()


POSTFIX = """
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
myhostname = mx.bench.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
maillog_file = /dev/null
maillog_file_prefixes = /dev
local_recipient_maps =
alias_maps =
alias_database =
biff = no
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
virtual_mailbox_domains = bench.test
virtual_mailbox_maps = static:yes
virtual_transport = lmtp:inet:127.0.0.1:{lmtp}
smtp_dns_support_level = disabled
smtp_host_lookup = native
message_size_limit = 52428800
"""

DOVECOT = """
base_dir = {folder}/run
state_dir = {folder}/run
instance_name = bench{pid}
log_path = {folder}/log
protocols = imap lmtp
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
login_trusted_networks = 127.0.0.0/8
mail_location = sdbox:~/sdbox
mail_uid = mail
mail_gid = mail
first_valid_uid = 1
first_valid_gid = 1
mail_max_userip_connections = 20000
default_internal_user = dovecot
default_login_user = dovenull
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={folder}/mail/%Ld/%Ln
}}
namespace inbox {{
  inbox = yes
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
  service_count = 0
  process_min_avail = 1
  client_limit = 12000
}}
service imap {{
  process_limit = 6000
}}
service anvil {{
  client_limit = 20000
}}
service auth {{
  client_limit = 20000
}}
service stats {{
  client_limit = 20000
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
"""


@contextlib.contextmanager
def postfix_dovecot(folder: Path) -> Iterator[Server]:
    """Debian's Postfix and Dovecot with configurations of their own, on the same core as ours."""
    pin = ["taskset", "-c", SERVER_CORE]
    smtp, lmtp, imap = free_port(), free_port(), free_port()
    for made in ("postfix/conf", "postfix/spool", "postfix/data", "dovecot/mail"):
        (folder / made).mkdir(parents=True)
    subprocess.run(["chown", "postfix", str(folder / "postfix/data")], check=True)
    subprocess.run(["chown", "mail:mail", str(folder / "dovecot/mail")], check=True)
    configuration = folder / "postfix/conf"
    (configuration / "main.cf").write_text(POSTFIX.format(folder=folder / "postfix", lmtp=lmtp))
    (configuration / "master.cf").write_text(POSTFIX_MASTER.format(port=smtp))
    dovecot = folder / "dovecot/dovecot.conf"
    dovecot.write_text(DOVECOT.format(folder=folder / "dovecot", pid=os.getpid(), imap=imap, lmtp=lmtp))
    subprocess.run([*pin, "dovecot", "-c", str(dovecot)], check=True)
    subprocess.run(
        [*pin, "postfix", "-c", str(configuration), "start"],
        check=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )
    try:
        for port in (smtp, lmtp, imap):
            wait_port(port)
        master = folder / "postfix/spool/pid/master.pid"
        while not master.exists():
            time.sleep(0.05)
        roots = [int(master.read_text()), int((folder / "dovecot/run/master.pid").read_text())]
        yield Server("peer", "127.0.0.1", smtp, imap, "bench.test", "secret", roots)
    finally:
        subprocess.run(["postfix", "-c", str(configuration), "stop"], check=False, capture_output=True)
        subprocess.run(["doveadm", "-c", str(dovecot), "stop"], check=False, capture_output=True)
