"""Where it goes: decisions of a user's script and of junk scoring. Nothing here waits or stores."""
