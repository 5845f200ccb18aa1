"""The JMAP conversation: session object, requests, blobs and the methods of each data type (RFC 8620, RFC 8621)."""
