"""The standard methods, once for all data types (RFC 8620 §5): a data type is a small object with its functions."""
