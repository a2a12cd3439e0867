"""`tapewatch unit`: a service for systemd that starts this installation."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tapewatch.commands.options import ConfigOption, config_path

STATE = Path("/var/lib/tapewatch")

_UNIT = """\
# Written by `tapewatch unit`. Changes go into a drop-in: systemctl edit tapewatch
[Unit]
Description=tapewatch, the independent observer for trading systems
Wants=network-online.target
After=network-online.target time-sync.target
StartLimitIntervalSec=0

[Service]
# The server says when it is ready, and every few seconds that it lives: not while a commit, a question or itself hangs.
Type=notify
NotifyAccess=main
WatchdogSec=30
ExecStart={command}
Restart=on-failure
RestartSec=1
# Time to migrate a large store after an update, and to write what was taken before a stop.
TimeoutStartSec=1h
TimeoutStopSec=30
{identity}
# TAPEWATCH_SERVER__TOKEN=… and other secrets, readable by root alone.
EnvironmentFile=-/etc/tapewatch/environment

UMask=0077
LimitNOFILE=65536
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectHostname=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
# Reading the kernel's opinion of the clock needs adjtimex; setting it needs a capability that is not here.
SystemCallFilter=@system-service adjtimex clock_adjtime
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""


def unit(
    config: ConfigOption = None,
    data: Annotated[Path, typer.Option("--data", help="Directory of the store.")] = STATE,
    user: Annotated[str, typer.Option("--user", help="The user it runs as; one of its own, made by systemd, when left out.")] = "",
) -> None:
    """Print a systemd unit for this installation, with a watchdog and few rights."""
    settings = config_path(config)
    words = [sys.executable, "-m", "tapewatch", "up", "--data", str(data.absolute())]
    words += ["--config", str(settings.absolute())] if settings else []
    typer.echo(_UNIT.format(command=" ".join(map(quoted, words)), identity="\n".join(_identity(data.absolute(), user))), nl=False)


def _identity(data: Path, user: str) -> list[str]:
    """Who it is, and where alone it may write."""
    lines = [f"User={user}"] if user else ["DynamicUser=yes"]
    return [*lines, f"StateDirectory={STATE.name}" if data == STATE else f"ReadWritePaths={quoted(str(data))}"]


def quoted(word: str) -> str:
    r"""A word as systemd reads it back: its specifiers and variables doubled, in quotes where it has spaces.

    >>> quoted("/plain"), quoted("/a b%c$d")
    ('/plain', '"/a b%%c$$d"')
    """
    told = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{told}"' if any(sign in told for sign in " \t\"'\\;") else told
