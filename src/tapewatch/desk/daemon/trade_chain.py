"""Whether a symbol's trades are complete, by their numbers."""

from __future__ import annotations

_PATIENCE_S = 2.0  # a message that overtook another is followed by it within this time
_MOST_MISSING = 1_000


class TradeChain:
    """The numbers of one symbol's trades as they arrive; times are monotonic seconds."""

    def __init__(self) -> None:
        self._highest: int | None = None
        self._last_s: float | None = None
        self._missing: dict[int, tuple[float, float]] = {}  # number → when it was found missing, length of the silence before

    def take(self, number: int | None, now_s: float) -> float | None:
        """Take a trade; None for a venue that counts nothing.

        Returns:
            Length in seconds of the silence in which trades were lost, once it is certain that they will not come; None otherwise.
        """
        silent_s = now_s - (now_s if self._last_s is None else self._last_s)
        self._last_s = now_s
        if number is not None:
            self._missing.pop(number, None)
            if self._highest is not None:
                for lost in range(max(self._highest + 1, number - _MOST_MISSING), number):
                    self._missing[lost] = (now_s, silent_s)
            self._highest = max(number, self._highest or number)
        return self._certain(now_s)

    def restart(self, now_s: float) -> float | None:
        """Begin anew after the connection was lost.

        Returns:
            Seconds since the last trade; None when there was none.
        """
        silent_s = None if self._last_s is None else now_s - self._last_s
        self._highest = None
        self._missing.clear()
        return silent_s

    def _certain(self, now_s: float) -> float | None:
        lost = [number for number, (found_s, _) in self._missing.items() if now_s - found_s >= _PATIENCE_S]
        return max((self._missing.pop(number)[1] for number in lost), default=None)
