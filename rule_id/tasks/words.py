"""Spoken-word-like spectrograms: words of phonemes, whose formants glide, by varying speakers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rule_id.tasks.data import TaskData, split, standardised
from rule_id.tasks.teacher import N_EXAMPLES, N_TEST

__all__ = ["N_WORDS", "words"]

N_WORDS = 12
BANDS, FRAMES = 16, 16
N_VOICED, N_UNVOICED = 7, 4
FEWEST, MOST = 2, 4
"""Phonemes of a word."""

SLICES = 2
"""Instants at which a frame is computed and averaged, so that phonemes do not begin at frames."""

VOICED_RANGES = np.array([[250.0, 850.0], [900.0, 2400.0], [2300.0, 3400.0]])
UNVOICED_RANGES = np.array([[1500.0, 3500.0], [3500.0, 6500.0], [5000.0, 7000.0]])
"""Of three formants, Hz; those of the unvoiced are where a constriction's noise is loudest."""

GLIDE = 0.2
"""Standard deviation of the logarithm of a formant's end over its beginning."""

FLOOR = 0.1
"""Power of the background, where 1 is a formant's at its peak."""

SPEAKERS = 0.15
"""Standard deviation of the logarithm of a speaker's formants over the vocabulary's."""


class Vocabulary(NamedTuple):
    """What a draw of the task speaks.

    Attributes:
        begin: Formants of each phoneme at its beginning (phonemes, 3), Hz.
        end: At its end.
        power: Of each formant at its peak (phonemes, 3), dimensionless.
        width: Half width of each formant (phonemes, 3), Hz.
        voiced: Whether the vocal cords sound (phonemes,).
        duration: Frames (phonemes,).
        words: Phonemes of each word (words, 4), -1 after its last one.
    """

    begin: np.ndarray
    end: np.ndarray
    power: np.ndarray
    width: np.ndarray
    voiced: np.ndarray
    duration: np.ndarray
    words: np.ndarray


def words(generator: np.random.Generator) -> TaskData:
    """Log-power spectrograms (1, 16 bands, 16 frames) of 12 words, 2,400 examples, 200 of a word.

    Each draw makes a vocabulary: 7 voiced and 4 unvoiced phonemes of three formants, each gliding
    from one frequency to another, 2 to 4 frames long; words are different sequences of 2 to 4 of
    them. Each example has a speaker of its own: a factor on all formants (the vocal tract's length,
    log-normal, 0.15), tempo in 0.8 to 1.25, loudness and background in -6 to 6 dB, onset in 0 to 4
    frames. Power in a band is a sum of resonances, times noise as of an estimate of power
    (exponential when unvoiced), plus the background's. Bands are evenly spaced in mel from 150 to
    7,000 Hz, low ones first.

    Args:
        generator: Draws vocabulary and speakers.
    """
    vocabulary = _vocabulary(generator)
    which = np.arange(N_EXAMPLES) % N_WORDS
    phoneme, position = _timing(vocabulary, which, generator)
    power = _power(vocabulary, phoneme, position, generator)
    loudness, level = (10 ** generator.uniform(-0.6, 0.6, (2, N_EXAMPLES, 1, 1))).astype(np.float32)
    background = FLOOR * level * generator.exponential(size=power.shape).astype(np.float32)
    x = np.log(loudness * power + background + FLOOR / 10)
    return standardised(split(x[:, None], which, generator, n_test=N_TEST))


def _vocabulary(generator: np.random.Generator) -> Vocabulary:
    n = N_VOICED + N_UNVOICED
    voiced = np.arange(n) < N_VOICED
    ranges = np.where(voiced[:, None, None], VOICED_RANGES, UNVOICED_RANGES)
    begin = generator.uniform(ranges[..., 0], ranges[..., 1])
    glide = np.exp(GLIDE * generator.standard_normal((n, 3)))
    return Vocabulary(
        begin=begin,
        end=np.clip(begin * glide, 200, 7000),
        power=np.array([1, 0.5, 0.2]) * np.exp(0.5 * generator.standard_normal((n, 3))),
        width=np.where(voiced[:, None], 0.08 * begin + 60, 0.25 * begin),
        voiced=voiced,
        duration=generator.uniform(2, 4, n),
        words=_word_list(generator, n),
    )


def _word_list(generator: np.random.Generator, n_phonemes: int) -> np.ndarray:
    """Return different words (N_WORDS, MOST); phonemes of a word differ, one is voiced."""
    found: dict[tuple[int, ...], np.ndarray] = {}
    while len(found) < N_WORDS:
        length = int(generator.integers(FEWEST, MOST + 1))
        phonemes = generator.permutation(n_phonemes)[:length]
        if (phonemes < N_VOICED).any():
            found[tuple(phonemes)] = np.pad(phonemes, (0, MOST - length), constant_values=-1)
    return np.stack(list(found.values()))


def _timing(
    vocabulary: Vocabulary, which: np.ndarray, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return which phoneme sounds at each instant (n, instants), -1 for none, and how far it is."""
    phonemes = vocabulary.words[which]  # (n, MOST)
    tempo = generator.uniform(0.8, 1.25, (len(which), 1))
    length = np.where(phonemes < 0, 0, vocabulary.duration[phonemes]) / tempo
    end = generator.uniform(0, 4, (len(which), 1)) + np.cumsum(length, 1)
    instant = (np.arange(FRAMES * SLICES) + 0.5) / SLICES
    index = (instant[:, None] >= end[:, None, :]).sum(-1)  # phonemes that are over
    over = index == MOST
    index = np.minimum(index, MOST - 1)
    rows = np.arange(len(which))[:, None]
    left = (end[rows, index] - instant) / np.maximum(length[rows, index], 1e-9)
    silent = over | (left > 1)
    return np.where(silent, -1, phonemes[rows, index]), np.clip(1 - left, 0, 1)


def _power(
    vocabulary: Vocabulary,
    phoneme: np.ndarray,
    position: np.ndarray,
    generator: np.random.Generator,
) -> np.ndarray:
    """Return the power in each band and frame (n, BANDS, FRAMES), float32."""
    tract = np.exp(SPEAKERS * generator.standard_normal((len(phoneme), 1)))
    power = np.zeros((len(phoneme), BANDS, phoneme.shape[1]), np.float32)
    bands = _bands()[:, None]
    for begin, end, peak, width in zip(*(t.T for t in vocabulary[:4]), strict=True):
        centre = tract * (begin[phoneme] + (end - begin)[phoneme] * position)
        centre, half = (t.astype(np.float32)[:, None] for t in (centre, width[phoneme]))
        height = np.where(phoneme < 0, 0, peak[phoneme]).astype(np.float32)[:, None]
        power += height / (1 + ((bands - centre) / half) ** 2)
    speckle = generator.exponential(size=power.shape).astype(np.float32)
    sounding = vocabulary.voiced[phoneme][:, None]
    power *= np.where(sounding, 0.5 + 0.5 * speckle, speckle)
    return power.reshape(len(phoneme), BANDS, FRAMES, SLICES).mean(-1)


def _bands() -> np.ndarray:
    """Return the centres of the bands, Hz (BANDS,), evenly spaced in mel (O'Shaughnessy 1987)."""
    low, high = 2595 * np.log10(1 + np.array([150, 7000]) / 700)
    return (700 * (10 ** (np.linspace(low, high, BANDS) / 2595) - 1)).astype(np.float32)
