from __future__ import annotations

from dataclasses import replace

from vpns_hf.reporting import ChannelRecord, CostRecord, DenseResult, Passes, layer_table, results_table


def test_results_table(results):
    assert results_table(results).splitlines()[:5] == [
        "| Asked | Reached | With prompt % |      Without % | Dense % | Passes/dense |   Weights | MACs kept | Seconds |",
        "| ----: | ------: | ------------: | -------------: | ------: | -----------: | --------: | --------: | ------: |",
        "|   40% |  40.00% | 95.83 (+0.27) |  95.56 (+0.00) |   95.56 |          -/- | 7,007,348 |         - |    27.8 |",
        "|   70% |  70.00% | 95.28 (-0.28) |  94.17 (-1.39) |   95.56 |          -/- | 3,503,674 |         - |    27.8 |",
        "| 95.5% |  95.50% |     no prompt | 80.00 (-15.56) |   95.56 |          -/- |   525,552 |         - |    27.8 |",
    ]


def test_the_view_that_each_model_takes_by_default_is_told_below(results):
    runs = [results.runs[0], replace(results.runs[1], prompt_at_inference=False), results.runs[2]]
    said = "By default the saved models are applied with the prompt at 40%; without the prompt at 70% sparsity."
    assert said in results_table(replace(results, runs=runs)).splitlines()
    assert "By default" not in results_table(replace(results, runs=runs[2:]))


def test_layers_without_weights_are_told_of_below(results):
    told = "At 70% sparsity no weight is left in net.head: nothing of the picture passes through."
    assert told in results_table(results).splitlines()
    whole = [replace(run, layers=run.layers[:1]) for run in results.runs]
    assert "no weight is left" not in results_table(replace(results, runs=whole))


def test_the_channels_that_are_kept_are_told_below(results):
    thin = replace(results.runs[1], channels=ChannelRecord(1440, 2880), sparsity_requested=0.5)
    said = "Channels kept, of those that could go: 1,440 of 2,880 (50.00%) at 50%. Reached is the share of weights"
    assert said in results_table(replace(results, runs=[thin]))
    assert "Channels kept" not in results_table(results)


def test_each_row_stands_beside_the_dense_model_of_its_cost(results):
    costs = [Passes(search=24, tuning=36), Passes(rounds=90, tuning=6), Passes(tuning=60)]
    references = [DenseResult(0.95, passes=60), DenseResult(0.97, passes=96)]
    runs = [replace(run, passes=cost) for run, cost in zip(results.runs, costs, strict=True)]
    rows = results_table(replace(results, runs=runs, dense_references=references)).splitlines()[2:5]
    cells = [[cell.strip() for cell in row.split("|")] for row in rows]
    assert [row[6] for row in cells] == ["60/60", "96/96", "60/60"]
    assert [row[5] for row in cells] == ["95.00", "97.00", "95.00"]
    assert [row[4] for row in cells] == ["95.56 (+0.56)", "94.17 (-2.83)", "80.00 (-15.00)"]


def test_the_share_of_operations_stands_beside_sparsity(results):
    runs = [replace(results.runs[0], cost=CostRecord(macs=1600, macs_nonzero=200))]
    row = results_table(replace(results, runs=runs)).splitlines()[2]
    assert [cell.strip() for cell in row.split("|")][8] == "12.50%"


def test_results_table_fits_a_terminal(results):
    runs = [replace(run, passes=Passes(tuning=119.9), cost=CostRecord(macs=8, macs_nonzero=8)) for run in results.runs]
    wide = replace(results, runs=[replace(run, nonzero=23454912) for run in runs])
    assert max(len(line) for line in results_table(wide).splitlines()) <= 112


def test_results_table_without_a_dense_accuracy(results):
    table = results_table(replace(results, dense=DenseResult(), runs=results.runs[:1]))
    assert [cell.strip() for cell in table.splitlines()[2].split("|")[3:6]] == ["95.83", "95.56", "not measured"]


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
