"""Starts Cyrus IMAP with JMAP, of Debian 13, in a root folder of its own: its packages would push out Postfix here.

The folder is made with debootstrap the first time (two minutes) and kept: `PILLARBOX_CYRUS_ROOT`, else below the
temporary folder. What Cyrus stores lies in there and is kept as well: to fill a mailbox takes it many minutes. As Debian
ships it, with conversations and Xapian on, which JMAP needs. Needs root and debootstrap.
"""

import contextlib
import imaplib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.servers import SERVER_CORE, Server, free_port, wait_port

ROOT = Path(os.environ.get("PILLARBOX_CYRUS_ROOT", Path(tempfile.gettempdir(), "pillarbox-cyrus")))
PASSWORD = "secret"
USER = "big"

SERVICES = """
START {{
  recover cmd="/usr/sbin/cyrus ctl_cyrusdb -r"
}}
SERVICES {{
  imap cmd="imapd -U 30" listen="127.0.0.1:{imap}" prefork=0 maxchild=100
  http cmd="httpd -U 100000" listen="127.0.0.1:{http}" prefork=1 maxchild=100
}}
EVENTS {{
  checkpoint cmd="/usr/sbin/cyrus ctl_cyrusdb -c" period=30
}}
"""

SETTINGS = """
configdirectory: /var/lib/cyrus
proc_path: /run/cyrus/proc
mboxname_lockpath: /run/cyrus/lock
defaultpartition: default
partition-default: /var/spool/cyrus/mail
altnamespace: yes
unixhierarchysep: yes
admins: cyrus
allowplaintext: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_mech_list: PLAIN LOGIN
servername: mail.bench.test
conversations: yes
conversations_db: twoskip
httpmodules: jmap
search_engine: xapian
defaultsearchtier: t1
t1searchpartition-default: /var/lib/cyrus/search
"""

PREPARE = """
rm -rf /run/cyrus
mkdir -p /run/cyrus/proc /run/cyrus/lock /run/cyrus/socket /var/lib/cyrus/search /var/spool/cyrus/mail
for name in big cyrus; do echo secret | saslpasswd2 -p -c -u mail.bench.test $name; done
chgrp sasl /etc/sasldb2 && chmod 640 /etc/sasldb2
chown -R cyrus:mail /run/cyrus /var/lib/cyrus /var/spool/cyrus
/usr/sbin/cyrus makedirs
"""


def install() -> None:
    """Make the root folder, unless it is there."""
    if (ROOT / "usr/lib/cyrus/bin/httpd").exists():
        return
    subprocess.run(["debootstrap", "--variant=minbase", "trixie", str(ROOT)], check=True, stdout=2)
    refusal = ROOT / "usr/sbin/policy-rc.d"
    refusal.write_text("#!/bin/sh\nexit 101\n")
    refusal.chmod(0o755)
    inside("DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "
           "cyrus-imapd cyrus-caldav cyrus-admin sasl2-bin libsasl2-modules meli")  # fmt: skip


def inside(script: str) -> None:
    """Run a script of the shell in the root folder."""
    subprocess.run(["chroot", str(ROOT), "/bin/bash", "-ec", script], check=True, stdout=2)


@contextlib.contextmanager
def cyrus(_: Path) -> Iterator[Server]:
    """Cyrus with an account `big`, on the same core as ours."""
    install()
    imap, http = free_port(), free_port()
    with contextlib.ExitStack() as stack:
        for kind in ("proc", "dev"):
            where = ROOT / kind
            if not os.path.ismount(where):
                subprocess.run(["mount", "--rbind", f"/{kind}", str(where)], check=True)
                subprocess.run(["mount", "--make-rslave", str(where)], check=True)
                stack.callback(subprocess.run, ["umount", "-R", "-l", str(where)], check=False)
        (ROOT / "etc/cyrus.conf").write_text(SERVICES.format(imap=imap, http=http))
        (ROOT / "etc/imapd.conf").write_text(SETTINGS)
        inside(PREPARE)
        master = subprocess.Popen(
            ["taskset", "-c", SERVER_CORE, "chroot", str(ROOT), "/usr/lib/cyrus/bin/master", "-D", "-l", "64"],
            stdin=subprocess.DEVNULL, stdout=2,
        )  # fmt: skip
        try:
            for port in (imap, http):
                wait_port(port)
            make_account(imap)
            yield Server("peer", "127.0.0.1", 0, imap, "", PASSWORD, [master.pid], http=http, user_names=[USER])
        finally:
            master.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                master.wait(timeout=20)


def make_account(port: int) -> None:
    """The mailboxes of `big`, as its administrator makes them."""
    limit = time.monotonic() + 20
    while True:
        with contextlib.suppress(OSError, imaplib.IMAP4.abort):
            connection = imaplib.IMAP4("127.0.0.1", port)
            break
        if time.monotonic() > limit:
            raise TimeoutError("the IMAP service does not answer")
        time.sleep(0.1)
    connection.login("cyrus", PASSWORD)
    for name in ("", "/Drafts", "/Sent", "/Trash", "/Archive"):
        connection.create(f"user/{USER}{name}")
    connection.logout()
