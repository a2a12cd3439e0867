from pathlib import Path

import pytest

from tapewatch.errors import ConfigError
from tapewatch.settings import Settings, SourceLimits, load, parse

WRONG = """
env = "live"

[server]
prot = 1
port = "x"

[tables.bot]
sentence = "One row."

[tables.bot.columns.a]
kind = "gaug"
sentence = "A."

[thresholds."exchange.latency_ms"]
degraded = 3
worse = 2
"""


def test_without_a_file_everything_has_a_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    settings = load()
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 4780)
    assert settings.data_dir == tmp_path / "tapewatch"


def test_each_problem_names_key_value_line_and_what_is_allowed() -> None:
    settings, problems = parse(WRONG)
    assert settings is None
    told = {str(problem) for problem in problems}
    assert "line 5: server.prot: this key is not known (value 1); allowed here: host, port, token, allowed_hosts, max_body_bytes" in told
    assert any(line.startswith("line 6: server.port: 'x' is not allowed") for line in told)
    assert any(line.startswith("line 12: tables.bot.columns.a.kind: 'gaug' is not allowed") and "'gauge'" in line for line in told)
    assert (
        "line 17: thresholds.exchange.latency_ms.worse: this key is not known (value 2); allowed here: degraded, down, above, hold_s"
        in told
    )


def test_text_that_is_not_toml_is_told_with_its_line() -> None:
    _, (problem,) = parse('env = "live"\nport = = 3\n')
    assert problem.line == 2


def test_environment_wins_over_file_and_command_line_over_both(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "[server]\nport = 5000\n"
    assert read(text).server.port == 5000
    monkeypatch.setenv("TAPEWATCH_SERVER__PORT", "5001")
    assert read(text).server.port == 5001
    settings, _ = parse(text, {"server": {"port": 5002}})
    assert settings is not None
    assert settings.server.port == 5002


def test_the_token_is_never_printed() -> None:
    assert "geheim" not in repr(read('[server]\ntoken = "geheim"\n'))


def test_a_table_of_ones_own_has_the_same_contract() -> None:
    settings = read("""
[tables.grid]
sentence = "One state of the grid bot."
[tables.grid.columns.bot]
kind = "tag"
sentence = "Name of the bot."
[tables.grid.columns.open_orders]
kind = "gauge"
unit = "count"
sentence = "Open orders."
degraded = 50
""")
    (table,) = settings.own_tables()
    assert table.tags == ("env", "bot")
    assert table.column["open_orders"].thresholds is not None


def test_a_table_that_breaks_the_contract_is_a_problem_with_its_line() -> None:
    _, (problem,) = parse('\n[tables.grid]\nsentence = "no stop"\ncolumns = {}\n')
    assert (problem.key, problem.line) == ("tables.grid", 2)
    assert "full stop" in problem.message


def test_a_file_that_cannot_be_read_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(tmp_path / "missing.toml")


def test_every_setting_has_a_sentence() -> None:
    def walk(model: type) -> None:
        for name, field in model.model_fields.items():
            assert field.description, name
            if hasattr(field.annotation, "model_fields"):
                walk(field.annotation)

    walk(Settings)


def read(text: str) -> Settings:
    settings, problems = parse(text)
    assert settings is not None, problems
    return settings


def test_what_breaks_the_contract_inside_a_column_has_the_columns_line() -> None:
    text = '[tables.fx]\nsentence = "One."\n[tables.fx.columns.rate]\nkind = "gauge"\nsentence = "R."\nunit = "msec"\n'
    (unit,) = parse(text)[1]
    assert (unit.key, unit.line) == ("tables.fx.columns.rate.unit", 6)
    assert unit.message.startswith("'msec' is not allowed: a unit is one of none, count")
    (sentence,) = parse(text.replace("msec", "ms").replace("R.", "R"))[1]
    assert (sentence.key, sentence.line) == ("tables.fx.columns.rate", 3)
    assert sentence.message == "its sentence must end with a full stop"


def test_a_secret_of_the_wrong_kind_is_not_repeated() -> None:
    (problem,) = parse('[server]\ntoken = ["geheim"]\n')[1]
    assert str(problem) == "line 2: server.token: the value is not allowed: a text is needed"


def test_limits_of_a_source_are_its_own_then_those_of_all_others_then_the_defaults() -> None:
    settings = read("[sources.a]\nrows_per_s = 5\ntoken = 't'\n[sources.'*']\nrows_per_s = 7\nseries = 9\n")
    assert settings.limits_of("a") == SourceLimits(rows_per_s=5, series=9)
    assert settings.limits_of("b") == SourceLimits(rows_per_s=7, series=9)
    assert Settings().limits_of("b") == SourceLimits()
    assert settings.source_tokens() == {"a": "t"}
    assert "'t'" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[sources.a]\ntoken = 't'\n[sources.b]\ntoken = 't'\n", "line 4: sources.b.token: it is the same as sources.a.token"),
        ("[server]\ntoken = 't'\n[sources.a]\ntoken = 't'\n", "line 4: sources.a.token: it is the same as server.token"),
        ("[collectors.a]\nkind = 'host'\n[sources.a]\ntoken = 't'\n", "line 4: sources.a.token: a collector here has this name"),
        ("[sources.'*']\ntoken = 't'\n", "line 2: sources.*.token: a token belongs to one source"),
        ("[sources.a]\nrows_per_s = 0\n", "line 2: sources.a.rows_per_s: 0 is not allowed"),
        ("[quarantine]\nrows = 1\n", "allowed here: tables, columns, series, bytes"),
    ],
)
def test_a_source_that_is_wrong_is_named(text: str, words: str) -> None:
    _, (problem,) = parse(text)
    assert words in str(problem)
