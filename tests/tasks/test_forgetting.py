"""Floors per old domain: what a retrained model gains in a new domain does not pay for an old one."""

import numpy as np
import pytest

from tasks.drift.forgetting import per_domain_floors


def flags(n, wrong=0, start=0):
    values = np.ones(n, np.bool_)
    values[start : start + wrong] = False
    return values


def test_a_model_that_gains_the_new_domain_by_losing_an_old_one_does_not_pass():
    old = {"bank": flags(300), "travel": flags(300, 90)}
    new = {"bank": flags(300, 60), "travel": flags(300), "shop": flags(300)}
    floors = per_domain_floors(old, new, 0.05, 0.95)
    assert not floors.passed
    assert [(entry.domain, entry.verdict) for entry in floors.domains] == [("bank", "lost"), ("travel", "kept")]
    assert floors.domains[0].test.harms == 60


def test_a_model_that_keeps_every_old_domain_passes():
    old = {"bank": flags(300, 10), "travel": flags(200, 10)}
    new = {"bank": flags(300, 11), "travel": flags(200, 8)}
    floors = per_domain_floors(old, new, 0.05, 0.95)
    assert floors.passed
    assert {entry.verdict for entry in floors.domains} == {"kept"}


def test_too_few_rows_are_unclear_and_say_how_many_are_needed():
    floors = per_domain_floors({"bank": flags(40)}, {"bank": flags(40)}, 0.05, 0.95)
    assert (floors.passed, floors.domains[0].verdict) == (False, "unclear")
    needed = floors.domains[0].rows_needed
    assert needed > 40
    assert per_domain_floors({"bank": flags(needed)}, {"bank": flags(needed)}, 0.05, 0.95).passed
    assert not per_domain_floors({"bank": flags(needed - 1)}, {"bank": flags(needed - 1)}, 0.05, 0.95).passed


def test_a_loss_near_the_limit_is_neither_kept_nor_lost():
    floors = per_domain_floors({"bank": flags(200)}, {"bank": flags(200, 12)}, 0.05, 0.95)
    assert floors.domains[0].verdict == "unclear"


def test_no_domains_are_no_pass_and_an_old_domain_without_answers_is_refused():
    assert not per_domain_floors({}, {"shop": flags(10)}, 0.05, 0.95).passed
    with pytest.raises(ValueError, match="'bank'"):
        per_domain_floors({"bank": flags(10)}, {}, 0.05, 0.95)
