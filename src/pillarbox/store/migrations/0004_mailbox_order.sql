-- Mailboxes in the order that their owner likes (RFC 8621 §2), and what is asked of an account's mailboxes and uploads.

alter table mailbox add column sort_order {bigint} not null default 0;
create index change_mailbox on change (account_id, modseq) where kind > 3 and kind < 7;
create index blob_ref_upload on blob_ref (account_id, released) where kind = 3;
