"""Envelope: a governed LLM gateway. `README.md` beside this file follows one request through it."""

__version__ = "0.1.0"
