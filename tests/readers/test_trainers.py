"""Sets are read by the trainers' own code: TRL, LLaMA-Factory, ms-swift, LAVIS.

``bash tests/readers/run.sh`` installs them at pinned versions and runs this; where one is not
installed, its tests are skipped. ``bash tests/readers/run.sh newest`` tries the newest ones.
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.sets import Row, built, choice_row

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

TEXT = [choice_row(n, image_path="", question="a b?") for n in range(4)]
PICTURES = [choice_row(n, question="a b?") for n in range(4, 8)]
TWO = [choice_row(8, image_path=["images/4.jpg", "images/5.jpg"])]

SETS = {"text": TEXT, "images": PICTURES, "text first": [*TEXT, *PICTURES, TEXT[0]]}


def needed(*names: str) -> None:
    """Skip where a package is not installed."""
    for name in names:
        if find_spec(name) is None:
            pytest.skip(f"{name} is not installed; bash tests/readers/run.sh installs it")
    if "torch" in names:
        importlib.import_module("transformers").PreTrainedModel  # noqa: B018  before any stand-in


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of pictures, which is also where relative paths start."""
    needed("PIL")
    from PIL import Image

    (tmp_path / "images").mkdir()
    for number in range(4, 8):
        Image.new("RGB", (28, 28), "red").save(tmp_path / "images" / f"{number}.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def stub(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Stand in for modules that are missing, and that reading rows never calls (sound, drawing)."""
    for name in names:
        try:
            importlib.import_module(name)
        except (ImportError, OSError, RuntimeError):
            module: Any = ModuleType(name)
            module.__spec__, module.__path__ = ModuleSpec(name, None), []
            module.__getattr__ = lambda _: SimpleNamespace()
            monkeypatch.setitem(sys.modules, name, module)


# ── TRL ──────────────────────────────────────────────────────────────────────────────────────


def tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = ["<pad>", "<unk>", "<s>", "</s>", "<image>", "USER", "ASSISTANT", "a", "b"]
    made = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="<pad>",
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        additional_special_tokens=["<image>"],
    )
    fast.chat_template = (
        "{% for m in messages %}{{ m.role|upper }} {% for p in m.content %}"
        "{% if p.type == 'image' %}<image> {% else %}{{ p.text }}{% endif %}{% endfor %} </s>"
        "{% endfor %}{% if add_generation_prompt %}ASSISTANT {% endif %}"
    )
    return fast


def models(vision: bool) -> tuple[Any, Any]:
    """A tiny random Llama and its tokenizer, or a tiny random Llava and its processor."""
    from transformers import (
        CLIPImageProcessor,
        CLIPVisionConfig,
        LlamaConfig,
        LlamaForCausalLM,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    words = tokenizer()
    tiny: Row = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2}
    text = LlamaConfig(vocab_size=len(words), num_hidden_layers=1, num_key_value_heads=2, **tiny)
    if not vision:
        return LlamaForCausalLM(text), words
    eye = CLIPVisionConfig(num_hidden_layers=2, image_size=28, patch_size=14, **tiny)
    image = words.convert_tokens_to_ids("<image>")
    config = LlavaConfig(
        vision_config=eye.to_dict(), text_config=text, image_token_index=image, image_token_id=image
    )
    processor = LlavaProcessor(
        image_processor=CLIPImageProcessor(
            size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28}
        ),
        tokenizer=words,
        patch_size=14,
        vision_feature_select_strategy="default",
        image_token="<image>",
        num_additional_image_tokens=1,
    )
    processor.chat_template = words.chat_template
    return LlavaForConditionalGeneration(config), processor


