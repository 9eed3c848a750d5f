"""Single changes to the training code that the tests must notice.

``python tests/mutants.py`` copies the sources to a temporary folder, applies one change at a time
and runs the tests that stand beside it. It prints which changes were caught and exits with 1 if
any survived. ``python tests/mutants.py ramp masks`` takes those whose names contain a word.
:mod:`tests.test_mutants` checks that every old text still occurs exactly once.
"""

import argparse
import importlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
PACKAGE = "llm_encoders"
_WARM = (
    "torch",
    "peft",
    "accelerate",
    "datasets",
    "scipy.sparse",
    "safetensors.torch",
    "transformers:Trainer",
    "transformers:AutoModelForCausalLM",
    "transformers:AutoTokenizer",
)

_TRAIN = "tests/llm_encoders/train"
_STEPS = f"{_TRAIN}/test_whole_steps.py::test_a_run_is_the_formula"
_FLOPS, _IDF, _L1 = f"{_STEPS}[flops]", f"{_STEPS}[idf-flops]", f"{_STEPS}[l1]"
_TEACHERS, _MINING = (
    "tests/llm_encoders/teachers",
    "tests/llm_encoders/mine_negatives/test_mining.py",
)
_PASSES = f"{_TRAIN}/test_passes.py"
_RANDOM = f"{_TRAIN}/test_random_negatives.py"
_TITLES = f"{_TRAIN}/test_title_prediction.py"
_LABELLED = (
    "tests/llm_encoders/distill_query/test_contrastive.py"
    "::test_cross_entropy_among_all_passages_of_the_batch"
)
_RELEVANCE = "tests/llm_encoders/data/test_relevance.py"
_ENTROPY = "tests/llm_encoders/evaluation/test_entropy.py"
_MEASURED = "tests/llm_encoders/scaling/entropy/test_entropy_command.py"
_SEARCH = "tests/llm_encoders/evaluation/test_exhaustive_search.py"
_PACKING = "tests/llm_encoders/data/test_packing.py"
_PROCESSES = f"{_TRAIN}/test_processes.py"
_POOLING = "tests/llm_encoders/teachers/test_sentence_transformers.py::test_pooling_of_both_layouts"
_PARTS = f"{_PROCESSES}::test_parts_of_a_step"
_MNTP, _CLM = (f"{_PROCESSES}::test_language_modelling[{one}]" for one in ("mntp", "clm"))
_DISTILLED = "tests/llm_encoders/distill_query/test_losses.py"
_STUDENTS = "tests/llm_encoders/distill_query/test_students.py"
_ONNX = "tests/llm_encoders/distill_query/onnx_export"
_TRADEOFF = "tests/llm_encoders/distill_query/tradeoff"
_AUGMENT = "tests/llm_encoders/scaling/augment"
_DRAFTED = "tests/llm_encoders/data/test_pseudo_queries.py"
_LOOKUP = "tests/llm_encoders/encoding/lookup"
_PLAN = "tests/llm_encoders/scaling/plan"
_LAWS = "tests/llm_encoders/scaling/laws/test_formulas.py"
_FIT = "tests/llm_encoders/scaling/fit"
_LAW_FIT = f"{_FIT}/test_law_fit.py"


@dataclass(frozen=True)
class Mutant:
    """One change.

    Args:
        name: what is wrong after it.
        old: text that occurs exactly once in the package.
        new: what it becomes.
        tests: of pytest; at least one must fail.
    """

    name: str
    old: str
    new: str
    tests: tuple[str, ...]


