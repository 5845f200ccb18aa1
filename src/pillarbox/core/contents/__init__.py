"""Octets on their way in and out: spooled, kept, uploaded, fetched from elsewhere."""
