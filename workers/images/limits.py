"""What a model may be given of a picture, as ``attachment.image`` of the configuration says."""

import msgspec


class ImageLimits(msgspec.Struct, frozen=True):
    """``max_base64_bytes`` are characters of base64. Without ``auto_resize`` what exceeds them is refused."""

    auto_resize: bool = True
    max_width: int = 2000
    max_height: int = 2000
    max_base64_bytes: int = 5 * 1024 * 1024

    def hold(self, width: int, height: int, data: bytes) -> bool:
        return width <= self.max_width and height <= self.max_height and self.hold_size(len(data))

    def hold_size(self, length: int) -> bool:
        """For so many bytes, before they are base64."""
        return (length + 2) // 3 * 4 <= self.max_base64_bytes
