"""What waits to be sent to one client: bounded, newest first to stay, and honest about what was dropped. Pure."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass

from tapewatch.surfaces.web.live.messages import FrameMessage, written

MOST_WAITING = 256
MOST_WAITING_CHARACTERS = 8_000_000
TOLD_AFTER_S = 1.0
"""When snapshots of a topic have waited this long, each that a newer one replaces counts as dropped: the client reads too slowly."""
GIVEN_UP_AFTER_S = 5.0
"""Deltas that have waited this long are given up: a fresh snapshot is smaller and newer."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    message: FrameMessage
    since_s: float


class Outbox:
    """Messages for one client, in three ranks: answers to it in order, the newest tick, then frames, oldest topic first.

    A newer snapshot replaces all that waits of its topic. A delta is never dropped alone: when it has waited too long, or when the bounds
    are reached and its topic has waited longest, the topic is given up as a whole, counted, and is lost until it gets a snapshot again.

    Args:
        most_waiting: Most frames.
        most_characters: Most characters of frames; a single larger frame is still taken.
    """

    def __init__(self, most_waiting: int = MOST_WAITING, most_characters: int = MOST_WAITING_CHARACTERS) -> None:
        self._most_waiting = most_waiting
        self._most_characters = most_characters
        self._answers: deque[str] = deque()
        self._tick: str | None = None
        self._frames: OrderedDict[str, deque[_Waiting]] = OrderedDict()
        self._count = 0
        self._characters = 0
        self._lost: dict[str, None] = {}
        self._dropped_untold = 0
        self.dropped = 0

    @property
    def answers_waiting(self) -> int:
        """Answers not yet sent; a client that asks without reading is not read until they are."""
        return len(self._answers)

    @property
    def has_frames(self) -> bool:
        """Whether frames wait."""
        return self._count > 0

    def answer(self, text: str) -> None:
        """Queue an answer to something the client asked; never dropped."""
        self._answers.append(text)

    def tick(self, text: str) -> None:
        """Queue the tick; replaces one that waits."""
        self._tick = text

    def frame(self, message: FrameMessage, now_s: float) -> None:
        """Queue a frame, or drop it when its topic is lost and it is a delta."""
        since_s = now_s
        if message.is_snapshot:
            replaced = self._remove(message.topic)
            if replaced:
                since_s = replaced[0].since_s
                self._drop(len(replaced) if now_s - since_s > TOLD_AFTER_S else 0)
            self._lost.pop(message.topic, None)
        elif message.topic in self._lost:
            self._drop(1)
            return
        waiting = self._frames.setdefault(message.topic, deque())
        waiting.append(_Waiting(message, since_s))
        self._count += 1
        self._characters += len(message.text)
        if not message.is_snapshot and now_s - waiting[0].since_s > GIVEN_UP_AFTER_S:
            self._give_up(message.topic)
        while self._count > 1 and (self._count > self._most_waiting or self._characters > self._most_characters):
            self._give_up(next(iter(self._frames)))

    def forget(self, topic: str) -> None:
        """The client no longer shows this topic."""
        self._remove(topic)
        self._lost.pop(topic, None)

    def take_lost(self) -> list[str]:
        """Topics that need a snapshot; they are no longer lost once it is queued."""
        return list(self._lost)

    def pop(self) -> str | FrameMessage | None:
        """The next message to send; None when nothing waits."""
        if self._answers:
            return self._answers.popleft()
        if self._dropped_untold:
            told, self._dropped_untold = self._dropped_untold, 0
            return written("lag", {"dropped": told})
        if self._tick is not None:
            text, self._tick = self._tick, None
            return text
        if not self._frames:
            return None
        topic, waiting = next(iter(self._frames.items()))
        message = waiting.popleft().message
        self._count -= 1
        self._characters -= len(message.text)
        if waiting:
            self._frames.move_to_end(topic)
        else:
            del self._frames[topic]
        return message

    def _remove(self, topic: str) -> deque[_Waiting]:
        removed = self._frames.pop(topic, None) or deque()
        self._count -= len(removed)
        self._characters -= sum(len(waiting.message.text) for waiting in removed)
        return removed

    def _give_up(self, topic: str) -> None:
        self._drop(len(self._remove(topic)))
        self._lost[topic] = None

    def _drop(self, count: int) -> None:
        self.dropped += count
        self._dropped_untold += count
