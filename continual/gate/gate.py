"""All checks in their order: the cheap ones first, and none on what an earlier one found broken."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from .calibration import check_calibration
from .evidence import Evidence
from .files import check_files
from .labels import check_labels
from .latency import check_latency
from .limits import Limits
from .migration import check_migration
from .parity import check_parity
from .report import Finding, GateReport
from .retrieval import check_retrieval
from .slices import check_new, check_old
from .sound import check_sound
from .worth import check_worth

Check = Callable[[Evidence, Limits], Finding]

CHECKS: Sequence[Check] = (
    check_parity,
    check_latency,
    check_old,
    check_new,
    check_labels,
    check_calibration,
    check_retrieval,
    check_migration,
    check_worth,
)


async def judge(
    folder: Path,
    measure: Callable[[], Awaitable[Evidence]],
    *,
    candidate: str,
    champion: str,
    limits: Limits | None = None,
) -> GateReport:
    """Judge a candidate.

    Args:
        folder: Of the candidate in the model repository.
        measure: Gathers the evidence; not called where a file is damaged.
        candidate: Its name.
        champion: Name of the model in use.
        limits: How much is too much.

    Returns:
        The report: it passed only if every check did.
    """
    files = check_files(folder)
    findings = [files]
    if files.passed:
        findings += weigh(await measure(), limits or Limits())
    return GateReport(candidate=candidate, champion=champion, findings=findings)


def weigh(evidence: Evidence, limits: Limits) -> list[Finding]:
    """All checks but that of the files; the first one alone where embeddings are unsound: nothing follows from them."""
    sound = check_sound(evidence, limits)
    return [sound, *(check(evidence, limits) for check in CHECKS)] if sound.passed else [sound]
