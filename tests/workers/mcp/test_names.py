from oad.workers.mcp.names import command_name, safe, tool_name


def test_names_are_what_models_take() -> None:
    assert tool_name("my server", "get/thing.v2") == "my_server_get_thing_v2"
    assert command_name("my server", "say hi") == "my_server:say_hi"
    assert safe("ok-Name_1") == "ok-Name_1"
