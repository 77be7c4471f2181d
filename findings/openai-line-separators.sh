#!/usr/bin/env bash
# openai 3.52.0: iter_lines() of a fetched file splits at U+2028, U+2029 and U+0085, which may stand
# in a JSON text. So one line of a batch's results comes as several, and none of them is JSON.
set -e
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/env"
"$dir/env/bin/pip" install --quiet --disable-pip-version-check openai==3.52.0
cd "$dir"
env/bin/python - <<'PY'
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import openai

ROWS = [{"custom_id": "a", "text": "one\u2028two\u2029three\u0085four"}, {"custom_id": "b"}]
DATA = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode()


class Files(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(DATA)))
        self.end_headers()
        self.wfile.write(DATA)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Files)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/v1"
content = openai.OpenAI(api_key="none", base_url=url).files.content("file-1")
lines = list(content.iter_lines())
print(f"openai {openai.__version__}: {len(ROWS)} rows, iter_lines() gives {len(lines)} lines: {lines}")
rows = [json.loads(line) for line in content.read().split(b"\n") if line]
sys.exit(len(lines) != 5 or rows != ROWS)
PY