def trained(path: Path, vision: bool) -> tuple[int, int]:
    """Train two steps on a set; return the tokens of a batch that are learnt, and all of them."""
    import datasets
    from trl import SFTConfig, SFTTrainer

    found = datasets.load_dataset("json", data_files=str(path), cache_dir=tempfile.mkdtemp())
    rows = found["train"]
    if "images" in rows.column_names:
        rows = rows.cast_column("images", datasets.List(datasets.Image()))
    model, processor = models(vision)
    config = SFTConfig(
        output_dir=tempfile.mkdtemp(),
        per_device_train_batch_size=2,
        max_steps=2,
        report_to=[],
        use_cpu=True,
        bf16=False,
        disable_tqdm=True,
    )
    trainer = SFTTrainer(model, args=config, train_dataset=rows, processing_class=processor)
    batch = next(iter(trainer.get_train_dataloader()))
    trainer.train()
    return int((batch["labels"] != -100).sum()), int(batch["attention_mask"].sum())


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("form", ["messages", "prompt-completion"])
def test_trl_trains(pictures: Path, form: str, name: str) -> None:
    """Text alone with a text model, images and mixed sets with a vision model; see the loss."""
    needed("trl", "torch")
    built(pictures, SETS[name], "set.jsonl", format=form)
    learnt, tokens = trained(pictures / "set.jsonl", vision=name != "text")
    assert learnt < tokens if form == "prompt-completion" else learnt == tokens


