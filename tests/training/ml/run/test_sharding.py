"""What makes a cut model whole again, without processes: those are in `test_processes`."""

from types import SimpleNamespace

import torch
from torch.distributed.fsdp import MixedPrecisionPolicy

from tests.training.ml import tiny_models
from training.ml.run import sharding


def test_a_filled_blank_is_the_model_with_its_ties_and_buffers() -> None:
    config = tiny_models.DECODERS["llama"]()
    config.tie_word_embeddings = True
    model = tiny_models.language_model(config)
    kept = sharding.blank(model)
    assert {weight.device.type for weight in kept.parameters()} == {"meta"}
    sharding.filled(kept, {name: weight.clone() for name, weight in model.state_dict().items()})
    ids = torch.tensor([[5, 6, 7, 8]])
    assert torch.equal(kept(ids).logits, model(ids).logits)
    assert kept.lm_head.weight is kept.model.embed_tokens.weight


def test_what_was_frozen_stays_frozen() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    model[0].requires_grad_(False)
    assert [weight.requires_grad for weight in sharding.blank(model).parameters()] == [False, False, True, True]


def test_a_loss_in_bf16_is_not_rounded() -> None:
    plugin = SimpleNamespace(
        mixed_precision_policy=MixedPrecisionPolicy(torch.bfloat16, torch.bfloat16, torch.bfloat16)
    )
    sharding.keep_loss_exact(SimpleNamespace(state=SimpleNamespace(fsdp_plugin=plugin)))
    policy = plugin.mixed_precision_policy
    assert (policy.param_dtype, policy.reduce_dtype, policy.output_dtype) == (torch.bfloat16, torch.float32, None)
