"""What `bench.overspend` is made of: scenarios, callers, products, the report."""
