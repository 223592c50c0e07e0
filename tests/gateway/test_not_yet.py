from oad.gateway.not_yet import list_missing


def test_lists_what_is_missing_and_what_is_added() -> None:
    document = {"paths": {"/session": {"get": {"operationId": "session.list"}}, "/x": {"get": {"operationId": "x.y"}}}}
    text = list_missing(document)
    assert "| x.y | GET /x |" in text
    assert "session.list" not in text
    assert "2 operations 1 are served, 1 are not" in text
    assert "| session.abortReceipt | GET /session/{sessionID}/abort |" in text


def test_lists_events_that_are_never_sent() -> None:
    named = {"$ref": "#/components/schemas/EventMore"}
    schemas = {
        "Event.session.created": {},
        "Event.session.never": {},
        "Event": {"anyOf": [named]},
        "EventMore": {"properties": {"type": {"enum": ["more.of.it"]}}},
    }
    text = list_missing({"paths": {}, "components": {"schemas": schemas}})
    assert "| session.never |" in text
    assert "| more.of.it |" in text
    assert "session.created" not in text
