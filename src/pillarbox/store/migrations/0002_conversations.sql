-- Conversations (RFC 8621 §3), and what lists of messages that do not go by UID need.

create table thread_key (        -- a hash of message identifier and base subject, and the conversation that has it
  account_id {bigint} not null,
  key {bigint} not null,
  thread_id {bigint} not null,
  primary key (account_id, key)
) {strict_hot};

create index message_thread on message (account_id, thread_id);

alter table change add column thread_id {bigint};
create index change_other on change (account_id, kind, modseq) where kind > 6;

alter table placement add column received {bigint} not null default 0;
update placement set received = (
  select m.received from message m where m.account_id = placement.account_id and m.id = placement.message_id
);
create index placement_received on placement (account_id, mailbox_id, received, message_id);
