"""What an account sends from its mailboxes: in whose name, when, and what became of it."""
