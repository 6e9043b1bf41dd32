"""How well the detectors find what they look for, beside Presidio's patterns and detect-secrets."""
