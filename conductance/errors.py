"""Errors that users see: each names the user's object, what was received, what is allowed and the fix."""


class ExcitableError(ValueError):
    """Base of every error this distribution raises for bad input or a failed tool."""
