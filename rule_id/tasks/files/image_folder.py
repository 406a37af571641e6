"""Images in folders by class, as ImageNet is kept."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from rule_id.errors import InputError
from rule_id.tasks.files.image_set import ImageSet

__all__ = ["read_image_folder"]

SUFFIXES = (".jpg", ".jpeg", ".png")
FORMATS = ("JPEG", "PNG")
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
"""Kinds of image that have eight bits a channel or fewer."""

KEPT_BYTES = 2**30
"""Decoded images that are kept in memory, those first read."""


def read_image_folder(folder: Path, size: int) -> tuple[ImageSet, ImageSet, int]:
    """List the images of a folder; each is read when it is drawn.

    Args:
        folder: Holds `train/<class>/` and `val/<class>/` with .jpg, .jpeg or .png files.
        size: Side that images get, pixels: the shorter side is resized to it, bilinearly, and the
            centre of the longer one cut out. Grey images become coloured ones.

    Returns:
        Images (n, 3, size, size) of training and held-out ones, and the number of classes, which
        are numbered in the order of their names.

    Raises:
        InputError: There are fewer than two classes, `val` has one that `train` has not, or one of
            the two is missing or without images.
    """
    classes = sorted(path.name for path in _subfolders(folder / "train"))
    if len(classes) < 2:
        raise InputError(f"{folder / 'train'} must hold a folder for each of 2 or more classes")
    unknown = sorted({path.name for path in _subfolders(folder / "val")} - set(classes))
    if unknown:
        raise InputError(f"{folder / 'val'} must hold classes of train; it also has {unknown[0]}")
    train, val = (_list(folder / part, classes, size) for part in ("train", "val"))
    return train, val, len(classes)


class _Reader:
    """Decodes images and keeps them."""

    def __init__(self, paths: Sequence[Path], size: int) -> None:
        self._paths, self._size = paths, size
        self._most = KEPT_BYTES // (3 * size * size)
        self._kept: dict[int, np.ndarray] = {}

    def __call__(self, indices: np.ndarray) -> np.ndarray:
        return np.stack([self._image(index) for index in indices.tolist()])

    def _image(self, index: int) -> np.ndarray:
        if index in self._kept:
            return self._kept[index]
        image = _decoded(self._paths[index], self._size)
        if len(self._kept) < self._most:
            self._kept[index] = image
        return image


def _subfolders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InputError(f"{folder} must be a folder with one folder a class; there is none")
    return [path for path in folder.iterdir() if path.is_dir()]


def _list(folder: Path, classes: list[str], size: int) -> ImageSet:
    paths, labels = [], []
    for label, name in enumerate(classes):
        inside = (folder / name).iterdir() if (folder / name).is_dir() else []
        found = sorted(path for path in inside if path.suffix.lower() in SUFFIXES)
        paths += found
        labels += [label] * len(found)
    if not paths:
        raise InputError(f"{folder} must hold .jpg, .jpeg or .png files in its folders; none found")
    return ImageSet(np.array(labels, np.int64), _Reader(paths, size))


def _decoded(path: Path, size: int) -> np.ndarray:
    """Return one image (3, size, size), uint8."""
    try:
        with warnings.catch_warnings():
            # Pillow warns, from the header, of an image too large to decode.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as image:
                return _resized(image, path, size)
    except (
        Image.DecompressionBombWarning,
        Image.DecompressionBombError,
        OSError,
        SyntaxError,  # of a broken PNG
        ValueError,
        EOFError,
        struct.error,
        zlib.error,
    ) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} must be a whole JPEG or PNG image; {error}") from error


def _resized(image: Image.Image, path: Path, size: int) -> np.ndarray:
    if image.mode not in MODES:
        raise InputError(f"{path} must have eight bits a channel; its mode is {image.mode}")
    shorter = min(image.size)
    left, top = ((length - shorter) / 2 for length in image.size)
    box = left, top, left + shorter, top + shorter
    square = image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR, box)
    return np.asarray(square).transpose(2, 0, 1)
