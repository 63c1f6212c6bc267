def handler(event, context):
    value = 1
    odd = 0
    for i in range(event["count"]):
        value = (value * 31 + i) % 1000003
        if value % 2 == 1:
            odd += 1
    return {"odd": odd, "value": value}
