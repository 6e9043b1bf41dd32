"""Text that a body carries in base64: files and `data:` URLs of textual media types.

Promises: what is read is all of the text, as UTF-8; what is written back decodes to what was
written (P5). Refuses (None): other media types and charsets, base64 that a strict decoder refuses
(RFC 4648, 3.3), bytes that are not UTF-8 or hold NUL (UTF-16 looks so), PDF and RTF under a false
name, more than DECODED_BYTES_MAX. The caller lists what is refused as unscanned.
"""

from __future__ import annotations

from base64 import b64encode
from binascii import Error, a2b_base64
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

DECODED_BYTES_MAX = 4 * 1024 * 1024
_HEAD_CHARS_MAX = 256
_TEXTUAL = frozenset(
    ("application/json", "application/x-ndjson", "application/ndjson", "application/jsonl",
     "application/json-lines", "application/xml", "application/csv", "application/yaml",
     "application/x-yaml", "application/toml", "application/javascript", "application/ecmascript",
     "application/x-javascript", "application/typescript", "application/x-typescript",
     "application/sql", "application/x-sql", "application/graphql", "application/x-sh",
     "application/x-shellscript", "application/x-python", "application/x-python-code",
     "application/x-httpd-php", "application/x-tex", "application/x-latex", "application/x-subrip",
     "application/x-www-form-urlencoded", "image/svg+xml", "message/rfc822")
)  # fmt: skip
_EXTENSIONS = frozenset(
    ("txt", "text", "log", "md", "markdown", "rst", "csv", "tsv", "json", "jsonl", "ndjson", "xml",
     "yaml", "yml", "toml", "ini", "cfg", "conf", "env", "properties", "html", "htm", "css", "svg",
     "js", "mjs", "cjs", "jsx", "ts", "tsx", "py", "ipynb", "rb", "go", "rs", "java", "kt", "scala",
     "swift", "c", "h", "cc", "cpp", "hpp", "cs", "php", "pl", "lua", "r", "sh", "bash", "zsh",
     "ps1", "bat", "sql", "graphql", "proto", "tf", "tex", "srt", "vtt", "ics", "vcf", "eml",
     "diff", "patch")
)  # fmt: skip
_CHARSETS = frozenset(("utf-8", "utf8", "us-ascii", "ascii"))
_OTHER_FORMATS = ("%PDF-", "{\\rtf")


@dataclass(frozen=True, slots=True)
class Encoded:
    """`head`: what stands before the base64 when it is written back. `json`: the text is JSON."""

    text: str
    head: str
    json: bool = False

    def again(self, text: str) -> str:
        """The field's value for another text. A lone surrogate, which UTF-8 lacks, becomes `?`."""
        return self.head + b64encode(text.encode("utf-8", "replace")).decode()


def is_data_url(value: str) -> bool:
    """Whether it begins like one; schemes have no case (RFC 3986, 3.1)."""
    return value[:5].lower() == "data:"


def read(value: str, media: str = "", file_name: str = "") -> Encoded | None:
    """The text of a `data:` URL or of plain base64.

    `media` and `file_name` as they stand beside it, '' where they do not: with neither, only the
    bytes decide. A `data:` URL states its own type.
    """
    value = value.strip()
    if is_data_url(value):
        return _read_url(value)
    extension = file_name.rpartition(".")[2].lower()
    if media:
        if not _is_textual(media):
            return None
    elif file_name and extension not in _EXTENSIONS:
        return None
    text = _text(_decoded(value))
    return None if text is None else Encoded(text, "", _is_json(media or extension))


def _read_url(value: str) -> Encoded | None:
    """`data:[<type>][;<attribute>=<value>]*[;base64],<data>` (RFC 2397)."""
    comma = value.find(",", 5, _HEAD_CHARS_MAX)
    if comma < 0:
        return None
    media, *attributes = (part.strip() for part in value[5:comma].lower().split(";"))
    charset = [a[8:].strip('"') for a in attributes if a.startswith("charset=")]
    if not _is_textual(media or "text/plain") or not _CHARSETS.issuperset(charset):
        return None
    if attributes and attributes[-1] == "base64":
        text, head = _text(_decoded(value[comma + 1 :])), value[: comma + 1]
    else:
        text, head = _text(_unquoted(value[comma + 1 :])), value[:comma] + ";base64,"
    return None if text is None else Encoded(text, head, _is_json(media))


def _is_textual(media: str) -> bool:
    media = _bare(media)
    if media.startswith("text/"):
        return media != "text/rtf"
    return media in _TEXTUAL or media.endswith(("+json", "+xml", "+yaml"))


def _is_json(media_or_extension: str) -> bool:
    return _bare(media_or_extension).endswith(("json", "jsonl", "json-lines", "ipynb"))


def _bare(media: str) -> str:
    return media.partition(";")[0].strip().lower()


def _decoded(base64: str) -> bytes | None:
    if not base64 or len(base64) > DECODED_BYTES_MAX // 3 * 4 + 8:
        return None
    try:
        return a2b_base64(base64, strict_mode=True)
    except (Error, ValueError):
        return None


def _unquoted(data: str) -> bytes | None:
    return unquote_to_bytes(data) if len(data) <= DECODED_BYTES_MAX else None


def _text(data: bytes | None) -> str | None:
    if data is None or b"\x00" in data:
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return None if text.lstrip("\ufeff \t\r\n").startswith(_OTHER_FORMATS) else text
