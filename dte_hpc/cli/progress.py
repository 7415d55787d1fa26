"""How far is it?

A bar on one line of a terminal, drawn at most ten times a second; nothing where nobody looks.
"""

import sys
import time
from typing import TextIO

WIDTH = 40
SECONDS_BETWEEN = 0.1


class ProgressBar:
    """Called with how many are done and how many there are.

    Parameters
    ----------
    what : str
        Noun for what is counted.
    shown : bool
        Whether somebody looks: standard error is a terminal.
    after_seconds : float
        What is done sooner needs no bar.
    """

    def __init__(
        self, what: str, *, shown: bool, stream: TextIO = sys.stderr, after_seconds: float = 0.0
    ) -> None:
        self._what = what
        self._shown = shown
        self._stream = stream
        self._drawn_at = 0.0
        self._started = time.monotonic()
        self._after_seconds = after_seconds

    def __call__(self, done: int, total: int) -> None:
        """Draw, unless it was drawn a moment ago."""
        now = time.monotonic()
        last = done >= total
        early = not self._drawn_at and now - self._started < self._after_seconds
        if not self._shown or early or (now - self._drawn_at < SECONDS_BETWEEN and not last):
            return
        self._drawn_at = now
        filled = WIDTH * done // max(total, 1)
        bar = "█" * filled + "·" * (WIDTH - filled)
        seconds = now - self._started
        self._stream.write(f"\r{bar} {done}/{total} {self._what}, {seconds:.0f} s" + ("\n" if last else ""))
        self._stream.flush()
