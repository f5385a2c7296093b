"""What a run can be asked for, and how it refuses the rest."""

from __future__ import annotations

import pytest

from kafka_audit.settings import FORMATS, ROLES, ConfigError, Settings, chosen


def test_by_default_producers_of_the_current_folder_are_audited():
    settings = Settings()
    assert (settings.paths, settings.roles, settings.fail_on) == ((".",), ("producer",), "warning")


def test_settings_cannot_be_changed():
    with pytest.raises(AttributeError):
        Settings().jobs = 3  # type: ignore[misc]


def test_a_negative_number_of_jobs_is_refused():
    with pytest.raises(ConfigError, match="--jobs is -1; use a positive number, or 0"):
        Settings(jobs=-1)


def test_no_path_at_all_is_refused():
    with pytest.raises(ConfigError, match="no path was given"):
        Settings(paths=())


@pytest.mark.parametrize("word", FORMATS)
def test_a_known_word_is_chosen(word: str):
    assert chosen("--format", word, FORMATS) == word


def test_an_unknown_word_is_refused_with_the_words_that_exist():
    with pytest.raises(ConfigError, match="--role cannot be `all`; choose producer, consumer or admin"):
        chosen("--role", "all", ROLES)
