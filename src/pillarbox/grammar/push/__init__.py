"""What web push puts on the wire: encrypted texts, and who sends them. Pure: keys and randomness are handed in."""
