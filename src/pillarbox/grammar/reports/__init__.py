"""Reports that are mail: delivery status notifications (RFC 3464) and their kin; both ways."""
