"""The service's API, seen from inside of a session that has the host's network: useless without a credential."""

from collections.abc import Callable

from ..server import Json, Server


async def test_a_session_can_do_nothing_with_the_api(make_server: Callable[..., Server]) -> None:
    server = make_server(environment={"OPENCODE_SERVER_PASSWORD": "a-password-of-the-test"})
    await server.start()
    session = await server.create(sandbox={"network": "on"})
    asked = f"curl -s -o /dev/null -w '%{{http_code}} ' {server.url}"
    command = (
        f"{asked}/session; {asked}/session -X POST -H 'content-type: application/json' -d '{{}}';"
        f" {asked}/event; {asked}/global/health; cat {server.data}/credential {server.data}/run/address; env"
    )
    shell: Json = {"agent": "build", "command": command}
    answer = await server.ask("POST", f"/session/{session}/shell", shell)
    output = str(answer["parts"][0]["state"]["output"])
    assert output.startswith("401 401 401 401")
    assert output.count("No such file or directory") == 2
    assert "a-password" not in output
    assert len(await server.ask("GET", "/session")) == 1  # the control: with the credential it answers
