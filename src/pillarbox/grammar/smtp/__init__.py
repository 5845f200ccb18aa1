"""SMTP as octets and values: commands, replies, capabilities, content (RFC 5321 and its extensions); both ways.

Framing comes first (`framing`), so parsers see whole lines; `states` says which command is in order when.
"""
