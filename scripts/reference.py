"""Writes `docs/reference/` from the code, or with `--check` says which page is not what the code would write."""

import argparse
import inspect
import sys
from collections.abc import Callable
from dataclasses import MISSING, Field
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from typer.main import get_command

from tapewatch.cli import app as command_line
from tapewatch.model.catalog import Catalog
from tapewatch.model.table import ENV, FLAGS, RECEIVED_AT, SOURCE, TS, Column, FlagRule, Identity, Table
from tapewatch.settings import Settings
from tapewatch.sources.base import Collector
from tapewatch.sources.collectors import COLLECTORS
from tapewatch.sources.from_settings import settings_of

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
NOTE = "<!-- Written by `make docs` from the code; do not edit. -->"
IDENTITY = {
    Identity.MEASUREMENT: "The last row wins for the same time, source and tags.",
    Identity.EVENT: "A row happens once; its id is `{id}`.",
    Identity.LIVING: "Each row is a state of `{id}`; the newest is the present.",
    Identity.NONE: "Rows are never merged.",
}


def markdown_table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; bars in cells are escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def limits(column: Column) -> str:
    """Range, states and thresholds of a column in words; empty when it has none."""
    said: list[str] = []
    if column.minimum is not None and column.maximum is not None:
        said.append(f"{column.minimum:g} to {column.maximum:g}")
    elif column.minimum is not None:
        said.append(f"≥ {column.minimum:g}")
    elif column.maximum is not None:
        said.append(f"≤ {column.maximum:g}")
    if column.states:
        said.append(", ".join(f"{state.name} ({state.status})" for state in column.states))
    if column.thresholds is not None:
        word = "from" if column.thresholds.above else "at or below"
        parts = (("degraded", column.thresholds.degraded), ("down", column.thresholds.down))
        said += [f"{name} {word} {value:g}" for name, value in parts if value is not None]
    if column.flag_rule is not None:
        said.append(flag_sentence(column.flag_rule))
    return "; ".join(said)


def flag_sentence(rule: FlagRule) -> str:
    """When a flag is bad, in words."""
    bad = "true" if rule.bad else "false"
    return f"degraded when {bad}" + (f", down after {rule.down_after_s:g} s" if rule.down_after_s is not None else "")


def columns_table(columns: tuple[Column, ...]) -> str:
    """Columns with kind, unit, limits and sentence."""
    rows = [[f"`{column.name}`", column.kind.value, column.unit, limits(column), column.sentence] for column in columns]
    return markdown_table(["column", "kind", "unit", "limits", "meaning"], rows)


def table_section(table: Table) -> str:
    """One table."""
    identity = IDENTITY[table.identity].format(id=table.id_column)
    about = f"{table.sentence} {identity} Raw rows are kept {table.retention.raw_days} days."
    return f"## {table.name}\n\n{about}\n\n{columns_table(table.columns)}"


def tables_page() -> str:
    """All built-in tables."""
    tables = list(Catalog().values())
    contents = " · ".join(f"[{table.name}](#{table.name})" for table in tables)
    every = columns_table((TS, RECEIVED_AT, SOURCE, ENV, FLAGS))
    sections = "\n\n".join(table_section(table) for table in tables)
    return f"# Tables and columns\n\n{contents}\n\n## In every table\n\n{every}\n\n{sections}"


def shown_default(field: FieldInfo) -> str:
    """Default of a setting; one that depends on the machine is not written out."""
    if field.is_required():
        return "required"
    if field.default_factory is not None:
        made = field.default_factory()  # pyright: ignore[reportCallIssue] - none of ours takes the validated data
        return "empty" if made in ({}, []) else "of this machine"
    value = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    return "none" if value in {None, ""} else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def parts_of(annotation: object) -> type[BaseModel] | None:
    """The settings model inside `Model` or `dict[str, Model]`."""
    found = [part for part in (annotation, *get_args(annotation)) if isinstance(part, type) and issubclass(part, BaseModel)]
    return found[0] if found else None


