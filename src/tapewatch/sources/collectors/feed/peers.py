"""Who speaks of the same market: every stream that one process watches, of all its venues."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tapewatch.sources.collectors.feed.pulse import Pulse
from tapewatch.sources.collectors.feed.venues.common import base_quote

MOVED_SHARE = 0.5
"""A peer moves when it spoke in the latter half of a silence: what it said at its beginning may have come with the last message."""

NAMED = 2
"""Peers that are named as evidence."""


@dataclass(slots=True, eq=False)
class Member:
    """One stream among the others.

    Attributes:
        venue: Venue id.
        symbol: Canonical symbol.
        channel: Name of the channel.
        pulse: When it spoke.
        link: When the connection that carries it spoke, of whatever.
        on_change: Whether it speaks only when something changes.
    """

    venue: str
    symbol: str
    channel: str
    pulse: Pulse
    link: Pulse
    on_change: bool = False

    @property
    def market(self) -> str:
        """What is traded, whatever it is settled in: ``BTC/USDT`` of ``BTC/USDT:USDT``."""
        pair = base_quote(self.symbol)
        return "/".join(pair) if pair else self.symbol


@dataclass(frozen=True, slots=True)
class Company:
    """What the peers of a silent stream did meanwhile.

    Attributes:
        moving: Peers of the same market that spoke, or, where it has none, of the same connection; as words for a sentence.
        silent: Peers of the same market that are unusually silent too; as words for a sentence.
        is_alone: Whether there is no peer at all.
    """

    moving: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    is_alone: bool = True


class Peers:
    """Every stream of a process, by market and by connection. One object for all collectors of a process; not thread-safe."""

    def __init__(self) -> None:
        # by market, which is a text, and by connection, which is the identity of its pulse
        self._groups: defaultdict[str | int, list[Member]] = defaultdict(list)

    def join(self, member: Member) -> None:
        """Add a stream."""
        self._groups[member.market].append(member)
        self._groups[id(member.link)].append(member)

    def leave(self, members: Iterable[Member]) -> None:
        """Take streams out, such as those of a collector that ended."""
        for member in members:
            for key in (member.market, id(member.link)):
                self._groups[key].remove(member)
                if not self._groups[key]:
                    del self._groups[key]

    def streams_of(self, link: Pulse) -> int:
        """How many streams a connection carries."""
        return len(self._groups.get(id(link), ()))

    def company(self, member: Member, now_s: float) -> Company:
        """What the peers did during the present silence of a stream.

        The same market counts first: trades against book, and the same symbol on other venues. The other streams of the connection
        are asked when nothing else speaks of the market: they prove that the connection works, not that the market moves.
        """
        since_s = now_s - MOVED_SHARE * member.pulse.silence_s(now_s)
        market = [peer for peer in self._groups.get(member.market, ()) if peer is not member and peer.pulse.since_s is not None]
        moving = [peer for peer in market if _has_spoken(peer, since_s)]
        if moving:
            return Company(moving=_words(member, moving), is_alone=False)
        silent = [peer for peer in market if _is_unusually_silent(peer, now_s)]
        if silent:
            return Company(silent=_words(member, silent), is_alone=False)
        neighbours = [peer for peer in self._groups.get(id(member.link), ()) if peer.market != member.market]
        moving = [peer for peer in neighbours if _has_spoken(peer, since_s)]
        return Company(moving=_words(member, moving), is_alone=not market and not neighbours)


def _has_spoken(peer: Member, since_s: float) -> bool:
    return peer.pulse.last_s is not None and peer.pulse.last_s > since_s


def _is_unusually_silent(peer: Member, now_s: float) -> bool:
    usual_s = peer.pulse.cadence.usual_s()
    return usual_s is not None and peer.pulse.silence_s(now_s) > usual_s


def _words(member: Member, peers: Iterable[Member]) -> tuple[str, ...]:
    """Name the peers, other venues first: they are the stronger evidence."""
    ordered = sorted(peers, key=lambda peer: peer.venue == member.venue)
    names = list(dict.fromkeys(_names(member, ordered)))
    return (*names[:NAMED], f"{len(names) - NAMED} more") if len(names) > NAMED else tuple(names)


def _names(member: Member, peers: Iterable[Member]) -> Iterator[str]:
    for peer in peers:
        if peer.venue != member.venue:
            yield f"{peer.symbol} on {peer.venue}"
        elif peer.market == member.market:
            yield f"its {peer.channel}"
        else:
            yield f"{peer.symbol} of the same connection"
