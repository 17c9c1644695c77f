"""Both models against crowd-kit, which knows nothing of sides: it gets every pair twice, once turned round, and then
has the same likelihood."""

import numpy as np
import pandas as pd
import pytest
from crowdkit import aggregation as crowdkit

from annotation.stats import consensus
from annotation.stats.response_models import (
    DAWID_SKENE,
    EQUAL,
    EVADED,
    INVENTED,
    MACE,
    OPPOSITE,
    SAME,
    competence,
    from_competence,
)
from tests.annotation.stats.simulated_votes import simulated, turned

# crowd-kit 1.4.2 calls pandas in a way that pandas 3.1 will drop.
old_pandas = pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")
RIGHT = np.array([0.9, 0.85, 0.8, 0.7, 0.7, 0.6, 0.45])


@pytest.fixture(scope="module")
def votes():
    return simulated(right=RIGHT, pairs=300, each=4)[0]


def both_ways(votes):
    frame = pd.DataFrame({"task": votes.pairs, "worker": votes.annotators, "label": votes.outcomes})
    other = pd.DataFrame({"task": votes.pairs + 10_000, "worker": votes.annotators, "label": 2 - votes.outcomes})
    # crowd-kit's MACE takes workers and labels for sorted where it counts strategies, and by appearance elsewhere.
    return pd.concat([frame, other]).sort_values(["worker", "label"], ignore_index=True)


def of_one_way(probabilities, votes):
    return probabilities.sort_index()[[0, 1, 2]].to_numpy()[: votes.number_of_pairs]


@old_pandas
def test_dawid_skene_without_prior_is_crowdkits(votes):
    theirs = crowdkit.DawidSkene(n_iter=2000, tol=0).fit(both_ways(votes))

    ours = consensus.own(votes, model=DAWID_SKENE, prior=consensus.GUESSING, strength=0.0)

    np.testing.assert_allclose(ours.posterior, of_one_way(theirs.probas_, votes), atol=1e-3)
    errors = theirs.errors_.sort_index()
    for annotator in range(RIGHT.size):
        theirs_of = errors.loc[annotator].to_numpy()  # (said, true)
        expected = [theirs_of[0, 0], theirs_of[1, 0], theirs_of[2, 0], theirs_of[1, 1], 2 * theirs_of[0, 1]]
        np.testing.assert_allclose(ours.table[annotator], expected, atol=1e-3)


@old_pandas
def test_mace_without_prior_is_crowdkits(votes):
    theirs = crowdkit.MACE(n_restarts=1, n_iter=150, method="em")
    theirs.fit(both_ways(votes))

    start = from_competence(np.array([0.5]), np.array([1 / 3]))
    ours = consensus.own(votes, model=MACE, prior=start, strength=0.0)

    # crowd-kit adds a hundredth of a vote to every count.
    np.testing.assert_allclose(competence(ours.table), theirs.spamming_[:, 1], atol=5e-3)
    np.testing.assert_allclose(ours.posterior, of_one_way(theirs.probas_, votes), atol=1e-2)


@pytest.mark.parametrize("model", [DAWID_SKENE, MACE], ids=lambda model: model.name)
def test_turning_pairs_round_turns_the_posterior_and_nothing_else(votes, model):
    which = np.random.default_rng(1).random(votes.number_of_pairs) < 0.5
    everybody = consensus.pooled(votes, model=model)
    straight = consensus.own(votes, model=model, prior=everybody.table, strength=8.0)

    other = consensus.own(turned(votes, which=which), model=model, prior=everybody.table, strength=8.0)

    np.testing.assert_allclose(other.table, straight.table, atol=1e-9)
    flipped = np.where(which[:, None], straight.posterior[:, ::-1], straight.posterior)
    np.testing.assert_allclose(other.posterior, flipped, atol=1e-9)


@pytest.mark.parametrize("model", [DAWID_SKENE, MACE], ids=lambda model: model.name)
def test_the_shared_table_is_near_what_made_the_votes(model):
    votes, _ = simulated(right=np.full(20, 0.7), pairs=3000, each=5)

    table = consensus.pooled(votes, model=model).table[0]

    assert table[[SAME, EVADED, OPPOSITE]].sum() == pytest.approx(1)
    assert table[[EQUAL, INVENTED]].sum() == pytest.approx(1)
    np.testing.assert_allclose(table, [0.7, 0.15, 0.15, 0.7, 0.3], atol=0.03)


def test_to_mace_all_truths_are_as_likely_and_a_tie_is_none_where_nobody_votes_for_one(votes):
    strict, _ = simulated(right=RIGHT, pairs=300, each=4, ties=0, strict=True)

    assert consensus.pooled(votes, model=MACE).truth == pytest.approx([1 / 3] * 3)
    assert consensus.pooled(strict, model=MACE).truth == pytest.approx([1 / 2, 0, 1 / 2])


def test_a_prior_that_knows_nothing_does_not_keep_anybody_from_knowing(votes):
    fit = consensus.own(votes, model=MACE, prior=consensus.GUESSING, strength=8.0)

    assert competence(fit.table)[0] > 0.7


def test_what_still_moves_after_the_last_step_is_said(votes, monkeypatch):
    monkeypatch.setattr(consensus, "STEPS", 2)

    with pytest.raises(consensus.NotConverged, match=r"dawid-skene still moved by .* after 20 steps"):
        consensus.pooled(votes, model=DAWID_SKENE)
