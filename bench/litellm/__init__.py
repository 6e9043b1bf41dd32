"""LiteLLM's proxy, from the package index, as a product beside Envelope in `bench.overspend`."""
