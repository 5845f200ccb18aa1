"""The SMTP server (RFC 5321): mail from other servers (MX), and from people (submission, RFC 6409)."""
