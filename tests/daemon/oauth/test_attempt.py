from urllib.parse import parse_qs, urlsplit

import pytest

from oad.contract.errors import ApiError
from oad.contract.oauth import OAuthMethod, Option, SelectPrompt, TextPrompt, When
from oad.daemon.oauth.attempt import Attempt, Phase, challenge_of, check_inputs, credential_of

METHOD = OAuthMethod(
    label="Log in",
    authorize_url="https://{host}/authorize?x=1",
    token_url="https://{host}/token",
    client_id="c",
    flow="code",
    redirect_uri="https://a/shown",
    scopes=("read", "write"),
    parameters={"audience": "models"},
)


def attempt(method: OAuthMethod = METHOD) -> Attempt:
    return Attempt("p", 0, method, {"host": "h"}, state="state", verifier="v" * 43, expires=700.0)


def refusal(attempt: Attempt, text: str | None, now: float = 101) -> str:
    with pytest.raises(ApiError) as caught:
        attempt.take_code(text, now)
    return str(caught.value.body["name"]) + ": " + str(caught.value.body["data"].get("message"))


def test_the_address() -> None:
    url = urlsplit(attempt().authorization_url())
    assert f"{url.scheme}://{url.netloc}{url.path}" == "https://h/authorize"
    assert {name: value for name, (value,) in parse_qs(url.query).items()} == {
        "x": "1",
        "response_type": "code",
        "client_id": "c",
        "redirect_uri": "https://a/shown",
        "state": "state",
        "code_challenge": challenge_of("v" * 43),
        "code_challenge_method": "S256",
        "scope": "read write",
        "audience": "models",
    }


def test_the_challenge_is_that_of_the_rfc() -> None:
    assert challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.mark.parametrize(
    "text", ["code", " code \n", "code#state", "https://a/shown?code=code&state=state", "http://localhost/?code=code"]
)
def test_what_people_paste(text: str) -> None:
    assert attempt().take_code(text, 101) == "code"


def test_a_code_is_taken_once() -> None:
    one = attempt()
    one.take_code("code", 101)
    assert one.phase is Phase.EXCHANGING
    assert "used already" in refusal(one, "code")
    one.succeed()
    assert "used already" in refusal(one, "other")


def test_another_login_s_code_is_refused_and_the_right_one_still_taken() -> None:
    one = attempt()
    assert "another login" in refusal(one, "code#theirs")
    assert refusal(one, "").startswith("ProviderAuthOauthCodeMissing")
    assert refusal(one, None).startswith("ProviderAuthOauthCodeMissing")
    assert one.take_code("code#state", 101) == "code"


def test_an_attempt_expires_and_stays_failed() -> None:
    one = attempt()
    assert "expired" in refusal(one, "code", now=700)
    assert one.phase is Phase.FAILED
    assert "expired" in refusal(one, "code", now=101)
    one.succeed()
    assert one.phase is Phase.FAILED


def test_failures_keep_their_first_reason() -> None:
    one = attempt()
    one.fail("first")
    one.fail("second")
    assert "first" in refusal(one, "code")


def test_answers_are_checked() -> None:
    where = SelectPrompt(key="where", message="Where?", options=(Option("Here", "here"), Option("There", "there")))
    host = TextPrompt(key="host", message="Host?", when=When("where", "eq", "there"))
    method = OAuthMethod(
        label="l", authorize_url="https://{host}/a", token_url="https://t", client_id="c", prompts=(where, host)
    )

    def wrong(inputs: dict[str, str] | None) -> str:
        with pytest.raises(ApiError) as caught:
            check_inputs(method, inputs)
        assert caught.value.body["name"] == "ProviderAuthValidationFailed"
        return str(caught.value.body["data"]["field"])

    assert wrong(None) == "where"
    assert wrong({"where": "elsewhere"}) == "where"
    assert wrong({"where": "there"}) == "host"
    assert wrong({"where": "there", "host": ""}) == "host"
    assert check_inputs(method, {"where": "there", "host": "h", "more": "x"}) == {"where": "there", "host": "h"}


def test_secrets_go_to_safe_addresses_only() -> None:
    prompt = TextPrompt(key="url", message="URL?")
    method = OAuthMethod(label="l", authorize_url="{url}/a", token_url="{url}/t", client_id="c", prompts=(prompt,))
    for url in ("http://example.org", "ftp://x", "x", "https://", "//x"):
        with pytest.raises(ApiError):
            check_inputs(method, {"url": url})
    for url in ("https://example.org/", "http://127.0.0.1:5", "http://localhost"):
        assert check_inputs(method, {"url": url})


def test_credentials() -> None:
    answer = {"access_token": "a", "refresh_token": "r", "expires_in": "60"}
    entry = credential_of(answer, METHOD, {"host": "h"}, 1000)
    assert entry == {
        "type": "oauth",
        "access": "a",
        "refresh": "r",
        "expires": 61_000,
        "login": {"method": "Log in", "inputs": {"host": "h"}},
    }
    assert credential_of({"access_token": "a"}, METHOD, {}, 1000)["expires"] == 0
    for bad in ({}, {"access_token": ""}, {"access_token": 5}):
        with pytest.raises(ValueError, match="access_token"):
            credential_of(bad, METHOD, {}, 1000)
