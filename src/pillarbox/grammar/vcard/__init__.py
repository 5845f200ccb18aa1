"""vCard: how people bring their address books along, and take them away (RFC 6350, RFC 9554, RFC 9555); both ways.

Read leniently: versions 2.1 and 3.0 too, whatever line ends and character set; written as version 4.0.
"""
