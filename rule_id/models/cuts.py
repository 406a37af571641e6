"""What an experimenter with less time or fewer sessions would have seen of training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rule_id.features import (
    FeatureTable,
    Panel,
    extract_panel,
    mask_fluorescence,
    with_deviations,
)

__all__ = ["CUTS", "WHOLE", "Cut", "cut_features", "possible_cuts", "random_cut"]

DRAWS = 16
"""Different draws of random checkpoints; networks share them, for each takes a time axis."""


@dataclass(frozen=True)
class Cut:
    """Which checkpoints are seen: those in a window, thinned, or a few of them.

    Of checkpoints 0 ... n - 1 at progress i / (n - 1), those in [start, start + length] are left,
    of them every n-th, of them `number`, drawn at random or evenly spread. Progress runs from 0 to
    1 over what is left, so that nothing tells how much was cut off.

    Attributes:
        start: Where the window begins, in [0, 1).
        length: Its length, in (0, 1].
        every: Keep every n-th checkpoint, 1 or more.
        number: How many are seen of those, 2 or more; None for all.
        spread: Whether these are evenly spread, the first and the last among them, instead of
            drawn at random.
    """

    start: float = 0.0
    length: float = 1.0
    every: int = 1
    number: int | None = None
    spread: bool = False

    @property
    def name(self) -> str:
        """What it is called in the results.

        >>> Cut().name, Cut(0.25, 0.5).name, Cut(every=2).name, Cut(number=5).name
        ('all checkpoints', '25% to 75%', 'every 2nd', '5 at random')
        """
        parts = []
        if (self.start, self.length) != (0.0, 1.0):
            parts.append(f"{self.start:.0%} to {self.start + self.length:.0%}")
        if self.every > 1:
            ending = {2: "nd", 3: "rd"}.get(self.every, "th")
            parts.append(f"every {self.every}{ending}")
        if self.number is not None:
            parts.append(f"{self.number} {'evenly spread' if self.spread else 'at random'}")
        return ", ".join(parts) or "all checkpoints"

    def window(self, n: int) -> np.ndarray:
        """Return the positions that are left of n checkpoints before any is drawn.

        >>> Cut(0.5, 0.5, every=2).window(9)
        array([4, 6, 8])
        """
        place = np.arange(n) / max(1, n - 1)
        # 0.1 + 0.2 is more than 0.3 in floating point.
        inside = (place >= self.start - 1e-9) & (place <= self.start + self.length + 1e-9)
        return np.flatnonzero(inside)[:: self.every]

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Return the positions that are seen of n checkpoints, rising.

        >>> Cut(number=3, spread=True).draw(21, np.random.default_rng(0))
        array([ 0, 10, 20])
        """
        left = self.window(n)
        if self.number is None or self.number >= len(left):
            return left
        if self.spread:
            return left[np.linspace(0, len(left) - 1, self.number).round().astype(int)]
        return np.sort(rng.choice(left, self.number, replace=False))


WHOLE = Cut()

CUTS = (
    WHOLE,
    *(
        Cut(start, length)
        for length in (0.75, 0.5, 0.25)
        for start in (0.0, 0.25, 0.5, 0.75)
        if start + length <= 1
    ),
    *(Cut(every=every) for every in (2, 4, 5, 10)),
    *(Cut(number=number) for number in (2, 3, 5, 10)),
)
"""The windows, thinnings and numbers of random checkpoints that are tested."""


def possible_cuts(n_checkpoints: np.ndarray) -> list[Cut]:
    """Return those of `CUTS` that leave every trajectory 2 checkpoints or more, and take some.

    Args:
        n_checkpoints: Length of each trajectory (n,).
    """
    fewest = int(n_checkpoints.min())
    return [
        cut
        for cut in CUTS
        if len(cut.window(fewest)) >= 2 and (cut.number is None or cut.number < fewest)
    ]


def random_cut(rng: np.random.Generator) -> Cut:
    """Draw a cut: a window, a thinning or random checkpoints, each of any extent.

    Windows are a quarter long or more, every 2nd to 10th checkpoint is kept, or 2 to 12 are drawn.
    """
    kind = rng.integers(3)
    if kind == 0:
        length = rng.uniform(0.25, 1.0)
        return Cut(rng.uniform(0.0, 1.0 - length), length)
    if kind == 1:
        return Cut(every=int(rng.integers(2, 11)))
    return Cut(number=int(rng.integers(2, 13)))


def cut_features(
    panel: Panel, cut: Cut, feature_set: str, rng: np.random.Generator
) -> FeatureTable:
    """Extract the features that are left of trajectories under a cut.

    Where checkpoints are drawn, all layers of a network are seen at the same ones. Of fluorescence
    only what a recording of it could give is left.

    Args:
        panel: The trajectories.
        cut: What is seen. A trajectory of which it would leave fewer than 2 is seen whole.
        feature_set: `summary` or `invariant`, whose features do not say which checkpoints there
            were.
        rng: What random checkpoints are drawn with.

    Returns:
        One row a row of the panel, in its order, with deviations (`with_deviations`).
    """
    parts = [
        (rows, extract_panel(panel.rows(rows).seen(kept), feature_set))
        for rows, kept in _groups(panel, cut, rng)
    ]
    order = np.argsort(np.concatenate([rows for rows, _ in parts]))
    values = pd.concat([table.values for _, table in parts], ignore_index=True)
    table = parts[0][1]
    values = values.take(order).reset_index(drop=True)
    table = FeatureTable(panel.meta, values, table.feature_set, table.info)
    return with_deviations(mask_fluorescence(table))


def _groups(
    panel: Panel, cut: Cut, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield rows and the checkpoints that they are seen at."""
    networks = pd.factorize(panel.meta["network"])[0]
    draw_of = rng.integers(DRAWS if cut.number and not cut.spread else 1, size=networks.max() + 1)
    for n in np.unique(panel.n_checkpoints):
        for draw in np.unique(draw_of):
            kept = cut.draw(int(n), rng)
            rows = np.flatnonzero((panel.n_checkpoints == n) & (draw_of[networks] == draw))
            if len(rows):
                yield rows, kept if len(kept) >= 2 else np.arange(n)
