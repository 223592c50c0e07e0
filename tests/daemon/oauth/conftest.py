from collections.abc import Iterator

import pytest

from tests.authorization_server import AuthorizationServer, authorization_server


@pytest.fixture
def provider() -> Iterator[AuthorizationServer]:
    with authorization_server() as server:
        yield server
