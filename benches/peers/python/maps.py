def handler(event, context):
    count = event["count"]
    stock = {}
    order = []
    for i in range(count):
        sku = f"sku-{i * 7919 % 1009}"
        stock[sku] = stock.get(sku, 0) + 1
        order.append(sku)
    top = 0
    total = 0
    for i in range(count):
        amount = stock[order[i * 31 % count]]
        total += amount
        if amount > top:
            top = amount
    return {"keys": len(stock), "top": top, "total": total}
