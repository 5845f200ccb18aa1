"""`pillarbox mail`: a small user agent for any server, over SMTP and IMAP: read, reply, forward, save, compose."""
