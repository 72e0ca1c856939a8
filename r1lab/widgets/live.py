"""One output with two faces: the widget where there is a kernel, else something still."""

from IPython.display import display

WIDGET = "application/vnd.jupyter.widget-view+json"


def show_live(faces: dict[str, str], box, **options) -> None:
    """One output of two faces: the widget `box` where there is a kernel, else `faces`, a still
    picture or text. options: of IPython's display."""
    if box is not None:
        faces = faces | {WIDGET: {"version_major": 2, "version_minor": 0, "model_id": box.model_id}}
    display(faces, raw=True, **options)