MUTANTS = (
    Mutant(
        "augment: the sentence stays in its passage",
        "rest = (text[: span.start] + text[span.stop :]).strip()",
        "rest = text.strip()",
        (_DRAFTED,),
    ),
    Mutant(
        "augment: a sentence is taken out in one of ten",
        "removed = generator.random() < removal",
        "removed = generator.random() > removal",
        (_DRAFTED,),
    ),
    Mutant(
        "augment: sections run to the end of the text",
        "end = found[number][0] if number < len(found) else len(lines)",
        "end = len(lines)",
        (_DRAFTED,),
    ),
    Mutant(
        "augment: a sample of the largest numbers",
        "draws = zip((-generator.random() for",
        "draws = zip((generator.random() for",
        (_DRAFTED,),
    ),
    Mutant(
        "augment: a passage holds the title that is its query",
        '"a title, and the text below it", "a title", titled=False',
        '"a title, and the text below it", "a title", titled=True',
        (f"{_AUGMENT}/test_job.py::test_titles",),
    ),
    Mutant(
        "augment: every temperature is 1",
        "TemperatureLogitsWarper(float(generation.temperature))",
        "TemperatureLogitsWarper(1.0)",
        (f"{_AUGMENT}/test_decoding.py",),
    ),
    Mutant(
        "augment: one number for all positions",
        "self._numbers[:, input_ids.shape[1] - self._first]",
        "self._numbers[:, 0]",
        (f"{_AUGMENT}/test_decoding.py",),
    ),
    Mutant(
        "augment: the likeliest token is the least likely",
        "chosen = scores.argmax(dim=1, keepdim=True)",
        "chosen = scores.argmin(dim=1, keepdim=True)",
        (f"{_AUGMENT}/test_decoding.py",),
    ),
    Mutant(
        "augment: one number for all passages",
        "seeds = [uniforms(augmentation.seed, row, generation",
        "seeds = [uniforms(augmentation.seed, 0, generation",
        (f"{_AUGMENT}/test_job.py::test_generated",),
    ),
    Mutant(
        "augment: a decoder is padded on the right",
        "first = 0 if self.reads_first else longest - len(prompt)",
        "first = 0",
        (f"{_AUGMENT}/test_generator.py::test_greedy_queries_are_those_of_transformers",),
    ),
    Mutant(
        "augment: queries equal to their passage are kept",
        "            return EQUAL\n",
        "            return None\n",
        (f"{_AUGMENT}/test_pairs.py",),
    ),
    Mutant(
        "augment: a query of as many passages as allowed is left out",
        "common = sizes > most",
        "common = sizes >= most",
        (f"{_AUGMENT}/test_pairs.py",),
    ),
    Mutant(
        "augment: the same pair counts twice",
        "kept = np.sort(np.delete(order, np.flatnonzero(again) + 1))",
        "kept = np.sort(order)",
        (f"{_AUGMENT}/test_pairs.py",),
    ),
    Mutant(
        "augment: every passage is found again",
        "if passages.have_texts(ranking, passages.keys[row]).any()",
        "if len(ranking)",
        (f"{_AUGMENT}/test_job.py::test_round_trip[llm-dense-tiny]",),
    ),
    Mutant(
        "augment: what was written before a kill is written again",
        "range(done // size * size, len(order), size)",
        "range(0, len(order), size)",
        (f"{_AUGMENT}/test_job.py::test_killed_while_writing_and_resumed",),
    ),
    Mutant(
        "sparse head: positions of maxima without the beginning of their text",
        "(best.indices + offsets[rows]).T",
        "best.indices.T",
        ("tests/llm_encoders/heads/test_vocabulary_head.py",),
    ),
    Mutant(
        "scaling: model size over A",
        'return (values["A"] / parameters) ** values["alpha"] + values["delta"]',
        'return (parameters / values["A"]) ** values["alpha"] + values["delta"]',
        (_LAWS,),
    ),
    Mutant(
        "scaling: delta of annotations subtracted",
        'return (values["B"] / annotations) ** values["beta"] + values["delta"]',
        'return (values["B"] / annotations) ** values["beta"] - values["delta"]',
        (_LAWS,),
    ),
    Mutant(
        "scaling: exponents of the joint law turned round",
        'ratio = values["alpha"] / values["beta"]',
        'ratio = values["beta"] / values["alpha"]',
        (_LAWS,),
    ),
    Mutant(
        "scaling: the joint law without its outer exponent",
        'return inner ** values["beta"] + values["delta"]',
        'return inner + values["delta"]',
        (_LAWS,),
    ),
    Mutant(
        "scaling: terms of the additive law subtracted",
        'return values["E"] + by_size + values["B"]',
        'return values["E"] + by_size - values["B"]',
        (_LAWS,),
    ),
    Mutant(
        "scaling: additive law of model size multiplied",
        'return values["E"] + values["A"] / parameters ** values["alpha"]',
        'return values["E"] * values["A"] / parameters ** values["alpha"]',
        (_LAWS,),
    ),
    Mutant(
        "scaling: additive law of annotations with a positive exponent",
        'return values["E"] + values["B"] / annotations ** values["beta"]',
        'return values["E"] + values["B"] * annotations ** values["beta"]',
        (_LAWS,),
    ),
    Mutant(
        "scaling: a fit whose terms rise",
        "[:, :, None] - exponents * self.sizes",
        "[:, :, None] + exponents * self.sizes",
        (f"{_FIT}/test_form.py",),
    ),
    Mutant(
        "scaling: the temperature of a fit is alpha",
        "temperature = exponents[:, -1] if",
        "temperature = exponents[:, 0] if",
        (f"{_FIT}/test_form.py",),
    ),
    Mutant(
        "scaling: derivative in the temperature turned round",
        "by_exponent = by_exponent + _shannon_entropy(shares)",
        "by_exponent = by_exponent - _shannon_entropy(shares)",
        (f"{_FIT}/test_form.py",),
    ),
    Mutant(
        "scaling: derivative of log entropy without the floor",
        "slope = np.exp(power) / entropy",
        "slope = np.ones_like(entropy)",
        (f"{_FIT}/test_form.py",),
    ),
    Mutant(
        "scaling: derivative in the floor of entropy, not of its log",
        "columns.append(1 / entropy)",
        "columns.append(np.ones_like(entropy))",
        (f"{_FIT}/test_form.py",),
    ),
    Mutant(
        "scaling: A of a term times its exponent",
        "log = self.centres[place] + term / exponent",
        "log = self.centres[place] + term * exponent",
        (f"{_FIT}/test_form.py",),
    ),
    Mutant(
        "scaling: A of an additive term without its centre",
        "log = term + exponent * self.centres[place]",
        "log = term - exponent * self.centres[place]",
        (f"{_FIT}/test_form.py",),
    ),
    Mutant(
        "scaling: a law with a parameter that no number holds",
        "if values.get(one) in HELD",
        "if values.get(one) in ()",
        (f"{_FIT}/test_law_fit.py",),
    ),
    Mutant(
        "onnx: the middle token of an odd number is left out",
        "logits[:, : (length + 1) // 2], logits[:, length // 2 :]",
        "logits[:, : length // 2], logits[:, (length + 1) // 2 :]",
        ("tests/llm_encoders/distill_query/onnx_export/test_onnx.py",),
    ),
    Mutant(
        "onnx: scales of rows as if columns had none",
        "rows = _scales(table / columns, axis=1)",
        "rows = _scales(table, axis=1)",
        ("tests/llm_encoders/distill_query/onnx_export/test_onnx.py",),
    ),
    Mutant(
        "scaling: Huber's loss with a step",
        "limit * (2 * size - limit)",
        "limit * (size - limit)",
        (f"{_FIT}/test_polish.py",),
    ),
    Mutant(
        "scaling: squared loss",
        "weights = np.minimum(1.0, limit[:, None] / size)",
        "weights = np.ones_like(size)",
        (f"{_FIT}/test_polish.py",),
    ),
    Mutant(
        "scaling: the scale of all residuals",
        "[:, max(parameters - 1, 0) :]",
        "[:, 0:]",
        (f"{_FIT}/test_polish.py",),
    ),
    Mutant(
        "scaling: the scale times the normal quantile",
        "np.median(ordered, axis=1) / 0.6745",
        "np.median(ordered, axis=1) * 0.6745",
        (f"{_FIT}/test_polish.py",),
    ),
    Mutant(
        "scaling: starts weighted as entropies",
        "np.broadcast_to(1 / entropy, (len(columns)",
        "np.broadcast_to(entropy, (len(columns)",
        (f"{_FIT}/test_starts.py",),
    ),
    Mutant(
        "scaling: starts of the joint law weighted without the floor",
        "beta * above / (entropy * raised)",
        "beta / raised",
        (f"{_FIT}/test_starts.py",),
    ),
    Mutant(
        "scaling: starts of the joint law without beta",
        "terms = beta * np.log(np.maximum(factors",
        "terms = np.log(np.maximum(factors",
        (f"{_FIT}/test_starts.py",),
    ),
    Mutant(
        "scaling: starts of the joint law with alpha alone",
        "np.exp(-alpha / beta * form.sizes[0])",
        "np.exp(-alpha * form.sizes[0])",
        (f"{_FIT}/test_starts.py",),
    ),
    Mutant(
        "scaling: sums of squares between sizes without their seeds",
        "float((counts * means**2).sum())",
        "float((means**2).sum())",
        (f"{_FIT}/test_deviations.py",),
    ),
    Mutant(
        "scaling: degrees of freedom without the parameters",
        "inner, outer = points - sizes, sizes - parameters",
        "inner, outer = points - sizes, sizes",
        (f"{_FIT}/test_deviations.py",),
    ),
    Mutant(
        "scaling: seeds of a size by their square",
        "float((counts**2).sum()) / points) / (sizes - 1)",
        "float(counts.sum()) / points) / (sizes - 1)",
        (f"{_FIT}/test_deviations.py",),
    ),
    Mutant(
        "scaling: the scatter of a mean",
        "np.sqrt(seeds + (whole - seeds) / self.repeats)",
        "np.sqrt(seeds + (whole - seeds) * self.repeats)",
        (f"{_FIT}/test_deviations.py",),
    ),
    Mutant(
        "scaling: variances that are known",
        "whole = self.between / generator.chisquare(self.between_freedom, count)",
        "whole = self.between / np.full(count, float(self.between_freedom))",
        (f"{_FIT}/test_deviations.py",),
    ),
    Mutant(
        "scaling: seeds that share all",
        "return np.clip(drawn[:, self.cells] + own,",
        "return np.clip(drawn[:, self.cells] - 0 * own,",
        (f"{_FIT}/test_deviations.py",),
    ),
    Mutant(
        "scaling: intervals of 90 %",
        "np.quantile(values, [(1 - level) / 2, (1 + level) / 2])",
        "np.quantile(values, [1 - level, level])",
        (f"{_FIT}/test_bootstrap.py",),
    ),
    Mutant(
        "scaling: redrawn points around the points",
        "polish(form, predicted + part,",
        "polish(form, predicted + 2 * part,",
        (f"{_FIT}/test_bootstrap.py",),
    ),
    Mutant(
        "scaling: the criterion without its correction",
        "+ 2 * k + 2 * k * (k + 1) / (n - k - 1))",
        "+ 2 * k - 2 * k * (k + 1) / (n - k - 1))",
        (f"{_LAW_FIT}::test_the_criterion_by_hand",),
    ),
    Mutant(
        "scaling: the criterion without the variance",
        "n, k = residuals.shape[1], parameters + 1",
        "n, k = residuals.shape[1], parameters",
        (f"{_LAW_FIT}::test_the_criterion_by_hand",),
    ),
    Mutant(
        "scaling: explained variance of the predictions",
        "around = float(((measured - measured.mean()) ** 2).sum())",
        "around = float(((predicted - measured.mean()) ** 2).sum())",
        (f"{_LAW_FIT}::test_explained_variance_by_hand",),
    ),
    Mutant(
        "scaling: largest points held out and fitted",
        'yield f"largest {name}", ~flags, flags',
        'yield f"largest {name}", flags | ~flags, flags',
        (f"{_LAW_FIT}::test_points_held_out",),
    ),
    Mutant(
        "scaling: the corner held out alone",
        "~first & ~second, first & second",
        "~(first & second), first & second",
        (f"{_LAW_FIT}::test_points_held_out",),
    ),
    Mutant(
        "scaling: a forecast of a measurement without its scatter",
        "scatter * generator.standard_t(max(freedom, 1), laws.shape)",
        "0 * generator.standard_t(max(freedom, 1), laws.shape)",
        (f"{_FIT}/test_forecast.py",),
    ),
    Mutant(
        "scaling: a forecast that is never beyond the points",
        "return max(size / high, low / size)",
        "return min(size / high, low / size)",
        (f"{_FIT}/test_forecast.py",),
    ),
    Mutant(
        "scaling: annotations for an entropy with beta itself",
        'above ** (1 / np.asarray(values["beta"]))',
        'above ** np.asarray(values["beta"])',
        (f"{_FIT}/test_exchange_rates.py",),
    ),
    Mutant(
        "scaling: exchange rates turned round",
        "annotations_for(reference, entropy) / annotations_for(source, entropy)",
        "annotations_for(source, entropy) / annotations_for(reference, entropy)",
        (f"{_FIT}/test_exchange_rates.py",),
    ),
    Mutant(
        "scaling: exponents on three sizes",
        "if len(np.unique(sizes[size])) == 2",
        "if len(np.unique(sizes[size])) == 3",
        (f"{_LAW_FIT}::test_an_exponent_on_two_sizes",),
    ),
    Mutant(
        "scaling: intervals wider than two decades",
        "elif high > DECADE * low:",
        "elif high > DECADE**2 * low:",
        (f"{_LAW_FIT}::test_a_parameter_whose_interval_is_wider_than_a_decade",),
    ),
    Mutant(
        "scaling: the smallest of equal sizes",
        "best = max(counts, key=lambda one: (counts[one], one))",
        "best = max(counts, key=lambda one: (counts[one], -one))",
        (f"{_FIT}/test_selection.py",),
    ),
    Mutant(
        "entropy: the same negatives in every redraw",
        "np.random.default_rng([seed, 5, redraw])",
        "np.random.default_rng([seed, 5])",
        (_ENTROPY,),
    ),
    Mutant(
        "entropy: known positives among the negatives",
        "= taken + skipped",
        "= taken",
        (_ENTROPY,),
    ),
    Mutant(
        "entropy: the document after an excluded one is excluded in its place",
        '.searchsorted(taken, side="right")',
        '.searchsorted(taken, side="left")',
        (_ENTROPY,),
    ),
    Mutant(
        "entropy: a passage with the text of the query is a negative",
        "np.append(keys[rows].reshape(-1), np.uint64(group))",
        "keys[rows].reshape(-1)",
        (_ENTROPY,),
    ),
    Mutant(
        "entropy: relevant by other splits whatever the grade",
        "if grade > 0 and query in queries:",
        "if query in queries:",
        (_ENTROPY,),
    ),
    Mutant(
        "entropy: spread with the divisor n",
        "np.std(self.values, ddof=1)",
        "np.std(self.values, ddof=0)",
        (_ENTROPY,),
    ),
    Mutant(
        "entropy: multiplied by the temperature",
        "self.scores[places] = found / self._temperature",
        "self.scores[places] = found * self._temperature",
        (_ENTROPY,),
    ),
    Mutant(
        "entropy: the positive is not in the sum",
        "np.exp(everything - largest[:, None]).sum(axis=1)",
        "np.exp(everything - largest[:, None])[:, 1:].sum(axis=1)",
        (_ENTROPY,),
    ),
    Mutant(
        "entropy: scores of another pair's query",
        "sample.pairs.query[pairs], columns)",
        "sample.pairs.query[pairs - 1], columns)",
        (_ENTROPY,),
    ),
    Mutant(
        "entropy: products in single precision",
        "queries[first : first + _QUERIES].astype(np.float64) @ turned",
        "queries[first : first + _QUERIES] @ turned.astype(np.float32)",
        (_ENTROPY,),
    ),
    Mutant(
        "entropy: embeddings counted as parameters",
        'if id(weight) not in embeddings and not name.startswith("pooler."):',
        'if not name.startswith("pooler."):',
        (f"{_MEASURED}::test_parameters_are_those_of_the_layers",),
    ),
    Mutant(
        "entropy: annotations counted as often as they occur",
        "len(np.unique(groups * len(self.passages) + entries))",
        "len(groups * len(self.passages) + entries)",
        ("tests/llm_encoders/data/test_annotations.py",),
    ),
    Mutant(
        "plan: four operations in training",
        "TRAINING_FLOPS = 6",
        "TRAINING_FLOPS = 4",
        (f"{_PLAN}/test_cost.py",),
    ),
    Mutant(
        "plan: one operation in encoding",
        "INFERENCE_FLOPS = 2",
        "INFERENCE_FLOPS = 1",
        (f"{_PLAN}/test_cost.py",),
    ),
    Mutant(
        "plan: the first encoding of the corpus is free",
        "passage_tokens * (1 + again)",
        "passage_tokens * again",
        (f"{_PLAN}/test_cost.py",),
    ),
    Mutant(
        "plan: queries of one day",
        "token * daily * days * query_tokens",
        "token * daily * query_tokens",
        (f"{_PLAN}/test_cost.py",),
    ),
    Mutant(
        "plan: passages of one token",
        "token * passages * passage_tokens",
        "token * passages",
        (f"{_PLAN}/test_cost.py",),
    ),
    Mutant(
        "plan: an index of one passage",
        "fixed=passages * indexed",
        "fixed=indexed",
        (f"{_PLAN}/test_cost.py",),
    ),
    Mutant(
        "plan: a training of fixed length is free",
        "parameter=token * fixed_tokens",
        "parameter=0 * fixed_tokens",
        (f"{_PLAN}/test_cost.py",),
    ),
    Mutant(
        "plan: money without the product",
        "(self.parameter + self.product * annotations) * parameters",
        "(self.parameter + self.product) * parameters",
        (f"{_PLAN}/test_cost.py",),
    ),
    Mutant(
        "plan: slope in N without the product",
        "return self.parameter + self.product * annotations",
        "return self.parameter + self.product",
        (f"{_PLAN}/test_cost.py",),
    ),
    Mutant(
        "plan: slope in D without the product",
        "return self.annotation + self.product * parameters",
        "return self.annotation + self.product",
        (f"{_PLAN}/test_cost.py",),
    ),
    Mutant(
        "plan: fixed costs are left in what N may take",
        "left = budget - self.fixed - self.annotation * annotations",
        "left = budget - self.annotation * annotations",
        (f"{_PLAN}/test_cost.py",),
    ),
    Mutant(
        "plan: fixed costs are left in what D may take",
        "left = budget - self.fixed - self.parameter",
        "left = budget - self.parameter",
        (f"{_PLAN}/test_cost.py",),
    ),
    Mutant(
        "plan: items without their product",
        "self.product + other.product",
        "self.product",
        (f"{_PLAN}/test_cost.py",),
    ),
    Mutant(
        "plan: a GPU at its peak",
        "return hour / (_SECONDS_PER_HOUR * flops * share)",
        "return hour / (_SECONDS_PER_HOUR * flops)",
        (f"{_PLAN}/test_prices.py",),
    ),
    Mutant(
        "plan: an hour of a minute",
        "_SECONDS_PER_HOUR = 3600",
        "_SECONDS_PER_HOUR = 60",
        (f"{_PLAN}/test_prices.py",),
    ),
    Mutant(
        "plan: one pass",
        "return 0.0, pair_tokens * epochs",
        "return 0.0, pair_tokens",
        (f"{_PLAN}/test_cost.py",),
    ),
    Mutant(
        "plan: a thousand is 1024",
        '{"K": 1e3,',
        '{"K": 1024,',
        (f"{_PLAN}/test_prices.py",),
    ),
    Mutant(
        "plan: slopes twice as steep",
        "/ (12 * _STEP)",
        "/ (6 * _STEP)",
        (f"{_PLAN}/test_surface.py",),
    ),
    Mutant(
        "plan: slope a log parameter",
        "float(weights @ along_n) / parameters",
        "float(weights @ along_n)",
        (f"{_PLAN}/test_surface.py",),
    ),
    Mutant(
        "plan: slope a log annotation",
        "float(weights @ along_d) / annotations",
        "float(weights @ along_d)",
        (f"{_PLAN}/test_surface.py",),
    ),
    Mutant(
        "plan: iso-loss curves of what lies above the floor",
        "target = np.asarray(entropy, np.float64) - self.floor\n        low, high",
        "target = np.asarray(entropy, np.float64)\n        low, high",
        (f"{_PLAN}/test_surface.py",),
    ),
    Mutant(
        "plan: the smallest N of what lies above the floor",
        "target = np.asarray(entropy, np.float64) - self.floor\n        under, over",
        "target = np.asarray(entropy, np.float64)\n        under, over",
        (f"{_PLAN}/test_surface.py",),
    ),
    Mutant(
        "plan: iso-loss curves without the lower bound",
        "found = np.where(fewest <= target, space.annotations[0], np.exp(over))",
        "found = np.exp(over) * 2",
        (f"{_PLAN}/test_surface.py",),
    ),
    Mutant(
        "plan: a coarse search",
        "_GRIDS = (129, *(17,) * 10)",
        "_GRIDS = (129,)",
        (f"{_PLAN}/test_optimum.py",),
    ),
    Mutant(
        "plan: the dearest plan",
        "lowest = objective(np.exp(grid)).argmin(axis=1)",
        "lowest = objective(np.exp(grid)).argmax(axis=1)",
        (f"{_PLAN}/test_optimum.py",),
    ),
    Mutant(
        "plan: models without annotations",
        "paid = cost.affordable_annotations(budget, parameters) >= space.annotations[0]",
        "paid = cost.affordable_annotations(budget, parameters) >= -np.inf",
        (f"{_PLAN}/test_optimum.py",),
    ),
    Mutant(
        "plan: bounds of D do not hold",
        "return np.clip(cost.affordable_annotations(budget, parameters), *space.annotations)",
        "return np.maximum(cost.affordable_annotations(budget, parameters), 1e-9)",
        (f"{_PLAN}/test_optimum.py::test_bounds_hold",),
    ),
    Mutant(
        "plan: N by what D costs",
        "-along_n / per_parameter",
        "-along_n / per_annotation",
        (f"{_PLAN}/test_optimum.py",),
    ),
    Mutant(
        "plan: D by what N costs",
        "-along_d / per_annotation",
        "-along_d / per_parameter",
        (f"{_PLAN}/test_optimum.py",),
    ),
    Mutant(
        "plan: the plan is never a real model",
        "return (self.chosen and points[self.chosen]) or self.optimum",
        "return (self.chosen and self.optimum) or points[self.chosen]",
        (f"{_PLAN}/test_planning.py",),
    ),
    Mutant(
        "plan: real models by their cost alone",
        "return pair[1].entropy if self.question == BEST else pair[1].money",
        "return pair[1].money",
        (f"{_PLAN}/test_planning.py",),
    ),
    Mutant(
        "plan: medians for quantiles",
        "float(np.quantile(one, level))",
        "float(np.quantile(one, 0.5))",
        (f"{_PLAN}/test_planning.py",),
    ),
    Mutant(
        "plan: shares of the laws that get there",
        "wins[place] / len(merit)",
        "wins[place] / len(possible)",
        (f"{_PLAN}/test_planning.py",),
    ),
    Mutant(
        "plan: the plan's entropy by its optimum",
        "planned = draws.entropy(*plan)[:, 0]",
        "planned = entropy",
        (f"{_PLAN}/test_planning.py",),
    ),
    Mutant(
        "plan: levels of the whole entropy",
        "floor + level * (entropy - floor)",
        "level * entropy",
        (f"{_PLAN}/test_planning.py",),
    ),
    Mutant(
        "plan: forecasts below the points are none",
        "max(size / high, low / size)",
        "size / high",
        (f"{_PLAN}/test_planning.py",),
    ),
    Mutant(
        "plan: any spread is wide",
        "            if high > DECADE * low:",
        "            if high > low:",
        (f"{_PLAN}/test_planning.py::test_a_plan_near_the_points_warns_of_nothing",),
    ),
    Mutant(
        "plan: a forecast after two decades",
        'DECADE = 10.0\n"""Beyond the points',
        'DECADE = 100.0\n"""Beyond the points',
        (f"{_PLAN}/test_planning.py::test_within_a_decade_beyond_the_points_nothing_is_said",),
    ),
    Mutant(
        "plan: inference alone is counted as inference",
        "bills[True] = bills[False] | cost.inference(prices)",
        "bills[True] = cost.inference(prices)",
        (f"{_PLAN}/test_command.py",),
    ),
    Mutant(
        "random negatives: the same in every step",
        "np.random.default_rng([self.sampling.seed, 4, step])",
        "np.random.default_rng([self.sampling.seed, 4])",
        (_RANDOM,),
    ),
    Mutant(
        "random negatives: a passage drawn twice",
        "generator.choice(passages, count, replace=False)",
        "generator.choice(passages, count)",
        (_RANDOM,),
    ),
    Mutant(
        "random negatives: another query's passage is compared with, too",
        "excluded |= (distance >= own[:, None]) & ~random",
        "excluded |= (distance > own[:, None]) & ~random",
        (_RANDOM,),
    ),
    Mutant(
        "random negatives: limited as in-batch negatives are",
        "excluded |= (distance >= self.sampling.candidates) & ~random",
        "excluded |= distance >= self.sampling.candidates",
        (_RANDOM,),
    ),
    Mutant(
        "random negatives: another process's share",
        "for one in own for row in one.rows] + shares[self.sampling.rank]",
        "for one in own for row in one.rows] + shares[-1 - self.sampling.rank]",
        (_RANDOM,),
    ),
    Mutant(
        "distillation: mean over components",
        "return (student - teacher).square().sum(1)",
        "return (student - teacher).square().mean(1)",
        (_DISTILLED,),
    ),
    Mutant(
        "distillation: absolute differences of term weights",
        "return (student - teacher).pow(2).sum(1)",
        "return (student - teacher).abs().sum(1)",
        (_DISTILLED,),
    ),
    Mutant(
        "distillation: cosine loss without its one",
        "return 1 - cosine_similarity(student, teacher, dim=1)",
        "return -cosine_similarity(student, teacher, dim=1)",
        (_DISTILLED,),
    ),
    Mutant(
        "distillation: held-out queries are trained on",
        "return np.sort(order[held:]), np.sort(order[:held])",
        "return np.sort(order), np.sort(order[:held])",
        ("tests/llm_encoders/distill_query/test_batches.py",),
    ),
    Mutant(
        "distillation: the regulariser does not ramp",
        "strength = ramp(self.state.global_step + 1, self.ramp_steps)",
        "strength = 1.0",
        ("tests/llm_encoders/distill_query/test_run.py::test_a_step_is_the_formula[sparse]",),
    ),
    Mutant(
        "distillation: FLOPS of sums over held-out queries",
        "flops((self._weights / self._queries).unsqueeze(0))",
        "flops(self._weights.unsqueeze(0))",
        (_DISTILLED,),
    ),
    Mutant(
        "distillation: margins of the teacher's passages added",
        "margins, wanted = (one[:, :1] - one[:, 1:]",
        "margins, wanted = (one[:, :1] + one[:, 1:]",
        (_DISTILLED,),
    ),
    Mutant(
        "distillation: negatives with the scores of others",
        '*(one["negative_scores"][i] for i in chosen)]',
        '*(one["negative_scores"][i] for i in range(wanted))]',
        ("tests/llm_encoders/distill_query/test_batches.py",),
    ),
    Mutant(
        "distillation: the worst checkpoint is published",
        '"greater_is_better": False,',
        '"greater_is_better": True,',
        ("tests/llm_encoders/distill_query/test_run.py::test_the_best_checkpoint_is_published",),
    ),
    Mutant(
        "distillation: parts of the loss summed over logged steps",
        "logs |= {name: float(value) / self._count",
        "logs |= {name: float(value)",
        ("tests/llm_encoders/distill_query/test_run.py::test_a_student_of_a_named_encoder",),
    ),
    Mutant(
        "every k-th layer is the first layers",
        "return [number * count // kept for",
        "return [number for",
        (f"{_STUDENTS}::test_which_layers_are_kept",),
    ),
    Mutant(
        "a new student of a teacher with unit vectors has none",
        "        normalize=theirs.normalize,\n        logit_scale",
        "        logit_scale",
        (f"{_STUDENTS}::test_what_a_new_student_has_of_the_teachers_contract",),
    ),
    Mutant(
        "a table without the teacher's scale of impacts",
        "        impact_scale=its.impact_scale,\n",
        "",
        (f"{_STUDENTS}::test_what_a_new_student_has_of_the_teachers_contract",),
    ),
    Mutant(
        "a table in training counts tokens where the finished one does not",
        "counts = counts.clamp(max=1)",
        "pass",
        (f"{_STUDENTS}::test_the_folder_encodes_as_the_student_did",),
    ),
    Mutant(
        "a table in training adds padding",
        "(rows * attention_mask.unsqueeze(-1)).sum(1)",
        "rows.sum(1)",
        (f"{_STUDENTS}::test_the_folder_encodes_as_the_student_did",),
    ),
    Mutant(
        "a sparse table in training counts padding",
        "scatter_add(1, token_ids, attention_mask.float())",
        "scatter_add(1, token_ids, torch.ones_like(attention_mask).float())",
        (f"{_STUDENTS}::test_a_table_by_hand",),
    ),
    Mutant(
        "parameters of an encoder without its head",
        "heads = (self.backbone.head, self.backbone.head_bias)",
        "heads = ()",
        (f"{_ONNX}/test_onnx.py::test_weights_are_counted_once",),
    ),
    Mutant(
        "a sparse table without counts of tokens",
        "self.weights[columns] * counts.astype(np.float32)",
        "self.weights[columns]",
        (f"{_LOOKUP}/test_query_encoder.py::test_sparse_vectors_are_their_definition",),
    ),
    Mutant(
        "a dense table with the mean of vectors",
        "np.add.reduce(self.vectors.take(ids, axis=0)",
        "np.mean(self.vectors.take(ids, axis=0)",
        (f"{_LOOKUP}/test_query_encoder.py::test_dense_vectors_are_their_definition",),
    ),
    Mutant(
        "idf by the number of texts",
        "np.log1p((count - having + 0.5) / (having + 0.5))",
        "np.log1p(count / (having + 0.5))",
        (f"{_LOOKUP}/test_initial.py::test_idf",),
    ),
    Mutant(
        "a graph without the scale of logits",
        "torch.relu(largest * self._config.scale_of_logits(states.shape[-1]))",
        "torch.relu(largest)",
        (f"{_ONNX}/test_onnx.py::test_vectors_are_those_of_pytorch",),
    ),
    Mutant(
        "a graph that pools padding",
        "logits.masked_fill(~pooled.unsqueeze(-1), -torch.inf)",
        "logits",
        (f"{_ONNX}/test_onnx.py::test_vectors_are_those_of_pytorch",),
    ),
    Mutant(
        "a graph that is compared in one batch only",
        "return Agreement(max(apart),",
        "return Agreement(apart[0],",
        (f"{_ONNX}/test_agreement.py",),
    ),
    Mutant(
        "trade-off: optimal by queries per second in batch",
        'optimal([(one["queries/s single"],',
        'optimal([(one["queries/s batch"],',
        (f"{_TRADEOFF}/test_figures.py",),
    ),
    Mutant(
        "trade-off: shares of the student's figure",
        "row[name] / teacher[name] if teacher[name]",
        "teacher[name] / row[name] if teacher[name]",
        (f"{_TRADEOFF}/test_figures.py",),
    ),
    Mutant(
        "trade-off: queries that find something counted as empty",
        "int((counts == 0).sum())",
        "int((counts != 0).sum())",
        (f"{_TRADEOFF}/test_figures.py",),
    ),
    Mutant(
        "trade-off: a query finds the passage that it is",
        "own = left_out[first : first + _QUERIES]",
        "own = [None] * rows.shape[0]",
        (f"{_TRADEOFF}/test_tradeoff.py::test_figures_are_those_of_a_brute_force",),
    ),
    Mutant(
        "trade-off: throughput of single queries from their median",
        "count / sum(one.encoding)",
        "1 / float(np.median(one.encoding))",
        (f"{_TRADEOFF}/test_tradeoff.py::test_encoders_take_turns",),
    ),
    Mutant(
        "positions of RoBERTa from its padding",
        "return int(padding) + 1",
        "return int(padding)",
        ("tests/llm_encoders/encoding/test_encoder_only.py::test_vectors_are_those_of_the_model",),
    ),
    Mutant(
        "a head's bias is not trained",
        ".index_add_(0, term, logit_gradient)",
        "",
        ("tests/llm_encoders/heads/test_head_bias.py",),
    ),
    Mutant(
        "teacher scores permuted against their negatives",
        "*(negative[i] for i in chosen)]",
        "*(negative[i] for i in range(wanted))]",
        (f"{_PASSES}::test_negatives_come_with_their_own_scores",),
    ),
    Mutant(
        "ramp linear",
        "return min(1.0, step / ramp_steps) ** 2 if",
        "return min(1.0, step / ramp_steps) if",
        (_FLOPS,),
    ),
    Mutant(
        "factor of idf-FLOPS inverted",
        "factor = (idf.mean() / idf)",
        "factor = (idf / idf.mean())",
        (_IDF,),
    ),
    Mutant(
        "teacher temperature multiplied",
        "candidates.teacher / self.teacher_temperature",
        "candidates.teacher * self.teacher_temperature",
        (_FLOPS,),
    ),
    Mutant(
        "temperature always 1",
        "temperature=recipe.encoder.temperature,",
        "temperature=1.0,",
        (_FLOPS,),
    ),
    Mutant(
        "query and passage weights of the regulariser swapped",
        "query_regularisation=strength.queries,\n        passage_regularisation=strength.passages,",
        "query_regularisation=strength.passages,\n        passage_regularisation=strength.queries,",
        (_FLOPS,),
    ),
    Mutant(
        "ramp one step late",
        "return ramp(step, self.ramp_steps)",
        "return ramp(step - 1, self.ramp_steps)",
        (_FLOPS,),
    ),
    Mutant(
        "ramp by micro-batches one part late",
        "self.recipe.schedule.accumulation + part, self.ramp_steps",
        "self.recipe.schedule.accumulation + part - 1, self.ramp_steps",
        (f"{_PARTS}[ramped]",),
    ),
    Mutant(
        "data.passage_max_length ignored",
        "max_length=recipe.data.passage_max_length",
        "max_length=None",
        (_FLOPS,),
    ),
    Mutant(
        "data.query_max_length ignored",
        "max_length=recipe.data.query_max_length",
        "max_length=None",
        (_FLOPS,),
    ),
    Mutant(
        "targets of language modelling not summed over processes",
        "dist.all_reduce(count)",
        "pass",
        (_MNTP,),
    ),
    Mutant(
        "language modelling not divided by accumulation",
        "        factor = processes() / self.current_gradient_accumulation_steps\n"
        "        for number, chunk in enumerate(chunks):",
        "        factor = processes()\n        for number, chunk in enumerate(chunks):",
        (_MNTP,),
    ),
    Mutant(
        "ranking objectives not divided by accumulation",
        "        factor = processes() / self.current_gradient_accumulation_steps\n"
        "        loss = gradient_cache.step(",
        "        factor = processes()\n        loss = gradient_cache.step(",
        (f"{_PARTS}[parted]",),
    ),
    Mutant(
        "teacher temperature ignored",
        "teacher_temperature=weights.teacher_temperature,",
        "",
        (_FLOPS,),
    ),
    Mutant(
        "masks equal in every pass",
        "np.random.default_rng([self.seed, 2, place])",
        "np.random.default_rng([self.seed, 2, self._row(place)])",
        (f"{_PASSES}::test_masks",),
    ),
    Mutant(
        "cosine schedule",
        '"lr_scheduler_type": "linear"',
        '"lr_scheduler_type": "cosine"',
        (_FLOPS,),
    ),
    Mutant("weight decay .1", '"weight_decay": 0.0', '"weight_decay": 0.1', (_FLOPS,)),
    Mutant("no clipping", '"max_grad_norm": 1.0', '"max_grad_norm": 0.0', (_FLOPS,)),
    Mutant(
        "warm-up twice as long",
        "round(recipe.schedule.warmup * steps)",
        "round(2 * recipe.schedule.warmup * steps)",
        (_FLOPS,),
    ),
    Mutant(
        "the same negatives in every pass",
        "np.random.default_rng([self.sampling.seed, 1, place])",
        "np.random.default_rng([self.sampling.seed, 1, number])",
        (f"{_PASSES}::test_negatives_come_with_their_own_scores",),
    ),
    Mutant(
        "adapter.dropout ignored",
        "lora_dropout=adaptation.dropout,",
        "lora_dropout=0.0,",
        (f"{_PASSES}::test_adapter_dropout",),
    ),
    Mutant(
        "known positives count as negatives",
        "texts.have_texts(rows, one.relevant)",
        "np.zeros(len(rows), bool)",
        (_FLOPS,),
    ),
    Mutant(
        "positives of equal queries not united",
        "queries = np.array(self._queries, dtype=np.uint64)",
        "queries = np.arange(len(self._queries), dtype=np.uint64)",
        (f"{_RELEVANCE}::test_against_comparing_everything[triple]",),
    ),
    Mutant(
        "texts compared as they are written",
        'unicodedata.normalize("NFKC", text).casefold().split()',
        "[text]",
        (f"{_RELEVANCE}::test_against_comparing_everything[triple]",),
    ),
    Mutant(
        "search: ties by rising id",
        "(-self.order[columns], -merged)",
        "(self.order[columns], -merged)",
        (f"{_SEARCH}::test_equals_sorting_all_scores[7-dense]",),
    ),
    Mutant(
        "search: a sparse query finds what shares no term",
        "hits = scores > 0 if positive_only",
        "hits = scores > -1 if positive_only",
        (f"{_SEARCH}::test_equals_sorting_all_scores[7-sparse]",),
    ),
    Mutant(
        "data.exclude_known_positives ignored in a batch",
        "exclude_known_positives=recipe.data.exclude_known_positives,",
        "",
        (f"{_PROCESSES}::test_the_reference_s_loss_scaling",),
    ),
    Mutant(
        "data.exclude_known_positives ignored in a record",
        "every_passage=not recipe.data.exclude_known_positives,",
        "",
        (f"{_PASSES}::test_a_negative_with_the_text_of_the_positive",),
    ),
    Mutant(
        "KL the other way round",
        "log_teacher.exp() * (log_teacher - log_student)",
        "log_student.exp() * (log_student - log_teacher)",
        (_FLOPS,),
    ),
    Mutant(
        "margin of the student without its negative",
        "student_margin = scores[:, :1] - scores[:, 1:]",
        "student_margin = scores[:, :1] + scores[:, 1:]",
        (_FLOPS,),
    ),
    Mutant(
        "FLOPS of mean squares",
        "weights.mean(0).square().sum()",
        "weights.square().mean(0).sum()",
        (_FLOPS,),
    ),
    Mutant(
        "L1 summed over texts",
        "weights.sum(1).mean()",
        "weights.sum()",
        (_L1,),
    ),
    Mutant(
        "a token predicted from its own state",
        "(row, position - 1, token)",
        "(row, position, token)",
        (_MNTP,),
    ),
    Mutant(
        "learning rate of mntp falls to the end of the run",
        "super().create_scheduler(self.decay_steps, optimizer)",
        "super().create_scheduler(num_training_steps, optimizer)",
        (_MNTP,),
    ),
    Mutant(
        "what is left of a thousand texts is packed with the next",
        "if number % GROUP == 0:",
        "if number < 0:",
        (f"{_PACKING}::test_rows_are_those_of_group_texts",),
    ),
    Mutant(
        "the last row is short",
        "range(length, len(tokens) + 1, length)",
        "range(length, len(tokens) + length, length)",
        (f"{_PACKING}::test_rows_are_those_of_group_texts",),
    ),
    Mutant(
        "second loss of clm left out",
        "+ prediction_loss(logits.relu().log1p(), targets)",
        "",
        (_CLM,),
    ),
    Mutant(
        "reference scaling of KL, too",
        "_LOCAL = frozenset(loss.name for loss in LOSSES.values() if not loss.in_batch)",
        "_LOCAL = frozenset()",
        (f"{_PROCESSES}::test_the_reference_s_loss_scaling",),
    ),
    Mutant(
        "cls and mean pooling of a teacher swapped",
        'if self.layout.pooling == "cls":',
        'if self.layout.pooling != "cls":',
        (_POOLING,),
    ),
    Mutant(
        "cls and mean pooling of a teacher swapped where its files are read",
        '"pooling_mode_cls_token": "cls",\n    "pooling_mode_max_tokens": "max",\n'
        '    "pooling_mode_mean_tokens": "mean"',
        '"pooling_mode_cls_token": "mean",\n    "pooling_mode_max_tokens": "max",\n'
        '    "pooling_mode_mean_tokens": "cls"',
        (_POOLING,),
    ),
    Mutant(
        "loss not multiplied by the number of processes",
        "        factor = processes() / self.current_gradient_accumulation_steps\n"
        "        loss = gradient_cache.step(",
        "        factor = 1 / self.current_gradient_accumulation_steps\n"
        "        loss = gradient_cache.step(",
        (f"{_PARTS}[parted]",),
    ),
    Mutant(
        "queries by the passage tower, and passages by the query tower",
        'self.query if side == "query" else self.passage',
        'self.passage if side == "query" else self.query',
        (f"{_TRAIN}/test_towers.py::test_a_run_is_the_formula",),
    ),
    Mutant(
        "passages of two towers counted from 0",
        "Chunk([first + row for row in chunk.rows]",
        "Chunk(list(chunk.rows)",
        (f"{_TRAIN}/test_towers.py::test_a_run_is_the_formula",),
    ),
    Mutant(
        "two towers that share their adapter",
        "if not one.requires_grad]\n    shared",
        "if True]\n    shared",
        (f"{_TRAIN}/test_towers.py::test_frozen_weights_exist_once",),
    ),
    Mutant(
        "temperature of title prediction multiplied",
        "shares = (scores / temperature)",
        "shares = (scores * temperature)",
        (f"{_TITLES}::test_the_formula",),
    ),
    Mutant(
        "tokens of a title averaged over the longest title",
        "-(found.sum(1) / counted.sum(1)).mean()",
        "-found.mean(1).mean()",
        (f"{_TITLES}::test_the_formula",),
    ),
    Mutant(
        "title prediction trains the LM head",
        "@ rows.detach().T",
        "@ rows.T",
        (f"{_TITLES}::test_the_formula",),
    ),
    Mutant(
        "titles predicted from whole passages",
        "titled = untitled, inputs.titled.titles.to(device)",
        "titled = passages[candidates.groups[:3, 0]], inputs.titled.titles.to(device)",
        (f"{_TITLES}::test_a_run_is_the_formula",),
    ),
    Mutant(
        "contrastive loss of a student without the temperature",
        "scored_by_all(batch.student) / batch.temperature",
        "scored_by_all(batch.student)",
        (_LABELLED,),
    ),
    Mutant(
        "another positive of a query among a student's negatives",
        "scores.masked_fill(excluded & ~own, -torch.inf)",
        "scores",
        (_LABELLED,),
    ),
    Mutant(
        "a teacher's query prompt left out",
        "return self._encode(queries, self.layout.query_prompt)",
        'return self._encode(queries, "")',
        (f"{_TEACHERS}/test_sentence_transformers.py::test_prompts",),
    ),
    Mutant(
        "a teacher's prompt pooled where it may not be",
        "mask[:, : self._prompt_tokens(prompt)] = 0",
        "mask[:, :1] = 0",
        (f"{_TEACHERS}/test_sentence_transformers.py::test_a_prompt_that_is_not_pooled",),
    ),
    Mutant(
        "scores of pairs in the order of their lengths",
        "found[row] = rows.row(place)[0][0]",
        "found[place] = rows.row(place)[0][0]",
        (f"{_TEACHERS}/test_scoring.py::test_pairs_have_their_own_scores",),
    ),
    Mutant(
        "mined negatives with the scores of others",
        "[round(score_of[row], 6) for row in rows]",
        "[round(score_of[row], 6) for row in reversed(rows)]",
        (f"{_MINING}::test_scores_stand_with_their_negatives",),
    ),
    Mutant(
        "the margin of mining added",
        "most = max(scores[:border]) - self._mining.margin",
        "most = max(scores[:border]) + self._mining.margin",
        (f"{_MINING}::test_false_negatives_by_the_teacher",),
    ),
    Mutant(
        "scored negatives before the positives",
        '"neg_scores": rounded[border:],',
        '"neg_scores": rounded[: len(rounded) - border],',
        ("tests/llm_encoders/score/test_score.py::test_scores_stand_with_their_passages",),
    ),
    Mutant(
        "an encoder as teacher without its temperature",
        "self.encoder.encode_queries(queries) / temperature",
        "self.encoder.encode_queries(queries)",
        (f"{_TEACHERS}/test_teachers.py::test_our_encoders",),
    ),
    Mutant(
        "yes less no turned round",
        "return logits[:, self.yes] - logits[:, self.no]",
        "return logits[:, self.no] - logits[:, self.yes]",
        (f"{_TEACHERS}/test_teachers.py::test_yes_no_language_model",),
    ),
)


