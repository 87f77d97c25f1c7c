"""Forty hostile inputs and faults, each with a test: this table says which.

Tests in test_hostile_*.py have their row's number in their name. What other files keep is named
here, and that it is there is looked up.
"""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent

ROWS = {
    1: "fit with no rows: an error that names x, weights untouched",
    2: "predict with no rows: (0, units), the right type",
    3: "one row, normalisation, batches of one: finite",
    4: "constant features: finite",
    5: "a NaN in x: an error with row and column before any update; a NaN in predict is NaN out",
    6: "infinities in x: refused; subnormal numbers kept; huge ones train or stop",
    7: "logits of 1e4: exact; infinite ones never look like a result",
    8: "probabilities of 0 and 1: clipped as by Keras",
    9: "labels that are no classes: an error that names the first",
    10: "targets of another shape: an error with both shapes",
    11: "arrays of different lengths: an error with all of them",
    12: "weights of rows negative, NaN: errors; all zero: nothing learnt",
    13: "weights of unknown classes: an error that names the class",
    14: "batch sizes of 0, -1, 2.5: errors; 1e12: all rows; None: 32",
    15: "no epochs: an empty history; -1: an error",
    16: "learning rate 0: not a bit changes; NaN, infinite, negative: errors; 1e30: stops",
    17: "arrays of any type: converted exactly, or refused by name",
    18: "any layout: the bits of a plain copy; never written to",
    19: "data frames and sparse matrices: work, or one error that names the column",
    20: "data that change during fit: no crash, nothing read from elsewhere",
    21: "more than 2^31 elements and rows: right",
    22: "widths 0, 1, 10^6, depths 0, 1, 1000: an error, or they work, or MemoryError",
    23: "memory that runs out: MemoryError, the model as it was",
    24: "Ctrl-C at any time: seen at once, a usable model at a batch's end",
    25: "SIGTERM: a checkpoint is written, exit status 143",
    26: "SIGKILL at any time: resumed to the same bytes",
    27: "a full or broken disk: OSError, the old file intact",
    28: "files cut off anywhere, any byte flipped: refused, naming the member",
    29: "archives with tricks: refused in little time and memory",
    30: "descriptions that name code, absurd numbers, endless nesting: data errors, nothing called",
    31: "pickles: refused, never loaded",
    32: "files of newer and older versions: a clear error; loaded",
    33: "fork, loky, pools: the same bits",
    34: "threads: different models as alone, the same model an error, predictions safe",
    35: "callbacks that raise, train, save, exit: defined",
    36: "batches that are wrong, end early, fail, never end: named by their number",
    37: "senseless numbers of threads, quotas, limits, affinity: obeyed, the same bits",
    38: "imports in any order, processors without AVX2, no OpenMP: works",
    39: "10^5 fits and failed fits: no leak of memory, handles, threads",
    40: "no place to write, no output, other encodings, long paths: works",
}

