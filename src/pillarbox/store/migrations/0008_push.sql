-- Push subscriptions: where programs want to be told that something changed (RFC 8620 §7.2).

create table push_subscription (
  account_id {bigint} not null,
  id {bigint} not null,
  credential {text} not null,    -- the key of what made it; it ends with it
  device {text} not null,
  url {text} not null,
  p256dh {bytes},                -- null: what is sent is not encrypted
  auth {bytes},
  code {text} not null,
  stage {text} not null,         -- model.push.PushStage
  types {text},                  -- names, joined by U+001F, which none may hold; null: all
  expires {bigint} not null,
  told {bigint} not null,        -- the account's mod-sequence up to which it has been told
  attempts {bigint} not null,    -- failed since then
  next_attempt {bigint},         -- nothing is sent before; null: at once
  primary key (account_id, id)
) {strict_hot};

create index push_subscription_expires on push_subscription (expires);
