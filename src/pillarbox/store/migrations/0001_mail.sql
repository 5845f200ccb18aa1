-- Accounts, mailboxes, messages, contents, changes, queue and passports.
--
-- One text for SQLite and PostgreSQL: {bigint} {bytes} {text} are column types, {strict_hot} marks small hot tables
-- (strict, without rowid in SQLite), {strict_rowid} those with large rows. Times are microseconds since 1970, UTC.
-- Every key starts with account_id, the distribution column; account 0 is the system itself.

create table domain (
  name {text} not null primary key,
  created {bigint} not null
) {strict_hot};

create table account (
  id {bigint} not null primary key,
  address_key {text} not null unique,
  local {text} not null,
  domain {text} not null,
  created {bigint} not null,
  password_hash {text},
  scram_sha1 {text},
  scram_sha256 {text},
  modseq {bigint} not null,
  change_floor {bigint} not null,
  uidvalidity_last {bigint} not null,
  used_octets {bigint} not null,
  quota_octets {bigint} not null
) {strict_hot};

create index account_domain on account (domain, id);

-- The system itself; its modseq numbers accounts.
insert into account (id, address_key, local, domain, created, modseq, change_floor, uidvalidity_last, used_octets,
  quota_octets)
values (0, '', '', '', 0, 0, 0, 0, 0, 0);

create table alias (
  address_key {text} not null,
  number {bigint} not null,
  local {text} not null,
  domain {text} not null,
  target_local {text} not null,
  target_domain {text} not null,
  primary key (address_key, number)
) {strict_hot};

create index alias_domain on alias (domain);

create table mailbox (
  account_id {bigint} not null,
  id {bigint} not null,
  path {text} not null,          -- names from the root, joined by U+001F, which no name may hold
  role {text},
  selectable {bigint} not null,
  subscribed {bigint} not null,
  uidvalidity {bigint} not null,
  uidnext {bigint} not null,
  modseq {bigint} not null,
  total {bigint} not null,
  unseen {bigint} not null,
  deleted {bigint} not null,
  size_octets {bigint} not null,
  jmap_total {bigint} not null,
  jmap_unread {bigint} not null,
  recent_from {bigint} not null,
  primary key (account_id, id)
) {strict_hot};

create unique index mailbox_path on mailbox (account_id, path);

create table subscription (      -- names subscribed to that no mailbox bears (RFC 9051 §6.3.7)
  account_id {bigint} not null,
  path {text} not null,
  primary key (account_id, path)
) {strict_hot};

create table message (
  account_id {bigint} not null,
  id {bigint} not null,
  blob {bytes} not null,
  head {bytes} not null,         -- trace fields that this server put before the content
  size_octets {bigint} not null, -- head and content
  received {bigint} not null,    -- internal date
  zone_minutes {bigint} not null,
  thread_id {bigint} not null,
  flags {bigint} not null,
  keywords {text},
  modseq {bigint} not null,
  shown {bigint},
  placements {bigint} not null,
  trace_id {text} not null,
  primary key (account_id, id)
) {strict_hot};

create table message_line (      -- made once, at delivery: the ready FETCH text, and where the parts are
  account_id {bigint} not null,
  message_id {bigint} not null,
  line {bytes} not null,
  parts {bytes} not null,
  primary key (account_id, message_id)
) {strict_rowid};

create table placement (
  account_id {bigint} not null,
  mailbox_id {bigint} not null,
  uid {bigint} not null,
  message_id {bigint} not null,
  modseq {bigint} not null,
  flags {bigint} not null,
  keywords {text},
  primary key (account_id, mailbox_id, uid)
) {strict_hot};

create index placement_message on placement (account_id, message_id);
create index placement_modseq on placement (account_id, mailbox_id, modseq);

create table keyword (           -- the spelling first seen
  account_id {bigint} not null,
  folded {text} not null,
  spelling {text} not null,
  primary key (account_id, folded)
) {strict_hot};

create table change (
  account_id {bigint} not null,
  modseq {bigint} not null,
  kind {bigint} not null,
  mailbox_id {bigint} not null,
  uid {bigint} not null,
  message_id {bigint} not null,
  at {bigint} not null,
  flags_before {bigint},
  keywords_before {text},
  primary key (account_id, modseq)
) {strict_hot};

create table content (           -- small contents; larger ones are files or objects named by the same hash
  account_id {bigint} not null,
  blob {bytes} not null,
  octets {bytes} not null,
  primary key (account_id, blob)
) {strict_rowid};

create table blob_ref (          -- who holds a content: rows, not counters
  account_id {bigint} not null,
  blob {bytes} not null,
  kind {bigint} not null,        -- 1 message, 2 queue
  holder {bigint} not null,      -- message id or queue id
  size_octets {bigint} not null,
  released {bigint},             -- when the holder went; the content may go a configured grace later
  primary key (account_id, blob, kind, holder)
) {strict_hot};

create index blob_ref_blob on blob_ref (blob);
create index blob_ref_released on blob_ref (released) where released is not null;

create table queue_message (
  account_id {bigint} not null,  -- the sender's, 0 when nobody here sent it
  id {bigint} not null,
  trace_id {text} not null,
  reverse_local {text},          -- null: the null reverse-path
  reverse_domain {text},
  blob {bytes} not null,
  head {bytes} not null,
  size_octets {bigint} not null,
  body_type {text} not null,
  smtputf8 {bigint} not null,
  arrived {bigint} not null,
  expires {bigint} not null,
  primary key (account_id, id)
) {strict_hot};

create index queue_message_id on queue_message (id);

create table queue_recipient (
  account_id {bigint} not null,
  queue_id {bigint} not null,
  number {bigint} not null,
  local {text} not null,
  domain {text} not null,
  original_local {text},
  original_domain {text},
  state {text} not null,         -- model.queued.RecipientState
  node {text},                   -- who holds the lease
  attempts {bigint} not null,
  next_attempt {bigint} not null,
  last_status {text} not null,
  last_reply {text} not null,
  remote_host {text} not null,
  primary key (account_id, queue_id, number)
) {strict_hot};

create index queue_recipient_due on queue_recipient (next_attempt) where state in ('waiting', 'sending');
create index queue_recipient_node on queue_recipient (node) where node is not null;

create table passport_entry (
  account_id {bigint} not null,  -- whose half of the journey this is; 0: the operator's
  trace_id {text} not null,
  number {bigint} not null,      -- grows with time, unique
  at {bigint} not null,
  step {text} not null,          -- model.passport.Step
  message_id {text},             -- the Message-ID field, on the entries one looks a message up by
  queue_id {bigint},
  facts {bytes} not null,        -- JSON
  dialogue {bytes},              -- JSON, model.passport.Dialogue
  primary key (account_id, trace_id, number)
) {strict_rowid};

create index passport_trace on passport_entry (trace_id);
create index passport_message_id on passport_entry (message_id) where message_id is not null;
create index passport_queue_id on passport_entry (queue_id) where queue_id is not null;
create index passport_at on passport_entry (at);

create table passport_tail (     -- what a client said after the commit; belongs to the journey's first dialogue
  trace_id {text} not null,
  number {bigint} not null,
  account_id {bigint} not null,
  at {bigint} not null,
  lines {bytes} not null,        -- JSON
  primary key (trace_id, number)
) {strict_rowid};

create index passport_tail_at on passport_tail (at);

create table setting (
  name {text} not null primary key,
  value {text} not null
) {strict_hot};
