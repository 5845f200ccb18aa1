"""Signing in with a browser: routes below `/auth`, each a file; what they share is `frame`."""
