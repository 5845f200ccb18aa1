"""The mini-internet on one machine: servers, an authoritative DNS, two people, and the play they perform."""
