"""Where parts of a corpus are simulated: processes of this machine, or a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

from joblib import Parallel, cpu_count, delayed, parallel_config
from joblib.externals.loky.process_executor import TerminatedWorkerError

from rule_id.errors import InputError, first_line

__all__ = ["DaskEngine", "Engine", "LocalEngine", "Task", "open_engine"]

Task = Callable[[Any], Any]
"""What is done with an item, such as an ensemble; it can be sent to other processes."""

MOST_DEATHS = 3
"""How often a worker may die, of want of memory or by somebody's hand, before the run is given up;
Dask has the same limit for one task (`allowed-failures`)."""


class Engine(Protocol):
    """What ensembles are simulated by."""

    @property
    def workers(self) -> int:
        """How many tasks are done at once."""

    def taking_over(self) -> AbstractContextManager[Any]:
        """Return a context in which folds of cross-validation and of designs run here."""

    def spread(self, task: Task, items: Sequence[Any]) -> Iterator[Any]:
        """Do a task for each item, in any order, and yield what it returns."""


@dataclass(frozen=True)
class LocalEngine:
    """Processes of this machine; with one, this process.

    Attributes:
        workers: How many, 1 or more.
    """

    workers: int

    def taking_over(self) -> AbstractContextManager[Any]:
        """Return a context that changes nothing: folds run in threads of this process."""
        return nullcontext()

    def spread(self, task: Task, items: Sequence[Any]) -> Iterator[Any]:
        """Do a task for each item; what workers that died had not done is done by new ones.

        Raises:
            InputError: Workers died time and again.
        """
        left = dict(enumerate(items))
        # Never fewer than at first: one alone would be this process, which then dies itself.
        run = Parallel(min(self.workers, max(1, len(left))), return_as="generator_unordered")
        for _ in range(MOST_DEATHS):
            try:
                for place, result in run(delayed(_placed)(task, *item) for item in [*left.items()]):
                    del left[place]
                    yield result
                return
            except TerminatedWorkerError:
                continue
        raise InputError(
            f"workers must be so few that memory lasts; {MOST_DEATHS} times one was killed, with "
            f"{self.workers} at once: run it again with fewer to go on"
        )


def _placed(task: Task, place: int, item: Any) -> tuple[int, Any]:
    return place, task(item)


@dataclass(frozen=True)
class DaskEngine:
    """The workers of a Dask cluster, which must see the folder of the corpus at the same path.

    Attributes:
        client: A `distributed.Client`.
    """

    client: Any

    @property
    def workers(self) -> int:
        """How many tasks are done at once, by the workers that are there now; 1 at least."""
        return max(1, sum(self.client.nthreads().values()))

    def taking_over(self) -> AbstractContextManager[Any]:
        """Return a context in which folds of cross-validation and of designs run here."""
        return parallel_config(backend="dask", client=self.client)

    def spread(self, task: Task, items: Sequence[Any]) -> Iterator[Any]:
        """Do a task for each item; Dask gives what a lost worker had to another one.

        Raises:
            InputError: Workers died time and again on one item.
        """
        from distributed import KilledWorker, as_completed

        # Not pure: that an equal ensemble was once simulated does not mean that its part is there.
        futures = self.client.map(task, items, pure=False)
        try:
            for future in as_completed(futures):
                yield future.result()
                future.release()
        except KilledWorker as error:
            raise InputError(
                f"Dask workers must have memory for an ensemble; {first_line(error)}"
            ) from None
        finally:
            self.client.cancel(futures)


def open_engine(name: str, scheduler: str | None = None, workers: int | None = None) -> Engine:
    """Return an engine by name.

    Args:
        name: `local` or `dask`.
        scheduler: Of Dask the address of the scheduler; None for one on this machine.
        workers: Processes of this machine; all cores when None.

    Raises:
        InputError: There is no such engine, no `distributed`, or no scheduler at that address.
    """
    if name == "local":
        if scheduler is not None:
            raise InputError("scheduler must go with the engine dask; got the engine local")
        return LocalEngine(workers or cpu_count())
    if name != "dask":
        raise InputError(f"engine must be local or dask; got {name!r}")
    try:
        from distributed import Client
    except ImportError:
        raise InputError('engine dask needs distributed: pip install "rule-id[dask]"') from None
    try:
        if scheduler is None:
            client = Client(n_workers=workers, threads_per_worker=1, dashboard_address=":0")
        else:
            client = Client(scheduler, timeout=10)
    except (OSError, ValueError) as error:
        raise InputError(f"scheduler must be the address of one that runs; {error}") from None
    return DaskEngine(client)
