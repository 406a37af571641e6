"""Small files that would fill memory, or that point elsewhere: refused in one line.

Each is read in a process of its own, which may use a gibibyte and five seconds of a processor. What
lies beside the file, and what it points to, must be as it was.
"""

from __future__ import annotations

import hashlib
import io
import json
import lzma
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hostile_reader import SECONDS, Reader
from synthetic import synthetic_trajectories

from rule_id.errors import InputError
from rule_id.features import extract, open_features, read_features
from rule_id.models import train
from rule_id.recordings import read_recordings
from rule_id.trajectories import read_parquet

MIB = 2**20
SECRET = "secret"


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    made = Reader(tmp_path_factory.mktemp("empty"))
    yield made
    made.end()


def zeros(mebibytes: int) -> bytes:
    """Return so many mebibytes of zeros, deflated without a header."""
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    return b"".join([*(packer.compress(bytes(MIB)) for _ in range(mebibytes)), packer.flush()])


def npy(shape: tuple[int, ...]) -> bytes:
    """Return the begin of an array of float64, without its values."""
    file = io.BytesIO()
    head = {"descr": "<f8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, head)
    return file.getvalue()


def npz(path: Path, level: int = 1, **entries: bytes) -> None:
    steps, signal = io.BytesIO(), io.BytesIO()
    np.save(steps, np.arange(4))
    np.save(signal, np.array("rate"))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as file:
        file.writestr("steps.npy", steps.getvalue())
        file.writestr("signal.npy", signal.getvalue())
        for name, content in entries.items():
            file.writestr(name, content)


def zip_bomb(path: Path) -> None:
    """Three gibibytes of zeros in three megabytes."""
    npz(path)
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as file,
        file.open("activations/a.npy", "w", force_zip64=True) as entry,
    ):
        entry.write(npy((4, 3 * 2**15, 1024)))
        for _ in range(3 * 1024):
            entry.write(bytes(MIB))


def zip_lie(path: Path) -> None:
    npz(path, **{"activations/a.npy": npy((4, 10**9, 10**6)) + bytes(800)})


def zip_escape(path: Path) -> None:
    array = npy((4, 2, 3)) + bytes(4 * 2 * 3 * 8)
    npz(path, **{"../activations/a.npy": array, "/activations/b.npy": array})


def h5(path: Path, fill: Callable[[h5py.File], None]) -> None:
    with h5py.File(path, "w") as file:
        file["steps"], file["signal"] = np.arange(4), "rate"
        file.create_group("activations")
        fill(file)


def h5_empty_chunks(path: Path) -> None:
    """Ten terabytes, none of them written."""
    shape, chunks = (4, 10**6, 3 * 10**5), (1, 1000, 1000)
    h5(path, lambda f: f.create_dataset("activations/a", shape, "f8", chunks=chunks,
                                        compression="gzip"))  # fmt: skip


def h5_packed_chunk(path: Path) -> None:
    """A chunk of two gibibytes of zeros in two megabytes."""

    def fill(file: h5py.File) -> None:
        shape = (4, 64, 2**20)
        made = file.create_dataset(
            "activations/a", shape, "f8", chunks=shape, compression="gzip", shuffle=False
        )
        head, tail = b"\x78\x01", zlib.adler32(b"").to_bytes(4, "big")
        made.id.write_direct_chunk((0, 0, 0), head + zeros(2048) + tail)

    h5(path, fill)


def h5_link_outside(path: Path) -> None:
    with h5py.File(path.with_name(SECRET), "w") as file:
        file["x"] = np.ones((4, 2, 3))
    h5(path, lambda f: f["activations"].__setitem__("a", h5py.ExternalLink(SECRET, "/x")))


def h5_values_outside(path: Path) -> None:
    path.with_name(SECRET).write_bytes(bytes(4 * 2 * 3 * 8))
    h5(path, lambda f: f["activations"].create_dataset(
        "a", (4, 2, 3), "f8", external=[(str(path.with_name(SECRET)), 0, 4 * 2 * 3 * 8)]
    ))  # fmt: skip


def h5_link_in_circle(path: Path) -> None:
    h5(path, lambda f: f["activations"].__setitem__("a", h5py.SoftLink("/activations/a")))


def nwb_link_outside(path: Path) -> None:
    h5_link_outside(path)


def mat_bomb(path: Path) -> None:
    """A compressed element of three gibibytes."""
    packed = b"\x78\x01" + zeros(3072) + zlib.adler32(b"").to_bytes(4, "big")
    header = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
    path.write_bytes(header + np.array([15, len(packed)], "<u4").tobytes() + packed)


def zeros_of_an_archive(path: Path) -> None:
    array = npy((4, 2**14, 2**10)) + bytes(8 * 2**26)
    npz(path, level=9, **{"activations/a.npy": array})


def zeros_of_matlab(path: Path) -> None:
    n = 512 * MIB
    packer = zlib.compressobj(9)
    packed = packer.compress(np.array([14, n], "<u4").tobytes() + bytes(n)) + packer.flush()
    header = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
    path.write_bytes(header + np.array([15, len(packed)], "<u4").tobytes() + packed)


