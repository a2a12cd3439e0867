"""How soon the faults of a feed are found, and how often the detector calls although nothing is wrong.

On virtual time, with arrivals block-bootstrapped from recordings (`bench.feed_trials.bootstrap` states the profile of the week): at
least 3,000 untouched stream-hours, in which every alarm is false, then trials in which a stream is cut or frozen, or a connection
falls silent, at a random moment. On the recordings themselves: untouched, and with messages lost, swapped and doubled. On the desk's
simulated venues: delays, and clocks that go wrong. A thousand trials, all from fixed seeds.

Beside the silences stand a timeout of 30 s, and hindsight: somebody who knows the longest untouched silence of each stream
beforehand, and waits exactly that long. A full run draws them into bench/feeds.svg.

`TAPEWATCH_RECORDINGS` names the folder of the recordings (`../shared/data` when it does not). Without one, the arrivals are those of
the desk's simulated venues, and nothing is said about recordings. ``--short`` takes a few hours of two connections and 47 trials;
``--seed N`` takes other hours, other moments and other faults than those that the detector was made with, and draws nothing.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from bench.bars import Bar, parser, percentile, tell
from bench.feed_trials.delays import KINDS as DELAY_KINDS
from bench.feed_trials.delays import DelayTrial, try_delays
from bench.feed_trials.picture import picture
from bench.feed_trials.recordings import COLLECTORS, Traffic, traffic
from bench.feed_trials.sequences import FOUND_S as COUNTED_S
from bench.feed_trials.sequences import MADE, SUMMED, try_sequences
from bench.feed_trials.silences import FOUND_S, KINDS, Trial, try_silences
from bench.feed_trials.simulated import simulated_traffic
from bench.feed_trials.untouched import alarms_of_recording
from bench.feed_trials.week import VISITED, WEEKS, Untouched, pass_hours
from tapewatch.desk.venues import VENUES
from tapewatch.sources.collectors.feed.venues.base import Fault

SILENCES, SEQUENCES, DELAYS = 640, 300, 60
SHORT_SILENCES, SHORT_SEQUENCES, SHORT_DELAYS, SHORT_HOURS = 30, 15, 2, 2
SHORT_VENUES = ("bitstamp", "okx")
SEED = 20_240_601
PICTURE = Path(__file__).with_name("feeds.svg")
WORKERS = 2
"""Processes that share the work; each hour and each trial has a seed of its own, so that their number changes nothing."""

CALM_S = FOUND_S / 2
"""A fast stream that is never silent for so long by itself leaves a detector time; one that is must be waited for."""

OWN_SHARE = 1.5
"""A slow stream may be found after so many times its longest untouched silence; fast ones that are silent by themselves, too."""

FALSE_ALARMS = 1.0
"""False alarms in 1,000 stream-hours, at most."""


def recordings() -> Path | None:
    """The folder of the recordings; None when there is none."""
    folder = Path(os.environ.get("TAPEWATCH_RECORDINGS") or Path(__file__).parents[2] / "shared" / "data")
    return folder if (folder / "feeds").is_dir() else None


def measure(seed: int, *, is_short: bool) -> Iterator[Bar]:
    """Untouched time first, then the faults."""
    folder = recordings()
    if folder is None:
        print("no recordings: arrivals of the simulated venues, nothing on recorded messages")
    hours = (VISITED * WEEKS)[:SHORT_HOURS] if is_short else VISITED * WEEKS
    traffics = _traffics(folder, is_short=is_short)
    with ProcessPoolExecutor(WORKERS, get_context("spawn")) as pool:
        untouched = list(pool.map(pass_hours, traffics, repeat(hours), range(seed, seed + len(traffics))))
        yield from _untouched_bars(untouched)
        parts = _parts(SHORT_SILENCES if is_short else SILENCES)
        silences = [trial for part in pool.map(try_silences, repeat(untouched), parts, repeat(seed)) for trial in part]
        yield from _silence_bars(silences)
        if not is_short and folder is not None and seed == SEED:
            PICTURE.write_text(picture(f"{len(silences)} silences of feeds, and when each was found", silences), encoding="utf-8")
        parts = _parts(SHORT_DELAYS if is_short else DELAYS)
        yield from _delay_bars([trial for part in pool.map(try_delays, parts, repeat(seed)) for trial in part])
    if folder is not None:
        false = sum(alarms_of_recording(folder, venue) for venue in (SHORT_VENUES if is_short else COLLECTORS))
        yield Bar("untouched recordings: false alarms", false, "", 0)
        yield from _sequence_bars(folder, SHORT_SEQUENCES if is_short else SEQUENCES, np.random.default_rng(seed))


def _parts(trials: int) -> list[list[int]]:
    """Numbers of trials, for each process in turns of two: kinds that alternate do not all fall to one."""
    return [[number for number in range(trials) if number // 2 % WORKERS == part] for part in range(WORKERS)]


def _traffics(folder: Path | None, *, is_short: bool) -> list[Traffic]:
    if folder is None:
        return [simulated_traffic(spec.name) for spec, _ in (VENUES[:1] if is_short else VENUES)]
    return [traffic(folder, venue) for venue in (SHORT_VENUES if is_short else COLLECTORS)]


def _untouched_bars(untouched: Sequence[Untouched]) -> Iterator[Bar]:
    hours = sum(found.stream_hours for found in untouched)
    for evidence in (evidence for found in untouched for evidence in found.alarms):
        print(f"false alarm: {evidence}")
    yield Bar("untouched: stream-hours", hours, "h")
    yield Bar(
        "untouched: false alarms in 1,000 stream-hours", sum(len(found.alarms) for found in untouched) / hours * 1000, "", FALSE_ALARMS
    )
    yield Bar("untouched: the same by a timeout of 30 s", sum(found.timeouts for found in untouched) / hours * 1000, "")


def _silence_bars(trials: Sequence[Trial]) -> Iterator[Bar]:
    for kind in KINDS:
        fast = [trial for trial in trials if trial.kind == kind and trial.is_fast]
        slow = [trial for trial in trials if trial.kind == kind and not trial.is_fast]
        if fast:
            yield from _fast_bars("all of a connection silent" if kind == "connection" else f"{kind}, ≥ 5 messages/s", fast)
        if slow:
            yield from _slow_bars(f"{kind}, < 5 messages/s", slow)
    yield from _own_silence_bars([trial for trial in trials if trial.kind != "connection"])
    yield Bar("silences: missed", sum(trial.found_s is None for trial in trials), "", 0)
    late = [trial.timeout_s for trial in trials if trial.timeout_s is not None]
    yield Bar("silences: found by a timeout of 30 s, p95", percentile(late, 0.95), "s")
    yield Bar("silences: missed by a timeout of 30 s", sum(trial.timeout_s is None for trial in trials), "")


def _fast_bars(name: str, trials: Sequence[Trial]) -> Iterator[Bar]:
    found = [trial.found_s for trial in trials if trial.found_s is not None]
    yield Bar(f"{name}: found, p50", percentile(found, 0.5), "s")
    yield Bar(f"{name}: found, p95", percentile(found, 0.95), "s", FOUND_S)
    calm = [trial for trial in trials if trial.hindsight_s is not None and trial.longest_s < CALM_S]
    if calm:
        found = [trial.found_s for trial in calm if trial.found_s is not None]
        yield Bar(f"{name}, never silent for 2.5 s: found, p95", percentile(found, 0.95), "s", FOUND_S)
    allowed = [(trial, max(FOUND_S, OWN_SHARE * trial.longest_s)) for trial in trials if trial.longest_s >= CALM_S]
    shares = [trial.found_s / most_s for trial, most_s in allowed if trial.found_s is not None]
    if shares:
        yield Bar(
            f"{name}, silent for longer by themselves: share of 5 s or 1.5 times that silence, p95", percentile(shares, 0.95), "", 1.0
        )
    known = [trial.hindsight_s for trial in trials if trial.hindsight_s is not None]
    if known:
        yield Bar(f"{name}: with hindsight, p95", percentile(known, 0.95), "s")


def _own_silence_bars(trials: Sequence[Trial]) -> Iterator[Bar]:
    """The fast streams that are silent by themselves, one by one: what each leaves a detector that is to give no false alarm."""
    streams = defaultdict[str, list[Trial]](list)
    for trial in trials:
        if trial.is_fast and trial.longest_s >= CALM_S:
            streams[trial.stream].append(trial)
    for name, of_stream in sorted(streams.items(), key=lambda item: -item[1][0].longest_s):
        found = [trial.found_s for trial in of_stream if trial.found_s is not None]
        yield Bar(f"{name}, {of_stream[0].rate:.0f}/s: longest untouched silence", of_stream[0].longest_s, "s")
        yield Bar(f"{name}, {of_stream[0].rate:.0f}/s: found, p50 of {len(of_stream)}", percentile(found, 0.5), "s")


def _slow_bars(name: str, trials: Sequence[Trial]) -> Iterator[Bar]:
    found = [trial.found_s for trial in trials if trial.found_s is not None]
    shares = [trial.found_s / trial.bar_s for trial in trials if trial.found_s is not None]
    yield Bar(f"{name}: found, p50", percentile(found, 0.5), "s")
    yield Bar(f"{name}: found, p95", percentile(found, 0.95), "s")
    yield Bar(f"{name}: share of the time allowed, p95", percentile(shares, 0.95), "", 1.0)
    yield Bar(f"{name}: share of the time allowed, longest", max(shares), "")


def _delay_bars(trials: Sequence[DelayTrial]) -> Iterator[Bar]:
    for kind in DELAY_KINDS:
        found = [trial.found_s for trial in trials if trial.kind == kind and trial.found_s is not None]
        if found:
            yield Bar(f"{kind}, simulated venues: found, p50", percentile(found, 0.5), "s")
            yield Bar(f"{kind}, simulated venues: found, p95", percentile(found, 0.95), "s")
    yield Bar("delay, skew: missed", sum(trial.found_s is None for trial in trials), "", 0)
    yield Bar("delay, skew: the one also taken for the other", sum(trial.is_mistaken for trial in trials), "")


def _sequence_bars(folder: Path, count: int, random: np.random.Generator) -> Iterator[Bar]:
    trials = list(try_sequences(folder, count, random))
    for kind, is_summed in [*((kind, False) for kind in MADE), *((kind, True) for kind in SUMMED)]:
        of_kind = [trial for trial in trials if trial.kind == kind and (trial.fault is Fault.CHECKSUM) == is_summed]
        found = [trial.found_s for trial in of_kind if trial.found_s is not None]
        where = "books with a checksum" if is_summed else "channels that number their messages"
        yield Bar(f"{kind}, on {where}: found, p95", percentile(found, 0.95), "s", COUNTED_S)
    yield Bar("drop, swap, double: missed", sum(trial.found_s is None for trial in trials), "", 0)
    yield Bar("drop, swap, double: other events counted beside", sum(trial.others for trial in trials), "", 0)


def main() -> None:
    """Measure, and tell."""
    reader = parser("How soon the faults of feeds are found, and false alarms, on virtual time and on recordings.")
    reader.add_argument("--seed", type=int, default=SEED, help="of all that is drawn at random")
    given = reader.parse_args()
    tell(measure(given.seed, is_short=given.short), given.json)


if __name__ == "__main__":
    main()
