"""Email/copy (RFC 8621 §4.7). Nobody sees two accounts, so all that it can answer is said by the frame."""

from pillarbox.serve.jmap.method import MAIL
from pillarbox.serve.jmap.standard.copy import copy_method

METHODS = (copy_method("Email", MAIL),)
