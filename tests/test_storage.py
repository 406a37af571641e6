"""Corpora and bundles in a real S3-compatible server, which runs on this machine."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import fsspec
import pytest
from distributed import Client, LocalCluster
from joblib.externals.loky import reusable_executor
from s3fs import S3FileSystem
from synthetic import synthetic_trajectories
from tiny import PLAN, TOML
from typer.testing import CliRunner

from rule_id.checking import check
from rule_id.cli import app
from rule_id.compact import compact
from rule_id.content import content_hash
from rule_id.errors import InputError
from rule_id.evaluation import evaluate
from rule_id.evaluation.designing.candidates import read_candidates
from rule_id.features import extract
from rule_id.models import read_bundle, train
from rule_id.simulation import DaskEngine, Shard, simulate
from rule_id.storage import Remote, _name, local_copy, remote_of, sent_to
from rule_id.trajectories import read_corpus, write_manifest, write_part

BUCKET = "bucket"


@pytest.fixture(scope="module")
def server():
    """The address of an S3 server with an empty bucket."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{address}/moto-api/", timeout=1).close()
            break
        except OSError:
            time.sleep(0.1)
    yield address
    process.kill()
    process.wait()


@pytest.fixture
def s3(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A file system of its own; what names `s3://` in this test, also in child processes, is it."""
    given = {
        "AWS_ENDPOINT_URL": server, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "us-east-1", "RULE_ID_CACHE": str(tmp_path / "cache"),
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    # Workers that another test left know nothing of this.
    if reusable_executor._executor is not None:
        reusable_executor._executor.shutdown(wait=True, kill_workers=True)
    # File systems are kept by their arguments, which do not name the server.
    S3FileSystem.clear_instance_cache()
    fs = fsspec.filesystem("s3")
    if fs.exists(BUCKET):
        fs.rm(BUCKET, recursive=True)
    fs.mkdir(BUCKET)
    return fs


def forget(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    """Be another machine, which has no copy."""
    monkeypatch.setenv("RULE_ID_CACHE", str(tmp_path / name))


@pytest.mark.parametrize(
    ("place", "url"),
    [
        ("file:///data/x", "file:///data/x"), (Path("file:///data/x"), "file:///data/x"),
        ("hdfs:///user/x", "hdfs:///user/x"), ("hdfs://host/x", "hdfs://host/x"),
        ("s3://bucket/a/x", "s3://bucket/a/x"), (Path("s3://bucket/a/x/"), "s3://bucket/a/x"),
        ("corpora/x", None), ("/data/x", None), ("c:/data", None), ("./s3:/x", None),
    ],
)  # fmt: skip
def test_what_is_a_url(place: str | Path, url: str | None) -> None:
    remote = remote_of(place)
    assert (None if remote is None else remote.url) == url
    assert url is not None or local_copy(place) == Path(place)


def test_a_folder_whose_name_looks_like_a_url_is_one(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("s3:/x").mkdir(parents=True)
    assert remote_of("s3:/x") is None


def test_a_simulation_is_the_same_at_a_url_and_is_gone_on_with(s3, tmp_path, monkeypatch) -> None:
    url = f"s3://{BUCKET}/corpora/x"
    expected = content_hash(read_corpus(simulate(PLAN, tmp_path / "local", workers=1)))
    simulate(PLAN, url, workers=1, shard=Shard(1, 2))
    with pytest.raises(InputError, match="must be complete.* 3 of 6 parts are missing"):
        read_corpus(url)
    forget(monkeypatch, tmp_path, "other")
    simulate(PLAN, url, workers=2)
    assert content_hash(read_corpus(url)) == expected
    assert check(url).sound
    before = {path: info["LastModified"] for path, info in s3.find(url, detail=True).items()}
    simulate(PLAN, url, workers=1)
    s3.invalidate_cache()
    after = {path: info["LastModified"] for path, info in s3.find(url, detail=True).items()}
    assert before == after


def test_a_damaged_part_at_a_url_is_named_and_mended(s3, monkeypatch, tmp_path) -> None:
    url = f"s3://{BUCKET}/x"
    simulate(PLAN, url, workers=1)
    path = next(path for path in s3.find(url) if "/trajectories/" in path)
    s3.pipe_file(path, s3.cat_file(path)[:-100] + bytes(100))
    found = check(url)
    assert len(found.damaged) == 1 and not found.sound
    forget(monkeypatch, tmp_path, "other")
    simulate(PLAN, url, workers=1)
    assert check(url).sound
    forget(monkeypatch, tmp_path, "a third")
    assert check(url).sound


def test_two_that_begin_at_once_make_one_corpus(s3, tmp_path, monkeypatch) -> None:
    remote = Remote(f"s3://{BUCKET}/x")
    assert [remote.create("manifest.json", name) for name in (b"one", b"two")] == [True, False]
    assert (remote.fetched() / "manifest.json").read_bytes() == b"one"
    forget(monkeypatch, tmp_path, "other")
    s3.rm(f"{BUCKET}/x", recursive=True)
    create = Remote.create

    def late(self: Remote, name: str, content: bytes) -> bool:
        """Another machine was first."""
        monkeypatch.setattr(Remote, "create", create)
        simulate(PLAN, remote.url, workers=1, shard=Shard(1, 2))
        return create(self, name, content)

    monkeypatch.setattr(Remote, "create", late)
    simulate(PLAN, remote.url, workers=1)
    assert check(remote.url).sound


def test_a_bundle_and_a_compact_corpus_at_a_url(s3, tmp_path, monkeypatch) -> None:
    table = extract(synthetic_trajectories(n_blocks=8, networks_per_rule=1, n_checkpoints=3))
    url = f"s3://{BUCKET}/models/x"
    made = train(table, url, model="linear", tune=False, held_out=0.4)
    forget(monkeypatch, tmp_path, "other")
    assert read_bundle(url).scores == made.scores
    train(table, url, model="xgboost", tune=False, held_out=0.4)
    assert sorted(Path(p).name for p in s3.find(url)) == ["manifest.json", "model.json.xz"]
    assert read_bundle(url).model == "xgboost"
    with pytest.raises(InputError, match="must be a new folder or a bundle to replace"):
        s3.pipe_file(f"{BUCKET}/else/notes.txt", b"mine")
        made.write(f"s3://{BUCKET}/else")
    simulate(PLAN, f"s3://{BUCKET}/x", workers=1)
    compact(f"s3://{BUCKET}/x", f"s3://{BUCKET}/small")
    forget(monkeypatch, tmp_path, "a third")
    assert len(read_corpus(f"s3://{BUCKET}/small").networks) == 6


def test_a_compact_copy_takes_the_place_of_nothing(s3, tmp_path) -> None:
    url = f"s3://{BUCKET}/corpora/x"
    simulate(PLAN, url, workers=1)
    s3.pipe_file(f"{BUCKET}/notes.txt", b"mine")
    before = s3.find(BUCKET)
    for place in (url, f"s3://{BUCKET}", f"s3://{BUCKET}/corpora"):
        with pytest.raises(InputError, match=f"must be a new or empty folder; {place} holds"):
            compact(url, place)
    s3.invalidate_cache()
    assert s3.find(BUCKET) == before
    assert str(compact(url, f"s3://{BUCKET}/small")).startswith(f"s3://{BUCKET}/small: 6 networks")


def test_a_copy_that_was_damaged_here_is_fetched_again(s3) -> None:
    url = f"s3://{BUCKET}/x"
    folder = simulate(PLAN, url, workers=1)
    expected = content_hash(read_corpus(url))
    path = next((folder / "trajectories").glob("part-*"))
    for damaged in (path.read_bytes()[:-100], bytes(path.stat().st_size)):
        path.write_bytes(damaged)
        assert check(url).sound
        path.write_bytes(damaged)
        assert content_hash(read_corpus(url)) == expected


def test_one_at_a_time_brings_a_copy_up_to_date(s3, monkeypatch) -> None:
    """Who lists first never removes what another fetched meanwhile."""
    s3.pipe({f"{BUCKET}/x/a": b"1"})
    remote, files, order = Remote(f"s3://{BUCKET}/x"), Remote._files, []

    def slow(self: Remote) -> dict[str, str]:
        found = files(self)
        order.append(sorted(found))
        if len(order) == 1:
            s3.pipe({f"{BUCKET}/x/b": b"2"})
            threads[1].start()
            time.sleep(0.5)
        return found

    monkeypatch.setattr(Remote, "_files", slow)
    threads = [threading.Thread(target=remote.fetched) for _ in range(2)]
    threads[0].start()
    for thread in threads:
        while not thread.ident:
            time.sleep(0.01)
        thread.join()
    assert order == [["a"], ["a", "b"]]
    assert sorted(path.name for path in remote.local.iterdir()) == ["a", "b"]


def test_an_evaluation_and_a_design_read_a_corpus_at_a_url(s3, tmp_path) -> None:
    made = synthetic_trajectories(n_blocks=8, networks_per_rule=1, n_checkpoints=3)
    options = {"models": ["linear"], "protocols": ["grouped"], "splits": 2}
    url = f"s3://{BUCKET}/x"
    with sent_to(url) as folder:
        write_manifest(folder, {"plan": {}})
        write_part(folder, "a", made.networks, made.rows)
    found = evaluate(url, tmp_path / "out", **options)
    assert found.table.equals(evaluate(made, **options).table)
    candidates = read_candidates(url, None, "rule")
    assert candidates.networks.equals(read_candidates(made, None, "rule").networks)


def test_commands_take_urls(s3, tmp_path) -> None:
    (tmp_path / "plan.toml").write_text(TOML)
    url = f"s3://{BUCKET}/corpora/x"
    for command in (
        ["simulate", str(tmp_path / "plan.toml"), "--out", url, "--workers", "1"],
        ["check", url],
        ["describe", url],
        ["features", url, "--out", str(tmp_path / "x.parquet")],
    ):
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, (done.output, done.exception)
    assert (tmp_path / "x.parquet").is_file() and not Path("s3:").exists()


def test_files_that_did_not_change_are_not_fetched_again(s3, monkeypatch) -> None:
    s3.pipe({f"{BUCKET}/x/a": b"1", f"{BUCKET}/x/b/c": b"2"})
    remote = Remote(f"s3://{BUCKET}/x")
    fetched = []
    get = Remote._get
    monkeypatch.setattr(
        Remote, "_get", lambda self, name, path: (fetched.append(name), get(self, name, path))[1]
    )
    remote.fetched()
    remote.fetched()
    assert fetched == ["a", "b/c"]
    s3.pipe_file(f"{BUCKET}/x/a", b"3")
    s3.rm_file(f"{BUCKET}/x/b/c")
    assert (remote.fetched() / "a").read_bytes() == b"3"
    assert fetched == ["a", "b/c", "a"] and not (remote.local / "b/c").exists()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (f"s3://{BUCKET}/nothing", "must be a corpus or a bundle; there is nothing"),
        ("s3://no-such-bucket/x", "there is nothing|must be a place that can be read or written"),
        ("unheard-of://x/y", "must be a place that can be read or written"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(s3, url: str, why: str) -> None:
    for read in (read_corpus, read_bundle):
        with pytest.raises(InputError, match=why) as told:
            read(url)
        assert "\n" not in str(told.value)


def test_without_fsspec_it_is_said_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(InputError, match=r'needs fsspec: pip install "rule-id\[remote\]"'):
        read_corpus("s3://bucket/x")


def test_workers_of_a_cluster_send_their_parts(s3, tmp_path, monkeypatch) -> None:
    url = f"s3://{BUCKET}/x"
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        # Here is another machine, which has none of their files.
        forget(monkeypatch, tmp_path, "mine")
        simulate(PLAN, url, engine=DaskEngine(client))
    expected = content_hash(read_corpus(simulate(PLAN, tmp_path / "local", workers=1)))
    assert content_hash(read_corpus(url)) == expected


def test_names_that_lead_out_are_refused(s3, monkeypatch) -> None:
    for path in ("bucket/x/../../etc", "bucket/x/..", "bucket/x"):
        with pytest.raises(InputError, match="must be the name of a file below"):
            _name(path, "bucket/x")
    assert _name("bucket/x/a/b", "bucket/x") == "a/b"
