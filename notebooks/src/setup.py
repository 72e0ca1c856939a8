import pathlib
import shutil
import subprocess
import sys

HOME = pathlib.Path("/content/r1lab")  # the course, where Colab keeps a copy
if "google.colab" in sys.modules and not (HOME / "r1lab").is_dir():
    part = HOME.with_suffix(".part")  # renamed when whole, so HOME is never half a copy
    shutil.rmtree(part, ignore_errors=True)
    address = "@CLONE@"
    clone = ["git", "clone", "-q", "--depth", "1", address, str(part)]
    subprocess.run(clone, check=True)
    part.rename(HOME)
for folder in [pathlib.Path.cwd(), *pathlib.Path.cwd().parents, HOME]:
    if (folder / "r1lab" / "machine" / "colab.py").is_file():
        sys.path.insert(0, str(folder))
        break
import r1lab.machine.colab  # before torch, which then lets idle threads sleep

r1lab.machine.colab.set_up()  # installs what Colab lacks; elsewhere does nothing
