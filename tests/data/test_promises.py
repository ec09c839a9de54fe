"""What docs/data.md promises of bad data: each row of its tables has tests that hold it, its codes are those of dlkit.

The tests stand beside the source or kind that they are of; `HELD` names them.
"""

from __future__ import annotations

import re

import pytest

from dlkit.config import codes
from tests.documents import ROOT

FILES = "cli/test_bad_files.py: a_bad_file_stops_the_check_with_its_place"
CLEANED = "cli/test_bad_files.py: files_that_cannot_be_decoded_are_left_out_where_that_is_asked_for"
SPLIT = "cli/test_bad_files.py: a_split_that_cannot_be_meant_stops_the_check"
PATHS = "sources/test_files.py: what_is_no_file_is_named"
NOTES = "evaluation/test_notes.py: gaps_are_filled_in_and_counted_and_classes_come_back_as_the_labels_were"
TIMES = "sources/test_timeseries.py: timestamps_that_are_not_in_order_are_named"
MIXED = "init/test_choices.py: columns_of_a_mixed_table"

# The first words of a row to the tests, `file: name` without `test_`.
HELD = {
    # Files and folders
    "a folder is empty, flat": [FILES, "sources/test_folders.py: an_empty_a_flat_and_a_foreign_folder"],
    "there is one class alone": [FILES, "sources/test_folders.py: one_class_and_a_class_of_test_alone"],
    "a path is a folder": [PATHS],
    "a path or pattern is misspelt": [
        FILES, "sources/test_files.py: a_name_that_is_nearly_right_gets_the_one_that_is_there",
        "sources/test_tables.py: files_that_are_not_there",
    ],
    "a pipe, a circle of links": [
        FILES, "sources/test_folders.py: pipes_circles_of_links_and_links_that_leave_the_folder_are_named",
    ],
    "a row of labels names a file": [
        "sources/test_image_folder.py: a_row_that_cannot_be_used_is_named_by_its_line",
        "sources/test_image_folder.py: a_link_out_of_the_folder_in_a_table_is_refused",
    ],
    "images are empty": [
        FILES, "sources/test_image_folder.py: broken_files_are_all_named_with_their_reasons",
        "inputs/test_decode_image.py: a_picture_larger_than_any_photograph_is_refused_unread",
    ],
    "sounds are empty": [FILES, "inputs/test_audio.py: files_that_are_no_whole_sound_are_refused"],
    "an image, a sound or a text is to be left out": [
        CLEANED, "init/test_file_choices.py: texts_that_cannot_be_read_are_left_out_in_what_is_written",
    ],
    "a table is empty": [
        FILES, "sources/test_files.py: an_empty_and_a_foreign_file_are_refused",
        "sources/test_parquet.py: what_is_no_parquet_file", "sources/test_tables.py: gzip_by_name",
    ],
    "hidden files": [
        "sources/test_folders.py: what_is_hidden_or_foreign_is_skipped_counted_and_said",
        "sources/test_image_folder.py: what_is_hidden_or_of_another_kind_is_skipped_and_said",
    ],
    "classes are called 1, 2, 10": [
        "sources/test_folders.py: classes_are_in_natural_order_and_every_file_has_the_label_of_its_folder",
        "sources/test_image_folder.py: labels_of_a_table_belong_to_files_by_name_alone",
    ],
    "a photo is turned": [
        "inputs/test_decode_image.py: a_photo_is_turned_as_viewers_turn_it",
        "sources/test_image_folder.py: sizes_depth_and_channels_are_those_of_all_files",
    ],
    "an image has 16 bits": [
        "inputs/test_image.py: twelve_bits_are_decoded_with_all_their_levels",
        "inputs/test_image.py: sixteen_bits_need_another_scale_than_eight",
    ],
    "pixels are transparent": [
        "inputs/test_decode_image.py: transparent_pixels_show_the_background_and_not_the_colours_under_them",
    ],
    "colours are those of print": [
        "inputs/test_decode_image.py: the_colours_of_print_are_right",
        "inputs/test_decode_image.py: the_colours_of_a_palette_are_looked_up",
    ],
    "images differ in size": [
        "inputs/test_image.py: "
        "files_of_several_sizes_need_a_step_that_gives_them_one_and_the_message_has_the_line",
    ],
    "an image shrinks": ["steps/test_resize.py: shrunk_and_enlarged_images_are_pillows_to_one_of_255"],
    "sounds have several channels": [
        "inputs/test_audio.py: another_rate_and_two_channels_become_the_models_own",
        "inputs/test_audio.py: "
        "a_folder_gives_paths_and_classes_and_its_lengths_rates_and_channels_are_reported",
    ],
    "sounds are longer": ["inputs/test_audio.py: cut_sounds_are_counted"],
    # Tables
    "there are names of columns": [FILES, "sources/test_csv_lines.py: broken_files_are_refused_with_the_line"],
    "a row has too few": [FILES, "sources/test_csv_lines.py: broken_files_are_refused_with_the_line"],
    "a line is empty": ["sources/test_csv.py: an_empty_line_is_a_row_of_a_table_with_one_column"],
    "two columns have one name": [FILES, "sources/test_long_table.py: a_file_that_is_no_table_is_named"],
    "a file holds a NUL": [FILES, "sources/test_csv_lines.py: a_nul_far_from_the_start_is_named"],
    "a file begins with a mark": [
        "sources/test_csv_head.py: line_ends_and_a_mark_at_the_start",
        "sources/test_csv_head.py: a_mark_states_the_encoding",
        "sources/test_long_table.py: a_table_is_read_however_it_is_written",
    ],
    "a file is in another encoding": [
        FILES, "sources/test_csv_head.py: other_encodings_are_named_with_line_and_column",
        "sources/test_long_table.py: names_of_series_in_another_encoding_are_asked_about",
    ],
    "fields are parted by `;`": ["sources/test_csv_head.py: separator_and_decimal_mark_are_found_and_said"],
    "everything is one column": ["sources/test_csv_head.py: one_column_with_separators_inside_is_refused"],
    "the first line holds numbers": ["sources/test_csv_head.py: a_first_line_of_numbers_is_no_header"],
    "row 90,000": ["sources/test_csv.py: text_in_a_late_row_makes_text_of_the_column_and_is_named"],
    'a field is "NA"': ["sources/test_csv.py: namibia_is_text_and_a_missing_number_is_reported_by_its_word"],
    "a code begins with zero": ["sources/test_csv.py: a_zero_in_front_makes_text", MIXED],
    "whole numbers are too long": [
        "inputs/test_number.py: ids_that_float32_rounds_are_named_with_what_to_do",
        "sources/test_csv.py: digits_are_never_lost",
    ],
    "a column or pattern is misspelt": [
        FILES, "sources/test_tables.py: a_column_that_no_file_has_is_reported_where_it_is_named",
        "sources/test_patterns.py: a_pattern_that_fits_nothing_is_named_where_it_stands",
    ],
    "a number is NaN or infinite": [
        FILES, "steps/test_fill_missing.py: without_it_nan_is_refused_and_the_help_names_it",
        "steps/test_fill_missing.py: each_column_is_filled_with_its_own_value",
    ],
    "training has whole numbers": [
        "inputs/test_number.py: gaps_where_training_has_whole_numbers_are_filled_in_and_counted", NOTES,
    ],
    "a column never varies": [
        "data/test_preprocessing.py: what_is_the_same_in_every_training_row_becomes_0_and_is_said",
        "steps/test_numeric.py: a_column_that_never_varies_becomes_0_and_is_reported",
    ],
    "a category is empty": ["inputs/test_category.py: empty_values_are_a_value_of_their_own_and_counted"],
    "a category is new": [
        "inputs/test_category.py: values_that_are_new_in_the_test_are_unknown_and_counted",
        "inputs/test_category.py: new_values_that_are_nearly_known_are_said",
        "cli/test_bad_data.py: a_new_category_is_unknown_counted_and_said",
        "evaluation/test_notes.py: what_is_cut_and_what_is_unknown_in_a_file_is_counted_and_said",
    ],
    "values differ in capitals": [
        "inputs/test_category.py: values_that_differ_in_spaces_or_capitals_alone_are_said",
    ],
    "whole numbers may be classes": [
        "init/test_choices.py: kind_of_the_target", "init/test_choices.py: lines_in_doubt_are_read_as_they_stand",
    ],
    "a column is an id": [MIXED, "init/test_choices.py: rows_without_a_label_and_infinite_numbers_are_seen_to"],
    # Texts
    "a text file is not Unicode": [FILES, "sources/test_text_folder.py: the_message_has_the_offset_of_the_byte"],
    "texts are Chinese": ["inputs/test_text.py: chinese_is_taken_by_character_and_that_is_said"],
    "words touch punctuation": ["inputs/test_text.py: punctuation_and_tags_part_words"],
    "texts have fewer than two": ["inputs/test_text.py: texts_that_are_hardly_taken_apart_are_said"],
    "texts are longer": ["inputs/test_text.py: texts_that_are_cut_are_counted_in_every_split"],
    "a text has no word": [
        "inputs/test_text.py: empty_texts_are_counted_or_refused_by_row",
        "inputs/test_text.py: an_empty_text_gives_no_nan_and_padding_changes_nothing",
    ],
    # Series
    "timestamps are out of order": [
        TIMES, "sources/test_timeseries.py: rows_in_another_order_are_sorted_where_that_is_asked_for",
    ],
    "timestamps are doubled": [TIMES, "sources/test_timeseries.py: every_series_is_checked"],
    "steps are missing": [
        TIMES, "sources/test_timeseries.py: missing_steps_are_filled_in_where_that_is_asked_for",
    ],
    "dates have two formats": [
        TIMES, "sources/test_timeseries.py: dates_that_can_be_read_in_two_ways_are_not_guessed",
    ],
    "a cell is empty": ["sources/test_timeseries.py: a_cell_that_is_no_number_is_named"],
    "a file holds several series": [
        "sources/test_windows.py: no_window_is_lost_and_none_leaves_its_series",
        "sources/test_timeseries.py: interleaved_series_of_two_columns",
    ],
    "a row does not say": [
        "sources/test_timeseries.py: a_row_without_the_name_of_its_series",
        "sources/test_timeseries.py: what_is_not_there_is_named_at_its_setting",
    ],
    "a series is shorter": ["sources/test_timeseries.py: series_that_are_too_short_are_named_or_left_out"],
    "a window ends": [
        "sources/test_windows.py: no_window_is_lost_and_none_leaves_its_series",
        "sources/test_timeseries.py: the_keras_example_of_seven_windows_has_seven",
    ],
    "a sequence has a hole": [
        "data/test_bad_values.py: values_are_refused_by_their_column_and_row",
        "inputs/test_sequence.py: holes_are_refused_with_the_row",
    ],
    # Splits and leaks
    "slices of training": [SPLIT, "data/test_load.py: training_examples_may_not_be_evaluated_on"],
    "shares are taken": [
        "data/test_divide.py: classes_have_the_same_share_in_each_split_by_default",
        "data/test_divide.py: every_row_is_in_one_split_the_same_every_time",
    ],
    "the column of a split": [SPLIT, "data/test_divide.py: what_the_rows_do_not_allow_is_refused"],
    "windows lie on both sides": [
        "data/test_base_rows.py: no_window_straddles_a_cut_and_every_other_is_in_one_part",
        "data/test_divide.py: windows_are_divided_by_time_and_none_is_seen_in_training",
    ],
    "something is fitted": [
        "data/test_preprocessing.py: normalize_is_fitted_on_the_training_split_after_the_steps_before_it",
    ],
    "a row, or nearly the same image": [
        "checks/test_rules.py: equal_examples_and_similar_images_in_two_splits",
        "cli/test_bad_files.py: a_file_that_is_in_two_splits_is_named",
        "checks/test_similar_images.py: a_changed_copy_is_found_and_named",
    ],
    "a patient, machine or film": [
        "checks/test_groups.py: patients_of_both_files_are_counted_and_the_first_is_named",
    ],
    "one column gives": [
        "checks/test_rules.py: a_column_that_gives_the_answer_and_splits_that_differ",
        "checks/test_leaks.py: a_column_made_from_the_target_is_named",
    ],
    "test rows are unlike": ["checks/test_shift.py: rows_cut_in_the_order_of_a_column_differ_by_it"],
    # Labels
    "a row has no label": [FILES, "data/test_load_targets.py: a_row_without_a_label_is_named"],
    "a label of test": [
        SPLIT, "data/test_load_targets.py: a_label_that_no_training_row_has_is_named_with_the_nearest",
    ],
    "labels are fractions": [
        "data/test_load_targets.py: fractions_are_no_classes",
        "data/test_load_targets.py: text_and_numbers_in_one_column_are_reported_apart_by_their_row",
    ],
    "labels differ in capitals": [
        "data/test_load_targets.py: labels_that_differ_in_spaces_or_capitals_alone_are_said",
    ],
    "labels are whole numbers": [NOTES],
    # Prepared examples
    "the disk is full": [
        "data/test_prepare.py: a_folder_that_cannot_be_written_costs_nothing_but_the_keeping",
        "data/test_prepare.py: a_disk_that_fills_up_in_the_middle_costs_nothing_but_the_keeping",
    ],
    "a run is killed": [
        "data/test_prepare.py: two_processes_that_build_one_store_get_the_same_and_a_kill_leaves_nothing_wrong",
        "data/test_store.py: a_row_whose_values_were_cut_off_by_a_kill_is_not_there",
    ],
    "two runs prepare": [
        "data/test_prepare.py: two_processes_that_build_one_store_get_the_same_and_a_kill_leaves_nothing_wrong",
    ],
}  # fmt: skip


def promised() -> list[tuple[str, str]]:
    """The rows of the tables: when, and what dlkit does."""
    page = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    section = page.split("\n## What dlkit does when ...\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| (.+) \|$", section, flags=re.MULTILINE)
    return [row for row in rows if row[0] != "when"]


def test_every_row_has_tests_and_every_test_a_row() -> None:
    begins = {start: [when for when, _ in promised() if when.startswith(start)] for start in HELD}
    assert {start: len(rows) for start, rows in begins.items()} == dict.fromkeys(HELD, 1)
    assert sorted(when for (when,) in begins.values()) == sorted(when for when, _ in promised())


@pytest.mark.parametrize("row", HELD)
def test_the_tests_of_a_row_are_there(row: str) -> None:
    for named in HELD[row]:
        file, _, name = named.partition(": ")
        assert f"def test_{name}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), named


def test_what_stops_a_run_or_is_reported_has_a_code_of_dlkit() -> None:
    known = set(codes.table())
    for when, does in promised():
        for part in re.findall(r"(?:stops: |reports )(`[a-z0-9-]+`(?:, `[a-z0-9-]+`)*)", does):
            assert set(re.findall(r"`([^`]+)`", part)) <= known, when
        assert "stops" not in does or "stops: `" in does, when
