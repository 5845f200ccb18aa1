-- Identities, submissions of mail, and what became of them.

create table identity (          -- whom an account writes as
  account_id {bigint} not null,
  id {bigint} not null,          -- the account's mod-sequence when it was made
  name {text} not null,
  local {text} not null,
  domain {text} not null,
  reply_to {bytes},              -- JSON; null: none
  bcc {bytes},
  text_signature {text} not null,
  html_signature {text} not null,
  is_own {bigint} not null,      -- 1: that of the account's own address, which stays
  primary key (account_id, id)
) {strict_hot};

create table submission (
  account_id {bigint} not null,
  id {bigint} not null,          -- the account's mod-sequence when it was made
  identity_id {bigint} not null,
  message_id {bigint} not null,  -- the stored message that was sent; it may be gone
  thread_id {bigint} not null,
  queue_id {bigint} not null,
  trace_id {text} not null,      -- also the envelope identifier that other servers are told
  identifier {text} not null,    -- the Message-ID field
  envelope {bytes} not null,     -- JSON, model.submission.SubmissionEnvelope
  send_at {bigint} not null,
  undo {text} not null,          -- model.submission.Undo
  primary key (account_id, id)
) {strict_hot};

create index submission_identifier on submission (account_id, identifier);
create index submission_trace on submission (account_id, trace_id);
create index submission_sent on submission (send_at);

create table submission_recipient (
  account_id {bigint} not null,
  submission_id {bigint} not null,
  number {bigint} not null,      -- its place in the envelope
  address {text} not null,       -- as the envelope names it
  queued {text} not null,        -- numbers of the queued recipients that it has led to, a space between
  delivered {text} not null,     -- model.submission.Delivered
  reply {text} not null,
  displayed {bigint} not null,
  primary key (account_id, submission_id, number)
) {strict_hot};

create table submission_report ( -- messages of the account that report on a submission
  account_id {bigint} not null,
  submission_id {bigint} not null,
  message_id {bigint} not null,
  kind {bigint} not null,        -- 1 delivery status, 2 disposition
  primary key (account_id, submission_id, message_id)
) {strict_hot};

alter table queue_message add column submission_id {bigint};
alter table queue_message add column held_until {bigint};  -- nobody gets it before; null: it was never held
alter table queue_message add column hold_request {text} not null default '';
alter table queue_recipient add column here {bigint} not null default 0;  -- 1: its domain was ours when it was queued

create index queue_recipient_here on queue_recipient (next_attempt) where here = 1 and state in ('waiting', 'sending');
create index queue_message_held on queue_message (account_id, held_until) where held_until is not null;
