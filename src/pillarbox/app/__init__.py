"""Configuration and wiring: the only place that builds things and decides which parts run."""
