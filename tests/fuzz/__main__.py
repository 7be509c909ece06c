"""`make fuzz`: mutated messages through the decoder, in a process of its own.

Exit status 0 only where every message was accounted for: read, or refused with a reason, in bounded time and memory.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

MEMORY_MB = 256


def main() -> int:
    """Fuzz, and print what came of it."""
    parser = argparse.ArgumentParser(prog="make fuzz", description="Mutated messages through the decoder.")
    parser.add_argument("--messages", type=int, default=1_000_000, help="how many; a million take two minutes or more")
    parser.add_argument("--seed", type=int, default=1, help="of all choices; the same seed gives the same messages")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    given = parser.parse_args()
    sys.stdout.write(f"{given.messages:,} mutated messages, seed {given.seed}\n")
    sys.stdout.flush()
    folder = Path(tempfile.mkdtemp(prefix="profilestream-fuzz-"))
    figures, output = fuzz(given.messages, given.seed, folder)
    sys.stdout.write(shown(figures, output, folder) + "\n")
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2) + "\n")
    if not figures["ok"]:
        return 1
    shutil.rmtree(folder)
    return 0


def fuzz(messages: int, seed: int, folder: Path) -> tuple[dict[str, Any], str]:
    """Run the target to its end.

    Args:
        messages: How many messages.
        seed: Of all choices.
        folder: Where the report goes, and a message that should not have done what it did.

    Returns:
        The figures, and what the process said.
    """
    report = folder / "report.json"
    command = [sys.executable, "-m", "tests.fuzz.target", f"--messages={messages}", f"--seed={seed}"]
    command += [f"--memory={MEMORY_MB}", f"--report={report}", f"--folder={folder}"]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    figures: dict[str, Any] = {"seed": seed, "memory_limit_mb": MEMORY_MB}
    if report.exists():
        figures |= json.loads(report.read_text())
    accounted = sum(figures.get("outcomes", {}).values())
    figures |= {"accounted": accounted, "status": done.returncode}
    return figures | {"ok": done.returncode == 0 and accounted == messages}, done.stdout + done.stderr


def shown(figures: dict[str, Any], output: str, folder: Path) -> str:
    """The figures, for people."""
    if not figures["ok"]:
        return f"{output[-4000:]}\nnot all messages were accounted for; the one that was not is in {folder}"
    total = figures["messages"]
    lines = [f"{count:12,}  {count / total:6.1%}  {outcome}" for outcome, count in figures["outcomes"].items()]
    lines += [
        f"{total:12,}  100.0%  all accounted for",
        f"{figures['seconds']} s, {figures['messages_per_second']:,} a second, {figures['mean_bytes']} bytes each",
        f"peak memory {figures['peak_memory_mb']} MiB, {figures['memory_at_start_mb']} MiB at the start",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
