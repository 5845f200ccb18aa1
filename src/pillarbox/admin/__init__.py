"""The command line: parses words, asks a running server (or the store) to act, prints what came of it."""
