"""What changed since N: states, who is told of them, and how."""
