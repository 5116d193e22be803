"""What is shown of one model."""

from __future__ import annotations

from dataclasses import replace

from PIL import Image

from tests.browse.made_up import found_in, made_up_run
from vpns_hf.browse import card_text, details_of, loading_code
from vpns_hf.reporting import EpochRecord, ViewAccuracy, ViewLoss


def test_the_figures_of_a_model(found):
    html = details_of(found.by_key["a/sparsity-50"])
    for text in ("89.50%", "87.50%", "90.00%", "500 of 1,000", "2.5 k (50.00%)", "vpns, by weight, seed 7", "5 ms"):
        assert text in html
    assert "vpns prune --output_dir" in html
    assert "Training" not in html


def test_a_model_without_a_prompt_says_so(found):
    html = details_of(found.by_key["snip/sparsity-70"])
    assert "no prompt" in html
    assert "<img" not in html


def test_curves_and_prompt_are_there_where_they_were_recorded(tmp_path):
    epochs = [
        EpochRecord("finetune", n, ViewLoss(1 / n, 2 / n), 0.5, 0.1, 1.0, ViewAccuracy(None, n / 9)) for n in (1, 2)
    ]
    [model] = found_in(tmp_path, {"a": [made_up_run(0.5, 0.8, history=epochs)]}).models
    (model.folder / "plots").mkdir()
    Image.new("RGB", (2, 2)).save(model.folder / "plots/prompt.png")
    html = details_of(model)
    assert html.count("<polyline") == 3
    assert "Training (finetune)" in html
    assert 'src="data:image/png;base64,' in html


def test_the_lines_that_load_it_are_five(found):
    model = found.by_key["a/sparsity-50"]
    code = loading_code(model)
    assert len(code.splitlines()) == 5
    compile(code, "code", "exec")
    assert repr(str(model.folder)) in code
    assert "'vpns/net'" in loading_code(replace(model, repo_id="vpns/net"))


def test_a_card_loses_its_header_and_every_picture(tmp_path):
    [model] = found_in(tmp_path, {"a": [made_up_run(0.5, 0.8)]}).models
    assert card_text(model) == "There is no card."
    text = "---\ntags: [a]\n---\n# Card\n![x](https://evil.example/a.png) text <IMG src='http://evil.example'>\n---\nend\n"
    (model.folder / "README.md").write_text(text)
    assert card_text(model) == "# Card\n text \n---\nend"


def test_a_card_loses_links_to_files_beside_it(tmp_path):
    [model] = found_in(tmp_path, {"a": [made_up_run(0.5, 0.8)]}).models
    text = "[a](recipe.yaml) [b](https://b.example) <a href='plots/x.png'>c</a> [d][r]\n[r]: ./recipe.yaml\n[s]: https://s.example\n"
    (model.folder / "README.md").write_text(text)
    assert card_text(model) == "a [b](https://b.example) c [d][r]\n\n[s]: https://s.example"


def test_a_prompt_plot_that_is_no_picture_is_left_out(tmp_path):
    [model] = found_in(tmp_path, {"a": [made_up_run(0.5, 0.8)]}).models
    (model.folder / "plots").mkdir()
    (model.folder / "plots/prompt.png").write_bytes(b"no picture")
    assert "What the prompt adds" not in details_of(model)
    (model.folder / "plots/prompt.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert "What the prompt adds" in details_of(model)
