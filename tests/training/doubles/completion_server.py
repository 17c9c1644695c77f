"""A server of one real model, as small as can be, that speaks vLLM's completions and loads adapters while it runs."""

import json
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

Reply = tuple[int, bytes, dict[str, str]]
CONTEXT = 128


@dataclass
class CompletionServer:
    """What it serves, and what it was asked. `hiccups`: replies given first, in turn, instead of answers.

    `tells_tokens`: as vLLM from 0.10.2 on; `takes_adapters`: it was started to take them.
    """

    path: Path
    tells_tokens: bool = True
    takes_adapters: bool = True
    hiccups: list[Reply] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    adapters: dict[str, str] = field(default_factory=dict)  # the name that was asked for, and the module's
    loaded: list[str] = field(default_factory=list)
    url: str = ""
    key: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.model: Any = AutoModelForCausalLM.from_pretrained(self.path).eval()
        self.tokenizer: Any = AutoTokenizer.from_pretrained(self.path)

    def reply(self, path: str, body: dict[str, Any] | None, key: str) -> Reply:
        if self.key and key != f"Bearer {self.key}":
            return failed(401, "Unauthorized")
        if body is None:
            return failed(404, "Not Found")
        with self.lock:
            if path == "/v1/completions":
                return self.completions(body)
            if path == "/v1/load_lora_adapter" and self.takes_adapters:
                return self.load(body["lora_name"], Path(body["lora_path"]))
            if path == "/v1/unload_lora_adapter" and self.takes_adapters:
                return self.unload(body["lora_name"])
        return failed(404, "Not Found")

    def load(self, name: str, path: Path) -> Reply:
        if name in self.adapters:
            return failed(400, f"The lora adapter '{name}' has already been loaded.")
        if not (path / "adapter_config.json").is_file():
            return failed(404, f"No adapter found for {path}")
        module = f"a{len(self.loaded)}"
        if isinstance(self.model, PeftModel):
            self.model.load_adapter(path, adapter_name=module)
        else:
            self.model = PeftModel.from_pretrained(self.model, path, adapter_name=module).eval()
        self.adapters[name] = module
        self.loaded.append(name)
        return 200, f"Success: LoRA adapter '{name}' added successfully.".encode(), {}

    def unload(self, name: str) -> Reply:
        if name not in self.adapters:
            return failed(404, f"The lora adapter '{name}' cannot be found.")
        self.adapters.pop(name)  # its weights stay in the model, where no request reaches them
        return 200, f"Success: LoRA adapter '{name}' removed successfully.".encode(), {}

    def forget(self) -> None:
        """As if it had been started again."""
        self.adapters.clear()

    def completions(self, body: dict[str, Any]) -> Reply:
        self.requests.append(body)
        if self.hiccups:
            return self.hiccups.pop(0)
        if body["model"] not in self.adapters:
            return failed(404, f"The model `{body['model']}` does not exist.")
        if len(body["prompt"]) + body["max_tokens"] > CONTEXT:
            return failed(400, f"This model's maximum context length is {CONTEXT} tokens.")
        self.model.set_adapter(self.adapters[body["model"]])
        ids = self.generate(body)
        ended = ids[-1] in body["stop_token_ids"]
        choice: dict[str, Any] = {
            "index": 0,
            "text": self.tokenizer.decode(
                ids[:-1] if ended else ids, skip_special_tokens=body["skip_special_tokens"]
            ),
            "finish_reason": "stop" if ended else "length",
        }
        if self.tells_tokens and body.get("return_token_ids"):
            choice["token_ids"] = ids
        return (
            200,
            json.dumps({"object": "text_completion", "model": body["model"], "choices": [choice]}).encode(),
            {},
        )

    def generate(self, body: dict[str, Any]) -> list[int]:
        """transformers' own sampling, with the request's seed."""
        sampled = body["temperature"] > 0
        how = {"temperature": body["temperature"], "top_p": body["top_p"], "top_k": body["top_k"]} if sampled else {}
        prompt = torch.tensor([body["prompt"]])
        with torch.random.fork_rng(devices=[]), torch.inference_mode():
            torch.manual_seed(body["seed"])
            found = self.model.generate(
                input_ids=prompt,
                attention_mask=torch.ones_like(prompt),
                max_new_tokens=body["max_tokens"],
                do_sample=sampled,
                eos_token_id=body["stop_token_ids"],
                pad_token_id=self.tokenizer.pad_token_id,
                **how,
            )
        return [int(token) for token in found[0, prompt.shape[1] :]]


def failed(status: int, message: str) -> Reply:
    return status, json.dumps({"error": {"message": message, "type": "error", "code": status}}).encode(), {}
