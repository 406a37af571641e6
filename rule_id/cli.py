"""The `rule-id` command: parse, call the library function of the same name, say what it wrote.

Whatever is heavy is imported inside a command, so that `rule-id --help` is quick.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from rule_id.errors import InputError

__all__ = ["app", "main"]

app = typer.Typer(
    help="Identify the learning rule behind a network's learning from what could be measured.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Corpus = Annotated[
    Path, typer.Argument(help="A corpus folder that `simulate`, `convert` or `compact` wrote.")
]
FeatureSet = Annotated[str, typer.Option("--set", help="trajectory, summary or invariant.")]
EngineName = Annotated[str, typer.Option(help="Where it is done: local (this machine) or dask.")]
Scheduler = Annotated[
    str | None, typer.Option(help="Of Dask: the scheduler's address; one of its own if none.")
]
Target = Annotated[
    str, typer.Option(help="What to identify: rule, family, credit_assignment or optimizer.")
]
Seed = Annotated[int, typer.Option(help="Seed of all splits and draws.")]
Menu = Annotated[
    Path | None,
    typer.Option(
        "--model",
        help="A bundle of any target, a folder of several, or the name of one that ships; all that "
        "ship when left out.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
ReadingFile = Annotated[
    Path | None,
    typer.Option(
        "--reading",
        help="How files are to be read, in TOML; the options below go before it. See "
        "docs/recording-files.md.",
    ),
]
Signal = Annotated[
    str | None, typer.Option(help="What activations are: model, rate, calcium or deconvolved.")
]
Series = Annotated[
    str | None,
    typer.Option(
        help="NWB: DfOverF, Fluorescence, Deconvolved or units; suite2p: spks, F; "
        "CaImAn: S, F_dff, C."
    ),
]
Event = Annotated[str | None, typer.Option(help="Column of trials that they are aligned to.")]
Window = Annotated[
    tuple[float, float] | None, typer.Option(help="From when to when, in seconds from the event.")
]
Condition = Annotated[
    str | None, typer.Option(help="Column of trials whose values are the stimuli.")
]
LayerColumn = Annotated[
    str | None,
    typer.Option(
        help="Column of units or ROIs that says which layer they are in; in alphabetical order "
        "unless --reading orders them."
    ),
]
Blocks = Annotated[
    int | None, typer.Option(help="Into how many checkpoints trials of one session are cut.")
]


def main() -> None:
    """Run the command line; what the user did wrong is one line and exit status 2.

    A job scheduler's SIGTERM ends it as Ctrl-C does, with the status that shells expect of that.
    """
    signal.signal(signal.SIGTERM, _terminate)
    try:
        app()
    except (InputError, OSError) as error:
        text = " ".join(str(error).split())
        typer.echo(f"rule-id: {text}", err=True)
        sys.exit(2)
    except SystemExit as ending:
        terminated = signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
        sys.exit(_TERMINATED if terminated else ending.code)


_TERMINATED = 128 + signal.SIGTERM


def _terminate(number: int, frame: Any) -> None:
    # Once: a second one, in the middle of tidying up, changes nothing.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


@app.command()
def simulate(
    plan: Annotated[
        Path,
        typer.Argument(help="What to simulate, in TOML; or demo, reference, paper or merging."),
    ],
    out: Annotated[Path, typer.Option(help="The corpus folder.")],
    scale: Annotated[
        float, typer.Option(help="Share of the plan's blocks, one or more of each entry.")
    ] = 1.0,
    measurements: Annotated[
        str | None,
        typer.Option(help="What to measure instead of what the plan says: a TOML file, or grid."),
    ] = None,
    rules: Annotated[
        list[str] | None,
        typer.Option(help="A Python file or module that adds rules of your own; repeatable."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    workers: Annotated[int | None, typer.Option(help="Processes; all cores by default.")] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            help="Of N jobs that simulate into one folder, do the share of the i-th, from 1 on.",
            metavar="i/N",
        ),
    ] = None,
    engine: EngineName = "local",
    scheduler: Scheduler = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say how many networks, how long, how much disk.")
    ] = False,
) -> None:
    """Simulate networks that learn by known rules; goes on where it was interrupted."""
    from rule_id.simulation import Estimate, open_engine, read_shard
    from rule_id.simulation import simulate as run
    from rule_id.trajectories import missing_parts, read_corpus

    own = None if shard is None else read_shard(shard)
    with _interruptible(out), _bars() as progress:
        result = run(
            plan,
            out,
            scale=scale,
            measurements=measurements,
            rules=rules or (),
            device=device,
            workers=workers,
            shard=own,
            engine=None
            if engine == "local" and scheduler is None
            else open_engine(engine, scheduler, workers),
            dry_run=dry_run,
            progress=progress,
        )
    if isinstance(result, Estimate):
        typer.echo(str(result))
        return
    if own is not None and (missing := len(missing_parts(result))):
        typer.echo(f"{result}: shard {own} is done; other shards lack {missing} parts")
        return
    corpus = read_corpus(result)
    diverged = int(corpus.networks["diverged"].sum())
    typer.echo(
        f"{result}: {len(corpus.networks)} networks ({diverged} diverged), {len(corpus.rows)} rows"
    )


@app.command()
def check(corpus: Corpus) -> None:
    """Read all of a corpus and say what is damaged or missing; the status is 1 if anything is."""
    from rule_id.checking import check as run

    found = run(corpus)
    typer.echo(str(found))
    if not found.sound:
        raise typer.Exit(1)


@app.command()
def describe(corpus: Corpus) -> None:
    """Say how fast a corpus was simulated, and which rules learned and which diverged."""
    from rule_id.simulation.describe import describe as run

    typer.echo(str(run(corpus)))


@app.command()
def convert(
    dataset: Annotated[
        Path, typer.Argument(help="The dataset.pkl that Nayebi et al. published in 2020.")
    ],
    out: Annotated[Path, typer.Option(help="The corpus folder, new or empty.")],
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="The field of the dataset's meta that holds the architecture, task, layer, "
            "batch_size, model_seed, dataset_seed or network, where it is not found; repeatable.",
            metavar="KEY=FIELD",
        ),
    ] = None,
) -> None:
    """Write the dataset of the 2020 paper as a corpus; nothing in the file is run."""
    from rule_id.recordings.dataset2020 import convert_dataset as run
    from rule_id.recordings.dataset2020 import read_columns
    from rule_id.trajectories import read_corpus

    corpus = read_corpus(run(dataset, out, columns=read_columns(column or ())))
    networks = corpus.networks
    typer.echo(
        f"{out}: {len(networks)} networks ({int(networks['diverged'].sum())} diverged), "
        f"{networks['block'].nunique()} blocks, {len(corpus.rows)} rows"
    )


@app.command()
def compact(
    corpus: Corpus,
    out: Annotated[Path, typer.Option(help="The folder of the copy, new or empty.")],
    measurement: Annotated[
        list[int] | None,
        typer.Option(
            help="A measurement of the plan that is kept, 0 for the first, which is kept when none "
            "is named; repeatable."
        ),
    ] = None,
    layers: Annotated[
        int, typer.Option(help="Networks with more layers keep so many, evenly spread.")
    ] = 8,
) -> None:
    """Write a small, lossy copy of a corpus that all other commands read."""
    from rule_id.compact import compact as run

    typer.echo(str(run(corpus, out, measurements=measurement or (0,), layers=layers)))


@app.command()
def features(
    corpus: Corpus,
    out: Annotated[
        Path | None, typer.Option(help="The Parquet file; features/<corpus>-<set>.parquet.")
    ] = None,
    feature_set: FeatureSet = "summary",
    paper: Annotated[
        bool, typer.Option("--paper", help="Only the 24 statistics of the 2020 paper.")
    ] = False,
    half: Annotated[
        bool, typer.Option("--half", help="Half-precision floats, in half of the space.")
    ] = False,
    measurement: Annotated[
        int | None, typer.Option(help="Only this measurement of the plan, 0 for the first.")
    ] = None,
    engine: EngineName = "local",
    scheduler: Scheduler = None,
) -> None:
    """Turn trajectories into a table of features."""
    from rule_id.features import features as run

    target = out or Path("features") / f"{corpus.resolve().name}-{feature_set}.parquet"
    if target.suffix != ".parquet" or target.is_dir():
        raise InputError(f"--out must be a file that ends in .parquet; got {target}")
    with _taken_over(engine, scheduler):
        file = run(
            corpus, target, feature_set=feature_set, paper=paper, half=half, measurement=measurement
        )
    typer.echo(f"{target}: {len(file)} layers, {len(file.names)} features ({feature_set})")


@app.command()
def train(
    features: Annotated[
        Path | None,
        typer.Argument(
            help="A corpus folder, of which random views are trained on, or a feature table; what "
            "ships when left out."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The bundle folder; models/<table>-<model>, or <table>-<target>-<model> where the "
            "target is not the rule."
        ),
    ] = None,
    target: Target = "rule",
    model: Annotated[str, typer.Option(help="linear, xgboost or combined.")] = "xgboost",
    feature_set: Annotated[
        str | None,
        typer.Option("--set", help="Of a corpus: summary (when left out) or invariant."),
    ] = None,
    observables: Annotated[
        list[str] | None,
        typer.Option(
            "--observable",
            help="What the classifier takes: activation, weight, activity_change; all when left "
            "out; repeatable.",
        ),
    ] = None,
    menu: Annotated[
        bool,
        typer.Option(
            "--menu",
            help="Of a corpus: four bundles, with and without levels and weights, and two linear "
            "ones unless all are, for identify to choose from; those that are there are kept.",
        ),
    ] = False,
    held_out: Annotated[
        float, typer.Option(help="Fraction of blocks kept for testing and calibration.")
    ] = 0.2,
    folds: Annotated[int, typer.Option(help="Folds of the cross-validation by block.")] = 5,
    tune: Annotated[bool, typer.Option(help="Choose hyperparameters by cross-validation.")] = True,
    most_rows: Annotated[
        int | None,
        typer.Option(
            help="Of a feature table larger than memory: rows to hold at once; it is read in "
            "batches, and networks drawn from it score and calibrate."
        ),
    ] = None,
    engine: EngineName = "local",
    scheduler: Scheduler = None,
    seed: Seed = 0,
) -> None:
    """Train a classifier that identifies the rule, or a part of it, and write it as a bundle."""
    from rule_id.models import train as run
    from rule_id.models import train_menu

    if menu and (feature_set or observables):
        raise InputError(
            "--menu is of every set and of all observables: leave out --set, --observable"
        )
    if feature_set and features is not None and features.is_file():
        raise InputError("--set is of a corpus: a feature table has the set that it was made with")
    feature_set = feature_set or "summary"
    name = features.stem if features is not None else "reference"
    if features is not None and features.is_dir():
        name = features.resolve().name + f"-{feature_set}" * (not menu)
    only = "".join(f"-{observable}" for observable in observables or ())
    ending = "" if menu else f"{only}-{model}"
    folder = out or Path("models") / f"{name}{_suffix(target)}{ending}"
    shared: dict[str, Any] = {
        "target": target, "model": model, "held_out": held_out, "folds": folds, "tune": tune,
        "seed": seed, "most_rows": most_rows,
    }  # fmt: skip
    with _taken_over(engine, scheduler), _bars() as progress:
        if menu:
            made = train_menu(features, folder, progress=progress, **shared)
        else:
            own: dict[str, Any] = {"feature_set": feature_set, "observables": observables or None}
            made = {"": run(features, folder, progress=progress, **own, **shared)}
    for inner, bundle in made.items():
        typer.echo(f"{folder / inner}: {bundle}")


@app.command()
def evaluate(
    corpus: Corpus,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The results folder; reports/<corpus>/evaluation. An evaluation that is there is "
            "replaced, unless --add is given. What is fitted meanwhile is kept beside it, so that "
            "an interrupted command goes on."
        ),
    ] = None,
    feature_set: FeatureSet = "summary",
    model: Annotated[
        list[str] | None,
        typer.Option(help="linear, xgboost or combined, which is both; both when left out."),
    ] = None,
    baselines: Annotated[
        bool,
        typer.Option("--baselines", help="Also those of the 2020 paper, and MultiRocket-Hydra."),
    ] = False,
    baseline: Annotated[
        list[str] | None,
        typer.Option(help="A baseline by name; repeatable. See docs/baselines.md."),
    ] = None,
    protocol: Annotated[
        list[str] | None,
        typer.Option(
            help="A protocol by name, repeatable; when left out all that the corpus allows. "
            "docs/evaluation.md lists them."
        ),
    ] = None,
    hold_out: Annotated[
        list[str] | None,
        typer.Option(
            help="Train on the others and test what is named: architecture=NAME or task=NAME (one "
            "or a group), curriculum=NAME; repeatable.",
            metavar="KEY=NAME",
        ),
    ] = None,
    splits: Annotated[
        int, typer.Option(help="Splits of the headline protocols; 3 at most of others.")
    ] = 10,
    tune: Annotated[
        bool, typer.Option(help="Choose hyperparameters inside each training part.")
    ] = False,
    fits: Annotated[
        Path | None, typer.Option(help="A folder to keep what was fitted in, and to look it up.")
    ] = None,
    add: Annotated[
        bool,
        typer.Option(
            "--add",
            help="Keep what the evaluation in the results folder holds of other protocols; without "
            "--protocol, run those that it lacks.",
        ),
    ] = False,
    shard: Annotated[
        str | None,
        typer.Option(
            help="Of N jobs that see one folder, do the i-th's share of the fits, from 1 on; when "
            "all are done, leave it out.",
            metavar="i/N",
        ),
    ] = None,
    engine: EngineName = "local",
    scheduler: Scheduler = None,
    seed: Seed = 0,
) -> None:
    """Run every protocol and control: new blocks, architectures, tasks, less of training, ..."""
    from rule_id.evaluation import BASELINES, fit_shard, folder_of_fits, spread_fits
    from rule_id.evaluation import evaluate as run
    from rule_id.reports import evaluation_page

    folder = out or Path("reports") / corpus.resolve().name / "evaluation"
    others = list(BASELINES) if baselines else baseline or []
    kept = fits or folder_of_fits(folder)
    options: dict[str, Any] = {
        "feature_set": feature_set,
        "models": [*(model or ("linear", "xgboost")), *others],
        "protocols": protocol,
        "hold_out": hold_out or (),
        "splits": splits,
        "tune": tune,
        "seed": seed,
    }
    if shard is not None and (engine != "local" or scheduler is not None):
        raise InputError("--shard is for jobs without an engine: leave out --engine, --scheduler")
    shares = {**options, "add_to": str(folder.resolve()) if add else None}
    with _interruptible(kept), _bars() as progress:
        if shard is not None:
            from rule_id.simulation import read_shard

            own = fit_shard(corpus, kept, read_shard(shard), progress=progress, **shares)
            typer.echo(f"{kept}: shard {shard} is done, {own} fits")
            return
        if engine != "local" or scheduler is not None:
            from rule_id.simulation import open_engine

            spread_fits(open_engine(engine, scheduler), corpus, kept, shares, progress)
        evaluation = run(corpus, folder, fits=fits, add=add, progress=progress, **options)
    evaluation_page(evaluation).save(folder)
    typer.echo(str(evaluation))
    files = sorted(path.name + "/" * path.is_dir() for path in folder.iterdir())
    typer.echo(f"{folder}: {', '.join(files)}")


@app.command()
def design(
    corpus: Corpus,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The results folder; reports/<corpus>/design, or design-<target> where the target "
            "is not the rule."
        ),
    ] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option(
            help="A candidate: a rule, or a value of the target; two or more, all when left out."
        ),
    ] = None,
    target: Target = "rule",
    accuracy: Annotated[float, typer.Option(help="Share of networks to be named correctly.")] = 0.8,
    price: Annotated[
        list[str] | None,
        typer.Option(
            help="What a unit costs at a checkpoint: activation=1, weight=10, activity_change=10 "
            "when left out; repeatable.",
            metavar="OBSERVABLE=NUMBER",
        ),
    ] = None,
    feature_set: Annotated[str, typer.Option("--set", help="summary or invariant.")] = "summary",
    model: Annotated[str, typer.Option(help="linear, xgboost or combined.")] = "xgboost",
    folds: Annotated[int, typer.Option(help="Folds of the cross-validation by block.")] = 4,
    engine: EngineName = "local",
    scheduler: Scheduler = None,
    seed: Seed = 0,
) -> None:
    """Say what to record to tell some rules apart: units, checkpoints, observables, noise."""
    from rule_id.evaluation.designing import design as run
    from rule_id.evaluation.designing import read_prices
    from rule_id.reports import design_page

    folder = out or Path("reports") / corpus.resolve().name / f"design{_suffix(target)}"
    with _taken_over(engine, scheduler), _bars() as progress:
        result = run(
            corpus,
            folder,
            rules=rule or None,
            target=target,
            feature_set=feature_set,
            accuracy=accuracy,
            model=model,
            folds=folds,
            costs=read_prices(price or ()),
            seed=seed,
            progress=progress,
        )
    design_page(result).save(folder)
    typer.echo(str(result))
    typer.echo(
        f"{folder}: index.html is a page about it, design.csv has every measurement, figures/ the "
        "heat maps"
    )


@app.command()
def report(
    evaluation: Annotated[Path, typer.Argument(help="A folder that `evaluate` wrote.")],
    features: Annotated[
        Path | None, typer.Option(help="The feature table that the bundles were trained on.")
    ] = None,
    model: Annotated[
        list[Path] | None, typer.Option(help="A bundle whose features are explained; repeatable.")
    ] = None,
    corpus: Annotated[
        Path | None,
        typer.Option(
            help="The corpus that the features were made from, or a compact copy: for the "
            "trajectories behind the features that matter most."
        ),
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="What the page is about; that of the bundle, or the rule.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The report's folder; the one above the evaluation, or <target> in it where the "
            "target is not the rule."
        ),
    ] = None,
) -> None:
    """Write one self-contained HTML page: results, confusions, feature importance."""
    from rule_id.models import read_bundle
    from rule_id.reports import report as run

    bundles = [read_bundle(folder) for folder in model or ()]
    about = target or (bundles[0].target if bundles else "rule")
    # Reports of several targets of one corpus stand side by side.
    folder = out or evaluation.parent / _suffix(about).removeprefix("-")
    run(evaluation, features=features, models=bundles, corpus=corpus, target=about, out=folder)
    typer.echo(str(folder / "index.html"))


@app.command()
def identify(
    recordings: Annotated[
        list[Path],
        typer.Argument(
            help="Recordings: .npz, .h5, .mat, or folders of sessions; all .nwb files together are "
            "the sessions of one."
        ),
    ],
    model: Menu = None,
    level: Annotated[
        float, typer.Option(help="Share of simulated networks whose set holds the true class.")
    ] = 0.9,
    report: Annotated[
        Path | None,
        typer.Option(
            help="Also write the answers as a page: an .html file, or a folder that gets its "
            "figures too."
        ),
    ] = None,
    as_json: AsJson = False,
    reading: ReadingFile = None,
    signal: Signal = None,
    series: Series = None,
    event: Event = None,
    window: Window = None,
    condition: Condition = None,
    layer: LayerColumn = None,
    blocks: Blocks = None,
) -> None:
    """Say which learning rule made a recording, or what else a bundle is for, and how surely."""
    from rule_id.models import identify as run

    how = _reading(reading, signal=signal, series=series, event=event, window=window,
                   condition=condition, layer=layer, blocks=blocks)  # fmt: skip
    answers = run(recordings, model, reading=how, level=level)
    if as_json:
        for answer in answers:
            typer.echo(json.dumps(answer.to_dict()))
    else:
        typer.echo("\n\n".join(str(answer) for answer in answers))
    if report is not None:
        from rule_id.reports import identification_page

        page = identification_page(answers).save(report)
        typer.echo(f"Report: {page}", err=as_json)


@app.command()
def watch(
    recording: Annotated[
        Path, typer.Argument(help="A recording that is growing: a file, or a folder of sessions.")
    ],
    model: Menu = None,
    rate: Annotated[
        float,
        typer.Option(
            help="Share of simulated networks of which a wrong rule may ever be announced: 0.01, "
            "0.05, 0.1 or 0.2."
        ),
    ] = 0.05,
    every: Annotated[float, typer.Option(help="Seconds between two looks at the file.")] = 2.0,
    once: Annotated[
        bool, typer.Option("--once", help="End with what is there, instead of waiting for more.")
    ] = False,
    as_json: AsJson = False,
    reading: ReadingFile = None,
    signal: Signal = None,
    series: Series = None,
    event: Event = None,
    window: Window = None,
    condition: Condition = None,
    layer: LayerColumn = None,
    blocks: Blocks = None,
) -> None:
    """Follow a recording while it grows, and say when its rule may be announced."""
    from rule_id.models import watch as run

    how = _reading(reading, signal=signal, series=series, event=event, window=window,
                   condition=condition, layer=layer, blocks=blocks)  # fmt: skip
    looks = run(recording, model, reading=how, rate=rate, every=every, once=once,
                started=lambda watching: typer.echo(str(watching), err=as_json),
                waiting=lambda why: typer.echo(f"waiting: {why}", err=True))  # fmt: skip
    try:
        for look in looks:
            typer.echo(json.dumps(look.to_dict()) if as_json else str(look))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for all that is made.")] = Path("demo"),
    plan: Annotated[Path | None, typer.Option(help="A plan instead of the one that ships.")] = None,
    splits: Annotated[int, typer.Option(help="Splits of each protocol.")] = 3,
) -> None:
    """Do all of it on a small plan: simulate, features, train, evaluate, report, identify."""
    from rule_id.pipeline import demo as run

    with _bars() as progress:
        result = run(out, plan=plan, splits=splits, progress=progress)
    typer.echo(str(result.identification))
    typer.echo("")
    typer.echo(str(result.evaluation))
    typer.echo(f"Report: {result.report}")


def _reading(file: Path | None, **given: Any) -> Any:
    """Return how files are to be read: what the user said, before what a TOML file says."""
    from dataclasses import replace

    from rule_id.recordings import Reading, read_reading

    said = {name: value for name, value in given.items() if value is not None}
    return replace(read_reading(file) if file else Reading(), **said)


def _taken_over(engine: str, scheduler: str | None) -> AbstractContextManager[Any]:
    """Return a context in which folds and features are made on an engine."""
    if engine == "local" and scheduler is None:
        return nullcontext()
    from rule_id.simulation import open_engine

    return open_engine(engine, scheduler).taking_over()


def _suffix(target: str) -> str:
    """Return what names of files say of a target; nothing for the usual one."""
    return "" if target == "rule" else f"-{target.replace('_', '-')}"


@contextmanager
def _interruptible(out: Path) -> Iterator[None]:
    """Say on Ctrl-C what is kept, and end with the status that shells expect of it."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(
            f"rule-id: interrupted; {out} keeps what is done, run it again to go on", err=True
        )
        raise typer.Exit(128 + signal.SIGINT) from None


@contextmanager
def _bars() -> Iterator[Callable[[str, int, int], None]]:
    """Yield a `progress` that draws one bar for each kind of work, on standard error."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    tasks: dict[str, Any] = {}
    bars = Progress(*columns, console=Console(stderr=True))

    def progress(what: str, done: int, total: int) -> None:
        # Started late: bars without a task still print an empty line.
        bars.start()
        if what not in tasks:
            tasks[what] = bars.add_task(what, total=total)
        bars.update(tasks[what], completed=done, total=total)

    try:
        yield progress
    finally:
        if tasks:
            bars.stop()


if __name__ == "__main__":
    main()
