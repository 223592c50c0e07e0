"""The ways in which a login fails, as the reference's clients know them."""

from oad.contract.errors import ApiError, named


def no_such_login(provider: str) -> ApiError:
    """There is no such method, or nobody has begun to log in by it."""
    return named(400, "ProviderAuthOauthMissing", providerID=provider)


def code_missing(provider: str) -> ApiError:
    return named(400, "ProviderAuthOauthCodeMissing", providerID=provider)


def login_failed(provider: str, reason: str) -> ApiError:
    return named(400, "ProviderAuthOauthCallbackFailed", providerID=provider, message=reason)


def bad_input(field: str, message: str) -> ApiError:
    return named(400, "ProviderAuthValidationFailed", field=field, message=message)