def columns_of_zeros(path: Path, names: dict[str, pa.DataType], rows: int) -> None:
    """Write columns of one value, in row groups of ten million."""
    schema = pa.schema([pa.field(name, kind) for name, kind in names.items()])
    of = json.dumps({"feature_set": "summary", "info": {}, "in_order": True})
    schema = schema.with_metadata({b"rule_id": of.encode()})
    group = pa.table(
        {n: pa.array(np.zeros(10**7, np.float32)).cast(k) for n, k in names.items()}
    ).cast(schema)
    with pq.ParquetWriter(path, schema, compression="zstd") as file:
        for _ in range(rows // 10**7):
            file.write_table(group)


def feature_bomb(path: Path) -> None:
    """Twenty million rows of zeros."""
    names = {"network": pa.string(), "layer": pa.int64(), "depth": pa.float64()}
    columns_of_zeros(path, {**names, "weight_raw_mean.end": pa.float32()}, 2 * 10**7)


FILES = {
    "zip bomb": ("a.npz", zip_bomb),
    "a header that lies": ("a.npz", zip_lie),
    "names that lead out": ("a.npz", zip_escape),
    "chunks that were never written": ("a.h5", h5_empty_chunks),
    "a chunk that unpacks to gibibytes": ("a.h5", h5_packed_chunk),
    "a link to another file": ("a.h5", h5_link_outside),
    "values in another file": ("a.h5", h5_values_outside),
    "a link to itself": ("a.h5", h5_link_in_circle),
    "a link out of NWB": ("a.nwb", nwb_link_outside),
    "a bomb of MATLAB": ("a.mat", mat_bomb),
}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): hashlib.sha256(path.read_bytes()).digest() for path in folder.rglob("*")
            if path.is_file()}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_recording_that_is_none(name: str, reader: Reader, tmp_path: Path) -> None:
    file, write = FILES[name]
    write(tmp_path / file)
    assert (tmp_path / file).stat().st_size < 32 * MIB
    before = contents(tmp_path)
    outcome, seconds = reader.read("recording", tmp_path / file)
    assert outcome == "refused" and seconds < SECONDS
    assert contents(tmp_path) == before and not list(reader.folder.iterdir())


def test_a_feature_table_of_one_value_millions_of_times(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    feature_bomb(path)
    assert path.stat().st_size < 32 * MIB
    outcome, seconds = reader.read("features", path)
    assert outcome == "refused" and seconds < SECONDS
    with pytest.raises(InputError, match="must unpack to no more than 500 times its size"):
        read_features(path)
    for content in (None, path.read_bytes()):
        with pytest.raises(InputError, match="a.parquet must unpack to no more than 500 times"):
            read_parquet(path, (), content=content)


def lists(path: Path) -> None:
    """Eight rows of lists, fifty million zeros in each."""
    offsets = pa.array(np.arange(9, dtype=np.int64) * 5 * 10**7)
    values = pa.array(np.zeros(4 * 10**8, np.int8))
    table = features_of(8)
    large = pa.LargeListArray.from_arrays(offsets, values)
    pq.write_table(table.append_column("weight_raw_mean.end", large), path, compression="zstd")


def texts(path: Path) -> None:
    """A text of eight megabytes, in each of two thousand rows."""
    table = features_of(2000)
    long = pa.DictionaryArray.from_arrays(pa.array([0] * 2000, pa.int32()), ["x" * 8 * MIB])
    table = table.append_column("weight_raw_mean.end", pa.array([0.0] * 2000, pa.float32()))
    table = table.append_column("rule", long)
    with pq.ParquetWriter(path, table.schema, compression="zstd", store_schema=False,
                          dictionary_pagesize_limit=2**30) as file:  # fmt: skip
        file.write_table(table)
        file.add_key_value_metadata(table.schema.metadata)


def features_of(rows: int) -> pa.Table:
    of = json.dumps({"feature_set": "summary", "info": {}, "in_order": True})
    names = [f"n{row}" for row in range(rows)]
    columns = {"network": names, "layer": [0] * rows, "depth": [0.0] * rows}
    return pa.table(columns).replace_schema_metadata({b"rule_id": of.encode()})


@pytest.mark.parametrize(
    ("write", "match"),
    [(lists, "must hold numbers and texts"), (texts, "column rule 16777216000 bytes")],
)
def test_columns_that_are_larger_than_they_seem(
    write: Callable[[Path], None], match: str, reader: Reader, tmp_path: Path
) -> None:
    path = tmp_path / "a.parquet"
    write(path)
    assert path.stat().st_size < 64 * 1024
    assert reader.read("features", path)[0] == "refused"
    for read in (read_features, open_features, lambda path: read_parquet(path, ())):
        with pytest.raises(InputError, match=match):
            read(path)


@pytest.mark.parametrize("write", [zeros_of_an_archive, zeros_of_matlab])
def test_nothing_but_zeros_is_no_recording(write: Callable[[Path], None], tmp_path: Path) -> None:
    """Less than memory holds, and a thousand times the file."""
    path = tmp_path / ("a.npz" if write is zeros_of_an_archive else "a.mat")
    write(path)
    with pytest.raises(InputError, match="must unpack to no more than 500 times its size"):
        read_recordings([path])


@pytest.mark.parametrize("model", ["linear", "xgboost", "combined"])
def test_a_classifier_that_unpacks_to_gibibytes(model: str, reader: Reader, tmp_path: Path) -> None:
    table = extract(synthetic_trajectories(n_blocks=8, networks_per_rule=1, n_checkpoints=3))
    bundle = tmp_path / "bundle"
    train(table, bundle, model=model, tune=False, held_out=0.4)
    (packed,) = bundle.glob("*.json.xz")
    with lzma.open(packed, "wb", preset=1) as file:
        for _ in range(3 * 1024):
            file.write(b" " * MIB)
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["sha256"] = hashlib.sha256(packed.read_bytes()).hexdigest()
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    outcome, seconds = reader.read("bundle", bundle)
    assert outcome == "refused" and seconds < SECONDS
