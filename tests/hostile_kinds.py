"""A file of every kind that is read, to be changed by who means no good."""

from __future__ import annotations

import hashlib
import json
import lzma
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from nwb_files import write_units
from published import published, write_published
from scipy.io import savemat
from synthetic import synthetic_trajectories

from rule_id.compact import compact
from rule_id.evaluation import evaluate
from rule_id.features import extract
from rule_id.features.writing import METADATA_KEY
from rule_id.models import train
from rule_id.simulation import simulate

__all__ = ["NAMES", "Kind", "make_kinds"]

NAMES = [
    "features", "plan", "reading", "dataset2020", "packed.npz", "plain.npz", "plain.h5",
    "packed.h5", "five.mat", "units.nwb", "evaluation-evaluation.json", "evaluation-table.csv",
    "evaluation-confusions.csv", "corpus-manifest", "corpus-networks", "corpus-trajectories",
    "compact-networks", "compact-trajectories", "compact-checkpoints", "bundle-linear",
    "bundle-xgboost", "bundle-combined", "manifest-linear", "manifest-xgboost",
    "manifest-combined",
]  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A file to change.

    Attributes:
        reader: What reads it, a name of `reader.readers`.
        path: What the reader is given.
        file: The file that is changed, `path` or one in it.
        plain: Its content as it is changed.
        written: From changed content to the file's bytes; may write other files, as of checksums.
    """

    reader: str
    path: Path
    file: Path
    plain: bytes
    written: Callable[[bytes], bytes] = bytes


PLAN = """
schema = 1
seed = 1
checkpoints = 3

[[ensembles]]
rules = ["backprop+adam", "oja+sgd"]
blocks = 2
networks_per_rule = 1
architecture = "dense2"
width = { choice = [8, 16] }
learning_rate = { log_uniform = [1e-3, 1e-1] }
steps = 5
stimuli = 8

[[measurements]]
units = 1.0
pairs = true
"""
READING = 'signal = "rate"\nwindow = [0.0, 1.0]\ncondition = "stimulus"\nblocks = 2\n'

MADE = synthetic_trajectories(n_blocks=12, networks_per_rule=1, n_checkpoints=5)


def make_kinds(folder: Path) -> dict[str, Kind]:
    """Write a file of every kind into a folder; what they hold takes half a minute to make."""
    corpus = _corpus(folder)
    compacted = _compacted(corpus, folder / "compact")
    table = extract(MADE, "invariant")
    table.write(folder / "x.parquet")
    _without_checksums(folder / "x.parquet")
    evaluation = folder / "evaluation"
    evaluate(MADE, evaluation, models=["linear"], protocols=["grouped"], splits=2)
    (folder / "plan.toml").write_text(PLAN)
    (folder / "reading.toml").write_text(READING)
    recordings = _recordings(folder)
    dataset = write_published(folder / "dataset.pkl", published(n_checkpoints=3))
    found = {
        "features": _whole("features", folder / "x.parquet"),
        "plan": _whole("plan", folder / "plan.toml"),
        "reading": _whole("reading", folder / "reading.toml"),
        "dataset2020": _whole("dataset", dataset),
        **{name: _whole("recording", path) for name, path in recordings.items()},
        "units.nwb": _within("recording", _sessions(folder / "sessions"), "day0.nwb"),
        **{
            f"evaluation-{name}": _within("evaluation", evaluation, name)
            for name in ("evaluation.json", "table.csv", "confusions.csv")
        },
        "corpus-manifest": _within("corpus", corpus, "manifest.json"),
        **{
            f"{where.name}-{name}": _within("corpus", where, f"{name}/{_part(where)}")
            for where, names in (
                (corpus, ("networks", "trajectories")),
                (compacted, ("networks", "trajectories", "checkpoints")),
            )
            for name in names
        },
    }
    for model in ("linear", "xgboost", "combined"):
        bundle = folder / model
        train(table, bundle, model=model, tune=False, held_out=0.4)
        copy = Path(shutil.copytree(bundle, folder / f"{model}-copy"))
        found[f"bundle-{model}"] = _packed(bundle)
        found[f"manifest-{model}"] = _within("bundle", copy, "manifest.json")
    return found


def _corpus(folder: Path) -> Path:
    """Simulate; parts are written again without checksums, which would hide what lies behind."""
    made = Path(simulate(folder_plan(folder), folder / "corpus", workers=1))
    for path in made.glob("*/part-*.parquet"):
        pd.read_parquet(path).to_parquet(path, index=False, compression="zstd")
    return made


def _compacted(corpus: Path, folder: Path) -> Path:
    """Make a compact copy; its manifest says no hashes, which would hide what lies behind."""
    manifest = compact(corpus, folder).folder / "manifest.json"
    said = json.loads(manifest.read_text())
    del said["compact"]["hashes"]
    manifest.write_text(json.dumps(said))
    return folder


def _without_checksums(path: Path) -> None:
    """Write a feature table again, without what would hide what lies behind."""
    said = {name: text for name, text in pq.read_metadata(path).metadata.items()
            if name in (b"pandas", METADATA_KEY)}  # fmt: skip
    pq.write_table(pq.read_table(path).replace_schema_metadata(said), path, compression="zstd")


def folder_plan(folder: Path) -> Path:
    path = folder / "simulated.toml"
    path.write_text(PLAN)
    return path


def _recordings(folder: Path) -> dict[str, Path]:
    rng = np.random.default_rng(0)
    steps = np.arange(4)
    activity = rng.gamma(2.0, size=(4, 6, 5))
    keys = {"activations/a": activity, "activations/b": activity[..., :3]}
    np.savez_compressed(folder / "packed.npz", steps=steps, signal="rate", **keys)
    np.savez(folder / "plain.npz", steps=steps, signal="rate", **keys)
    for name, how in (("plain.h5", {}), ("packed.h5", {"compression": "gzip", "chunks": True})):
        with h5py.File(folder / name, "w") as file:
            file["steps"], file["signal"] = steps, "rate"
            for key, values in keys.items():
                file.create_dataset(key, data=values, **how)
    given = {"steps": steps, "signal": "rate", "activations": {"a": activity}}
    savemat(folder / "five.mat", given, do_compression=True)
    names = ("packed.npz", "plain.npz", "plain.h5", "packed.h5", "five.mat")
    return {name: folder / name for name in names}


def _sessions(folder: Path) -> Path:
    """Write two sessions, of which the first is to be changed."""
    folder.mkdir()
    rng = np.random.default_rng(1)
    for day in (0, 1):
        responses = rng.poisson(3.0, size=(8, 4))
        write_units(folder / f"day{day}.nwb", responses, list("abab" * 2), day=day)
    return folder


def _part(corpus: Path) -> str:
    return sorted((corpus / "networks").glob("part-*"))[0].name


def _whole(reader: str, path: Path) -> Kind:
    return Kind(reader, path, path, path.read_bytes())


def _within(reader: str, folder: Path, name: str) -> Kind:
    return Kind(reader, folder, folder / name, (folder / name).read_bytes())


def _packed(bundle: Path) -> Kind:
    """A classifier, changed before it is packed, with the checksum of what it is then."""
    (file,) = bundle.glob("*.json.xz")
    manifest = bundle / "manifest.json"
    text = manifest.read_text()
    before = json.loads(text)["sha256"]

    def written(document: bytes) -> bytes:
        packed = lzma.compress(document, preset=0)
        manifest.write_text(text.replace(before, hashlib.sha256(packed).hexdigest()))
        return packed

    return Kind("bundle", bundle, file, lzma.decompress(file.read_bytes()), written)
