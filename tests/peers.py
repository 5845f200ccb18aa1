"""Starts servers that others wrote (Debian's Postfix and Dovecot) with their own configuration, on loopback."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

STARTS = 5


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_port(port: int, *, seconds: float = 20.0) -> None:
    limit = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if time.monotonic() > limit:
            raise AssertionError(f"port {port} did not open")
        time.sleep(0.05)


POSTFIX_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
myhostname = {hostname}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
local_recipient_maps =
alias_maps =
alias_database =
biff = no
smtputf8_enable = yes
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = inline:{{ {{bob@{domain} = bob/}} }}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
transport_maps = inline:{{ {transports} }}
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtp_tls_security_level = may
smtpd_tls_security_level = may
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
minimal_backoff_time = 2s
queue_run_delay = 2s
"""

POSTFIX_MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
pickup    unix  n - n 60    1 pickup
cleanup   unix  n - n -     0 cleanup
qmgr      unix  n - n 300   1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n -     - trivial-rewrite
bounce    unix  - - n -     0 bounce
defer     unix  - - n -     0 bounce
trace     unix  - - n -     0 bounce
verify    unix  - - n -     1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n -     - proxymap
proxywrite unix - - n -     1 proxymap
smtp      unix  - - n -     - smtp
relay     unix  - - n -     - smtp
showq     unix  n - n -     - showq
error     unix  - - n -     - error
retry     unix  - - n -     - error
discard   unix  - - n -     - discard
local     unix  - n n -     - local
virtual   unix  - n n -     - virtual
lmtp      unix  - - n -     - lmtp
anvil     unix  - - n -     1 anvil
scache    unix  - - n -     1 scache
postlog   unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """A Postfix of its own: takes mail for bob@DOMAIN into a Maildir, and relays by the transports given."""

    def __init__(self, folder: Path, *, domain: str, transports: dict[str, int], certificate: Path, key: Path) -> None:
        self.folder = folder
        self.domain = domain
        self.port = free_port()
        self.configuration = folder / "conf"
        mail = folder / "mail"
        for made in (self.configuration, folder / "spool", folder / "data", mail):
            made.mkdir(parents=True)
        for above in (folder, *folder.parents):
            if above == Path("/tmp"):
                break
            above.chmod(0o755)
        subprocess.run(["chown", "postfix", str(folder / "data"), str(mail)], check=True)
        uid, gid = (int(subprocess.check_output(["id", flag, "postfix"])) for flag in ("-u", "-g"))
        routes = ", ".join(f"{{{name} = smtp:[127.0.0.1]:{port}}}" for name, port in transports.items())
        (self.configuration / "main.cf").write_text(
            POSTFIX_MAIN.format(
                folder=folder,
                hostname=f"mail.{domain}",
                domain=domain,
                transports=routes,
                uid=uid,
                gid=gid,
                certificate=certificate,
                key=key,
            )  # fmt: skip
        )
        (self.configuration / "master.cf").write_text(POSTFIX_MASTER.format(port=self.port))

    def maildir(self) -> list[Path]:
        box = self.folder / "mail" / "bob"
        return [*box.glob("new/*"), *box.glob("cur/*")]

    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    def __enter__(self) -> "Postfix":
        subprocess.run(
            ["postfix", "-c", str(self.configuration), "start"],
            check=True, capture_output=True, timeout=60, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        wait_port(self.port)
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["postfix", "-c", str(self.configuration), "stop"], check=False, capture_output=True, timeout=60)


DOVECOT = """
base_dir = {run}
state_dir = {run}
instance_name = {name}
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
login_trusted_networks = 127.0.0.0/8
mail_location = sdbox:~/sdbox
mail_uid = mail
mail_gid = mail
first_valid_uid = 1
first_valid_gid = 1
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
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
"""


@contextlib.contextmanager
def dovecot(folder: Path) -> Iterator[int]:
    """A Dovecot of its own; its IMAP port. Any user, password `secret`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mail").mkdir()
    for above in (folder, *folder.parents):
        if above == Path("/tmp"):
            break
        above.chmod(0o755)
    subprocess.run(["chown", "mail:mail", str(folder / "mail")], check=True)
    configuration = folder / "dovecot.conf"
    run = Path(tempfile.mkdtemp(prefix="dovecot-"))  # a short name: it holds sockets
    run.chmod(0o755)
    for _ in range(STARTS):  # a port that was free may be taken by now
        port = free_port()
        configuration.write_text(DOVECOT.format(folder=folder, run=run, name=f"test{os.getpid()}-{port}", port=port))
        with (folder / "start").open("w") as said:
            started = subprocess.run(
                ["dovecot", "-c", str(configuration)],
                check=False, stdin=subprocess.DEVNULL, stdout=said, stderr=said, timeout=30,
            )  # fmt: skip
        if started.returncode == 0:
            break
    else:
        raise AssertionError((folder / "start").read_text())
    try:
        wait_port(port)
        yield port
    finally:
        subprocess.run(["doveadm", "-c", str(configuration), "stop"], check=False, capture_output=True, timeout=30)
        shutil.rmtree(run, ignore_errors=True)
