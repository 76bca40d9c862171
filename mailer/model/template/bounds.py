"""What one mail's rendering may cost, and how filters and loops find what is left of it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from jinja2.runtime import Context

from mailer.errors import TemplateFault


@dataclass(frozen=True, slots=True)
class RenderLimits:
    """`seconds` of elapsed time and `bytes` of output, all parts of a mail together."""

    seconds: float
    bytes: int


class Budget:
    """What is left of the limits while one mail is rendered. Raises TemplateFault when nothing is."""

    __slots__ = ("_left", "_limits", "_monotonic", "_until")

    def __init__(self, limits: RenderLimits, monotonic: Callable[[], float]) -> None:
        self._limits = limits
        self._left = limits.bytes
        self._monotonic = monotonic
        self._until = monotonic() + limits.seconds

    def collected(self, pieces: Iterable[str]) -> str:
        """The pieces as one text, which is paid for.

        While they come, characters are counted: each is a byte or more, and counting bytes would cost as much again.
        """
        texts: list[str] = []
        length, longest = 0, self._left
        for piece in pieces:
            length += len(piece)
            if length > longest:
                raise self._too_large()
            texts.append(piece)
        text = "".join(texts)
        self.spend(text)
        return text

    def spend(self, *texts: str, times: int = 1) -> None:
        """Take the texts' bytes, `times` over, off what may still be written; before they are put together."""
        for text in texts:
            self._left -= times * (len(text) if text.isascii() else len(text.encode()))
        if self._left < 0:
            raise self._too_large()

    def watch(self, value: object) -> None:
        """Look at the clock, and whether a text that was made fits into what may still be written; it costs nothing."""
        self.tick()
        if isinstance(value, str) and len(value) > self._left:
            raise self._too_large()

    def _too_large(self) -> TemplateFault:
        return TemplateFault(
            f"the mail is larger than {self._limits.bytes:,} bytes",
            "shorten the loop or the values; MAILER_RENDER_BYTES is the limit",
        )

    def tick(self) -> None:
        """Look at the clock."""
        if self._monotonic() > self._until:
            raise TemplateFault(
                f"rendering took longer than {self._limits.seconds:g} s",
                "let the query do the work of nested loops; MAILER_RENDER_SECONDS is the limit",
            )


BUDGET = " budget"
"""The Budget's name in a rendering's variables: no column is lower case, none begins with a blank."""


def budget_of(context: Context) -> Budget:
    """The budget of the mail that is being rendered."""
    budget = context.parent[BUDGET]
    if not isinstance(budget, Budget):
        raise TypeError(f"no budget in the context: {budget!r}")
    return budget


class TimedList(list[object]):
    """A list that looks at the clock with each item it hands out, so a loop that prints nothing ends as well."""

    __slots__ = ("_budget",)

    def __init__(self, items: Sequence[object], budget: Budget) -> None:
        super().__init__(items)
        self._budget = budget

    def __iter__(self) -> Iterator[object]:
        for item in super().__iter__():
            self._budget.tick()
            yield item
