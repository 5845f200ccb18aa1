-- What text search reads: folded texts, their words, and how far both have come. All of it is made from contents and
-- may be made anew from them.

create table search_text (
  account_id {bigint} not null,
  message_id {bigint} not null,
  received {bigint} not null,
  is_cut {bigint} not null,      -- 1: the text is larger than what is kept; nothing of it is, and the content decides
  fields {bytes} not null,       -- From, To, Cc, Bcc and Subject, parted by an octet that UTF-8 does not have
  head {bytes} not null,         -- all header fields
  body {bytes} not null,         -- all text parts
  primary key (account_id, message_id)
) {strict_rowid};

create index search_text_received on search_text (account_id, received, message_id);
create index search_text_cut on search_text (account_id, message_id) where is_cut = 1;

create table search_mark (       -- messages up to this one are in the tables, unless they are gone
  account_id {bigint} not null primary key,
  mark {bigint} not null,
  version {bigint} not null      -- of folding and of taking apart into words
) {strict_hot};

{word_index};
{word_index_tuning};
