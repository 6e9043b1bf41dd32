"""What `bench.ledger_scale` is made of: rules to match, a store to fill, a tap on its line."""
