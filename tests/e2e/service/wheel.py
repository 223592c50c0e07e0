"""The installed oad as a wheel with another version number: what an upgrade installs."""

import base64
import hashlib
import zipfile
from pathlib import Path


def repack(site: Path, place: Path, version: str) -> Path:
    """From the packages of an image, without building anything; returns the wheel."""
    (info,) = site.glob("oad-*.dist-info")
    old = info.name.removeprefix("oad-").removesuffix(".dist-info")
    wheel = place / f"oad-{version}-py3-none-any.whl"
    record = list[str]()
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:

        def add(name: str, content: bytes) -> None:
            archive.writestr(name, content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            record.append(f"{name},sha256={digest},{len(content)}")

        for file in sorted((site / "oad").rglob("*")):
            if file.is_file() and file.suffix != ".pyc":
                add(str(file.relative_to(site)), _renumbered(file, old, version))
        for name in ("METADATA", "WHEEL", "entry_points.txt"):
            add(f"oad-{version}.dist-info/{name}", _renumbered(info / name, old, version))
        listed = f"oad-{version}.dist-info/RECORD"
        archive.writestr(listed, "\n".join([*record, f"{listed},,"]) + "\n")
    return wheel


def _renumbered(file: Path, old: str, new: str) -> bytes:
    content = file.read_bytes()
    if file.name == "METADATA":
        return content.replace(f"Version: {old}".encode(), f"Version: {new}".encode())
    if file.parts[-2:] == ("oad", "__init__.py"):
        return content.replace(f'__version__ = "{old}"'.encode(), f'__version__ = "{new}"'.encode())
    return content
