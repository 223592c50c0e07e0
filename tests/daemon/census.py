"""What a part of the service holds, counted: for tests of what is left when sessions are gone."""

from collections import Counter, deque
from collections.abc import Iterator
from typing import Any


def count_entries(*roots: object) -> Counter[str]:
    """The entries of all collections that objects of the service below ``roots`` hold, by class and name."""
    found: Counter[str] = Counter()
    for owner in _below(roots):
        for name, held in _held(owner):
            if isinstance(held, dict | set | list | deque):
                found[f"{type(owner).__name__}.{name}"] += len(held)
    return found


def _below(roots: tuple[object, ...]) -> Iterator[object]:
    todo, seen = list[Any](roots), set[int]()
    while todo:
        each = todo.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, dict):
            todo += each.values()
        elif isinstance(each, list | tuple | set | deque):
            todo += each
        elif getattr(type(each), "__module__", "").startswith("oad."):
            yield each
            todo += [held for _, held in _held(each)]
        elif hasattr(each, "__self__") or hasattr(each, "__closure__"):
            todo.append(getattr(each, "__self__", None))


def _held(owner: object) -> list[tuple[str, Any]]:
    slots = (name for type in type(owner).__mro__ for name in getattr(type, "__slots__", ()))
    names = {*getattr(owner, "__dict__", {}), *slots, *getattr(type(owner), "__struct_fields__", ())}
    return [(name, getattr(owner, name)) for name in sorted(names) if hasattr(owner, name)]
