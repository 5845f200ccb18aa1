"""Who sent it: decisions about a message's origin. The resolver is handed in; nothing here opens a socket."""
