"""Keeping the server's own secrets out of what other programs can read of a process."""

import os

from oad.contract.credential import Credential
from oad.contract.redact import KNOWN
from oad.daemon import procs
from oad.daemon.vault import take_secrets, values_of

from .credential import SECRET_VARIABLES


def hide_secrets(credential: Credential) -> dict[str, str]:
    """Takes every secret out of the environment; returns those that workers need. Forked processes have them in their
    memory, which nobody else may read."""
    for name in SECRET_VARIABLES:  # no child needs them, and commands of sessions must not read them
        os.environ.pop(name, None)
    procs.blank_environment(SECRET_VARIABLES)
    taken = take_secrets(os.environ)
    KNOWN.learn([*values_of(taken), credential.password, credential.token, *credential.users.values()])
    procs.shield_memory()
    return taken
