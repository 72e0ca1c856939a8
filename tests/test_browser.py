"""The lessons' instruments as a reader meets them: JupyterLab, a browser, a slider that moves.

R1LAB_SHOTS=FOLDER keeps a picture of every instrument before and after its slider moved.
"""

import contextlib
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest
from test_notebooks import OFFLINE, ROOT, SRC, build

pytestmark = pytest.mark.slow

INSTRUMENTS = {  # a call -> which of its sliders is moved, from 0
    "widgets.rollout_browser()": 0,
    "summary = widgets.training_dashboard(records.place('dashboard'))": 0,
}
SETTINGS = {
    "@jupyterlab/notebook-extension:tracker": {
        "windowingMode": "none"
    },  # all cells are on the page
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
    "@jupyterlab/apputils-extension:notification": {"checkForUpdates": False, "fetchNews": "false"},
}
RUN = """async () => {
    const panel = jupyterapp.shell.currentWidget;
    await panel.context.ready;
    await panel.sessionContext.ready;
    await jupyterapp.commands.execute('notebook:run-all-cells');
}"""
CELLS = """() => jupyterapp.shell.currentWidget.content.widgets.filter(c => c.model.type === 'code').map(
    c => ({count: c.model.executionCount, outputs: c.model.outputs.toJSON()}))"""
FACE = """cell => Promise.all([...cell.querySelectorAll('.jp-OutputArea-output :is(img, .widget-html-content)')].map(
    async face => {
        if (face.tagName !== 'IMG') return face.innerText;
        const there = await face.decode().then(() => true, () => false);  // false: not all of it has come
        const canvas = document.createElement('canvas');
        [canvas.width, canvas.height] = [face.naturalWidth, face.naturalHeight];
        canvas.getContext('2d').drawImage(face, 0, 0);
        return there && canvas.toDataURL();
    }))"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab of this Python, fast mode, that reads and writes nothing of the user's: folder, address, token."""
    home, token = tmp_path_factory.mktemp("lab"), secrets.token_hex(8)
    (home / "notebooks").mkdir()
    for shared in ("r1lab", "data"):
        (home / shared).symlink_to(ROOT / shared)
    overrides = home / "config" / "labconfig" / "default_setting_overrides.json"
    overrides.parent.mkdir(parents=True)
    overrides.write_text(json.dumps(SETTINGS))
    own = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "share", "JUPYTER_RUNTIME_DIR": "runtime",
           "IPYTHONDIR": "ipython", "R1LAB_RUNS": "runs"}  # fmt: skip
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "JUPYTER_PATH")}
    env |= {k: str(home / v) for k, v in own.items()} | {"R1LAB_FAST": "1", "HF_HUB_OFFLINE": "1"}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = f"""--ServerApp.ip=127.0.0.1 --ServerApp.port={port} --ServerApp.port_retries=0 --ServerApp.allow_root=True
        --ServerApp.open_browser=False --IdentityProvider.token={token} --LabApp.expose_app_in_browser=True
        --LabApp.extension_manager=readonly --LabApp.news_url=None""".split()
    command = [sys.executable, "-m", "jupyterlab", *options, f"--ServerApp.root_dir={home}"]
    log, address = home / "log.txt", f"http://127.0.0.1:{port}"
    with log.open("w") as out:
        process = subprocess.Popen(command, env=env, stdout=out, stderr=out, start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while True:
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{address}/api/status?token={token}", timeout=5).close()
                break
            time.sleep(0.1)
        yield home, address, token
    finally:
        process.terminate()  # the server ends its kernels, which are in groups of their own
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


@contextlib.contextmanager
def opened(browser, lab, name, cells):
    """The page of a notebook with these cells, all of them started; a failure leaves a picture of it."""
    (home, address, token), place = lab, f"notebooks/{name}.ipynb"
    cells = [nbformat.v4.new_code_cell(OFFLINE), *cells]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=build.KERNEL), home / place)
    page = browser.new_page(viewport={"width": 1400, "height": 1200})
    page.set_default_timeout(90_000)
    asked = set()
    page.on("request", lambda request: asked.add(request.url))
    try:
        page.goto(f"{address}/lab/tree/{place}?reset&token={token}")
        page.wait_for_function(
            f"window.jupyterapp?.shell.currentWidget?.context?.path === '{place}'"
        )
        page.evaluate(f"window.ended = false; void ({RUN})().finally(() => window.ended = true)")
        yield page
        assert not [url for url in asked if not url.startswith((address, "data:", "blob:"))]
    except Exception as problem:
        shot = home / f"{name}.png"
        page.screenshot(path=shot)
        raise AssertionError(f"{problem}\nthe page at that moment: {shot}") from problem
    finally:
        page.close()


