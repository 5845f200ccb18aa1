"""Address books and cards, and what recipients are completed from."""
