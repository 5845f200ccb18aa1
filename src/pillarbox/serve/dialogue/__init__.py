"""What the conversations share: the frame of the pump, and the exchange of SASL. No protocol's words."""
