"""Rows for a report: orders that were not cancelled, and what each country paid."""


def handler(event, context):
    revenue = {}
    total = 0
    rows = []
    for order in event:
        if order["state"] == "cancelled":
            continue
        row = row_of(order)
        revenue[row["country"]] = revenue.get(row["country"], 0) + row["total"]
        total += row["total"]
        rows.append(row)
    return {"orders": rows, "revenue": dict(sorted(revenue.items())), "total": total}


def row_of(order):
    return {
        "country": order["customer"]["country"],
        "customer": order["customer"]["name"],
        "day": order["created"][:10],
        "id": order["id"],
        "skus": [item["sku"] for item in order["items"]],
        "total": sum(item["count"] * item["price"] for item in order["items"]),
    }
