"""What could not be read, told once per cause however often it happens."""

from __future__ import annotations

from dataclasses import dataclass, field

from haidang_agent.i18n import N_, _

MOST = 64
MORE = N_("further causes were met that are not listed")


@dataclass(slots=True)
class Problems:
    """Causes in the order they were met; `{number}` of a cause is how often, `{frame}` where first."""

    _met: dict[tuple[str, tuple[tuple[str, object], ...]], list[int]] = field(default_factory=dict)

    def note(self, cause: str, frame: int = 0, **values: object) -> None:
        """One more case of `cause`, a msgid with places for `values`."""
        key = cause, tuple(values.items())
        met = self._met.get(key)
        if met is not None:
            met[0] += 1
        elif len(self._met) < MOST:
            self._met[key] = [1, frame]
        else:
            self._met[MORE, ()] = [1, frame]

    def told(self, *, translated: bool) -> list[str]:
        """A sentence per cause, in the reader's language or in English."""
        return [
            (_(cause) if translated else cause).format(number=number, frame=frame, **dict(values))
            for (cause, values), (number, frame) in self._met.items()
        ]
