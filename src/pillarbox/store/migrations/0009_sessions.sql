-- Sessions of browsers, second factors.

alter table account add column two_steps {bigint} not null default 0;  -- 1: the password alone opens nothing

create table session (           -- somebody who has signed in with a browser
  account_id {bigint} not null,
  id {text} not null,            -- what its owner calls it by; opens nothing
  hash {bytes} not null,         -- SHA-256 of what the cookie holds, which itself is kept nowhere
  means {text} not null,         -- model.session.Means
  created {bigint} not null,
  proved {bigint} not null,      -- when its owner last showed who they are
  used {bigint} not null,        -- the last time, give or take some minutes
  expires {bigint} not null,     -- unless it is used again
  ends {bigint} not null,        -- used or not
  agent {text} not null,         -- what the browser says it is
  peer {text} not null,          -- the IP address that signed in
  primary key (account_id, id)
) {strict_hot};

create unique index session_hash on session (hash);
create index session_expires on session (expires);

create table totp (              -- a clock that shows codes
  account_id {bigint} not null primary key,
  secret {bytes} not null,
  begun {bigint} not null,
  confirmed {bigint},            -- null: not yet
  last_step {bigint} not null    -- of the last code that was taken: no code is taken twice, nor an older one
) {strict_hot};

create table recovery_code (     -- each good for one sign-in without the other factor
  account_id {bigint} not null,
  hash {bytes} not null,
  primary key (account_id, hash)
) {strict_hot};

create table passkey (
  account_id {bigint} not null,
  credential {bytes} not null,   -- its id, which the authenticator chose
  handle {bytes} not null,       -- the account, as authenticators know it
  public_key {bytes} not null,   -- COSE
  sign_count {bigint} not null,
  name {text} not null,          -- in its owner's words
  created {bigint} not null,
  used {bigint},
  primary key (account_id, credential)
) {strict_hot};

create unique index passkey_credential on passkey (credential);
