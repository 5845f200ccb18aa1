"""Push: event sources, WebSockets and push subscriptions, which all say the same of what changed (RFC 8620 §7)."""
