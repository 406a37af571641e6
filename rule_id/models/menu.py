"""Several classifiers to choose from by what was recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rule_id.errors import InputError
from rule_id.models.bundle import MANIFEST, Bundle, read_bundle
from rule_id.models.mix import Mix
from rule_id.reference import reference_path
from rule_id.storage import local_copy

__all__ = ["MENU", "Entry", "fitting", "read_menu", "reference_menu", "shipped"]


@dataclass(frozen=True)
class Entry:
    """A classifier of a menu.

    Attributes:
        feature_set: The features that it takes.
        observables: Those that it takes, None for all.
        linear: Whether it is linear, whatever the others are.
        mix: The views that it learns from.
    """

    feature_set: str
    observables: tuple[str, ...] | None = None
    linear: bool = False
    mix: Mix = Mix()


# A classifier of a menu need not know what another of it is asked for: those with levels are asked
# for models, which are seen without noise, the others for brains; and of what has no weights those
# answer that take activations alone, of what has neither the linear ones. Numbers of copies were
# chosen by docs/studies/mixes.py.
_OF_MODELS = Mix(3, 3, kinds=("exact",))
_OF_BRAINS = Mix(1, 5, kinds=("noisy", "poisson", "calcium"))
_WITH_WEIGHTS, _ALONE = ("weight",), ("activation",)

MENU = {
    "summary": Entry("summary", mix=replace(_OF_MODELS, always=_WITH_WEIGHTS)),
    "summary-activation": Entry("summary", _ALONE, mix=_OF_MODELS),
    "invariant": Entry("invariant", mix=replace(_OF_BRAINS, always=_WITH_WEIGHTS)),
    "invariant-activation": Entry("invariant", _ALONE, mix=_OF_BRAINS),
    "linear-summary": Entry("summary", linear=True, mix=_OF_MODELS),
    "linear-invariant": Entry("invariant", linear=True, mix=_OF_BRAINS),
}
"""The classifiers of a menu, by the name of their folder."""


def read_menu(path: str | Path) -> list[Bundle]:
    """Read a bundle, or the bundles in the folders of a folder.

    Args:
        path: A folder that `train` wrote, or one that holds such folders.

    Raises:
        InputError: It is neither, or a bundle cannot be read.
    """
    folder = local_copy(path)
    if not folder.exists():
        raise InputError(
            f"model must be a folder of one bundle or of several, or one that ships, of "
            f"{', '.join(MENU)}; there is no {folder}"
        )
    held = sorted(inner.parent for inner in folder.glob(f"*/{MANIFEST}"))
    if (folder / MANIFEST).is_file() or not held:
        return [read_bundle(folder)]
    return [read_bundle(one) for one in held]


def reference_menu() -> list[Bundle]:
    """Read the bundles that ship.

    Raises:
        InputError: This installation has none.
    """
    folders = [reference_path(name) for name in MENU]
    found = [read_bundle(folder) for folder in folders if folder.is_dir()]
    if not found:
        raise InputError(
            "model must be given: this installation has no reference bundle, rule_id/reference/"
            f"{', '.join(MENU)}"
        )
    return found


def shipped(model: str | Path) -> Path:
    """Return the folder of a bundle: the one that ships of that name, or the path as it is.

    A folder of that name in the present one comes first.
    """
    if str(model) in MENU and not Path(model).exists():
        return reference_path(str(model))
    return Path(model)


def fitting(bundles: Sequence[Bundle], signal: str, name: str) -> list[Bundle]:
    """Return the bundles whose features mean for a signal what they mean in a simulation.

    Levels are those of a model alone; where a menu has classifiers with levels, a model's recording
    is given to those.

    Args:
        bundles: The menu.
        signal: `model`, `rate`, `calcium` or `deconvolved`.
        name: Name of the recording, for the message.

    Raises:
        InputError: None fits.
    """
    invariant = [bundle for bundle in bundles if bundle.feature_set == "invariant"]
    if signal == "model":
        return [bundle for bundle in bundles if bundle not in invariant] or invariant
    if not invariant:
        got = ", ".join(sorted({bundle.feature_set for bundle in bundles}))
        raise InputError(
            f"recording {name}: the signal {signal} has arbitrary units, so the model must be "
            f"trained on the feature set invariant, not {got}; use the reference bundle or train "
            "one on that set"
        )
    if all(bundle.target == "optimizer" for bundle in invariant):
        raise InputError(
            f"recording {name}: of the signal {signal} the optimizer is not identified, for its "
            "traces depend on how fast a simulation learns; use a model of rules or families"
        )
    return [bundle for bundle in invariant if bundle.target != "optimizer"]
