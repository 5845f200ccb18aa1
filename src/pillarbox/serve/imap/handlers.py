"""Which function answers which command: one table."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from pillarbox.grammar.imap import commands as _commands  # noqa: F401 - the package whose names the table has
from pillarbox.grammar.imap.commands import copy as copy_commands
from pillarbox.grammar.imap.commands import fetch as fetch_commands
from pillarbox.grammar.imap.commands import mailbox as mailbox_commands
from pillarbox.grammar.imap.commands import quota as quota_commands
from pillarbox.grammar.imap.commands import search as search_commands
from pillarbox.grammar.imap.commands import select as select_commands
from pillarbox.grammar.imap.commands import session as session_commands
from pillarbox.grammar.imap.commands import sort as sort_commands
from pillarbox.grammar.imap.commands import store as store_commands
from pillarbox.grammar.imap.commands import thread as thread_commands
from pillarbox.serve.imap import copy, fetch, mailbox, quota, search, select, sign_in, sort, store, thread
from pillarbox.serve.imap.append import append, is_append
from pillarbox.serve.imap.idle import end_idle, idle
from pillarbox.serve.imap.sign_in import capability_names

__all__ = ["TABLE", "append", "capability_names", "end_idle", "is_append"]

TABLE: dict[type[msgspec.Struct], Callable[[Any, bytes, Any], Awaitable[Any]]] = {
    session_commands.Capability: sign_in.capability,
    session_commands.Noop: sign_in.noop,
    session_commands.Logout: sign_in.logout,
    session_commands.Id: sign_in.id_,
    session_commands.StartTls: sign_in.start_tls,
    session_commands.Login: sign_in.login,
    session_commands.Authenticate: sign_in.authenticate,
    session_commands.Enable: sign_in.enable,
    mailbox_commands.Create: mailbox.create,
    mailbox_commands.Delete: mailbox.delete,
    mailbox_commands.Rename: mailbox.rename,
    mailbox_commands.Subscribe: mailbox.subscribe,
    mailbox_commands.Unsubscribe: mailbox.unsubscribe,
    mailbox_commands.List: mailbox.list_,
    mailbox_commands.Lsub: mailbox.lsub,
    mailbox_commands.Status: mailbox.status,
    mailbox_commands.Namespace: mailbox.namespace,
    select_commands.Select: select.select,
    select_commands.Examine: select.examine,
    select_commands.Check: sign_in.noop,
    select_commands.Close: select.close,
    select_commands.Unselect: select.unselect,
    select_commands.Expunge: select.expunge,
    select_commands.Idle: idle,
    quota_commands.GetQuota: quota.get_quota,
    quota_commands.GetQuotaRoot: quota.get_quota_root,
    quota_commands.SetQuota: quota.set_quota,
    search_commands.Search: search.search,
    sort_commands.Sort: sort.sort,
    thread_commands.Thread: thread.thread,
    fetch_commands.Fetch: fetch.fetch,
    store_commands.Store: store.store,
    copy_commands.Copy: copy.copy,
    copy_commands.Move: copy.move,
}