ELSEWHERE = {
    1: ["test_data.py::test_refused_before_the_first_step"],
    3: ["test_layers.py::test_batch_normalization_of_one_row_is_finite"],
    6: ["test_divergence.py::test_weights_that_overflow_while_the_loss_does_not"],
    16: ["test_divergence.py::test_the_last_finite_weights",
         "test_divergence.py::test_the_layer_is_named"],
    21: ["test_large.py::test_training_finds_rows_beyond",
         "test_large.py::test_fit_shuffles_rows_beyond",
         "test_large.py::test_prediction_and_evaluation_find_rows_beyond",
         "test_large.py::test_sparse_rows_have_entries_beyond"],
    23: ["test_memory.py::test_whichever_allocation_fails_nothing_leaks_or_changes",
         "test_memory.py::test_what_is_too_large_says_its_size_and_leaves_other_models_alone"],
    24: ["test_training.py::test_ctrl_c_in_a_long_epoch_is_seen_at_once",
         "test_training.py::test_ctrl_c_ends_training_between_two_steps"],
    25: ["test_resume.py::test_sigterm_writes_the_backup_and_ends_the_process"],
    26: ["test_pull_the_plug.py::test_killed_at_random_times",
         "test_pull_the_plug.py::test_killed_at_every_operation_on_files",
         "test_saving_faults.py::test_killed_while_saving"],
    27: ["test_saving_faults.py::test_whatever_fails_leaves_the_old_file",
         "test_saving_faults.py::test_what_a_bad_disk_wrote_is_noticed",
         "test_saving_faults.py::test_a_file_that_may_not_grow"],
    28: ["test_model_files.py::test_every_byte_counts",
         "test_model_files.py::test_every_length_counts"],
    29: ["test_model_files.py::test_zip_has_no_place_for_tricks",
         "test_model_files.py::test_manifests",
         "test_model_files.py::test_nothing_is_allocated_for_what_the_file_does_not_hold",
         "test_interchange.py::test_archives_that_would_take_much_time_or_memory"],
    30: ["test_model_files.py::test_sound_checksums_do_not_make_a_sound_file",
         "test_model_files.py::test_what_a_file_names_is_never_imported_or_called",
         "test_fuzzed_files.py::test_any_file_is_refused_or_a_model"],
    31: ["test_model_files.py::test_files_that_are_something_else",
         "test_model_files.py::test_loading_never_unpickles_or_imports_by_name"],
    32: ["test_model_files.py::test_newer_formats_say_so",
         "test_model_files.py::test_the_files_of_every_version_load"],
    33: ["test_seeds.py::test_a_forked_child", "test_seeds.py::test_a_joblib_worker",
         "test_backends.py::test_a_forked_child_trains_as_its_parent_does",
         "test_core.py::test_a_forked_child_trains_with_threads_as_its_parent_did",
         "test_sklearn_tools.py::test_joblib"],
    34: ["test_guest.py::test_threads_with_a_model_each_train_as_they_would_alone",
         "test_guest.py::test_two_threads_cannot_train_one_model",
         "test_training.py::test_many_threads_of_python_may_predict_and_train_different_models"],
    35: ["test_guest.py::test_an_error_in_any_hook_is_the_users_own",
         "test_guest.py::test_sys_exit_in_a_callback_leaves_the_program",
         "test_guest.py::test_a_callback_may_train_its_own_model"],
    37: ["test_guest.py::test_a_senseless_number_of_threads_does_no_harm",
         "test_core.py::test_threadpoolctl_limits_the_threads",
         "test_utils.py::test_threads_obey_the_quota_and_the_user",
         "test_utils.py::test_threads_obey_the_affinity",
         "test_seeds.py::test_the_number_of_threads"],
    38: ["test_guest.py::test_imports_in_any_order",
         "test_loader.py::test_the_best_supported_level_is_chosen",
         "test_loader.py::test_each_available_core_loads_and_leaves_subnormals_alone"],
    39: ["test_guest.py::test_nothing_leaks"],
}


@cache
def names_in(file: str) -> frozenset:
    tree = ast.parse((HERE / file).read_text("utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef)
                     and node.name.startswith("test_"))


@cache
def rows_in_names() -> dict[int, list[str]]:
    """Row -> tests: test_row_05_and_06_..., test_rows_01_to_19_..."""
    found: dict = {}
    for path in sorted(HERE.glob("test_hostile_*.py")):
        for name in names_in(path.name):
            numbers = re.match(r"test_row_((?:\d\d_)(?:and_\d\d_)*)", name)
            for number in re.findall(r"\d\d", numbers[1]) if numbers else ():
                found.setdefault(int(number), []).append(f"{path.name}::{name}")
    return found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row}: {ROWS[row]}")
def test_a_row_has_tests_that_exist(row):
    for name in ELSEWHERE.get(row, ()):
        file, _, test = name.partition("::")
        assert test in names_in(file), name
    assert row in ELSEWHERE or row in rows_in_names()


def test_the_table_is_whole():
    assert list(ROWS) == list(range(1, 41))
    assert set(rows_in_names()) | set(ELSEWHERE) == set(ROWS)
