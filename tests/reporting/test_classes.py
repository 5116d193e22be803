from __future__ import annotations

from dataclasses import replace

import pytest

from vpns_hf.reporting import ClassRecord, Results, ViewAccuracy, most_lost, results_table, write_report

DENSE = {"cat": 0.9, "dog": 0.8, "owl": 0.7}


def classes(prompted: dict[str, float], plain: dict[str, float]) -> list[ClassRecord]:
    return [ClassRecord(name, 50, ViewAccuracy(prompted[name], plain[name])) for name in plain]


def of_classes(results: Results, prompted: dict[str, float], by_default: bool = True) -> Results:
    """Results of the last run alone, in which classes without the prompt are as in the dense model."""
    dense = replace(results.dense, classes=classes(dict.fromkeys(DENSE), DENSE))
    run = replace(results.runs[-1], classes=classes(prompted, DENSE), prompt_at_inference=by_default)
    return replace(results, dense=dense, runs=[run])


def test_the_class_that_lost_most_is_told(results):
    found = of_classes(results, {"cat": 0.9, "dog": 0.2, "owl": 0.6})
    assert str(most_lost(found.runs[0], found)) == "dog: 80.00% to 20.00% of 50 images"
    assert "\n\nLost most at 95.5% sparsity: dog: 80.00% to 20.00% of 50 images." in results_table(found)


def test_the_view_that_is_taken_by_default_counts(results):
    found = of_classes(results, {"cat": 0.9, "dog": 0.2, "owl": 0.6}, by_default=False)
    assert most_lost(found.runs[0], found) is None
    assert "Lost most" not in results_table(found)


def test_no_class_lost(results):
    found = of_classes(results, {"cat": 0.9, "dog": 0.9, "owl": 0.7})
    assert most_lost(found.runs[0], found) is None


@pytest.mark.slow
def test_nothing_is_recorded_of_classes(results, tmp_path):
    assert most_lost(results.runs[0], results) is None
    write_report(results, tmp_path)
    assert "by class" not in (tmp_path / "results.md").read_text()


@pytest.mark.slow
def test_the_report_lists_those_first_that_lost_most(results, tmp_path):
    found = of_classes(results, {"cat": 0.6, "dog": 0.2, "owl": 0.75})
    run = replace(found.runs[0], accuracy=ViewAccuracy(0.5, 0.9))
    write_report(replace(found, runs=[run]), tmp_path)
    report = (tmp_path / "results.md").read_text()
    assert "\n## Accuracy by class, in the view that each model takes by default\n" in report
    lines = report[report.index("## Accuracy by class") :].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert rows[0] == ["Class", "Images", "Dense %", "95.5% sparse"]
    assert rows[2:] == [
        ["dog", "50", "80.00", "20.00 (-60.00)"],
        ["cat", "50", "90.00", "60.00 (-30.00)"],
        ["owl", "50", "70.00", "75.00 (+5.00)"],
    ]


@pytest.mark.slow
def test_classes_without_images_are_named_below(results, tmp_path):
    found = of_classes(results, {"cat": 0.6, "dog": 0.2, "owl": 0.75})
    unseen = [ClassRecord(name, 0, ViewAccuracy()) for name in ("ant", "bee")]
    dense, run = (replace(each, classes=[*each.classes, *unseen]) for each in (found.dense, found.runs[0]))
    write_report(replace(found, dense=dense, runs=[run]), tmp_path)
    report = (tmp_path / "results.md").read_text()
    assert "\n\nNot measured, as the test split has no image of them: ant, bee.\n" in report
    assert "| ant" not in report


def test_a_stroke_in_the_name_of_a_class_ends_no_cell_of_a_file(results, tmp_path):
    found = [ClassRecord("cat|dog", 50, ViewAccuracy(0.5, 0.9))]
    run = replace(results.runs[0], classes=found, history=[])
    write_report(replace(results, dense=replace(results.dense, classes=found), runs=[run]), tmp_path)
    assert "\n| cat\\|dog |     50 |" in (tmp_path / "results.md").read_text()


@pytest.mark.slow
def test_of_many_classes_twenty_are_listed(results, tmp_path):
    many = [ClassRecord(f"class {number}", 1, ViewAccuracy(0.0, 1.0)) for number in range(23)]
    found = replace(results, dense=replace(results.dense, classes=many), runs=[replace(results.runs[0], classes=many)])
    write_report(found, tmp_path)
    report = (tmp_path / "results.md").read_text()
    assert report.count("| class ") == 20
    assert "The other 3 classes lost less." in report