def test_trl_refuses_an_empty_image_column_with_a_text_model(pictures: Path) -> None:
    """So a set of text alone has no such key; this is what would come of it."""
    needed("trl", "torch")
    built(pictures, TEXT, "set.jsonl", format="messages")
    rows = [
        json.loads(line) | {"images": []} for line in Path("set.jsonl").read_text().splitlines()
    ]
    Path("old.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(ValueError, match="vision-related"):
        trained(pictures / "old.jsonl", vision=False)


def test_trl_takes_several_images_of_a_row(pictures: Path) -> None:
    """As many parts as pictures."""
    needed("trl", "torch")
    built(pictures, [*TWO, *PICTURES], "set.jsonl", format="messages")
    assert trained(pictures / "set.jsonl", vision=True)


# ── LLaMA-Factory ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("dest", ["set", "set.jsonl"])
@pytest.mark.parametrize("name", SETS)
def test_llama_factory_converts(
    pictures: Path, monkeypatch: pytest.MonkeyPatch, name: str, dest: str
) -> None:
    """Its loader, by our dataset_info.json, gives every turn and picture; its own count agrees."""
    needed("llamafactory", "torch")
    stub(monkeypatch, "torchaudio", "av", "librosa")
    loader = importlib.import_module("llamafactory.data.loader")
    parser = importlib.import_module("llamafactory.data.parser")
    plugin = importlib.import_module("llamafactory.data.mm_plugin").get_mm_plugin(
        "llava", image_token="<image>"
    )
    given = [*SETS[name], *(TWO if name == "images" else [])]
    built(pictures, given, dest, format="sharegpt")
    folder = pictures / "set"
    if dest != "set":
        built(pictures, given, "set", format="sharegpt")
        info = json.loads((folder / "dataset_info.json").read_bytes())
        info["data"]["file_name"] = f"../{dest}"
        (folder / "dataset_info.json").write_text(json.dumps(info))
    (attributes,) = parser.get_dataset_list(["data"], str(folder))
    arguments = SimpleNamespace(
        dataset_dir=str(folder),
        media_dir=str(pictures),
        max_samples=None,
        streaming=False,
        preprocessing_num_workers=None,
        overwrite_cache=True,
    )
    model = SimpleNamespace(cache_dir=tempfile.mkdtemp(), hf_hub_token=None)
    training = SimpleNamespace(local_process_index=0, dataloader_num_workers=0)
    rows = loader._load_single_dataset(attributes, model, arguments, training)
    assert len(rows) == len(given)
    for row in rows:
        (question,), (answer,) = row["_prompt"], row["_response"]
        assert (question["role"], answer["role"]) == ("user", "assistant")
        images = row["_images"] or []
        assert all(Path(image).is_file() for image in images)
        plugin._validate_messages([question, answer], images, [], [])


# ── ms-swift ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize(("form", "dest"), [("messages", "a.jsonl"), ("sharegpt", "b.json")])
def test_ms_swift_preprocesses(
    pictures: Path, monkeypatch: pytest.MonkeyPatch, name: str, form: str, dest: str
) -> None:
    """Its loader finds the messages and pictures of every row."""
    needed("swift", "torch")
    stub(monkeypatch, "torchaudio", "av", "librosa", "torchvision")
    dataset = importlib.import_module("swift.dataset")
    built(pictures, SETS[name], dest, format=form)
    rows, _ = dataset.load_dataset([str(pictures / dest)], strict=True, load_from_cache_file=False)
    assert len(rows) == len(SETS[name])
    found = sorted(len(row.get("images") or []) for row in rows)
    assert found == sorted(int(bool(row["image_path"])) for row in SETS[name])
    for row in rows:
        assert [m["role"] for m in row["messages"]] == ["user", "assistant"]


# ── LAVIS ────────────────────────────────────────────────────────────────────────────────────


def bare(monkeypatch: pytest.MonkeyPatch, name: str, *packages: str) -> None:
    """Let modules of a package be imported without what its packages import on the way.

    That is models of older versions of other libraries.
    """
    spec = find_spec(name)
    assert spec
    assert spec.submodule_search_locations
    root = Path(next(iter(spec.submodule_search_locations)))
    for package in ("", *packages):
        module: Any = ModuleType(name + package)
        module.__path__ = [str(root.joinpath(*package.split(".")[1:]))]
        monkeypatch.setitem(sys.modules, name + package, module)


def test_lavis_reads_and_says_what_it_does_to_prompts(
    pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its VQA dataset opens every row; its text processor drops case, marks and more words."""
    needed("lavis", "torch", "omegaconf")
    stub(monkeypatch, "cv2", "torchvision", "torchvision.transforms")
    stub(monkeypatch, "torchvision.transforms.functional")
    bare(monkeypatch, "lavis", ".datasets", ".datasets.datasets", ".common", ".processors")
    module = importlib.import_module("lavis.datasets.datasets.coco_vqa_datasets")
    base = importlib.import_module("lavis.processors.base_processor")
    sys.modules["lavis.processors"].BaseProcessor = base.BaseProcessor  # type: ignore[attr-defined]
    blip = importlib.import_module("lavis.processors.blip_processors")
    processor = blip.BlipQuestionProcessor()
    rows = [*PICTURES, choice_row(4, unique_id="box", question="In 1.5 2.5 3.5 4.5! " + "x " * 60)]
    built(pictures, rows, "set.json", format="lavis")
    found = module.COCOVQADataset(lambda image: image, processor, str(pictures), ["set.json"])
    wanted = json.loads(Path("set.json").read_bytes())
    for number, own in enumerate(wanted):
        row = found[number]
        assert row["answers"] == own["answer"]
        assert row["text_input"] == row["text_input"].lower()
        assert not set(row["text_input"]) & set('.!"()*#:;~')
        assert len(row["text_input"].split(" ")) <= 50
    assert "in 2 2 4 4 x" in found[len(rows) - 1]["text_input"]
    Path("set.jsonl").write_text("".join(json.dumps(row) + "\n" for row in wanted))
    with pytest.raises(json.JSONDecodeError):
        module.COCOVQADataset(None, None, str(pictures), ["set.jsonl"])


# ── LLaVA ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", SETS)
def test_llava_reads(pictures: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Its dataset opens every picture, and each text holds its token once, or not at all."""
    needed("llava", "torch", "transformers")
    bare(monkeypatch, "llava", ".train")
    stub(monkeypatch, "llava.model", "llava.train.llava_trainer")
    train = importlib.import_module("llava.train.train")
    seen: list[Any] = []

    def preprocess(sources: Any, _tokenizer: Any, has_image: bool) -> Any:
        seen.append((sources[0], has_image))
        return {"input_ids": [0], "labels": [0]}

    def pixels(image: Any, return_tensors: str) -> Any:
        return {"pixel_values": [image.size]}

    monkeypatch.setattr(train, "preprocess", preprocess)
    arguments = SimpleNamespace(
        image_folder=str(pictures),
        image_aspect_ratio="square",
        image_processor=SimpleNamespace(preprocess=pixels, crop_size={"height": 2, "width": 2}),
        is_multimodal=True,
        mm_use_im_start_end=False,
    )
    built(pictures, SETS[name], "set.json", format="llava")
    rows = train.LazySupervisedDataset("set.json", None, arguments)
    assert len(rows) == len(SETS[name])
    for number, row in enumerate(SETS[name]):
        found = rows[number]
        assert (found["image"] == (28, 28)) if row["image_path"] else found["image"].sum() == 0
        turns, has_image = seen[-1]
        assert sum(turn["value"].count("<image>") for turn in turns) == has_image
        assert has_image == bool(row["image_path"])
