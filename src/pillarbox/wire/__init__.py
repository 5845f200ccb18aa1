"""Bytes and time: the only package that opens a socket, asks the DNS or reads the clock.

Each thing has a fake of the same shape in `memory`, shipped, so that a conversation can be tested without a network.
"""
