-- Vacation responses, and whom they went to.

create table vacation (
  account_id {bigint} not null primary key,
  enabled {bigint} not null,
  begins {bigint},               -- null: at once
  ends {bigint},                 -- null: until it is switched off
  subject {text},
  text_body {text},
  html_body {text}
) {strict_rowid};

create index vacation_enabled on vacation (account_id) where enabled = 1;

create table vacation_answer (   -- who has had which answer, and when last
  account_id {bigint} not null,
  response {bytes} not null,     -- a hash of the answer's words
  sender_key {text} not null,
  at {bigint} not null,
  primary key (account_id, response, sender_key)
) {strict_hot};

create index vacation_answer_age on vacation_answer (account_id, at);
create index vacation_answer_at on vacation_answer (at);
