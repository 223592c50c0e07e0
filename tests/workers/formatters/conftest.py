from ..tools.conftest import recorder

__all__ = ["recorder"]
