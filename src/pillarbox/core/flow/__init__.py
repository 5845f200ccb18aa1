"""The way of a message: in, to its mailbox, through the queue, and back as a report or an answer."""
