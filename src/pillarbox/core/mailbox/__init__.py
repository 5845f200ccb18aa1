"""Mailboxes and the placements in them, as IMAP sees them."""
