"""Imported in the process that workers are forked from, so that no worker's first model call pays for it."""

from . import openai_chat, openai_responses
from .transport import prepare

__all__ = ["openai_chat", "openai_responses"]

prepare()  # on import, because that process is told modules to import and nothing else
