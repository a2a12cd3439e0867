"""`python -m tapewatch.desk`: the paper desk, one venue simulated, or one recording played as its venue."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path

from tapewatch.desk.addresses import VenueAddress
from tapewatch.desk.clock import SystemClock
from tapewatch.desk.demo import demo_script
from tapewatch.desk.desk import Desk
from tapewatch.desk.dialects import DIALECTS, dialect
from tapewatch.desk.edits import Edit, edited
from tapewatch.desk.exchange import Exchange
from tapewatch.desk.faults import Script
from tapewatch.desk.player import Pace, Player
from tapewatch.desk.recording import RecordingError, read_recording
from tapewatch.desk.reporter import desk_client
from tapewatch.desk.simulation import Simulation
from tapewatch.desk.venues import SIMULATED, simulated

_LAST_WORDS_S = 1.0  # for rows that wait when the desk stops
_PARENT_CHECK_S = 0.5
_WRONG_USE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGINT or SIGTERM.

    Returns:
        Exit code: 0 after a clean stop, 2 when something given is wrong or a port is taken (one line on stderr says what).
    """
    parent = os.getppid()
    given = _parser().parse_args(arguments)
    try:
        asyncio.run(_COMMANDS[given.command](given) if given.command else _desk(given, parent))
    except (RecordingError, ValueError, OSError) as error:
        sys.stderr.write(f"desk: {error}\n")
        return _WRONG_USE
    return 0


async def _desk(given: argparse.Namespace, parent: int) -> None:
    """The desk, with its rows going to ``--to``."""
    if given.quiet:
        logging.getLogger("tapewatch_client").setLevel(logging.ERROR)
    client = desk_client(given.to, given.token)
    script = demo_script(given.seed) if given.faults == "demo" else Script()
    try:
        async with Desk(client, seed=given.seed, script=script, port_base=given.port_base) as desk:
            _say(desk.addresses.to_json())
            await _first_of(_told_to_stop(), desk.failure(), *([_orphaned(parent)] if given.with_parent else []))
    finally:
        await asyncio.to_thread(client.close, _LAST_WORDS_S)


async def _play(given: argparse.Namespace) -> None:
    """One recording as its venue."""
    recording = edited(read_recording(given.recording, dialect(given.venue)), [_edit(words) for words in given.edit])
    async with Player(recording, Pace(speed=given.speed, is_looping=given.loop), port=given.port) as player:
        symbols = tuple(sorted(recording.offer.symbols))
        _say(VenueAddress(given.venue, player.url, symbols).to_json())
        await _told_to_stop()


async def _simulate(given: argparse.Namespace) -> None:
    """One simulated venue, without faults."""
    spec, messages = simulated(given.venue)
    clock = SystemClock()
    exchange = Exchange(Simulation(spec, messages, seed=given.seed, start_us=clock.now_us()), port=given.port, clock=clock)
    await exchange.start()
    try:
        _say(VenueAddress(given.venue, exchange.url, tuple(item.unified for item in spec.instruments)).to_json())
        await _told_to_stop()
    finally:
        await exchange.stop()


_COMMANDS = {"play": _play, "simulate": _simulate}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tapewatch.desk", description="A paper desk: everything it says is simulated.")
    parser.add_argument("--to", default="http://127.0.0.1:4780", help="address of tapewatch")
    parser.add_argument("--token", help="secret that tapewatch asks for")
    parser.add_argument("--seed", type=int, default=7, help="of all randomness")
    parser.add_argument("--port-base", type=int, default=0, help="first of four ports; 0 takes free ones")
    parser.add_argument("--faults", choices=("demo", "none"), default="demo", help="what goes wrong")
    parser.add_argument("--quiet", action="store_true", help="say nothing about rows that tapewatch does not take")
    parser.add_argument("--with-parent", action="store_true", help="stop when the process that started the desk ends")
    commands = parser.add_subparsers(dest="command")
    play = commands.add_parser("play", help="play a recording, of one or several files, as its venue")
    play.add_argument("recording", type=Path, nargs="+", help="gzip text of recorded traffic; several files are one recording")
    play.add_argument("--venue", required=True, choices=[known.venue for known in DIALECTS])
    play.add_argument("--speed", type=float, default=1.0, help="times the recorded pace")
    play.add_argument("--port", type=int, default=0, help="0 takes a free one")
    simulate = commands.add_parser("simulate", help="simulate one venue, without faults")
    simulate.add_argument("--venue", required=True, choices=[spec.name for spec, _ in SIMULATED])
    simulate.add_argument("--port", type=int, default=0, help="0 takes a free one")
    play.add_argument(
        "--loop", action="store_true", help="at the end close the connection; the next one hears the recording from its start"
    )
    play.add_argument(
        "--edit",
        nargs=4,
        action="append",
        default=[],
        metavar=("delete|swap|double", "SYMBOL", "CHANNEL", "K"),
        help="lose, exchange or repeat the K-th message of a symbol and channel, as the venue spells them; may be given several times",
    )
    return parser


def _edit(words: Sequence[str]) -> Edit:
    kind, symbol, channel, k = words
    if kind not in ("delete", "swap", "double") or not k.isdigit():
        raise ValueError(
            f"--edit {' '.join(words)}: give delete, swap or double, a symbol, a channel and a number, such as delete BTCUSDT depth 3"
        )
    return Edit(kind, symbol, channel, int(k))


def _say(line: str) -> None:
    """One line on stdout: ready."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def _told_to_stop() -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    await told.wait()


async def _orphaned(parent: int) -> None:
    """Wait until the process ``parent`` that started this one is gone."""
    while os.getppid() == parent:  # noqa: ASYNC110 - the operating system tells no event loop about it
        await asyncio.sleep(_PARENT_CHECK_S)


async def _first_of(*reasons: Coroutine[None, None, None]) -> None:
    """Wait for the first reason to stop; raises what it raised."""
    tasks = [asyncio.create_task(reason) for reason in reasons]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()


if __name__ == "__main__":
    sys.exit(main())
