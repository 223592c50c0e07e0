import pytest

from oad.contract.proxy import (
    MAX_FRAME,
    BadFrame,
    Decision,
    Dial,
    Listen,
    Watch,
    Watching,
    decode_reports,
    decode_request,
    frame,
    frame_length,
    proxy_environment,
)


@pytest.mark.parametrize("request_", [Listen("ses_1", (("a", "b"), ())), Dial("ses_1", ()), Watch(), Watch("ses_1")])
def test_requests_come_back_as_they_were(request_: Listen | Dial | Watch) -> None:
    data = frame(request_)
    assert frame_length(data) == len(data)
    assert frame_length(data[:3]) is None
    assert decode_request(data) == request_


def test_reports_are_cut_out_of_a_stream() -> None:
    denied = Decision("ses_1", "a.test", 443, False, "not on the allow list")
    data = frame(Watching()) + frame(denied) + frame(denied)[:7]
    assert decode_reports(data) == ([Watching(), denied], frame(denied)[:7])


def test_what_is_no_frame() -> None:
    with pytest.raises(BadFrame):
        frame_length((MAX_FRAME + 1).to_bytes(4, "big"))
    with pytest.raises(BadFrame):
        decode_request(frame(Watching()))
    with pytest.raises(BadFrame):
        decode_reports(frame(Watch()))


def test_programs_are_sent_to_the_proxy_and_to_loopback_directly() -> None:
    environment = proxy_environment()
    assert environment["https_proxy"] == environment["HTTP_PROXY"] == "http://127.0.0.1:3128"
    assert environment["NO_PROXY"] == environment["no_proxy"] == "localhost,127.0.0.1,::1"


def test_a_listed_loopback_address_means_the_hosts() -> None:
    assert proxy_environment([["127.0.0.1:8080"], ["a.test"]])["no_proxy"] == "localhost,::1"
    assert proxy_environment([["[::1]:8080", "localhost"]])["no_proxy"] == "127.0.0.1"
    assert proxy_environment([["127.0.0.11:8080"]])["no_proxy"] == "localhost,127.0.0.1,::1"
