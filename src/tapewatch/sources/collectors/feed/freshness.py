"""What the present silence of a stream means: fresh, late, stale, dead, quiet market, retired or unknown, and why."""

from __future__ import annotations

from dataclasses import dataclass

from tapewatch.sources.collectors.feed.cadence import LEARNED, QUANTILE, Cadence
from tapewatch.sources.collectors.feed.peers import Company, Member, Peers

STALE, DEAD = 2.0, 5.0
"""Multiples of the limit at which a late stream is called stale, dead."""

DEAD_S = 10.0
"""No single stream is called dead before it has been silent for this long."""

QUIET = 4.0
"""A market whose streams are all silent is quiet up to this multiple of the limit; a longer silence has another cause."""

LINK_STREAMS = 2
LINK_MARGIN = 1.2
"""A connection with several streams is dead when all of them are silent for a fifth longer than it ever is."""

LOST_DEAD_S = 30.0
"""A stream whose connection is lost is stale at once and dead after this long."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A connection that does not stand: for how long, and why."""

    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and what it rests on.

    Attributes:
        verdict: One of the words of the column ``verdict``.
        limit_s: Longest silence that is usual at this hour, s; None while too little was learned.
        evidence: Why, in one sentence.
    """

    verdict: str
    limit_s: float | None
    evidence: str


def is_calm(member: Member, now_s: float) -> bool:
    """Whether nothing about the stream calls for a second look: the cheap question that is asked of every stream at every tick."""
    limit_s = member.pulse.cadence.limit_s
    return (
        limit_s is not None
        and member.pulse.has_spoken
        and member.pulse.silence_s(now_s) < limit_s
        and not _link_silence_s(member, LINK_STREAMS, now_s)
    )


def judge(member: Member, peers: Peers, now_s: float, *, lost: Lost | None = None, reason: str = "", retired: str = "") -> Judgement:
    """Judge a stream's present silence.

    Args:
        member: The stream.
        peers: The others.
        now_s: The time.
        lost: That its connection does not stand; None while it stands.
        reason: Why nothing may come, in the venue's words; empty when nothing is known.
        retired: Why nothing will come any more; empty when nothing is known.
    """
    pulse, channel = member.pulse, member.channel
    limit_s = pulse.cadence.limit_s
    if lost is not None:
        verdict = "dead" if lost.seconds >= LOST_DEAD_S else "stale" if pulse.last_s is not None else "unknown"
        return Judgement(verdict, limit_s, f"the connection has been away for {seconds(lost.seconds)}{because(lost.reason)}")
    silence_s = pulse.silence_s(now_s)
    is_usual = limit_s is not None and silence_s < limit_s and pulse.has_spoken
    if retired and not is_usual:
        return Judgement("retired", limit_s, f"no {channel} for {seconds(silence_s)}: {retired}")
    link_silence_s = _link_silence_s(member, peers.streams_of(member.link), now_s)
    if link_silence_s and (limit_s is not None or pulse.last_s is not None):
        usual = _usual(member.link.cadence)
        return Judgement("dead", limit_s, f"nothing has come over the connection for {seconds(link_silence_s)}{usual}{because(reason)}")
    if is_usual:
        return Judgement("fresh", limit_s, f"last {channel} {seconds(silence_s)} ago{_usual(pulse.cadence)}")
    if limit_s is None or silence_s < limit_s:
        return Judgement("unknown", limit_s, _unknown(member, silence_s, reason))
    verdict, company = _weigh(member, peers.company(member, now_s), silence_s / limit_s, silence_s)
    return Judgement(verdict, limit_s, f"no {channel} for {seconds(silence_s)}{_usual(pulse.cadence)}{company}{because(reason)}")


def _weigh(member: Member, company: Company, times: float, silence_s: float) -> tuple[str, str]:
    """Verdict of a silence that lasts ``times`` its limit, and what the peers add to the sentence."""
    words = ""
    if company.moving:
        words = f"; {_listed(company.moving)} moving"
    elif company.silent:
        words = f"; {_listed(company.silent)} silent too"
    # what speaks only on change says nothing by its silence while nothing else says that there was a change
    waits = company.silent or (member.on_change and not company.moving and not company.is_alone)
    if waits and times < QUIET:
        return "quiet", words or "; no peer moves"
    if silence_s >= max(DEAD_S, DEAD * silence_s / times):
        return "dead", words
    return "stale" if times >= STALE else "late", words


def _link_silence_s(member: Member, streams: int, now_s: float) -> float:
    """Seconds for which a connection of several streams has been silent, if that is longer than it ever is; else 0."""
    limit_s = member.link.cadence.limit_s
    if limit_s is None or streams < LINK_STREAMS:
        return 0.0
    silence_s = member.link.silence_s(now_s)
    return silence_s if silence_s >= LINK_MARGIN * limit_s else 0.0


def _unknown(member: Member, silence_s: float, reason: str) -> str:
    cadence = member.pulse.cadence
    if member.pulse.has_spoken:
        return f"last {member.channel} {seconds(silence_s)} ago; {cadence.learned} of {LEARNED} silences learned{because(reason)}"
    return f"no {member.channel} since the subscription {seconds(silence_s)} ago{_usual(cadence)}{because(reason)}"


def _usual(cadence: Cadence) -> str:
    usual_s = cadence.usual_s()
    return "" if usual_s is None else f", {QUANTILE * 100:.1f} % of gaps at this hour are under {seconds(usual_s)}"


def _listed(names: tuple[str, ...]) -> str:
    """Names with their verb: "its book is", "its book and BTC/USDT on okx are"."""
    return f"{names[0]} is" if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]} are"


def seconds(value: float) -> str:
    """Write seconds for a sentence: 0.04 s, 4.2 s, 41 s, 12 min, 3 h."""
    for limit, text in ((1, f"{value:.2f} s"), (10, f"{value:.1f} s"), (600, f"{value:.0f} s")):
        if value < limit:
            return text
    return f"{value / 60:.0f} min" if value < 2 * 3600 else f"{value / 3600:.0f} h"


def because(reason: str) -> str:
    """The end of a sentence that names a reason, if there is one."""
    return f": {reason}" if reason else ""
