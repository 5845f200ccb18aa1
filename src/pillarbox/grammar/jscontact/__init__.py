"""JSContact: people, organizations and groups as JSON objects (RFC 9553). What a card may say, and what it says.

Nothing of a card is lost: what we do not know is kept as it came (RFC 9553 §1.7.3).
"""
