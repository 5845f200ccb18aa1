-- Address books and cards (RFC 9610). A card's JSON is the truth; the narrow tables beside it say what is looked for.

create table address_book (
  account_id {bigint} not null,
  id {bigint} not null,          -- the mod-sequence of its creation
  name {text} not null,
  description {text},
  sort_order {bigint} not null,
  subscribed {bigint} not null,
  is_default {bigint} not null,
  primary key (account_id, id)
) {strict_hot};

create table card (
  account_id {bigint} not null,
  id {bigint} not null,          -- the mod-sequence of its creation
  uid {text} not null,
  kind {text} not null,
  created {bigint},
  updated {bigint},
  given {text} not null,         -- folded, what names are sorted by
  surname {text} not null,
  surname2 {text} not null,
  shown {text} not null,         -- the name in one line
  primary key (account_id, id)
) {strict_hot};

create unique index card_uid on card (account_id, uid);

create table card_content (
  account_id {bigint} not null,
  card_id {bigint} not null,
  octets {bytes} not null,       -- JSContact
  media {bytes} not null,        -- which of its media are contents held apart, by their keys
  primary key (account_id, card_id)
) {strict_rowid};

create table card_place (        -- which books a card is in
  account_id {bigint} not null,
  book_id {bigint} not null,
  card_id {bigint} not null,
  primary key (account_id, book_id, card_id)
) {strict_hot};

create index card_place_card on card_place (account_id, card_id);

create table card_text (         -- folded, a row for each kind of text that a card has
  account_id {bigint} not null,
  field {bigint} not null,
  card_id {bigint} not null,
  text {text} not null,
  primary key (account_id, field, card_id)
) {strict_hot};

create table card_member (
  account_id {bigint} not null,
  uid {text} not null,
  card_id {bigint} not null,
  primary key (account_id, uid, card_id)
) {strict_hot};

create index card_member_card on card_member (account_id, card_id);

create table card_word (         -- what one may begin to write when one means the card
  account_id {bigint} not null,
  card_id {bigint} not null,
  word {text} not null,
  primary key (account_id, card_id, word)
) {strict_hot};

create index card_word_word on card_word (account_id, word, card_id);

create table card_address (
  account_id {bigint} not null,
  card_id {bigint} not null,
  number {bigint} not null,
  address {text} not null,
  primary key (account_id, card_id, number)
) {strict_hot};

create index blob_ref_card on blob_ref (account_id, holder) where kind = 4;
