"""Who one is: accounts, what they sign in with, and how long that is good."""
