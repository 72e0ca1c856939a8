"""One output with two faces: the widget where there is a kernel, else something still."""

WIDGET = "application/vnd.jupyter.widget-view+json"
# Else Jupyter sets what stands between two prices as a formula.
NO_MATH = "mathjax_ignore tex2jax_ignore"
BOX = (
    "background:#FFF;color:#222;border:1px solid #CCC;padding:8px 12px;max-width:860px;"
    "line-height:1.6"
)


def with_widget(faces: dict[str, str], box) -> dict:
    """The data of an output, to be displayed raw: `faces`, a still picture or text, and the
    widget `box` if there is one. A page shows the richest face it can."""
    if box is None:
        return faces
    return faces | {WIDGET: {"version_major": 2, "version_minor": 0, "model_id": box.model_id}}