def places(mutant: Mutant, root: Path) -> list[Path]:
    """Files of the package in which the old text occurs, once for every occurrence."""
    found = []
    for path in sorted((root / PACKAGE).rglob("*.py")):
        found += [path] * path.read_text(encoding="utf-8").count(mutant.old)
    return found


def copy_sources(root: Path) -> Path:
    """Package, tests and recipes in a folder of their own."""
    ignore = shutil.ignore_patterns("__pycache__")
    for name in (PACKAGE, "tests", "reproductions"):
        shutil.copytree(REPOSITORY / name, root / name, ignore=ignore)
    shutil.copy(REPOSITORY / "pyproject.toml", root)
    return root


def warm() -> None:
    """Import what all tests import, once: a test run is then a fork of this process."""
    sys.path.pop(0)  # the folder of this script
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("LLM_ENCODERS_TEST_DATA", str(REPOSITORY.parent / "shared" / "data"))
    for name in _WARM:
        module, _, attribute = name.partition(":")
        getattr(importlib.import_module(module), attribute or "__name__")


def passes(root: Path, tests: tuple[str, ...]) -> bool:
    """Whether the tests pass on the sources in ``root``."""
    log = root / "pytest.log"
    child = os.fork()
    if child == 0:
        code = 3
        try:
            with log.open("wb") as stream:
                os.dup2(stream.fileno(), 1)
                os.dup2(stream.fileno(), 2)
            os.chdir(root)
            sys.path.insert(0, str(root))
            sys.dont_write_bytecode = True
            os.environ.update(PYTHONPATH=str(root), PYTHONDONTWRITEBYTECODE="1")
            code = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests]))
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code not in (0, 1):  # of pytest: all passed, some failed
        raise SystemExit(f"pytest {' '.join(tests)}:\n{log.read_text(errors='replace')}")
    return code == 0


