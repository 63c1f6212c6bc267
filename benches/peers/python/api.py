"""Orders of a shop: listed, shown, and extended by those who may."""

import json
import re

# In place of a table in a database.
ORDERS = {"o-20261122-0017", "o-20261123-0042"}


class Refusal(Exception):
    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


def list_orders(event):
    require_scope(event, "orders:read")
    return respond(200, {"orders": sorted(ORDERS)})


def show_order(event, order):
    require_scope(event, "orders:read")
    require_order(order)
    return respond(200, {"order": order})


def add_items(event, order):
    claims = require_scope(event, "orders:write")
    require_order(order)
    try:
        items = json.loads(event["body"]).get("items")
    except ValueError as error:
        raise Refusal(400, str(error)) from error
    if not items:
        raise Refusal(422, "`items` is missing")
    lines = []
    count = total = 0
    for item in items:
        price = item["count"] * item["price"]
        lines.append({"count": item["count"], "sku": item["sku"], "total": price})
        count += item["count"]
        total += price
    query = event.get("queryStringParameters", {})
    answer = {
        "added_by": claims["sub"],
        "count": count,
        "currency": query.get("currency"),
        "lines": lines,
        "notify": query.get("notify"),
        "order": order,
        "total": total,
    }
    return respond(201, answer, {"location": f"/orders/{order}/items"})


def remove_item(event, order, sku):
    require_scope(event, "orders:write")
    require_order(order)
    return respond(204)


ROUTES = [
    ("GET", re.compile(r"/orders"), list_orders),
    ("GET", re.compile(r"/orders/(?P<order>[^/]+)"), show_order),
    ("POST", re.compile(r"/orders/(?P<order>[^/]+)/items"), add_items),
    ("DELETE", re.compile(r"/orders/(?P<order>[^/]+)/items/(?P<sku>[^/]+)"), remove_item),
]


def require_scope(event, scope):
    claims = event["requestContext"]["authorizer"]["jwt"]["claims"]
    if scope not in claims["scope"].split():
        raise Refusal(403, f"the scope {scope} is needed")
    return claims


def require_order(order):
    if order not in ORDERS:
        raise Refusal(404, f"there is no order {order}")


def respond(status, value=None, headers=None):
    return {
        "body": json.dumps(value, separators=(",", ":")),
        "cookies": [],
        "headers": {"content-type": "application/json", **(headers or {})},
        "isBase64Encoded": False,
        "statusCode": status,
    }


def handler(event, context):
    method = event["requestContext"]["http"]["method"]
    path = event["rawPath"]
    try:
        for verb, pattern, route in ROUTES:
            if verb == method and (match := pattern.fullmatch(path)):
                return route(event, **match.groupdict())
        raise Refusal(404, f"there is no {path}")
    except Refusal as refusal:
        return respond(refusal.status, {"error": str(refusal)})
