"""Measures Pillarbox beside its peers: whole processes, real sockets, one core for the server and one for the load."""
