"""All routes below `/auth`."""

from starlette.routing import BaseRoute

from pillarbox.core.mail import Mail
from pillarbox.serve.http.sign_in.credentials import CredentialRoutes
from pillarbox.serve.http.sign_in.factors import FactorRoutes
from pillarbox.serve.http.sign_in.sessions import SessionRoutes
from pillarbox.serve.http.sign_in.steps import Steps


def sign_in_routes(mail: Mail) -> list[BaseRoute]:
    """For browsers."""
    return [
        *Steps(mail).routes(),
        *SessionRoutes(mail).routes(),
        *FactorRoutes(mail).routes(),
        *CredentialRoutes(mail).routes(),
    ]
