"""Tiny files in the formats that file tasks read, and what is wrong with others."""

from __future__ import annotations

import gzip
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rule_id.errors import InputError
from rule_id.tasks import FILE_TASKS, Task, get_task
from rule_id.tasks.files import cifar, idx, image_folder, tasks

N_TRAIN, N_TEST = 40, 20


def pixels(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def labels(n: int) -> np.ndarray:
    return np.arange(n, dtype=np.uint8) % 10


def idx_bytes(array: np.ndarray) -> bytes:
    header = struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.tobytes()


def write_mnist(folder: Path, suffix: str = "", dot: bool = False) -> None:
    for part, n in (("train", N_TRAIN), ("t10k", N_TEST)):
        for kind, array in (("images-idx3", pixels(n, n, 28, 28)), ("labels-idx1", labels(n))):
            name = f"{part}-{kind}-ubyte{suffix}"
            content = idx_bytes(array)
            path = folder / (name.replace("-idx", ".idx") if dot else name)
            path.write_bytes(gzip.compress(content) if suffix else content)


def write_cifar10(folder: Path) -> None:
    for index, name in enumerate([*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]):
        records = np.concatenate([labels(20)[:, None], pixels(index, 20, 3072)], axis=1)
        (folder / name).write_bytes(records.tobytes())


def write_folder(folder: Path) -> None:
    for part, n in (("train", 4), ("val", 2)):
        for label, name in enumerate(("ant", "bee", "cat")):
            (folder / part / name).mkdir(parents=True)
            for index in range(n):
                image = Image.fromarray(pixels(10 * label + index, 12 + label, 20, 3))
                suffix = "png" if index % 2 else "JPEG"
                image.save(folder / part / name / f"{index}.{suffix}")


WRITERS = {
    "mnist": write_mnist,
    "fashion_mnist": write_mnist,
    "cifar10": write_cifar10,
    "image_folder": write_folder,
}


def opened(name: str, folder: Path) -> Task:
    return get_task(name, folder, size=8 if name == "image_folder" else None)


@pytest.mark.parametrize("name", FILE_TASKS)
def test_contract_of_a_task_from_files(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path)
    task = opened(name, tmp_path)
    data, same, other = (task.draw(np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert task.name == name and task.group == "supervised"
    assert data.train_x.shape == (task.n_train, *task.input_shape)
    assert data.test_x.shape == (task.n_test, *task.input_shape)
    assert data.train_x.dtype == np.float32 and data.train_y.dtype == np.int64
    assert np.array_equal(data.train_groups, data.train_y)
    assert set(data.train_y) == set(range(task.n_out))
    assert abs(data.train_x.mean()) < 1e-5 and data.train_x.std() == pytest.approx(1, abs=1e-5)
    assert np.array_equal(data.train_x, same.train_x)
    assert not np.array_equal(data.train_x, other.train_x)
    assert opened(name, tmp_path) is task  # files are read once
    assert task.switched is not None
    assert (task.switched(data, np.random.default_rng(0))[0] != data.train_y).all()


@pytest.mark.parametrize("name", FILE_TASKS)
def test_a_draw_takes_at_most_so_many(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    WRITERS[name](tmp_path)
    monkeypatch.setattr(tasks, "MOST_TRAIN", 5)
    monkeypatch.setattr(tasks, "MOST_TEST", 3)
    task = opened(name, tmp_path)
    data = task.draw(np.random.default_rng(0))
    assert (task.n_train, task.n_test) == (len(data.train_x), len(data.test_x)) == (5, 3)


def test_large_images_are_fewer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(tmp_path)
    monkeypatch.setattr(tasks, "MOST_VALUES", 7 * 3 * 8 * 8)
    assert opened("image_folder", tmp_path).n_train == 7


@pytest.mark.parametrize("name", FILE_TASKS)
def test_a_folder_must_be_there(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"task {name} needs folder, .* got none"):
        get_task(name)
    with pytest.raises(InputError, match=f"folder of task {name} must be a folder; .*nowhere"):
        get_task(name, tmp_path / "nowhere")
    with pytest.raises(InputError, match=str(tmp_path)):
        get_task(name, tmp_path)


def test_a_size_is_for_the_image_folder_alone(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="size is for image_folder alone; got 32 for task mnist"):
        get_task("mnist", tmp_path, size=32)
    with pytest.raises(InputError, match="size must be from 8 to 256; got 4"):
        get_task("image_folder", tmp_path, size=4)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("dot", [False, True])
def test_mnist_by_its_usual_names(suffix: str, dot: bool, tmp_path: Path) -> None:
    write_mnist(tmp_path, suffix, dot)
    train, test = idx.read_mnist(tmp_path)
    assert np.array_equal(train.images(np.arange(N_TRAIN))[:, 0], pixels(N_TRAIN, N_TRAIN, 28, 28))
    assert np.array_equal(test.labels, labels(N_TEST))


def header(*shape: int, magic: bytes = b"\0\0\x08\x03") -> bytes:
    return magic + struct.pack(f">{len(shape)}I", *shape)


BAD_IDX = {
    "wrong magic": (header(2, 28, 28, magic=b"\0\0\x0d\x03"), "must begin with 00 00 08 03; got"),
    "empty": (b"", "must begin with"),
    "half a header": (header(2), "the lengths of 3 axes; it ends before"),
    "truncated": (header(2, 28, 28) + bytes(1000), "must hold the 1568 .*there are only 1000"),
    "too long": (header(1, 28, 28) + bytes(785), "must hold the 784 .*there are more"),
    "oversized header": (header(2**32 - 1, 2**32 - 1, 2**32 - 1), "must have 1 to .* entries"),
    "large header": (header(600_000, 28, 28) + bytes(9), "there are only 9"),
    "no images": (header(0, 28, 28), "must have 1 to"),
    "other images": (header(1, 32, 32) + bytes(1024), r"must hold images of 28 x 28; got \(32, 32"),
    "other number": (header(1, 28, 28) + bytes(784), "must hold 1 labels, one an image; got 40"),
}


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("what", BAD_IDX)
def test_what_is_no_idx_file(what: str, compressed: bool, tmp_path: Path) -> None:
    content, message = BAD_IDX[what]
    write_mnist(tmp_path, ".gz" if compressed else "")
    path = tmp_path / ("train-images-idx3-ubyte" + (".gz" if compressed else ""))
    path.write_bytes(gzip.compress(content) if compressed else content)
    with pytest.raises(InputError, match=f"{tmp_path}.*train-.*{message}"):
        get_task("mnist", tmp_path)


def test_what_is_no_gzip_file(tmp_path: Path) -> None:
    write_mnist(tmp_path, ".gz")
    path = tmp_path / "t10k-labels-idx1-ubyte.gz"
    whole = path.read_bytes()
    garbled = whole[:12] + bytes(b ^ 255 for b in whole[12:])
    for content in (whole[:-12], b"no gzip", garbled):
        path.write_bytes(content)
        with pytest.raises(InputError, match="t10k-labels.* must be a whole gzip file"):
            idx.read_mnist(tmp_path)


def test_a_label_that_is_no_class(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(labels(N_TRAIN) + 5))
    with pytest.raises(InputError, match="train-labels.* labels from 0 to 9; got 14"):
        get_task("mnist", tmp_path)
    write_cifar10(tmp_path)
    (tmp_path / "data_batch_3.bin").write_bytes(bytes([10]) + bytes(3072))
    with pytest.raises(InputError, match="data_batch_3.bin .* labels from 0 to 9; got 10"):
        get_task("cifar10", tmp_path)


def test_an_image_of_cifar_is_channels_rows_columns(tmp_path: Path) -> None:
    write_cifar10(tmp_path)
    train, test = cifar.read_cifar10(tmp_path)
    assert np.array_equal(test.labels, labels(20))
    image = train.images(np.array([47]))[0]  # of the third file
    row = pixels(2, 20, 3072)[7]
    assert image.shape == (3, 32, 32)
    assert image[1, 5, 9] == row[1024 + 5 * 32 + 9]


@pytest.mark.parametrize("n_bytes", [0, 3072, 3073 * 2 + 1])
def test_records_that_are_not_whole(n_bytes: int, tmp_path: Path) -> None:
    write_cifar10(tmp_path)
    (tmp_path / "test_batch.bin").write_bytes(bytes(n_bytes))
    with pytest.raises(InputError, match=f"test_batch.bin must be 1 to .* got {n_bytes} bytes"):
        get_task("cifar10", tmp_path)


def test_a_missing_batch(tmp_path: Path) -> None:
    write_cifar10(tmp_path)
    (tmp_path / "data_batch_4.bin").unlink()
    with pytest.raises(InputError, match="data_batch_4.bin must be a file of CIFAR-10's binary"):
        get_task("cifar10", tmp_path)


def test_the_pickled_cifar_is_refused_unread(tmp_path: Path) -> None:
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps({}))
    with pytest.raises(InputError, match="cifar-10-binary.tar.gz.*pickled .* is not read"):
        get_task("cifar10", tmp_path)


def test_classes_are_in_the_order_of_their_names(tmp_path: Path) -> None:
    write_folder(tmp_path)
    train, val, n_classes = image_folder.read_image_folder(tmp_path, 8)
    assert n_classes == 3
    assert np.bincount(train.labels).tolist() == [4, 4, 4]
    assert np.bincount(val.labels).tolist() == [2, 2, 2]


def test_the_centre_is_cut_out_and_resized(tmp_path: Path) -> None:
    write_folder(tmp_path)
    picture = np.zeros((8, 24, 3), np.uint8)
    picture[:, 8:16, 0] = 200  # the middle is red
    Image.fromarray(picture).save(tmp_path / "train" / "ant" / "1.png")
    train, _, _ = image_folder.read_image_folder(tmp_path, 8)
    image = train.images(np.array([1]))[0]
    assert image.shape == (3, 8, 8)
    assert (image[0] == 200).all() and not image[1:].any()


def test_an_image_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(tmp_path)
    train, _, _ = image_folder.read_image_folder(tmp_path, 8)
    first = train.images(np.arange(3))
    monkeypatch.setattr(image_folder, "_decoded", None)
    assert np.array_equal(train.images(np.arange(3)), first)


def png(size: tuple[int, int]) -> bytes:
    """A PNG whose header claims a size and that holds nothing."""
    import zlib

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    begin = chunk(b"IHDR", struct.pack(">2I5B", *size, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + begin + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


BAD_IMAGES = {
    "text": b"no image",
    "empty": b"",
    "truncated": None,
    "oversized header": png((60_000, 60_000)),
    "large header": png((12_000, 12_000)),
    "no pixels": png((8, 8)),
    "another format": b"GIF89a\1\0\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;",
}


@pytest.mark.parametrize("what", BAD_IMAGES)
def test_what_is_no_image(what: str, tmp_path: Path) -> None:
    write_folder(tmp_path)
    path = tmp_path / "train" / "bee" / "1.png"
    path.write_bytes(BAD_IMAGES[what] or path.read_bytes()[:200])
    task = opened("image_folder", tmp_path)
    with pytest.raises(InputError, match="bee/1.png must be a whole JPEG or PNG image; "):
        task.draw(np.random.default_rng(0))


def test_sixteen_bits_are_refused(tmp_path: Path) -> None:
    write_folder(tmp_path)
    path = tmp_path / "train" / "bee" / "1.png"
    Image.fromarray(np.zeros((8, 8), np.uint16)).save(path)
    with pytest.raises(InputError, match="bee/1.png must have eight bits a channel; .* I;16"):
        opened("image_folder", tmp_path).draw(np.random.default_rng(0))


def test_folders_that_are_no_classes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="train must be a folder with one folder a class"):
        opened("image_folder", tmp_path)
    (tmp_path / "train" / "ant").mkdir(parents=True)
    with pytest.raises(InputError, match="train must hold a folder for each of 2 or more classes"):
        opened("image_folder", tmp_path)
    (tmp_path / "train" / "bee").mkdir()
    (tmp_path / "val" / "cat").mkdir(parents=True)
    with pytest.raises(InputError, match="val must hold classes of train; it also has cat"):
        opened("image_folder", tmp_path)
    (tmp_path / "val" / "cat").rename(tmp_path / "val" / "bee")
    with pytest.raises(InputError, match="train must hold .jpg, .jpeg or .png files .* none found"):
        opened("image_folder", tmp_path)
