from __future__ import annotations

import json

import pytest

from tests.reporting.comparison.compared import compared, over_seeds
from vpns_hf.errors import InputError
from vpns_hf.reporting.comparison import comparison_tables, is_comparison, write_comparison

OTHER = {"dataset_name": "an/other"}


@pytest.mark.slow
def test_everything_is_written_each_setting_with_plots_of_its_own(tmp_path):
    runs = [
        *over_seeds("vpns", {7: 0.9, 9: 0.92}),
        *over_seeds("omp", {7: 0.8, 9: 0.81}),
        compared("vpns", 0.7, options=OTHER),
    ]
    write_comparison(runs, tmp_path / "made" / "out")
    out = tmp_path / "made" / "out"
    written = json.loads((out / "results.json").read_text())
    first = written["runs"][0]
    assert (first["axes"], first["job"]) == ({"method": "vpns", "seed": "7"}, "vpns-7")
    assert (first["accuracy"]["plain"], first["dense"]["passes"]) == (0.9, 60)
    net_on_data, other = written["settings"]
    assert (other["dataset"], other["differences"]) == ("an/other", [])
    [difference] = net_on_data["differences"]
    assert difference["interval"]["mean"] == pytest.approx(0.105)
    assert [line["is_best"] for line in net_on_data["cells"][0]["lines"]] == [True, False]
    assert (out / "results.csv").read_text().count("\n") == 6
    assert (out / "table.tex").read_text().count(r"\begin{table}") == 4
    report = (out / "results.md").read_text()
    assert "+10.50 [" in report
    pictures = sorted(path.relative_to(out).as_posix() for path in out.glob("plots/*/*"))
    assert pictures == [
        f"plots/{place}/accuracy_against_sparsity.{kind}"
        for place in ("1-net-data", "2-net-an-other")
        for kind in ("pdf", "png")
    ]
    assert all(f"({path})" in report for path in pictures if path.endswith("png"))


def test_an_earlier_comparison_is_replaced_but_the_results_of_a_job_are_not(tmp_path, monkeypatch):
    monkeypatch.setattr("vpns_hf.reporting.comparison.write.write_pictures", lambda *_: {})
    for name in ("density_by_layer_95.5.png", "1-net/mask_agreement_90.pdf", "mine.png"):
        (tmp_path / "plots" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "plots" / name).touch()
    for accuracy in (0.9, 0.8):
        write_comparison([compared("vpns", accuracy)], tmp_path)
    assert json.loads((tmp_path / "results.json").read_text())["runs"][0]["accuracy"]["plain"] == 0.8
    assert is_comparison(tmp_path)
    assert [path.name for path in tmp_path.rglob("plots/**/*.*")] == ["mine.png"]
    (tmp_path / "results.json").write_text(json.dumps({"dense": {}, "runs": []}))
    assert not is_comparison(tmp_path)
    with pytest.raises(InputError, match="not of a comparison and would be replaced; give another --output_dir"):
        write_comparison([compared("vpns", 0.9)], tmp_path)


@pytest.mark.parametrize("name", ["results.csv", "results.md", "table.tex"])
def test_a_file_of_somebody_else_is_not_replaced(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(InputError, match=f"{name} is not of a comparison and would be replaced"):
        write_comparison([compared("vpns", 0.9)], tmp_path)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


def test_a_stroke_ends_no_cell_of_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr("vpns_hf.reporting.comparison.write.write_pictures", lambda *_: {})
    runs = [compared("vpns", 0.9, options={"split": split}) for split in ("a|b", "c")]
    write_comparison(runs, tmp_path)
    assert r"| vpns, split a\|b |" in (tmp_path / "results.md").read_text()
    assert "| vpns, split a|b |" in comparison_tables(runs)
