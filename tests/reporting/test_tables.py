from __future__ import annotations

from dataclasses import replace

from vpns_hf.reporting import DenseResult, layer_table, results_table


def test_results_table(results):
    assert results_table(results).splitlines() == [
        "| Target | Achieved | With prompt % |      Without % | Dense % | Non-zero of all weights | Seconds |",
        "| -----: | -------: | ------------: | -------------: | ------: | ----------------------: | ------: |",
        "|    40% |   40.00% | 95.83 (+0.27) |  95.56 (+0.00) |   95.56 | 7,007,348 of 11,678,912 |    27.8 |",
        "|    70% |   70.00% | 95.28 (-0.28) |  94.17 (-1.39) |   95.56 | 3,503,674 of 11,678,912 |    27.8 |",
        "|  95.5% |   95.50% |  not measured | 80.00 (-15.56) |   95.56 |   525,552 of 11,678,912 |    27.8 |",
    ]


def test_results_table_fits_a_terminal(results):
    assert max(len(line) for line in results_table(results).splitlines()) <= 100


def test_results_table_without_a_dense_accuracy(results):
    table = results_table(replace(results, dense=DenseResult(), runs=results.runs[:1]))
    assert [cell.strip() for cell in table.splitlines()[-1].split("|")[3:6]] == ["95.83", "95.56", "not measured"]


def test_layer_table():
    layers = {"stem.convolution": (64, 3, 7, 7), "classifier.1": (1000, 512)}
    assert layer_table(layers, {"embedding": "is neither Conv2d nor Linear"}).splitlines() == [
        "| Pruned layer     |    Shape | Weights |",
        "| ---------------- | -------: | ------: |",
        "| stem.convolution | 64x3x7x7 |   9,408 |",
        "| classifier.1     | 1000x512 | 512,000 |",
        "| all 2 layers     |          | 521,408 |",
        "",
        "| Skipped layer | Reason                       |",
        "| ------------- | ---------------------------- |",
        "| embedding     | is neither Conv2d nor Linear |",
    ]


def test_layer_table_leaves_out_an_empty_list_of_skipped_layers():
    assert "Skipped" not in layer_table({"head": (6, 4)}, {})
