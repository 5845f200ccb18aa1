"""What differs by port: who may speak, and what is offered (RFC 5321 for MX; RFC 6409, RFC 8314 for submission)."""

import msgspec


class Profile(msgspec.Struct, frozen=True):
    """`name` is the listener's, for logs and passports."""

    name: str
    requires_sign_in: bool
    offers_sign_in: bool
    starts_encrypted: bool


MX = Profile("mx", requires_sign_in=False, offers_sign_in=False, starts_encrypted=False)
SUBMISSION = Profile("submission", requires_sign_in=True, offers_sign_in=True, starts_encrypted=False)
SUBMISSIONS = Profile("submissions", requires_sign_in=True, offers_sign_in=True, starts_encrypted=True)
