"""Prompt injection: attacks and texts that only look like them, written for this measurement
alone."""
