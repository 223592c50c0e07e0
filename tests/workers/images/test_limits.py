from oad.workers.images.limits import ImageLimits


def test_size_is_that_of_base64() -> None:
    limits = ImageLimits(max_base64_bytes=8)
    assert limits.hold(2000, 2000, bytes(6))
    assert not limits.hold(1, 1, bytes(7))


def test_width_and_height() -> None:
    limits = ImageLimits(max_width=10, max_height=20)
    assert limits.hold(10, 20, b"")
    assert not limits.hold(11, 1, b"")
    assert not limits.hold(1, 21, b"")
