"""A store and a head whose operations fail once, before or after they take effect."""

from dataclasses import dataclass, field


class Crash(Exception):
    """The process dies here."""


@dataclass
class Plan:
    """Which operation, counted over all wrapped parts, fails. `after`: it has taken effect when it fails."""

    at: int = 0
    after: bool = False
    done: list = field(default_factory=list)

    def call(self, name, act):
        self.done.append(name)
        if len(self.done) != self.at:
            return act()
        try:
            if self.after:
                act()
        finally:
            raise Crash(name)


class Faulty:
    """Wraps every public method of an object."""

    def __init__(self, inner, plan, label):
        self._inner, self._plan, self._label = inner, plan, label

    def __getattr__(self, name):
        value = getattr(self._inner, name)
        if not callable(value):
            return value
        return lambda *a, **k: self._plan.call(f"{self._label}.{name}", lambda: value(*a, **k))
