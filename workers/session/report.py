"""What a session has changed so far, as it is told to clients: of each prompt, and all together."""

from collections.abc import Sequence

from oad.contract.message import MessageWithParts, UserMessage
from oad.contract.session import FileDiff

from ..snapshots.changes import Change, join_changes
from ..snapshots.file_diffs import describe
from ..snapshots.keeper import Snapshots
from ..snapshots.store import NoSnapshot, SnapshotStore
from .patches import Patch, all_patches, patches_for

_REMEMBERED = 64  # descriptions
_KEPT_BYTES = 8 << 20


class Report:
    """Asks git only for what it has not asked before."""

    def __init__(self, snapshots: Snapshots) -> None:
        self.snapshots = snapshots
        self._changes: dict[Patch, list[Change]] = {}
        self._contents: dict[str, bytes | None] = {}  # None: too large
        self._said: list[FileDiff] | None = None
        self._told: dict[tuple[Change, ...], list[FileDiff]] = {}

    def remember(self, patch: Patch, changes: list[Change]) -> None:
        """What a step has just found out need not be asked for."""
        self._changes[patch] = changes

    def is_news(self, diffs: list[FileDiff]) -> bool:
        """Whether this is not what was said of the session last."""
        said, self._said = self._said, diffs
        return said != diffs

    async def of_session(self, messages: Sequence[MessageWithParts]) -> list[FileDiff]:
        return await self._tell(messages, all_patches(messages))

    async def of_prompt(self, messages: Sequence[MessageWithParts], user_id: str) -> list[FileDiff]:
        return await self._tell(messages, patches_for(messages, user_id), user_id)

    async def changes(self, patches: Sequence[Patch]) -> list[list[Change]]:
        """Of each patch, the files that it names. Raises NoSnapshot when they are not kept any more."""
        store = self.snapshots.store
        unknown = [patch for patch in dict.fromkeys(patches) if patch not in self._changes]
        if unknown and store is None:
            raise NoSnapshot(self.snapshots.problem)
        if store is not None:
            found = await store.compare([(patch.before, patch.after) for patch in unknown])
            for patch, changes in zip(unknown, found, strict=True):
                self._changes[patch] = [each for each in changes if store.shown(each.path) in patch.files]
        return [self._changes[patch] for patch in patches]

    async def _tell(
        self, messages: Sequence[MessageWithParts], patches: Sequence[Patch], user_id: str | None = None
    ) -> list[FileDiff]:
        if not patches:
            return []
        try:
            joined = tuple(join_changes(await self.changes(patches)))
            return await self._describe(joined)
        except NoSnapshot:
            return _stored(messages, user_id)

    async def _describe(self, joined: tuple[Change, ...]) -> list[FileDiff]:
        store = self.snapshots.store
        if joined not in self._told and store is not None:
            while len(self._told) >= _REMEMBERED:
                self._told.pop(next(iter(self._told)))
            self._told[joined] = describe(joined, await self._read(store, joined))
        return self._told.get(joined, [])

    async def _read(self, store: SnapshotStore, changes: Sequence[Change]) -> dict[str, bytes]:
        """What the same files held is asked for once: for the prompt and for the session, and after every step."""
        blobs = {entry.blob for each in changes for entry in (each.before, each.after) if entry.exists}
        if missing := blobs - self._contents.keys():
            found = await store.read(sorted(missing), small=True)
            if sum(len(each or b"") for each in self._contents.values()) > _KEPT_BYTES:
                self._contents.clear()
            self._contents |= {blob: found.get(blob) for blob in missing}
            if blobs - self._contents.keys():
                return await store.read(sorted(blobs), small=True)
        return {blob: content for blob in blobs if (content := self._contents[blob]) is not None}


def _stored(messages: Sequence[MessageWithParts], user_id: str | None) -> list[FileDiff]:
    """What was told of the prompts when it was still known; of a file that several changed, the last."""
    found: dict[str | None, FileDiff] = {}
    for message in messages:
        info = message.info
        if isinstance(info, UserMessage) and info.summary is not None and user_id in (None, info.id):
            found.update((diff.file, diff) for diff in info.summary.diffs)
    return list(found.values())
