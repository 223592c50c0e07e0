import msgspec

from oad.gateway.happening import Happening, own


def test_volatile_events_have_no_id_line() -> None:
    assert Happening(b"{}", type="message.part.delta").plain() == b"data: {}\n\n"
    assert Happening(b"{}", type="session.idle", seq=7).plain() == b"id: 7\ndata: {}\n\n"


def test_events_of_no_place_are_wrapped_bare() -> None:
    assert Happening(b"{}", type="global.disposed", seq=1).wrapped() == b'id: 1\ndata: {"payload":{}}\n\n'


def test_twin_follows_durable_events_of_its_types_only() -> None:
    body = b'{"id":"evt_1","type":"session.created","properties":{"a":[1, 2]}}'
    event = Happening(body, type="session.created", seq=4, session="ses_1", aggregate_seq=0, id="evt_1", directory="/p")
    first, twin = event.wrapped().decode().split("\n\n")[:2]
    assert body.decode() in first
    data = msgspec.json.decode(twin.split("data: ")[1])
    assert data["payload"]["syncEvent"]["data"] == {"a": [1, 2]}
    assert data["payload"]["syncEvent"]["seq"] == 0
    assert data["directory"] == "/p"
    assert first.startswith("id: 4a-vt_1\n") and twin.startswith("id: 4-vt_1\n")
    assert event.second().decode() == twin + "\n\n"
    assert Happening(b"{}", type="session.idle", seq=5).second() == b""
    assert b"sync" not in Happening(body, type="session.created").wrapped()
    assert b"sync" not in Happening(b"{}", type="session.status", seq=5).wrapped()


def test_line_breaks_between_tokens_do_not_break_the_frame() -> None:
    assert Happening(b'{\r\n "a" :\n 1 }', type="x").plain() == b'data: {"a":1}\n\n'


def test_names_are_escaped() -> None:
    frame = Happening(b"{}", type="x", directory='/a"\n\nb').wrapped()
    assert frame.count(b"\n\n") == 1


def test_own_events_are_unnumbered() -> None:
    assert own("server.heartbeat").plain().startswith(b'data: {"id":"evt_')
