"""The speech model of the local stack: Whisper behind OpenAI's audio endpoints, on 127.0.0.1.

    python3 speech_server.py --model FOLDER --name NAME --port N

POST /v1/audio/transcriptions and /v1/audio/translations (multipart; response_format json, text or verbose_json),
GET /v1/models, GET /health. Errors have OpenAI's envelope. The format is documented at
https://platform.openai.com/docs/api-reference/audio.
"""

import argparse
import email.parser
import io
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from faster_whisper import WhisperModel

# As OpenAI's own limit.
FILE_LIMIT_BYTES = 25 * 1024 * 1024
BODY_LIMIT_BYTES = FILE_LIMIT_BYTES + 64 * 1024
# A client that is refused in the middle of sending sees a broken connection instead of the answer: so much more is
# read and thrown away first.
DISCARD_LIMIT_BYTES = 256 * 1024 * 1024
DISCARD_PIECE_BYTES = 64 * 1024
SOCKET_TIMEOUT_S = 60
FORMATS = ("json", "text", "verbose_json")
TASKS = {"/v1/audio/transcriptions": "transcribe", "/v1/audio/translations": "translate"}
# verbose_json names the language where Whisper has a code; the rest go out as they are.
LANGUAGES = {"de": "german", "en": "english", "es": "spanish", "fr": "french", "it": "italian", "pt": "portuguese"}


class Refusal(Exception):
    """An answer other than 200, in OpenAI's envelope."""

    def __init__(self, status: int, message: str, param: str | None = None, code: str | None = None):
        super().__init__(message)
        self.status = status
        kind = "invalid_request_error" if status < 500 else "server_error"
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code}}


def parse_multipart(content_type: str, body: bytes) -> dict[str, bytes]:
    """Name to content of each part; the last of a name wins."""
    header = email.parser.Parser().parsestr(f"Content-Type: {content_type}\r\n\r\n")
    boundary = header.get_boundary()
    if header.get_content_type() != "multipart/form-data" or not boundary:
        raise Refusal(400, "The body must be multipart/form-data with a boundary.")
    fields: dict[str, bytes] = {}
    for chunk in (b"\r\n" + body).split(b"\r\n--" + boundary.encode())[1:]:
        if chunk.startswith(b"--"):
            return fields
        head, separator, content = chunk.partition(b"\r\n\r\n")
        part = email.parser.BytesParser().parsebytes(head.lstrip(b"\r\n") + b"\r\n\r\n", headersonly=True)
        name = part.get_param("name", header="content-disposition")
        if not separator or not isinstance(name, str):
            raise Refusal(400, "A part of the multipart body has no name.")
        fields[name] = content
    raise Refusal(400, "The multipart body does not end with its boundary.")


class Speech:
    """The model, used by one request at a time: two would only share the same cores."""

    def __init__(self, folder: str):
        self.lock = threading.Lock()
        self.model = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=2, local_files_only=True)

    def run(self, task: str, fields: dict[str, bytes]) -> tuple[str, dict]:
        text = {name: value.decode("utf-8", "replace").strip() for name, value in fields.items() if name != "file"}
        audio = fields.get("file")
        if not audio:
            raise Refusal(400, "The field 'file' is missing or empty.", "file")
        if len(audio) > FILE_LIMIT_BYTES:
            raise Refusal(413, f"The file has {len(audio)} bytes; the limit is {FILE_LIMIT_BYTES}.", "file")
        if not text.get("model"):
            raise Refusal(400, "The field 'model' is missing.", "model")
        form = text.get("response_format") or "json"
        if form not in FORMATS:
            raise Refusal(400, f"response_format '{form}' is not served here; take one of {', '.join(FORMATS)}.", "response_format")
        try:
            temperature = float(text.get("temperature") or 0)
        except ValueError:
            raise Refusal(400, "The field 'temperature' is not a number.", "temperature") from None
        if not 0 <= temperature <= 1:
            raise Refusal(400, "The field 'temperature' must be from 0 to 1.", "temperature")
        language = text.get("language") or None if task == "transcribe" else None
        if language is not None and language not in self.model.supported_languages:
            raise Refusal(400, f"Language '{language}' is not known; use an ISO-639-1 code such as 'en'.", "language")
        words = task == "transcribe" and text.get("timestamp_granularities[]") == "word" and form == "verbose_json"
        with self.lock:
            try:
                segments, info = self.model.transcribe(
                    io.BytesIO(audio),
                    task=task,
                    language=language,
                    initial_prompt=text.get("prompt") or None,
                    temperature=temperature,
                    word_timestamps=words,
                )
                segments = list(segments)
            except Exception as error:  # PyAV and Whisper raise many kinds for a file that they cannot read.
                print(f"unreadable audio: {type(error).__name__}: {error}", flush=True)
                raise Refusal(400, "The audio file could not be decoded or its format is not supported.", "file") from None
        return form, answer(task, segments, info, words)


