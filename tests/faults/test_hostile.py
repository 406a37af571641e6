"""Files that nobody meant well, of every kind that is read.

Each is a file that was written here and then changed at places that hypothesis draws; where a
checksum stands over it, that is made right again, so that what lies behind it is reached. It is
read in a process of its own, which may use a gibibyte and five seconds of a processor: it must be
read or refused in one line, whatever it is.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from hostile_reader import SECONDS, Reader
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nwb_files import write_units
from published import published, write_published
from scipy.io import savemat
from synthetic import synthetic_trajectories

from rule_id.compact import compact
from rule_id.evaluation import evaluate
from rule_id.features import extract
from rule_id.models import train
from rule_id.simulation import simulate

EXAMPLES = int(os.environ.get("RULE_ID_HOSTILE", "200"))
"""Changed files of each kind; `make faults` asks for 10,000."""


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


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    made = Reader(tmp_path_factory.mktemp("empty"))
    yield made
    made.end()


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
"""
READING = 'signal = "rate"\nwindow = [0.0, 1.0]\ncondition = "stimulus"\nblocks = 2\n'

MADE = synthetic_trajectories(n_blocks=12, networks_per_rule=1, n_checkpoints=5)


@pytest.fixture(scope="module")
def kinds(tmp_path_factory) -> dict[str, Kind]:
    folder = tmp_path_factory.mktemp("kinds")
    corpus = _corpus(folder)
    compacted = compact(corpus, folder / "compact").folder
    table = extract(MADE, "invariant")
    table.write(folder / "x.parquet")
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
    for model in ("linear", "xgboost"):
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
    (file,) = bundle.glob("*.json.gz")
    manifest = bundle / "manifest.json"
    text = manifest.read_text()
    before = json.loads(text)["sha256"]

    def written(document: bytes) -> bytes:
        packed = gzip.compress(document, compresslevel=1, mtime=0)
        manifest.write_text(text.replace(before, hashlib.sha256(packed).hexdigest()))
        return packed

    return Kind("bundle", bundle, file, gzip.decompress(file.read_bytes()), written)


PLACE = st.floats(0, 1, exclude_max=True)
CHANGE = st.one_of(
    st.tuples(st.just("set"), PLACE, st.binary(min_size=1, max_size=8)),
    st.tuples(st.just("flip"), PLACE, st.integers(0, 7).map(lambda bit: bytes([1 << bit]))),
    st.tuples(st.just("insert"), PLACE, st.binary(min_size=1, max_size=8)),
    st.tuples(st.just("cut"), PLACE, st.integers(1, 64).map(bytes)),
    st.tuples(st.just("end"), PLACE, st.just(b"")),
    st.tuples(
        st.just("set"),
        PLACE,
        st.sampled_from([b"\xff" * 8, b"\x7f" + b"\xff" * 7, b"\x00" * 8, b"99999999", b"NaN",
                         b"-1", b"1e999", b"[[[[[[[[", b"../../..", b'"']),
    ),
)  # fmt: skip


def changed(content: bytes, changes: list[tuple[str, float, bytes]]) -> bytes:
    """Return content after some changes, each at a place from 0, the begin, to 1, the end."""
    for how, place, value in changes:
        at = int(place * len(content))
        if how == "end":
            content = content[:at]
        elif how == "insert":
            content = content[:at] + value + content[at:]
        elif how == "cut":
            content = content[:at] + content[at + len(value) :]
        elif how == "flip" and content:
            content = content[:at] + bytes([content[at] ^ value[0]]) + content[at + 1 :]
        else:
            content = content[:at] + value + content[at + len(value) :]
    return content


NAMES = [
    "features", "plan", "reading", "dataset2020", "packed.npz", "plain.npz", "plain.h5",
    "packed.h5", "five.mat", "units.nwb", "evaluation-evaluation.json", "evaluation-table.csv",
    "evaluation-confusions.csv", "corpus-manifest", "corpus-networks", "corpus-trajectories",
    "compact-networks", "compact-trajectories", "compact-checkpoints", "bundle-linear",
    "bundle-xgboost", "manifest-linear", "manifest-xgboost",
]  # fmt: skip


def test_every_kind_is_tried(kinds: dict[str, Kind], reader: Reader) -> None:
    assert sorted(kinds) == sorted(NAMES)
    for name, kind in kinds.items():
        kind.file.write_bytes(kind.written(kind.plain))
        assert reader.read(kind.reader, kind.path)[0] == "read", name


@pytest.mark.parametrize("name", NAMES)
def test_what_was_changed_is_read_or_refused(
    name: str, kinds: dict[str, Kind], reader: Reader
) -> None:
    kind = kinds[name]
    outcomes: list[str] = []

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(CHANGE, min_size=1, max_size=4))
    def run(changes: list[tuple[str, float, bytes]]) -> None:
        kind.file.write_bytes(kind.written(changed(kind.plain, changes)))
        shutil.rmtree(kind.path.parent / "converted", ignore_errors=True)
        outcome, seconds = reader.read(kind.reader, kind.path)
        outcomes.append(outcome)
        assert outcome in ("read", "refused")
        assert seconds < SECONDS
        assert not list(reader.folder.iterdir())

    try:
        run()
    finally:
        kind.file.write_bytes(kind.written(kind.plain))
    assert "refused" in outcomes
