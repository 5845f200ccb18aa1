"""The schema, step by step; read by `store.migrate`."""
