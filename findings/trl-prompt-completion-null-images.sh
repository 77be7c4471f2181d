#!/usr/bin/env bash
# TRL 1.16.0 trains a vision model on conversations where some rows have no pictures, be `images` an
# empty list or null; on the same rows as prompt and completion, null raises a TypeError.
set -e
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/env"
"$dir/env/bin/pip" install --quiet --disable-pip-version-check trl==1.16.0 transformers==5.24.0 \
  torch==2.13.0 pillow==13.0.0
cd "$dir"
HF_HUB_OFFLINE=1 HF_HOME="$dir/home" env/bin/python - <<'PY' 2>/dev/null
import sys
import tempfile

import datasets
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import CLIPImageProcessor, CLIPVisionConfig, LlamaConfig, LlavaConfig
from transformers import LlavaForConditionalGeneration, LlavaProcessor, PreTrainedTokenizerFast
from trl import SFTConfig, SFTTrainer, __version__

words = ["<pad>", "<unk>", "<s>", "</s>", "<image>", "USER", "ASSISTANT", "a", "b"]
made = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
made.pre_tokenizer = pre_tokenizers.Whitespace()
tokens = PreTrainedTokenizerFast(
    tokenizer_object=made, pad_token="<pad>", unk_token="<unk>", bos_token="<s>", eos_token="</s>",
    additional_special_tokens=["<image>"]
)
tokens.chat_template = (
    "{% for m in messages %}{{ m.role|upper }} {% for p in m.content %}{% if p.type == 'image' %}"
    "<image> {% else %}{{ p.text }}{% endif %}{% endfor %} </s>{% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT {% endif %}"
)
tiny = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2}
text = LlamaConfig(vocab_size=9, num_hidden_layers=1, num_key_value_heads=2, **tiny)
eye = CLIPVisionConfig(num_hidden_layers=2, image_size=28, patch_size=14, **tiny)
config = LlavaConfig(vision_config=eye, text_config=text, image_token_index=4, image_token_id=4)
size = {"height": 28, "width": 28}
processor = LlavaProcessor(
    image_processor=CLIPImageProcessor(size={"shortest_edge": 28}, crop_size=size),
    tokenizer=tokens,
    patch_size=14,
    vision_feature_select_strategy="default",
    image_token="<image>",
    num_additional_image_tokens=1,
)
processor.chat_template = tokens.chat_template


def rows(halves, none):
    picture, said = Image.new("RGB", (28, 28), "red"), [{"type": "text", "text": "a b"}]
    shown = [{"type": "image"}, *said]
    for content, images in ((shown, [picture]), (said, none)):
        turns = [{"role": "user", "content": content}, {"role": "assistant", "content": said}]
        whole = {"prompt": turns[:1], "completion": turns[1:]} if halves else {"messages": turns}
        yield {**whole, "images": images}


def train(halves, none):
    data = datasets.Dataset.from_list(list(rows(halves, none)) * 2)
    arguments = SFTConfig(tempfile.mkdtemp(), max_steps=1, report_to=[], use_cpu=True, bf16=False)
    model = LlavaForConditionalGeneration(config)
    try:
        SFTTrainer(model, args=arguments, train_dataset=data, processing_class=processor).train()
    except TypeError as error:
        return f"TypeError: {error}"
    return "trained"


found = {(h, str(n)): train(h, n) for h in (False, True) for n in ([], None)}
for (halves, none), outcome in found.items():
    print(__version__, "prompt-completion" if halves else "messages", f"images {none}: {outcome}")
good = [found[False, "[]"], found[False, "None"], found[True, "[]"]]
sys.exit(good != ["trained"] * 3 or not found[True, "None"].startswith("TypeError"))
PY
