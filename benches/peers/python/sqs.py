"""Messages that fail come again, the others do not."""

import json
import logging

logger = logging.getLogger()


def handler(event, context):
    failures = []
    for record in event["Records"]:
        try:
            bill(json.loads(record["body"]))
        except Exception:
            logger.exception("message %s", record["messageId"])
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def bill(order):
    total = sum(item["count"] * item["price"] for item in order["items"])
    if total != order["total"]:
        raise ValueError(f"{order['id']} comes to {total}")
