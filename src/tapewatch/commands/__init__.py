"""Commands that operate a store and a server; each takes its options from `tapewatch.commands.options`."""

from __future__ import annotations

from collections.abc import Callable

from tapewatch.commands.adopt import adopt
from tapewatch.commands.backup import backup
from tapewatch.commands.doctor import doctor
from tapewatch.commands.feeds import feeds
from tapewatch.commands.migrate import migrate
from tapewatch.commands.record import record
from tapewatch.commands.restore import restore
from tapewatch.commands.retire import retire
from tapewatch.commands.set_aside import set_aside
from tapewatch.commands.unit import unit

COMMANDS: tuple[Callable[..., None], ...] = (feeds, record, doctor, backup, restore, migrate, adopt, retire, set_aside, unit)
"""In the order in which the help lists them."""
