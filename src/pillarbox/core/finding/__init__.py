"""Which messages fit, and in which order."""
