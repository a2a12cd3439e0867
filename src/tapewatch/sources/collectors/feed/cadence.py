"""What silence is usual for a stream, learned from its own arrivals.

Messages that come within `BURST_S` of a counted one are the same arrival: a burst must not teach that silences are microseconds.
A silence is measured in units of the mean that holds at the hour of the week (`season`), so that a busy day and a quiet night
teach the same thing: the shape of the silences. The limit is the silence that is expected once in `HOURS_PER_ALARM`. Nothing is assumed
about the shape but its `tail`, and what was seen twice is usual whatever the tail says.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, field

from tapewatch.sources.collectors.feed.recalled import Recalled
from tapewatch.sources.collectors.feed.season import HOURS, Season
from tapewatch.sources.collectors.feed.tail import Tail

BURST_S = 0.05
GROWTH = 1.06
"""Silences are kept in logarithmic bins, each a seventeenth longer than the one before."""

BINS = 250
SHORTEST = 0.01
"""From a hundredth of the mean to 20,000 times the mean."""

MEMORY = 131_072
"""Silences after which older ones count half."""

BELIEVED = 2.0
"""A silence beyond this multiple of the limit is learned as one of that length: an outage must not make the next one usual."""

TRUSTED = 20
"""Silences for which the mean that was known before a restart stands in the mean of the recent ones."""

LEARNED = 10
"""Silences needed before a stream is judged."""

HOURS_PER_ALARM = 1000.0
TAIL_SHARE = 0.02
LEAST_TAIL, MOST_TAIL = 12, 120
"""The tail is the longest fiftieth of the silences, within these numbers."""

SEEN = 1.5
"""A length counts as usual when so many silences, each halved with age, were at least as long: one outage is none."""

SLOW_S = 0.5
CAUTION, GRACE_S = 0.2, 0.5
"""A stream whose silences last `SLOW_S` on average teaches less in an hour, and a second matters less to it: its limit lies higher by
this share and by so many seconds; in proportion less for faster ones."""

MARGIN = 0.15, 0.4
"""Shares by which the limit lies above the longest usual silence, of a fast stream and of one whose silences last `SLOW_S`."""

KNOWN_S = 12 * 3600.0
MOST = 1.45
"""After so long the longest silence that is remembered, in units of the hour's mean, says how far beyond it a limit may reach, whatever the
tail says: a stream that has stopped is to be found within one and a half times that silence. Silences without memory may reach further."""

REGULAR = 2.5
"""A slow stream gets at least the limit of silences without memory, unless that is more than so many times its longest usual silence:
then it is regular, and needs none."""

DOUBTED = 60.0
GUESS = 1.5
"""Silences at which the learned tail weighs as much as the first guess: the longest of n silences without memory is ln(n) means, and
streams are burstier than that by a half at least."""

RECENT = 1 / 200
"""Weight of the newest silence in the mean of the recent ones."""

LEAST_S = 3.15
"""No silence shorter than this is unusual: a link that has to send a packet again twice is silent for three seconds and a little."""

QUANTILE = 0.999

_LOG_GROWTH = math.log(GROWTH)


@dataclass(slots=True)
class Cadence:
    """Learned silences of one stream; times are seconds of a clock that never goes back.

    Attributes:
        season: Mean silences by hour of the week.
        shape: Silences in units of their mean, in logarithmic bins, float32, shape (250,).
        hour: Hours since Monday 00:00 UTC; whoever knows the wall clock keeps it (`settle`).
        learned: Silences learned, those of earlier runs included.
        messages: Messages of the silences in ``shape``, halved with them.
        limit_s: Longest silence that is usual now; None while too little was seen.
        recalled: Limits that stored rows tell of: while one holds for the hour, the limit is no shorter.
    """

    season: Season = field(default_factory=Season)
    shape: array[float] = field(default_factory=lambda: array("f", bytes(4 * BINS)))
    hour: float = 0.0
    learned: int = 0
    messages: float = 0.0
    limit_s: float | None = None
    recalled: Recalled = field(default_factory=Recalled)
    _total: float = 0.0
    _recent_s: float = 0.0
    _heard: int = 0
    _mean_s: float = 0.0
    _counted_s: float | None = None
    _tail: Tail | None = None
    _longest: float = 0.0
    _once: float = 0.0
    _fitted: int = 0

    def arrive(self, now_s: float) -> None:
        """Take the arrival of one message."""
        self.messages += 1
        counted = self._counted_s
        if counted is None:
            self._counted_s = now_s
            return
        silence_s = now_s - counted
        if silence_s < BURST_S:
            return
        self._counted_s = now_s
        self._learn(silence_s)

    def interrupt(self) -> None:
        """Nobody listened for a while: the silence across it says nothing about the stream."""
        self._counted_s = None

    def settle(self, hour: float) -> None:
        """Work out the limit for a moment of the week (hours since Monday 00:00 UTC); called at every tick."""
        self.hour = hour
        recalled_s = self.recalled.limit_s(int(hour) % HOURS)
        if self.learned < LEARNED:
            self.limit_s = recalled_s
            return
        seasonal_s = self.season.mean_s(hour) or 0.0
        self._mean_s = max(seasonal_s, self._recent_s)
        if self.learned - self._fitted >= min(256, max(1, self._fitted // 8)):
            self._fit()
        self.limit_s = max(self._limit(self._mean_s), recalled_s or 0.0)

    def usual_s(self, share: float = QUANTILE) -> float | None:
        """The silence under which ``share`` of all are at this hour, s; None while too little was seen."""
        if self.limit_s is None or self.learned < LEARNED:
            return None
        above = self._total * (1 - share)
        for index in range(BINS - 1, -1, -1):
            above -= self.shape[index]
            if above < 0:
                return _edge(index + 1) * self._mean_s
        return None

    def restore(self, learned: int, messages: float) -> None:
        """Take the season and the shape as what ``learned`` silences of an earlier run taught."""
        self.season.add_up()
        self._total = sum(self.shape)
        self.learned = learned if self._total > 0 else 0
        self.messages = messages
        self._fitted = 0

    def _learn(self, silence_s: float) -> None:
        if self.limit_s is not None and silence_s > self.limit_s:
            silence_s = min(silence_s, BELIEVED * self.limit_s)
            self._fitted = 0
        self.season.learn(int(self.hour) % HOURS, silence_s)
        self.recalled.learned(int(self.hour) % HOURS, silence_s)
        if not self._heard and self._mean_s:
            # what was learned before a restart stands for the first silences after it
            self._recent_s, self._heard = self._mean_s, TRUSTED
        self._heard += 1
        # the first silences are averaged evenly, so that no single one stands for all
        self._recent_s += max(RECENT, 1 / self._heard) * (silence_s - self._recent_s)
        mean_s = self._mean_s or max(self._recent_s, silence_s)
        position = math.log(silence_s / mean_s / SHORTEST) / _LOG_GROWTH
        self.shape[min(BINS - 1, max(0, int(position)))] += 1
        self._total += 1
        self.learned += 1
        if self._total >= MEMORY:
            self._halve()

    def _halve(self) -> None:
        self.shape = array("f", [count / 2 for count in self.shape])
        self._total /= 2
        self.messages /= 2

    def _fit(self) -> None:
        """Find the longest usual silence, and the tail's threshold, mean excess and share, in units of the mean."""
        self._fitted = self.learned
        wanted = min(max(LEAST_TAIL, TAIL_SHARE * self._total), MOST_TAIL)
        above = total = squares = 0.0
        self._longest, self._once, self._tail = 0.0, 0.0, None
        for index in range(BINS - 1, -1, -1):
            count = self.shape[index]
            if count <= 0:
                continue
            top = _edge(index + 1)
            self._once = self._once or top
            above += count
            total += count * top
            squares += count * top * top
            if not self._longest and above >= SEEN:
                self._longest = top
            if above >= wanted:
                self._tail = Tail.fit(_edge(index), total / above, squares / above, above / self._total)
                return

    def _limit(self, mean_s: float) -> float:
        silences = max(math.e, HOURS_PER_ALARM * 3600 / mean_s)
        guess = math.log(silences)
        limit = guess
        if self._tail is not None:
            fitted = self._tail.exceeded_once_in(silences)
            doubt = DOUBTED / (DOUBTED + self._total)
            limit = doubt * max(GUESS * guess, fitted) + (1 - doubt) * fitted
        slowness = min(1.0, mean_s / SLOW_S)
        margin = MARGIN[0] + (MARGIN[1] - MARGIN[0]) * slowness
        limit = max(limit * (1 + CAUTION * slowness), self._longest * (1 + margin))
        message_s = mean_s * self._total / max(self._total, self.messages)
        memoryless_s = message_s * math.log(max(math.e, HOURS_PER_ALARM * 3600 / message_s))
        least_s = min(memoryless_s, REGULAR * self._longest * mean_s) * slowness
        found_s = max(mean_s * limit + GRACE_S * slowness, least_s)
        if self.season.known_s >= KNOWN_S:
            found_s = min(found_s, MOST * max(self._once * mean_s, memoryless_s))
        return max(LEAST_S, found_s)


def _edge(index: int) -> float:
    """Lower edge of a bin, in means."""
    return SHORTEST * GROWTH**index