def wait_until_all_ran(page):
    page.wait_for_function("window.ended")
    ran = page.evaluate(CELLS)
    outputs = [output for cell in ran for output in cell["outputs"]]
    assert not [o for o in outputs if o["output_type"] == "error" or o.get("name") == "stderr"]
    assert [cell["count"] for cell in ran] == list(range(1, len(ran) + 1)), "not every cell has run"


def move_a_slider(page, call, number):
    """A step to the right shows another picture or text, a step back the first one again."""
    cell = page.locator(".jp-CodeCell", has_text=call)
    handle = cell.locator(".noUi-handle").nth(number)
    handle.scroll_into_view_if_needed()
    faces = []
    for key, good in (
        ("", lambda face: face == cell.evaluate(FACE)),  # it is at rest
        ("ArrowRight", lambda face: face != faces[0]),
        ("ArrowLeft", lambda face: face == faces[0]),
    ):
        if key:
            handle.press(key)
        deadline = time.monotonic() + 20
        while not (any(face := cell.evaluate(FACE)) and False not in face and good(face)):
            assert time.monotonic() < deadline, f"{call}: slider {number} {key}: wrong face"
            page.wait_for_timeout(100)
        faces.append(face)
        if "R1LAB_SHOTS" in os.environ:
            name = "-".join([*re.findall(r"\w+", call), str(len(faces))])
            cell.screenshot(path=Path(os.environ["R1LAB_SHOTS"]) / f"{name}.png")


def instruments(*calls):
    """Cells that make the kernel ready as a lesson does, and one for each of these calls."""
    setup = build.read(SRC / "TEMPLATE.py").cells[1].source
    ready = f"assert sys.executable == {sys.executable!r}\nfrom r1lab import records, widgets"
    return [nbformat.v4.new_code_cell(code) for code in (setup, ready, *calls)]


@pytest.mark.slow
def test_the_first_lesson_runs_and_its_instrument_moves(browser, lab):
    lesson = build.read(SRC / "00_start_here.py")
    with opened(browser, lab, "00_start_here", lesson.cells) as page:
        wait_until_all_ran(page)
        move_a_slider(page, "widgets.rollout_browser()", 0)


@pytest.mark.slow
def test_a_slider_of_every_instrument_moves_what_it_shows(browser, lab):
    with opened(browser, lab, "instruments", instruments(*INSTRUMENTS)) as page:
        wait_until_all_ran(page)
        for call, number in INSTRUMENTS.items():
            move_a_slider(page, call, number)


@pytest.mark.slow
def test_the_playground_lives_in_the_lab_without_its_kernel(browser, lab):
    call = "widgets.advantage_playground()"
    with opened(browser, lab, "playground", instruments(call)) as page:
        wait_until_all_ran(page)
        cell = page.locator(".jp-CodeCell", has_text=call)
        cell.locator("rect.now").first.wait_for()
        assert cell.locator("rect.ghost").count() == 0
        cell.locator("[data-row='1']").click()
        assert "GRPO: 3 of 8 right" in cell.locator(".claim").inner_text()
        assert cell.locator("rect.ghost").count() == 24


@pytest.mark.slow
def test_the_dashboards_button_stops_a_run_at_work(browser, lab):
    call = "summary = widgets.training_dashboard(records.place('stopped'), steps=500)"
    with opened(browser, lab, "stopped", instruments(call)) as page:
        cell = page.locator(".jp-CodeCell", has_text=call)
        cell.locator(".widget-html-content", has_text="min left").wait_for()
        cell.locator("button", has_text="Stop").click()
        page.wait_for_function("window.ended", timeout=10_000)
        assert page.evaluate(CELLS)[-1]["outputs"][-1]["ename"] == "Stopped"
