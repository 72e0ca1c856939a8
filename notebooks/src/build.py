"""Make the lessons: `python notebooks/src/build.py 02` or `all`; `--check` runs nothing.

A lesson is written in `src/NN_name.py` (percent format: cells begin with `# %%`, text with
`# %% [markdown]`). Building reads it, puts in what must be the same everywhere (see `stamp`),
runs it from top to bottom in a fresh kernel and writes `notebooks/NN_name.ipynb` with what
came out. `--check` says whether every notebook still has the text of its source. Jupytext's
own pairing is not used: its cell ids change with every conversion.
"""

import argparse
import json
import os
import re
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

REPOSITORY = "r1lab/r1lab"  # owner/name on GitHub: the one place to change it
SRC = Path(__file__).resolve().parent
NOTEBOOKS = SRC.parent
BUILT = SRC / "built.json"  # measured minutes of each lesson
SETUP = SRC / "setup.py"  # the second cell of every lesson
KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
WIDGET = "application/vnd.jupyter.widget-view+json"
KEPT = {"image/png", "text/plain", "text/html", "text/markdown"}


def lessons() -> list[Path]:
    """The sources of all lessons, in order."""
    return sorted(SRC.glob("[0-9][0-9]_*.py"))


def target(source: Path) -> Path:
    """The notebook of a source."""
    return NOTEBOOKS / f"{source.stem}.ipynb"


def stamp(text: str, stem: str, repository: str = REPOSITORY) -> str:
    """Put the set-up, addresses and measured minutes in the place of # @SETUP@, @COLAB@, @CLONE@
    and @MINUTES@."""
    built = json.loads(BUILT.read_text()).get(stem) if BUILT.exists() else None
    minutes = "not measured yet"
    if built:
        minutes = (
            f"{built['minutes']:.1f} min on {built['cores']} cores, "
            f"{built['threads']} thread, measured {built['date']}"
        )
    github = f"https://colab.research.google.com/github/{repository}"
    text = text.replace("# @SETUP@", SETUP.read_text(encoding="utf-8").rstrip())
    text = text.replace("@COLAB@", f"{github}/blob/main/notebooks/{stem}.ipynb")
    text = text.replace("@CLONE@", f"https://github.com/{repository}")
    return text.replace("@MINUTES@", minutes)


def read(source: Path, repository: str = REPOSITORY) -> nbformat.NotebookNode:
    """The notebook of a source as it should be before it runs: stable ids, plain metadata."""
    notebook = jupytext.reads(source.read_text(encoding="utf-8"), fmt="py:percent")
    notebook.metadata = nbformat.from_dict(KERNEL)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for i, cell in enumerate(notebook.cells, start=1):
        cell.id = f"{source.stem[:2]}-{i:03d}"
        cell.source = stamp(cell.source, source.stem, repository)
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
    return notebook


def run(notebook: nbformat.NotebookNode, timeout: int = 600) -> nbformat.NotebookNode:
    """Run all cells in a fresh kernel, as JupyterLab would: from the notebook's folder."""
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        resources={"metadata": {"path": str(NOTEBOOKS)}},
        store_widget_state=False,
        record_timing=False,
    )
    with (
        tempfile.TemporaryDirectory() as fresh
    ):  # no run of an earlier time to go on with
        os.environ["R1LAB_RUNS"] = fresh
        return client.execute()


def clean(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Keep what a reader sees: text and pictures. A widget keeps its picture only."""
    notebook.metadata = nbformat.from_dict(KERNEL)
    for cell in notebook.cells:
        outputs = []
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and outputs:
                last = outputs[-1]
                if last.output_type == "stream" and last.name == output.name:
                    last.text += output.text
                    continue
            if "data" in output:
                output.data = {k: v for k, v in output.data.items() if k in KEPT}
                output.metadata.pop(WIDGET, None)
            outputs.append(output)
        if cell.cell_type == "code":
            cell.outputs = outputs
    return notebook


def build(source: Path) -> None:
    """Run a lesson in full and write its notebook. Raises RuntimeError on a warning."""
    if os.environ.get("R1LAB_FAST") == "1":
        raise RuntimeError("unset R1LAB_FAST: a built notebook shows the full run")
    os.environ["HF_HUB_OFFLINE"] = "1"  # a lesson downloads nothing
    os.environ.pop("PYTHONPATH", None)  # the set-up cell must find the package itself
    start = time.monotonic()
    done = clean(run(read(source)))
    for cell in done.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and output.name == "stderr":
                raise RuntimeError(f"cell {cell.id} writes to stderr: {output.text}")
    built = json.loads(BUILT.read_text()) if BUILT.exists() else {}
    built[source.stem] = {
        "minutes": round((time.monotonic() - start) / 60, 1),
        "cores": os.cpu_count(),
        "threads": os.environ.get("OMP_NUM_THREADS", os.cpu_count()),
        "date": date.today().isoformat(),
    }
    BUILT.write_text(json.dumps(dict(sorted(built.items())), indent=1) + "\n")
    for cell, again in zip(done.cells, read(source).cells, strict=True):
        cell.source = again.source  # with the minutes just measured
    nbformat.validate(done)
    nbformat.write(done, target(source))
    print(f"{target(source).name}: {built[source.stem]['minutes']} min")


def differences(source: Path) -> list[str]:
    """What a notebook has that its source has not, a line each; empty if they agree."""
    path = target(source)
    if not path.exists():
        return [
            f"{path.name} is missing: python notebooks/src/build.py {source.stem[:2]}"
        ]
    wanted, there = read(source).cells, nbformat.read(path, as_version=4).cells
    if len(wanted) != len(there):
        return [
            f"{path.name} has {len(there)} cells, its source {len(wanted)}: build it"
        ]
    return [
        f"{path.name}, cell {a.id}: differs from its source: build it"
        for a, b in zip(wanted, there, strict=True)
        if (a.id, a.cell_type, a.source) != (b.id, b.cell_type, b.source)
    ]


def solutions(notebook: nbformat.NotebookNode) -> dict[str, tuple[str, str]]:
    """Number of an exercise -> (code of its folded solution, its check cell's code)."""
    found = {}
    for cell in notebook.cells:
        match = re.match(
            r"<details><summary>Solution (\d\d\.\d+)</summary>", cell.source
        )
        if match and "```python" in cell.source:
            code = re.search(r"```python\n(.*?)```", cell.source, re.S)[1]
            number = match[1]
            call = next(
                c.source
                for c in notebook.cells
                if c.cell_type == "code" and f'checks.check("{number}"' in c.source
            )
            found[number] = (code, call)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lesson", nargs="?", help="number of a lesson, or `all`")
    parser.add_argument("--check", action="store_true", help="compare, run nothing")
    options = parser.parse_args()
    if options.check:
        found = [line for source in lessons() for line in differences(source)]
        print("\n".join(found) or f"{len(lessons())} lessons agree with their sources")
        return bool(found)
    if not options.lesson:
        parser.error("give the number of a lesson, `all` or --check")
    chosen = [s for s in lessons() if options.lesson in ("all", s.stem[:2])]
    if not chosen:
        parser.error(f"no lesson {options.lesson}")
    for source in chosen:
        build(source)
    return 0


if __name__ == "__main__":
    sys.exit(main())
