"""What the gate found."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The answer of one check.

    Attributes:
        check: Its name.
        passed: Whether the candidate may go on.
        reason: Why, in words, for the person who reads the report.
        figures: What was measured; shares are fractions of 1.
    """

    check: str
    passed: bool
    reason: str
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateReport:
    """All answers.

    Attributes:
        candidate: Name of the model that wants to replace the champion.
        champion: Name of the model in use.
        findings: In the order of the checks; the later ones are missing where an earlier one made them pointless.
    """

    candidate: str
    champion: str
    findings: Sequence[Finding]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return bool(self.findings) and all(finding.passed for finding in self.findings)

    @property
    def reasons(self) -> list[str]:
        """Why it was refused, a line each; empty where it passed."""
        return [f"{finding.check}: {finding.reason}" for finding in self.findings if not finding.passed]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        findings = [{**asdict(finding), "figures": dict(finding.figures)} for finding in self.findings]
        return {
            "candidate": self.candidate,
            "champion": self.champion,
            "passed": self.passed,
            "reasons": self.reasons,
            "findings": findings,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "GateReport":
        """Read what `as_dict` gave."""
        findings = [Finding(**finding) for finding in values["findings"]]
        return cls(candidate=values["candidate"], champion=values["champion"], findings=findings)
