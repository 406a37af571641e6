"""The answer: which rules a recording fits, and what must be said with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["CAVEATS", "Identification", "LayerIdentification"]

CAVEATS = (
    "The answer is one of the rules above, also for a network that learned by another rule or did "
    "not learn at all: such networks were not among those of training.",
    "Many rules fit the same activity; the best of those tried need not be the one at work "
    "(Ramesh et al. 2024, eLife 94411).",
    "Architecture and initial state can outweigh the learning rule "
    "(Liu et al. 2025, arXiv 2506.06904).",
    "Untrained networks can match recordings better than trained ones "
    "(Leutenegger et al. 2026, arXiv 2604.16875).",
    "Rules can pass through the same states and differ only in how long they take "
    "(Kepple et al., ICLR 2022).",
)
"""What holds for every verdict, however certain it looks."""

Ranked = list[tuple[str, float]]


@dataclass(frozen=True)
class LayerIdentification:
    """What one layer alone says.

    Attributes:
        layer: Position of the layer, 0 for the first.
        name: Its name in the recording.
        rules: (rule, probability), most probable first.
    """

    layer: int
    name: str
    rules: Ranked


@dataclass(frozen=True)
class Identification:
    """The learning rules behind one recording, ranked.

    Attributes:
        name: Name of the recording.
        rules: (rule, probability), most probable first; probabilities sum to 1.
        families: (family, probability), sums over the rules of a family, most probable first.
        layers: The same for each layer alone.
        set: The 90% conformal prediction set, most probable first; all rules, or none, when the
            data cannot say.
        warnings: What must be known to read the answer, the particular before the general.
        observables: What the answer rests on, such as `activation+weight`.
        held_out_accuracy: Share of unseen simulated networks whose rule was ranked first from the
            same observables.
        chance: The accuracy of guessing, 1 / number of rules.
    """

    name: str
    rules: Ranked
    families: Ranked
    layers: list[LayerIdentification]
    set: list[str]
    warnings: list[str]
    observables: str
    held_out_accuracy: float
    chance: float

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as JSON types, the order of every list best first."""
        return {
            "recording": self.name,
            "rules": _records("rule", self.rules),
            "families": _records("family", self.families),
            "layers": [
                {"layer": layer.layer, "name": layer.name, "rules": _records("rule", layer.rules)}
                for layer in self.layers
            ],
            "set": self.set,
            "warnings": self.warnings,
            "observables": self.observables,
            "held_out_accuracy": self.held_out_accuracy,
            "chance": self.chance,
        }

    def summary(self) -> str:
        """Return the answer as text of some twenty lines."""
        best = [
            f"{layer.name}: {layer.rules[0][0]} {layer.rules[0][1]:.2f}" for layer in self.layers
        ]
        return "\n".join(
            [
                f"{self.name} ({self.observables.replace('+', ', ')})",
                "rules",
                *_lines(self.rules),
                "families",
                *_lines(self.families),
                "each layer alone",
                *(f"  {text}" for text in best),
                f"90% set: {', '.join(self.set) or 'none'}",
                f"held-out accuracy {self.held_out_accuracy:.2f} (chance {self.chance:.2f})",
                "to be kept in mind",
                *(f"  - {warning}" for warning in self.warnings),
            ]
        )

    def __str__(self) -> str:
        """Return the summary."""
        return self.summary()


def _records(kind: str, ranked: Ranked) -> list[dict[str, Any]]:
    return [{kind: name, "probability": probability} for name, probability in ranked]


def _lines(ranked: Ranked) -> list[str]:
    width = max(len(name) for name, _ in ranked)
    return [f"  {name:<{width}}  {probability:.3f}" for name, probability in ranked]
