"""Reads Avro bytes with fastavro and writes them again; one JSON object a line in, one a line out.

in:  {"writer": schema, "reader": schema or null, "bytes": base64}
out: {"record": the record, bytes as {"type": "Buffer", "data": [...]}, "bytes": base64 of what fastavro writes of it}
"""

import base64
import datetime
import decimal
import io
import json
import sys

import fastavro

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def plain(value):
    if isinstance(value, bytes):
        return {"type": "Buffer", "data": list(value)}
    if isinstance(value, decimal.Decimal):
        text = format(value, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, datetime.datetime):
        return (value - EPOCH) // datetime.timedelta(milliseconds=1)
    if isinstance(value, tuple):
        name, record = value
        return {"type": name.rsplit(".", 1)[-1], **plain(record)}
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    return value


for line in sys.stdin:
    task = json.loads(line)
    writer = fastavro.parse_schema(task["writer"])
    reader = fastavro.parse_schema(task["reader"]) if task["reader"] else None
    source = io.BytesIO(base64.b64decode(task["bytes"]))
    # Records inside unions with several records come as (name, record), so that they can be told apart.
    record = fastavro.schemaless_reader(
        source, writer, reader, return_record_name=True, return_record_name_override=True
    )
    if source.read(1):
        raise ValueError("bytes are left over")
    target = io.BytesIO()
    fastavro.schemaless_writer(target, reader or writer, record)
    print(json.dumps({"record": plain(record), "bytes": base64.b64encode(target.getvalue()).decode()}))
