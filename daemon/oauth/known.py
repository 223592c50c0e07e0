"""Logins that need no registration of oad with the provider; the operator adds others in oad.toml."""

from typing import Final

from oad.contract.oauth import Methods, OAuthMethod

KNOWN_METHODS: Final[Methods] = {
    "openrouter": (
        OAuthMethod(
            label="Log in with OpenRouter",
            style="key-exchange",
            authorize_url="https://openrouter.ai/auth",
            token_url="https://openrouter.ai/api/v1/auth/keys",  # noqa: S106  an address
            body="json",
        ),
    ),
}
