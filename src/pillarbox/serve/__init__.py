"""The conversations: one folder a protocol; they do not know each other, and reach the store through `core` only."""
