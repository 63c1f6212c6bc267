KINDS = ["assam", "sencha", "oolong", "darjeeling", "rooibos"]


def handler(event, context):
    text = ""
    for i in range(event["count"]):
        text += f"{i}: {KINDS[i % 5]}, "
    lines = text.split(", ")
    found = 0
    upper = ""
    for line in lines:
        if "oo" in line:
            found += 1
            upper += line.upper() + "\n"
    return {
        "found": found,
        "last": upper[-12:],
        "length": len(text),
        "lines": len(lines),
        "upper": len(upper),
    }
