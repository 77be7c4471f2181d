"""``--plots``: the figures of papers as SVG and PNG, equal inputs as equal files."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from instraug.tasks.lengths_picture import bins, draw
from tests.commandline import failed, instraug_here
from tests.runs import compared_file, run_folder, scores_file
from tests.sets import built, choice_row

pytest.importorskip("matplotlib", reason="needs the extra report")

NAMES = ("gain_by_instance_text", "lengths", "score_by_epsilon", "yield_by_temperature")


@pytest.mark.slow
def test_all_four_are_drawn_the_same_every_time(tmp_path: Path) -> None:
    """Lengths, score against epsilon, gain against instance text, yield against temperature."""
    from PIL import Image

    paths: list[Path] = [run_folder(tmp_path / "out", rewrites=9)]
    for number, epsilon in enumerate((1.0, 0.5)):
        folder = tmp_path / str(number)
        folder.mkdir()
        used = list(built(folder, [choice_row(i) for i in range(3)], epsilon=epsilon).used)
        paths += [folder / "out.jsonl", scores_file(folder / "s.json", {"choice": used})]
    paths.append(compared_file(tmp_path / "ab.json", {"choice": used}))
    given = [*paths, "--tasks", tmp_path / "0" / "tasks"]
    for name in ("a", "b", "b"):
        done = instraug_here("report", *given, "--plots", tmp_path / name)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
    made = {p.name: p.read_bytes() for p in (tmp_path / "a").iterdir()}
    assert set(made) == {f"{name}.{kind}" for name in NAMES for kind in ("svg", "png")}
    assert made == {p.name: p.read_bytes() for p in (tmp_path / "b").iterdir()}
    for name in NAMES:
        ElementTree.parse(tmp_path / "a" / f"{name}.svg")  # noqa: S314 - our own file
        with Image.open(tmp_path / "a" / f"{name}.png") as picture:
            assert picture.size[0] > 1000


def test_a_figure_without_data_is_named(tmp_path: Path) -> None:
    """What a figure would need is said, and nothing is drawn of it."""
    out = run_folder(tmp_path / "out", rewrites=1)
    done = instraug_here("report", out, "--plots", tmp_path / "plots")
    assert done.returncode == 0
    assert "score_by_epsilon: not drawn; it needs two built sets" in done.stderr
    kinds = {p.stem for p in (tmp_path / "plots").iterdir()}
    assert kinds == {"lengths", "yield_by_temperature"}


def test_figures_replace_no_other_file(tmp_path: Path) -> None:
    """A file of that name that no report made stays."""
    out = run_folder(tmp_path / "out")
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "lengths.svg").write_text("mine")
    failed(instraug_here("report", out, "--plots", tmp_path / "plots"), 2, "is there already")


def test_two_distributions_share_their_bins() -> None:
    """Each adds up to one, whatever its number of texts, and no text is lost."""
    found = bins({3: 1, 90: 1}, {5: 300, 7: 100})
    assert sum(b.before for b in found) == pytest.approx(1)
    assert sum(b.after for b in found) == pytest.approx(1)
    assert len(found) <= 24
    assert found[0].first == 3
    assert found[-1].last >= 90
    assert bins({}, {}) == []
    ElementTree.fromstring(draw({}, {}))  # noqa: S314 - our own text
