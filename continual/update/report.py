"""What people read after an update: Markdown, JSON and plots in one folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from ...inference.artefacts import read_file, write_file
from .plots import draw
from .state import JobState

_HEADLINES = {
    "published": "a new encoder is in use",
    "refused": "the candidate was refused; nothing has changed",
    "nothing to learn": "there was nothing to learn; nothing has changed",
    "superseded": "another encoder came into use meanwhile; nothing has changed",
}


def write_report(state: JobState, job: Path, folder: Path) -> Path:
    """Write `report.md`, `report.json` and, where the gate was reached, `figures.png`.

    Args:
        state: The job, ended.
        job: Its folder, with what the gate found.
        folder: Where to write; the same again gives the same files.

    Returns:
        The folder.

    Raises:
        ArtefactError: It cannot be written.
    """
    gate = orjson.loads(read_file(job / "gate.json")) if (job / "gate.json").exists() else None
    values = {**state.model_dump(exclude={"known"}), "gate": gate}
    write_file(folder / "report.json", orjson.dumps(values, option=orjson.OPT_INDENT_2))
    if gate:
        write_file(folder / "figures.png", draw(gate, state.done.get("fit", {}).get("maps", {})))
    write_file(folder / "report.md", _markdown(state, gate).encode())
    return folder


def _markdown(state: JobState, gate: Mapping[str, Any] | None) -> str:
    lines = [f"# Update {state.id}: {_HEADLINES[str(state.outcome)]}", "", f"Why it ran: {state.reason}."]
    lines += [f"How it ended: **{state.outcome}**. {state.why}.", ""]
    if "collect" in state.done:
        lines += _learned(state)
    if gate:
        lines += ["## The gate", "", f"{gate['candidate']} beside {gate['champion']}:", "", *_table(gate)]
        lines += ["![Figures](figures.png)", ""]
    lines += ["## Steps", "", "| step | what it says |", "| --- | --- |"]
    lines += [f"| {name} | {_said(figures)} |" for name, figures in state.done.items()]
    return "\n".join(lines) + "\n"


def _learned(state: JobState) -> list[str]:
    said = state.done["collect"]
    lines = [f"Feedback: {said['texts']:,} labelled texts; judged by `{said['task']}`"] if "task" in said else []
    if lines:
        lines[0] += f" ({said['labels']} labels, {said['held_out']:,} texts held out)."
    if said.get("new"):
        lines.append(f"New labels: {', '.join(said['new'][:12])}{' …' if len(said['new']) > 12 else ''}.")
    return [*lines, ""]


def _table(gate: Mapping[str, Any]) -> list[str]:
    rows = [
        f"| {finding['check']} | {'passed' if finding['passed'] else '**refused**'} | {_cell(finding['reason'])} |"
        for finding in gate["findings"]
    ]
    return ["| check | | what was found |", "| --- | --- | --- |", *rows, ""]


def _said(figures: Mapping[str, Any]) -> str:
    plain = {name: value for name, value in figures.items() if isinstance(value, str | int | float)}
    return _cell(", ".join(f"{name} {_number(value)}" for name, value in plain.items())) or "done"


def _number(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    return f"{value:.4g}" if isinstance(value, float) else f"{value:,}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
