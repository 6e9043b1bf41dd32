"""Benchmarks. `python -m bench` (`make bench`) prints ratios against floors of the same run."""
