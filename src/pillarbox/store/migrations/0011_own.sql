-- What the owners of mail see of the queue and of passports.

alter table queue_message add column number {bigint};  -- the sender's mod-sequence when it was queued, which is what they know it by; null: it is nobody's
alter table queue_message add column identifier {text} not null default '';  -- the Message-ID field
alter table queue_message add column subject {text} not null default '';     -- decoded, cut where it is long

create unique index queue_message_number on queue_message (account_id, number) where number is not null;

-- Many accounts may have mail with one Message-ID, and each looks for its own.
drop index passport_message_id;
create index passport_message_id on passport_entry (message_id, account_id) where message_id is not null;
