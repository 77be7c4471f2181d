#!/usr/bin/env bash
# A LiteLLM proxy without a database answers a wrong API key with 400 "No connected db.", not with
# 401: a client that stops at 401 alone sends its whole plan. A wrong model is a 400 as well.
set -e
cd "$(mktemp -d)"
trap '[[ -z "${proxy:-}" ]] || kill "$proxy" 2>/dev/null || true; rm -rf "$PWD"' EXIT
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'litellm[proxy]==1.108.7'
cat > proxy.yaml <<'YAML'
model_list:
  - model_name: good
    litellm_params: {model: openai/any, api_key: none, mock_response: "Hello."}
general_settings: {master_key: sk-right-key-1234}
YAML
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
venv/bin/litellm --config proxy.yaml --host 127.0.0.1 --port "$port" > proxy.log 2>&1 &
proxy=$!
for _ in $(seq 120); do
  curl -sf "http://127.0.0.1:$port/health/liveliness" > /dev/null && break
  sleep 1
done
ask() {  # ask KEY MODEL: the status, then the body
  curl -s -w '%{http_code}\n' -o body.json -H 'content-type: application/json' \
    -H "authorization: Bearer $1" \
    -d "{\"model\":\"$2\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}" \
    "http://127.0.0.1:$port/v1/chat/completions"
  cat body.json; echo
}
right=$(ask sk-right-key-1234 good)
wrong=$(ask sk-wrong-key-5678 good)
model=$(ask sk-right-key-1234 nothing)
printf 'right key: %s\nwrong key: %s\nwrong model: %s\n' "$right" "$wrong" "$model"
[[ $right == 200* ]] || exit 1
[[ $wrong == 400*"No connected db."* ]] || exit 1
[[ $model == 400*"Invalid model name"* ]] || exit 1
