"""IMAP as octets and values: commands, responses, literals (RFC 3501, RFC 9051 and extensions); both ways.

Framing comes first (`framing`): it announces a literal before its octets, so parsers see whole commands. `states` says
which command is in order when.
"""
