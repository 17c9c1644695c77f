"""Adapters around heads of every shape come back from disk."""

from pathlib import Path

import peft
import pytest
import torch

from tests.training.ml import tiny_models
from training.ml.backbones import lora
from training.ml.knobs import RewardKnobs

TOKENS = torch.tensor([[5, 6, 7, 8]])
HEADS = {"roberta": ["classifier.dense", "classifier.out_proj"], "bert": ["classifier"], "llama": ["score"]}


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")  # asked by PEFT
@pytest.mark.parametrize("name", HEADS)
def test_an_adapter_with_its_head_scores_as_before_when_it_is_loaded_again(tmp_path: Path, name: str) -> None:
    config = (tiny_models.DECODERS | tiny_models.ENCODERS)[name]
    base = tiny_models.classifier(config()).state_dict()

    def fresh() -> torch.nn.Module:
        model = tiny_models.classifier(config())
        model.load_state_dict(base)
        return model

    model = peft.get_peft_model(
        fresh(), lora.config(RewardKnobs(), fresh(), classifier=True, trained_whole=HEADS[name])
    )
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.01)
    model.eval().save_pretrained(tmp_path)
    again = peft.PeftModel.from_pretrained(fresh(), str(tmp_path)).eval()
    torch.testing.assert_close(again(TOKENS).logits, model(TOKENS).logits)
    trained_on = peft.get_peft_model(
        fresh(), lora.config(RewardKnobs(), fresh(), classifier=True, trained_whole=HEADS[name])
    )
    trained_on.load_adapter(str(tmp_path), "default", is_trainable=True)  # as a resumed training does
    torch.testing.assert_close(trained_on.eval()(TOKENS).logits, model(TOKENS).logits)


def test_parts_of_a_head_are_the_head_and_what_lies_elsewhere_stays() -> None:
    assert lora.whole(["classifier.dense", "classifier.out_proj", "bert.pooler.dense"]) == [
        "bert.pooler.dense",
        "classifier",
    ]
