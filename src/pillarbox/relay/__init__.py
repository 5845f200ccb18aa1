"""Mail out: takes what is due from the queue, finds the host for it, delivers, and says what became of it."""
