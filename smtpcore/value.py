"""The form of every value: immutable to users, cheap to build inside.

A frozen slotted dataclass costs about three times a plain slotted one to build, and a server builds one for each
line.  Here each value class is two classes: a *draft* that only holds the slots, and the public class on top of it
that refuses assignment.  The library builds a draft, fills its slots with plain stores and turns it into the public
class (`Value._make`); users go through the ordinary constructor, which also runs `__post_init__` (validation).
Both give the same object.  `dataclasses` itself is not used: importing it costs more than importing this package.
"""

from __future__ import annotations

from typing import Any, Callable, ClassVar, Self, dataclass_transform


def _source(fields: tuple[str, ...], defaults: dict[str, object], check: bool) -> str:
    """Text of the two constructors; the same parameter list, so that they cannot differ."""
    parameters = ", ".join(f"{name}=_d[{name!r}]" if name in defaults else name for name in fields)
    lines = [f"def __init__(self, {parameters}):"]
    lines += [f"    _set_{name}(self, {name})" for name in fields]
    if check:
        lines.append("    self.__post_init__()")
    lines.append("    return None")
    lines += [f"def _make({parameters}):", "    self = _new(_draft)"]
    lines += [f"    self.{name} = {name}" for name in fields]
    lines += ["    self.__class__ = _final", "    return self", ""]
    return "\n".join(lines)


def _refuse_set(self: object, name: str, value: object) -> None:
    raise AttributeError(f"{type(self).__name__} is immutable: build a new one instead of setting {name!r}")


def _refuse_delete(self: object, name: str) -> None:
    raise AttributeError(f"{type(self).__name__} is immutable: {name!r} cannot be deleted")


@dataclass_transform(frozen_default=True, eq_default=True)
class ValueType(type):
    """Builds a value class from the annotations of its body, as a dataclass would."""

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> ValueType:
        if not bases:  # Value itself
            return super().__new__(mcs, name, bases, namespace)
        annotations: dict[str, str] = namespace.get("__annotations__", {})
        own = tuple(key for key, text in annotations.items() if "ClassVar" not in str(text))
        parent: Any = bases[0]
        fields: tuple[str, ...] = parent._fields + own
        defaults: dict[str, object] = {**parent._defaults}
        defaults.update((key, namespace.pop(key)) for key in own if key in namespace)
        # The draft takes plain stores again, also under a parent that refuses them.  Both methods share one slot of the
        # type, so both must be the plain ones for a store to be fast.
        plain = {"__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
        draft = super().__new__(mcs, name, bases, {"__slots__": own, **plain})
        namespace.update(
            __slots__=(),
            __match_args__=fields,
            _fields=fields,
            _defaults=defaults,
            __setattr__=_refuse_set,
            __delattr__=_refuse_delete,
        )
        hidden = set(namespace.get("_uncompared") or parent._uncompared)
        namespace["_compared"] = tuple(key for key in fields if key not in hidden)
        final = super().__new__(mcs, name, (draft,), namespace)
        scope: dict[str, Any] = {f"_set_{key}": getattr(draft, key).__set__ for key in fields}
        scope.update(_d=defaults, _new=object.__new__, _draft=draft, _final=final)
        exec(_source(fields, defaults, hasattr(final, "__post_init__")), scope)  # as dataclasses and namedtuple do
        scope["__init__"].__qualname__ = f"{final.__qualname__}.__init__"
        type.__setattr__(final, "__init__", scope["__init__"])
        type.__setattr__(final, "_make", staticmethod(scope["_make"]))
        return final


class Value(metaclass=ValueType):
    """Base of all values: equal when all compared fields are equal, hashable, printable, picklable."""

    __slots__ = ()
    _fields: ClassVar[tuple[str, ...]] = ()
    _defaults: ClassVar[dict[str, object]] = {}
    _compared: ClassVar[tuple[str, ...]] = ()
    #: Names of fields that equality, hashing and `repr` leave out.
    _uncompared: ClassVar[tuple[str, ...]] = ()
    #: Names of fields whose content `repr` never shows.
    _secret: ClassVar[tuple[str, ...]] = ()
    #: The constructor of the library itself: the same fields, nothing checked.
    _make: ClassVar[Callable[..., Any]]

    def __eq__(self, other: object) -> bool:
        if self.__class__ is not other.__class__:
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self._compared)

    def __hash__(self) -> int:
        return hash((self.__class__, *(getattr(self, name) for name in self._compared)))

    def __repr__(self) -> str:
        shown = (
            f"{name}=<hidden>" if name in self._secret else f"{name}={getattr(self, name)!r}" for name in self._compared
        )
        return f"{type(self).__name__}({', '.join(shown)})"

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return _rebuild, (type(self), *(getattr(self, name) for name in self._fields))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self

    def __replace__(self, **changes: Any) -> Self:
        """A copy with some fields changed, checked like a new one (`copy.replace` of Python 3.13 calls it)."""
        fields = {name: getattr(self, name) for name in self._fields}
        return type(self)(**{**fields, **changes})


def _rebuild(cls: type[Value], *fields: object) -> object:
    return cls._make(*fields)