def outcomes(mutants: list[Mutant], root: Path) -> Iterator[tuple[Mutant, str]]:
    """``caught`` or ``SURVIVED`` for every mutant, or why it could not be tried."""
    for mutant in mutants:
        found = places(mutant, root)
        if len(found) != 1:
            yield mutant, f"NOT TRIED: the old text occurs {len(found)} times"
            continue
        text = found[0].read_text(encoding="utf-8")
        found[0].write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
        try:
            yield mutant, "SURVIVED" if passes(root, mutant.tests) else "caught"
        finally:
            found[0].write_text(text, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="*", help="take mutants whose names contain one of these")
    words = parser.parse_args().words
    mutants = [m for m in MUTANTS if not words or any(word in m.name for word in words)]
    bad = 0
    warm()
    with tempfile.TemporaryDirectory() as folder:
        root = copy_sources(Path(folder))
        tests = tuple(dict.fromkeys(test for mutant in mutants for test in mutant.tests))
        if not passes(root, tests):
            raise SystemExit("The tests fail without any change.")
        begun = time.monotonic()
        for mutant, outcome in outcomes(mutants, root):
            bad += outcome != "caught"
            seconds = time.monotonic() - begun
            print(f"{outcome:10} {seconds:4.0f} s  {mutant.name}", flush=True)
            begun = time.monotonic()
    print(f"{len(mutants) - bad} of {len(mutants)} caught.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
