"""``busy`` exactly when a run executes, wherever prompts, aborts, crashes, asks, deletions and restarts lead."""

import os

from .model import Model
from .server import Server
from .status_walk import Walk

# The long form: OAD_STATUS_STEPS=10000, or `make status`.
STEPS = int(os.environ.get("OAD_STATUS_STEPS", "0"))
SEED = int(os.environ.get("OAD_STATUS_SEED", "11"))
SHORT_S = 15.0


async def test_wherever_it_goes(shared: Server, model: Model) -> None:
    walk = Walk(shared, model, SEED)
    try:
        made = await (walk.run(STEPS) if STEPS else walk.run(10_000, SHORT_S))
    except BaseException:
        print(shared.logged())
        raise
    print(f"{made} steps: {dict(walk.steps)}")
    assert made > 10
