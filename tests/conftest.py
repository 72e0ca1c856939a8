"""No test reaches the network: the hub is offline and sockets connect only to this machine."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
if "PYTEST_XDIST_WORKER" in os.environ:  # a process a core already
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import shutil
import socket

import pytest
from helpers import tiny_model, words

_connect = socket.socket.connect


def _local_only(self, address):
    host = address[0] if isinstance(address, tuple) else "local"
    if host not in ("127.0.0.1", "::1", "localhost", "local"):
        raise AssertionError(f"a test tried to reach {host}")
    return _connect(self, address)


socket.socket.connect = _local_only


@pytest.fixture
def model():
    return tiny_model()


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """SmolLM2's architecture at toy width, as a folder that `--base` takes."""
    folder = tmp_path_factory.mktemp("toy")
    built = tiny_model("llama", vocabulary=len(words()))
    built.config.max_position_embeddings = 2048
    built.save_pretrained(folder)
    words().save_pretrained(folder)
    return folder


CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
QUIET = (
    "--disable-gpu", "--disable-quic", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser():
    """Chromium (Debian: `apt-get install chromium`). Without one a test skips; with
    R1LAB_BROWSER=1, as in CI, it fails."""
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        no = pytest.fail if os.environ.get("R1LAB_BROWSER") == "1" else pytest.skip
        no("no Chromium here: install one, on Debian by `apt-get install chromium`")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield chromium
        chromium.close()
