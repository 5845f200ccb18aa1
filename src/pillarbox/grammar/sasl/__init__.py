"""SASL mechanisms as steps of octets, both sides; the protocols put base64 around them."""
