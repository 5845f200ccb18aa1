-- Tokens: what a program signs in with in place of a password, each by its own, each revocable.

create table token (
  account_id {bigint} not null,
  name {text} not null,          -- which program or device, in its owner's words
  hash {bytes} not null,         -- SHA-256 of the token, which itself is kept nowhere
  created {bigint} not null,
  expires {bigint},              -- null: never
  used {bigint},                 -- the last time, give or take some minutes; null: not yet
  primary key (account_id, name)
) {strict_hot};

create unique index token_hash on token (hash);
