"""Presidio's pattern recognizers and detect-secrets, in an environment of their own."""
