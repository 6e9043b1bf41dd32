"""The parts of `bench.guardrail_stream`."""
