"""The nouns of the system: frozen values, enums and the ports that are handed in.

Nothing here waits, reads a clock, opens a file or logs; nothing here imports another package of ours.
"""
