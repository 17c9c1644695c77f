"""One product in place of three gives what PEFT's own layer gives, and its gradients."""

import peft
import pytest
import torch
from peft.tuners.lora import Linear
from torch import Tensor, nn

from training.ml.backbones.adapted import AdaptedLinear, Product, computed

ROWS, COLUMNS, RANK = 6, 5, 2


class Layer(nn.Module):
    def __init__(self, *, bias: bool) -> None:
        super().__init__()
        self.inner = nn.Linear(COLUMNS, ROWS, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.inner(x)
        return found


def shape() -> peft.LoraConfig:
    return peft.LoraConfig(r=RANK, lora_alpha=5, target_modules=["inner"])


def layers(*, bias: bool = True, dtype: torch.dtype = torch.float64) -> tuple[AdaptedLinear, Linear]:
    """Ours and PEFT's, with the same weights, none of them zero."""
    made = [peft.get_peft_model(Layer(bias=bias), one) for one in (computed(shape(), None), shape())]
    ours, theirs = (model.base_model.model.inner for model in made)
    for layer in (ours, theirs):
        torch.manual_seed(1)
        for parameter in layer.parameters():
            parameter.data = torch.randn(parameter.shape, dtype=torch.float64).to(dtype)
    assert type(ours) is AdaptedLinear
    assert type(theirs) is Linear
    return ours, theirs


def tokens(*size: int, dtype: torch.dtype = torch.float64) -> Tensor:
    torch.manual_seed(2)
    return torch.randn(*size, COLUMNS, dtype=dtype, requires_grad=True)


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """Those that were taken our way."""
    seen: list[Tensor] = []
    apply = Product.apply

    def seen_too(*given: object) -> Tensor:
        seen.append(apply(*given))  # type: ignore[no-untyped-call]
        return seen[-1]

    monkeypatch.setattr(Product, "apply", seen_too)
    return seen


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("size", [(8,), (2, 4)])
def test_outputs_and_gradients_are_those_of_peft(products: list[Tensor], size: tuple[int, ...], bias: bool) -> None:
    ours, theirs = layers(bias=bias)
    found = []
    for layer in (ours, theirs):
        x = tokens(*size)
        out = layer(x)
        out.square().sum().backward()
        trained = [parameter.grad for parameter in layer.parameters() if parameter.requires_grad]
        found.append([out, x.grad, *trained])
    assert len(products) == 1
    assert len(found[0]) == 4  # the output and gradients of x, A and B
    for mine, peer in zip(*found, strict=True):
        torch.testing.assert_close(mine, peer, rtol=1e-12, atol=1e-12)


def test_gradients_are_those_of_finite_differences() -> None:
    ours, _ = layers()
    down, up = ours.lora_A["default"].weight, ours.lora_B["default"].weight
    weight = ours.get_base_layer().weight
    assert torch.autograd.gradcheck(lambda x, a, b: Product.apply(x, weight, a, b, 2.5), (tokens(3), down, up))  # type: ignore[no-untyped-call]


def test_tokens_without_a_gradient_get_none(products: list[Tensor]) -> None:
    """Those of the lowest layer come from embeddings that nothing trains."""
    ours, theirs = layers()
    for layer in (ours, theirs):
        layer(tokens(8).detach()).square().sum().backward()
    assert len(products) == 1
    torch.testing.assert_close(ours.lora_A["default"].weight.grad, theirs.lora_A["default"].weight.grad)


def test_few_tokens_go_the_way_of_peft(products: list[Tensor]) -> None:
    ours, theirs = layers()
    assert torch.equal(ours(tokens(ROWS - 1)), theirs(tokens(ROWS - 1)))
    assert products == []


def test_an_adapter_that_is_only_read_goes_the_way_of_peft(products: list[Tensor]) -> None:
    ours, theirs = layers()
    ours.requires_grad_(requires_grad=False)
    assert torch.equal(ours(tokens(8)), theirs(tokens(8)))
    assert products == []


def test_half_precision_goes_the_way_of_peft(products: list[Tensor]) -> None:
    """A sum of weights in bf16 would lose what is small beside them."""
    ours, theirs = layers(dtype=torch.bfloat16)
    x = tokens(8, dtype=torch.bfloat16)
    assert torch.equal(ours(x), theirs(x))
    ours, theirs = layers(dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(ours(tokens(8, dtype=torch.float32)), theirs(tokens(8, dtype=torch.float32)))
    assert products == []


def test_without_its_adapter_or_with_it_merged_it_is_a_plain_layer(products: list[Tensor]) -> None:
    ours, theirs = layers()
    ours.enable_adapters(enabled=False)
    theirs.enable_adapters(enabled=False)
    assert torch.equal(ours(tokens(8)), theirs(tokens(8)))
    ours, theirs = layers()
    ours.merge()
    theirs.merge()
    assert torch.equal(ours(tokens(8)), theirs(tokens(8)))
    assert products == []


def test_several_adapters_at_once_go_the_way_of_peft(products: list[Tensor]) -> None:
    found = []
    for layer in layers():
        layer.update_layer("second", RANK, lora_alpha=5, config=shape())
        layer.set_adapter(["default", "second"])
        torch.manual_seed(3)
        for part in (layer.lora_A["second"], layer.lora_B["second"]):
            part.weight.data = torch.randn(part.weight.shape, dtype=torch.float64)
        found.append(layer(tokens(8)))
    assert torch.equal(*found)
    assert products == []


def test_a_layer_that_does_more_than_a_product_goes_the_way_of_peft(products: list[Tensor]) -> None:
    class Doubled(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return 2 * super().forward(x)

    found = []
    for layer in layers():
        layer.get_base_layer().__class__ = Doubled
        found.append(layer(tokens(8)))
    assert torch.equal(*found)
    found = []
    for layer in layers():
        layer.get_base_layer().register_forward_hook(lambda module, given, out: 3 * out)
        found.append(layer(tokens(8)))
    assert torch.equal(*found)
    assert products == []


def test_quantized_weights_keep_layers_of_their_own() -> None:
    class Quantized:
        is_quantized = True

    assert computed(shape(), Quantized())._custom_modules is None
