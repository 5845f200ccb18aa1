"""RFC 5322 messages and MIME: header fields, structure by offsets, and the values inside fields; both ways.

A message is looked at where it lies: `bytes`, or an `mmap` of a large file; bodies are never copied. Lines end in CRLF;
bare LF, which APPEND may bring, is understood as well (RFC 7103 §7.4).
"""
