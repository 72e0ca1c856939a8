"""The drawing of lesson 06: who writes what a student learns from, and who says what of it."""

from matplotlib.patches import Rectangle

from r1lab.plots import BLUE, GREY, ORANGE

STUDENT, TEACHER = "#D6E6F2", "#F5D7A1"  # who wrote a token
TOKENS = ("13-5=8", "8*4=32", "no;", "8+4=12", "no;", "13+5=18", "yes.")
ROWS = (  # name, who writes, what is said of each token, who says it
    ("imitation", TEACHER, (1.0,) * 7, "every token: be likelier"),
    ("reinforcement learning", STUDENT, (None,) * 6 + (1.0,), "one number, at the end"),
    (
        "on policy",
        STUDENT,
        (0.3, -0.9, 0.1, -0.4, 0.2, 0.8, 0.1),
        "a number a token, the teacher's",
    ),
)


def ways_to_teach(axis) -> None:
    """Three ways to teach one model: a row each, a box a token, coloured by who wrote it; the bar
    over a token is what is said of it, upwards where it shall be likelier."""
    for y, (name, writer, said, words) in enumerate(ROWS):
        axis.text(-0.3, y + 0.15, name, ha="right", va="center")
        for x, (token, value) in enumerate(zip(TOKENS, said, strict=True)):
            axis.add_patch(Rectangle((x, y), 0.94, 0.3, facecolor=writer, edgecolor=GREY))
            axis.text(x + 0.47, y + 0.15, token, ha="center", va="center", fontsize=8)
            if value is not None:  # the bar stands clear of the box
                colour = BLUE if value > 0 else ORANGE
                axis.bar(x + 0.47, -0.22 * value, 0.3, bottom=y - 0.27, color=colour)
        axis.text(len(TOKENS) + 0.2, y + 0.15, words, va="center", fontsize=9)
    for x, (colour, who) in enumerate(
        ((TEACHER, "the teacher wrote"), (STUDENT, "the student wrote"))
    ):
        axis.add_patch(Rectangle((3.4 * x, 2.75), 0.4, 0.2, facecolor=colour, edgecolor=GREY))
        axis.text(3.4 * x + 0.55, 2.85, who, va="center", fontsize=9)
    axis.set(xlim=(-3.4, len(TOKENS) + 4.2), ylim=(3.05, -0.5), xticks=[], yticks=[])
    axis.grid(False)
    axis.spines[:].set_visible(False)
