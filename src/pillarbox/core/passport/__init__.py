"""What is noted of a message's way, and who may read it."""