def answer(task: str, segments: list, info, words: bool) -> dict:
    body = {
        "task": "translate" if task == "translate" else "transcribe",
        "language": "english" if task == "translate" else LANGUAGES.get(info.language, info.language),
        "duration": round(info.duration, 3),
        "text": "".join(segment.text for segment in segments).strip(),
        "segments": [
            {
                "id": number,
                "seek": segment.seek,
                "start": round(float(segment.start), 3),
                "end": round(float(segment.end), 3),
                "text": segment.text,
                "tokens": list(segment.tokens),
                "temperature": segment.temperature,
                "avg_logprob": segment.avg_logprob,
                "compression_ratio": segment.compression_ratio,
                "no_speech_prob": segment.no_speech_prob,
            }
            for number, segment in enumerate(segments)
        ],
        "usage": {"type": "duration", "seconds": max(1, round(info.duration))},
    }
    if words:
        body["words"] = [
            {"word": word.word.strip(), "start": round(float(word.start), 3), "end": round(float(word.end), 3)}
            for segment in segments
            for word in segment.words or []
        ]
    return body


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = SOCKET_TIMEOUT_S
    speech: Speech
    model_name: str

    def do_GET(self) -> None:
        if self.path == "/health":
            self.send(200, {"status": "ok"})
        elif self.path == "/v1/models":
            self.send(200, {"object": "list", "data": [{"id": self.model_name, "object": "model", "owned_by": "local"}]})
        else:
            self.send(404, Refusal(404, f"Unknown path {self.path}.").body)

    def do_POST(self) -> None:
        try:
            task = TASKS.get(self.path)
            # Read even what is then refused, so that the connection can be used again.
            body = self.read_body()
            if task is None:
                raise Refusal(404, f"Unknown path {self.path}.")
            form, result = self.speech.run(task, parse_multipart(self.headers.get("content-type", ""), body))
            if form == "text":
                self.send_bytes(200, "text/plain; charset=utf-8", (result["text"] + "\n").encode())
            elif form == "json":
                self.send(200, {"text": result["text"], "usage": result["usage"]})
            else:
                self.send(200, result)
        except Refusal as refusal:
            self.send(refusal.status, refusal.body)
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            self.close_connection = True
        except Exception as error:
            print(f"{type(error).__name__}: {error}", flush=True)
            self.send(500, Refusal(500, "The speech server failed; its log says why.").body)

    def read_body(self) -> bytes:
        if self.headers.get("expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            return self.read_chunks()
        length = self.headers.get("content-length", "")
        if not length.isdigit():
            self.close_connection = True
            raise Refusal(411, "The request has no Content-Length.")
        if int(length) > BODY_LIMIT_BYTES:
            self.discard(min(int(length), DISCARD_LIMIT_BYTES))
            self.too_large()
        return self.rfile.read(int(length))

    def read_chunks(self) -> bytes:
        body = bytearray()
        total = 0
        while True:
            try:
                size = int(self.rfile.readline(64).split(b";")[0], 16)
            except ValueError:
                self.close_connection = True
                raise Refusal(400, "The chunked body is malformed.") from None
            total += size
            if total > DISCARD_LIMIT_BYTES:
                self.too_large()
            if total > BODY_LIMIT_BYTES:
                body.clear()
                self.discard(size)
            else:
                body += self.rfile.read(size)
            self.rfile.readline(64)
            if size == 0:
                break
        if total > BODY_LIMIT_BYTES:
            self.too_large()
        return bytes(body)

    def discard(self, count: int) -> None:
        while count > 0:
            piece = self.rfile.read(min(count, DISCARD_PIECE_BYTES))
            if not piece:
                return
            count -= len(piece)

    def too_large(self) -> None:
        self.close_connection = True
        raise Refusal(413, f"The request is larger than {BODY_LIMIT_BYTES} bytes.", "file")

    def send(self, status: int, body: dict) -> None:
        self.send_bytes(status, "application/json", json.dumps(body).encode())

    def send_bytes(self, status: int, content_type: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments) -> None:
        """No line per request."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--port", required=True, type=int)
    arguments = parser.parse_args()
    # The port opens only when the model is loaded, so /health needs no second state.
    Handler.speech = Speech(arguments.model)
    Handler.model_name = arguments.name
    server = ThreadingHTTPServer(("127.0.0.1", arguments.port), Handler)
    server.daemon_threads = True
    print(f"listening on 127.0.0.1:{arguments.port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
