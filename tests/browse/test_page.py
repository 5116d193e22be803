"""The page in a real browser."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Locator, expect
from transformers import pipeline

from tests.browse.chromium import PATIENCE, Window, chromium
from tests.browse.made_up import made_up_run, write_job
from tests.helpers import tiny_model
from tests.hub.runs import write_run
from vpns_hf import InputError, VPNsForImageClassification
from vpns_hf.browse import Address, load, models_below, served
from vpns_hf.hub import Examples
from vpns_hf.jobs.output import save_model
from vpns_hf.reporting import Results

pytestmark = [
    pytest.mark.slow,  # a browser and a server
    pytest.mark.filterwarnings("ignore:(The copy keyword|'future.no_silent_downcasting') is deprecated"),  # Gradio's
]

FIRST, SECOND, MADE_UP = "real/sparsity-40", "real/sparsity-70", "snip/sparsity-50"
DENSE = "dense-reference/60-passes"
TABS = ("Overview", "Model", "Try", "Compare")
expect.set_options(timeout=PATIENCE)


@dataclass(frozen=True)
class Site:
    """A page that is served: its address, the folder it shows, and the places that this process connected to."""

    address: str
    folder: Path
    connections: list[str]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    """Two models that can be loaded, with examples and a dense one, and one of another method whose weights are gone."""
    folder = tmp_path_factory.mktemp("site")
    write_run(
        folder / "real", tiny_model(), {0.4: 0.9528, 0.7: 0.8417}, model="timm/resnet18.tv_in1k", dataset="cifar100"
    )
    Examples(np.random.default_rng(0).integers(0, 256, (2, 3, 16, 16), dtype=np.uint8), ["cat", "owl"]).write(
        folder / "real"
    )
    keep_dense(folder / "real", tiny_model(visual_prompt="none"))
    write_job(folder / "snip", [made_up_run(0.5, 0.7, method="snip", seed=9)], dataset="uoft-cs/cifar10")
    (folder / MADE_UP / "model.safetensors").unlink()
    (folder / "__init__").mkdir()
    (folder / "__init__/results.json").write_text("{")
    connections: list[str] = []
    sys.addaudithook(lambda event, args: connections.append(str(args[1])) if event == "socket.connect" else None)
    with served(models_below(folder), load) as address:
        yield Site(address, folder, connections)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def window(browser) -> Iterator[Window]:
    with Window.of(browser) as window:
        yield window


def keep_dense(job: Path, model: VPNsForImageClassification) -> None:
    """Saves a dense model in the folder of a job, and has its results tell so."""
    save_model(model, job / DENSE)
    results = Results.load(job / "results.json")
    replace(results, dense=replace(results.dense, path=DENSE)).save(job / "results.json")


def dots(window: Window) -> Locator:
    return window.page.locator(".vp-dot")


def test_it_loads_without_an_error_and_asks_nobody_else(site, window):
    window.open(site.address)
    expect(dots(window)).to_have_count(3)
    expect(window.page.get_by_role("row")).to_have_count(4)
    for name in TABS:
        window.tab(name)
    assert window.errors == []
    assert window.requests
    assert [asked for asked in window.requests if not asked.startswith((site.address, "data:", "blob:"))] == []
    assert [place for place in site.connections if "127.0.0.1" not in place] == []


def test_the_browser_refuses_what_leads_elsewhere(site, window):
    window.open(site.address)
    window.page.evaluate("document.body.append(Object.assign(new Image(), {src: 'http://192.0.2.1/a.png'}))")
    expect(window.page.locator("img[src^='http://192']")).to_be_attached()
    assert [error for error in window.errors if "Content Security Policy" in error]


def test_filters_and_axis_change_the_chart_and_the_address_brings_them_back(site, window):
    window.open(site.address)
    method = window.page.get_by_label("Method")
    method.click()
    window.page.get_by_role("option", name="snip").click()
    expect(dots(window)).to_have_count(1)
    window.page.get_by_role("radio", name="Latency, batch of 1").check()
    expect(window.page.locator("figcaption")).to_contain_text("Latency, batch of 1")
    window.page.get_by_role("button", name="Seed").click()
    expect(window.page).to_have_url(re.compile(r"\?method=snip&axis=latency&sort=seed$"))
    window.open(window.page.url)
    expect(dots(window)).to_have_count(1)
    expect(window.page.get_by_role("radio", name="Latency, batch of 1")).to_be_checked()
    expect(window.page.locator("th[aria-sort=ascending]")).to_have_text("Seed ▲")


def test_the_smallest_model_near_its_dense_one_is_three_clicks_away(site, window):
    window.open(site.address)
    window.page.get_by_label("Accuracy", exact=True).click()
    window.page.get_by_role("option", name="1 point below").click()
    window.page.get_by_role("button", name="Size").click()
    expect(window.page.locator("tbody tr")).to_have_count(1)
    window.page.locator("tbody a").first.click()
    expect(window.page.get_by_role("heading", name=FIRST)).to_be_visible()


def test_what_is_left_out_is_told_as_it_is_written(site, window):
    window.open(site.address)
    window.page.get_by_role("button", name="1 left out").click()
    expect(window.page.get_by_text(f"{site.folder}/__init__/results.json holds no results")).to_be_visible()


def test_a_click_on_a_point_opens_its_model(site, window):
    window.open(site.address)
    window.page.locator(f".vp-dot[data-model='{SECOND}']").click()
    expect(window.page.get_by_role("heading", name=SECOND)).to_be_visible()
    expect(window.page.locator(".vp-figures")).to_contain_text("84.17%")
    window.page.get_by_role("button", name="Copy").first.click()
    expect(window.page.get_by_role("button", name="Copied")).to_be_visible()
    window.page.get_by_role("button", name="Add to the comparison").click()
    expect(window.page.get_by_text("Choose two models or more.")).to_be_visible()
    expect(window.page).to_have_url(re.compile(f"tab=compare&model={SECOND}&compared={SECOND}$"))


def test_two_models_and_the_dense_one_classify_a_picture_as_the_pipeline_does(site, window, tmp_path):
    image = Image.fromarray(np.random.default_rng(3).integers(0, 256, (40, 30, 3), dtype=np.uint8))
    image.save(tmp_path / "picture.png")
    window.open(f"{site.address}?tab=try&tried={FIRST}&tried={SECOND}")
    window.page.locator("input[type=file]").set_input_files(tmp_path / "picture.png")
    cards = window.page.locator(".vp-card")
    expect(cards).to_have_count(3)
    for card, key in zip(cards.all(), (f"real/{DENSE}", FIRST, SECOND), strict=True):
        expect(card.get_by_role("heading", name=key)).to_be_visible()
        expect(card.locator("img")).to_have_count(1 if DENSE in key else 2)
        classify = pipeline("image-classification", model=str(site.folder / key))
        by_default = card.locator(".vp-view").filter(
            has_text="Without the prompt" if DENSE in key else "as by default"
        )
        shown = by_default.locator("tr").all_inner_texts()
        told = [[one["label"], f"{100 * one['score']:.2f}%"] for one in classify(image, top_k=5)]
        assert [row.split() for row in shown] == told
    assert not list(Path(tempfile.gettempdir()).glob("vpns-browse-*/**/picture.png"))


def test_what_cannot_be_read_or_loaded_is_one_line(site, window, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    window.open(f"{site.address}?tab=try&tried={FIRST}&tried={MADE_UP}")
    window.page.locator("input[type=file]").set_input_files(tmp_path / "broken.png")
    expect(window.page.get_by_role("alert")).to_contain_text("this file is no picture that can be read")
    window.page.get_by_role("button", name="cat").click()
    expect(window.page.get_by_role("alert")).to_contain_text("holds no pruned model")


def test_where_no_dense_model_is_kept_the_page_says_so(site, window):
    window.open(f"{site.address}?tab=try&tried={MADE_UP}&tried={FIRST}")
    window.page.get_by_role("button", name="cat").click()
    expect(window.page.get_by_text("No dense resnet18 on cifar10 is kept here")).to_be_visible()


def test_a_dense_model_of_another_job_is_called_so(tmp_path, window):
    named = {"model": "timm/resnet18.tv_in1k", "dataset": "cifar100"}
    for job in ("kept", "without"):
        write_run(tmp_path / job, tiny_model(), {0.4: 0.95}, **named)
        Examples(np.zeros((1, 3, 16, 16), dtype=np.uint8), ["cat"]).write(tmp_path / job)
    keep_dense(tmp_path / "kept", tiny_model(visual_prompt="none"))
    with served(models_below(tmp_path), load) as address:
        for job, title in (("kept", "Dense, 90.00%: "), ("without", "Dense, of another job, 90.00%: ")):
            window.open(f"{address}?tab=try&tried={job}/sparsity-40")
            window.page.get_by_role("button", name="cat").click()
            expect(window.page.get_by_role("heading", name=f"{title}kept/{DENSE}", exact=True)).to_be_visible()


def test_an_address_whose_model_is_not_here(site, window):
    window.open(f"{site.address}?tab=model&model=real/sparsity-99")
    expect(window.page.get_by_role("alert")).to_have_text(re.compile("not here: real/sparsity-99"))
    expect(window.page.get_by_text("Click on a model in the overview")).to_be_visible()
    window.open(f"{site.address}?tab=model&model={FIRST}")
    expect(window.page.get_by_role("heading", name=FIRST)).to_be_visible()
    expect(window.page.get_by_role("alert")).to_have_count(0)


def test_back_leads_from_a_model_to_the_overview(site, window):
    window.open(f"{site.address}?method=vpns")
    window.page.locator(f"a[data-model='{SECOND}']").click()
    expect(window.page.get_by_role("heading", name=SECOND)).to_be_visible()
    expect(window.page).to_have_url(re.compile(f"model={SECOND}$"))
    window.page.go_back()
    expect(dots(window)).to_have_count(2)
    expect(window.page).to_have_url(re.compile(r"\?method=vpns$"))


def test_the_order_can_be_chosen_without_the_heads_of_the_table(site, window):
    window.open(site.address)
    window.page.get_by_label("Order").click()
    window.page.get_by_role("option", name="Size, smallest first").click()
    expect(window.page.locator("th[aria-sort=ascending]")).to_have_text("Size ▲")
    expect(window.page).to_have_url(re.compile(r"\?sort=bytes$"))


def test_a_card_stays_in_its_place(site, window):
    card = site.folder / MADE_UP / "README.md"
    card.write_text(
        "<h1 style='position:fixed;inset:0;background:red;z-index:9999'>mine</h1> see [recipe](recipe.yaml)"
    )
    window.open(f"{site.address}?tab=model&model={MADE_UP}")
    window.page.get_by_role("button", name="Card").click()
    heading = window.page.get_by_role("heading", name="mine")
    expect(heading).to_be_visible()
    assert heading.bounding_box()["y"] > window.page.get_by_role("button", name="Card").bounding_box()["y"]
    expect(window.page.get_by_role("link", name="recipe")).to_have_count(0)


def test_an_example_that_cannot_be_read_costs_no_other(site, window):
    (site.folder / "real/examples/3.png").write_bytes(b"no picture")
    try:
        window.open(f"{site.address}?tab=try&tried={FIRST}")
        expect(window.page.get_by_text("Or one of the test split (1 other cannot be read):")).to_be_visible()
        expect(window.page.locator("button[data-example]")).to_have_count(2)
    finally:
        (site.folder / "real/examples/3.png").unlink()


def test_a_file_that_is_too_large_is_refused(site):
    answer = httpx.post(f"{site.address}gradio_api/upload", files={"files": ("a.png", bytes(21_000_000))})
    assert answer.status_code == 413


def test_a_comparison_can_be_shared(site, window):
    window.open(f"{site.address}?tab=compare&compared={FIRST}&compared={MADE_UP}")
    options = window.page.get_by_role("region", name="Options")
    expect(options).to_contain_text("vpns")
    expect(options).to_contain_text("snip")
    before = options.locator("tr").count()
    window.page.get_by_label("Only options that differ").uncheck()
    expect(window.page).to_have_url(re.compile("differing=all$"))
    assert options.locator("tr").count() >= before


def test_the_label_of_the_switch_is_whole_on_a_phone(site, browser):
    with Window.of(browser, width=390) as window:
        window.open(f"{site.address}?tab=compare&compared={FIRST}&compared={SECOND}")
        label = window.page.get_by_text("Only options that differ")
        assert label.evaluate("element => element.scrollWidth <= element.clientWidth || !element.clientWidth")
        box = label.bounding_box()
        assert box["x"] + box["width"] <= 390 and box["height"] < 40  # in one line


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_at_the_width_of_a_phone_nothing_overflows_and_axe_finds_no_serious_fault(site, browser, theme):
    views = [
        "",
        f"tab=model&model={FIRST}",
        f"tab=try&tried={FIRST}",
        f"tab=compare&compared={FIRST}&compared={SECOND}",
    ]
    with Window.of(browser, width=390, theme=theme) as window:
        for view in views:
            window.open(f"{site.address}?{view}")
            if "tab=try" in view:
                window.page.get_by_role("button", name="cat").click()
                window.page.locator(".vp-card").first.wait_for()
            assert window.page.evaluate("document.documentElement.scrollWidth") <= 390, view
            faults = Axe().run(window.page).response["violations"]
            assert [
                (fault["id"], fault["nodes"][0]["html"])
                for fault in faults
                if fault["impact"] in ("serious", "critical")
            ] == []


@pytest.mark.parametrize("view", ["", f"tab=model&model={FIRST}", f"tab=try&tried={FIRST}", "tab=compare"])
def test_the_tab_key_reaches_every_control(site, window, view):
    window.open(f"{site.address}?{view}")
    if "tab=try" in view:
        window.page.get_by_role("button", name="owl").wait_for()
    assert window.out_of_reach() == []


def test_a_port_that_is_taken_is_told_in_a_line(site):
    port = int(site.address.rsplit(":", 1)[1].strip("/"))
    with (
        pytest.raises(InputError, match=f"port {port}: it is taken"),
        served(models_below(site.folder), load, Address(port=port)),
    ):
        pass