def settings_sections(model: type[BaseModel], path: tuple[str, ...]) -> list[str]:
    """One section for a model and one for each model below it, outermost first."""
    rows: list[list[str]] = []
    below: list[str] = []
    for name, field in model.model_fields.items():
        inner = parts_of(field.annotation)
        if inner is not None:
            is_named = get_origin(field.annotation) is dict
            below += settings_sections(inner, (*path, name, "NAME") if is_named else (*path, name))
        else:
            variable = "" if "NAME" in path or get_origin(field.annotation) is dict else f"`TAPEWATCH_{'__'.join((*path, name)).upper()}`"
            rows.append([f"`{name}`", shown_default(field), variable, field.description or ""])
    title = f"`[{'.'.join(path)}]`" if path else "At the top"
    about = f"{model.__doc__}\n\n" if path else ""
    return [f"## {title}\n\n{about}{markdown_table(['key', 'default', 'environment', 'meaning'], rows)}", *below]


def settings_page() -> str:
    """Every setting with its default, its environment variable and its sentence."""
    order = "Read from `tapewatch.toml`, then the environment, then the command line; the later wins."
    about = f"{order} `tapewatch check` reads them without starting anything."
    return f"# Settings\n\n{about}\n\n" + "\n\n".join(settings_sections(Settings, ()))


def option_row(option: Any) -> list[str]:  # noqa: ANN401 - the types of typer parameters are private
    """One parameter of a command."""
    name = ", ".join(f"`{word}`" for word in option.opts) if option.param_type_name == "option" else f"`{option.name.upper()}`"
    nothing = option.default in {None, "", False} if not isinstance(option.default, list) else not option.default
    default = "required" if option.required else "" if nothing else f"`{option.default}`"
    return [name, default, f"`{option.envvar}`" if option.envvar else "", option.help or ""]


def commands_page() -> str:
    """Every command with its parameters."""
    sections = [f"# Commands\n\n{command_line.info.help}"]
    for name, command in get_command(command_line).commands.items():  # pyright: ignore[reportAttributeAccessIssue] - our app is a group
        rows = [option_row(option) for option in command.params]
        sections.append(
            f"## `tapewatch {name}`\n\n{command.help}\n\n{markdown_table(['parameter', 'default', 'environment', 'meaning'], rows)}"
        )
    return "\n\n".join(sections)


def collector_section(collector: type[Collector]) -> str:
    """One kind of collector with its settings."""
    settings = settings_of(collector)
    rows = [[f"`{name}`", field_default(field), str(field.metadata["sentence"])] for name, field in settings.items()]
    place = " It runs in a process of its own." if collector.busy else ""
    fills = ", ".join(f"[{name}](tables.md#{name})" for name in collector.tables)
    about = (inspect.getdoc(collector) or "").split("\n\nAttributes:")[0].replace("``", "`")
    return f"## {collector.kind}\n\n{about}\n\nFills {fills}.{place}\n\n{markdown_table(['key', 'default', 'meaning'], rows)}"


def field_default(field: Field[Any]) -> str:
    """Default of a collector's field."""
    value = field.default if field.default_factory is MISSING else field.default_factory()
    if value is MISSING:
        return "required"
    return "none" if value in ("", None, (), [], {}) else f"`{value}`"


def collectors_page() -> str:
    """Every kind of collector that the settings can name."""
    example = '```toml\n[collectors.my-name]\nkind = "daemon"\nurl = "http://127.0.0.1:8080/status"\n```'
    about = f"A collector is a table of the settings; its name becomes the `source` of its rows.\n\n{example}"
    return f"# Collectors\n\n{about}\n\n" + "\n\n".join(collector_section(collector) for collector in COLLECTORS)


PAGES: dict[str, Callable[[], str]] = {
    "tables.md": tables_page,
    "settings.md": settings_page,
    "collectors.md": collectors_page,
    "commands.md": commands_page,
}


def main() -> int:
    """Write or compare every page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say which pages are out of date")
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    stale: list[str] = []
    for name, make in PAGES.items():
        text = f"{NOTE}\n{make()}\n"
        path = FOLDER / name
        if not options.check:
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
    for name in stale:
        print(f"docs/reference/{name} is not what the code says: run `make docs`")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
