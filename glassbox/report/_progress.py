"""A progress bar that says what is being done, where somebody is watching."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn


class Steps:
    """Progress through a known amount of work.

    Nothing is printed where the console is no terminal.

    Parameters
    ----------
    console : Console
        Where to draw.
    """

    def __init__(self, console: Console):
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("Starting", total=None)

    def __enter__(self) -> Steps:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def plan(self, amount: float) -> None:
        """Say how much work there is in all."""
        self._progress.update(self._task, total=amount)

    def now(self, description: str) -> None:
        """Say what is being done."""
        # A name from the table may look like rich's markup.
        self._progress.update(self._task, description=description.replace("[", "\\["))

    def advance(self, amount: float = 1.0) -> None:
        """Some work is done."""
        self._progress.advance(self._task, amount)
