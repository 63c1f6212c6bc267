"""Makes the profile of `bootstrap`: what runs how often. `build.sh` calls it, see `layer/README.md`.

`train` runs a `bootstrap` that counts over scripts and examples: a stand-in for the Runtime API hands
each of them its event a number of times and then closes the connection, whereupon `bootstrap` ends
and writes its counters. Every answer has to be a success. `pack` leaves out of the counters what is
of no use, `unpack` gives the compiler what `pack` has kept.
"""

import http.server
import json
import lzma
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = HERE.parent.parent / "examples"
# How often each case is started, and how many events it gets then: scripts that calculate need few to
# be seen, those that hardly do anything need many to count at all.
STARTS = 4
EVENTS = {"echo": 1500, "greeting": 1000, "documents": 40, "natives": 60, "bookings": 4, "library": 100}
EVENTS_OF_SCRIPTS, EVENTS_OF_EXAMPLES = 6, 150
# They wait, want services of others, or are not scripts alone.
LEFT_OUT = {"streaming", "hooks", "embed"}
DEADLINE = "9999999999999"
# How often something in a function has to run for the profile to keep the function.
LEAST = 20000


class Api(http.server.BaseHTTPRequestHandler):
    """The Runtime API of one process."""

    protocol_version = "HTTP/1.1"
    # Else the second piece of an answer waits for the first to be acknowledged.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self):
        """Hands out an event; closes the connection when there is none left."""
        if self.server.left == 0:
            self.close_connection = True
            return
        self.server.left -= 1
        self.answer(200, self.server.event, {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": f"8476a536-e9f4-11e8-9739-{self.server.left:012}",
            "Lambda-Runtime-Deadline-Ms": DEADLINE,
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-west-1:123456789012:function:train",
            "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1",
        })

    def do_POST(self):
        """Takes a result, or notes that there was an error."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.path.endswith("/response"):
            self.server.answered += 1
        else:
            self.server.failure = f"{self.path}: {body.decode(errors='replace')}"
        self.answer(202, b"", {})

    def answer(self, status, body, headers):
        """Sends all of it at once."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        """Says nothing."""


def cases():
    """Yields the name of each case, its folder or script, its event and how many it gets."""
    for script in sorted((HERE / "scripts").glob("*.rhai")):
        name = script.stem
        yield name, script, event_of(name), EVENTS.get(name, EVENTS_OF_SCRIPTS)
    for folder in sorted(EXAMPLES.iterdir()):
        if (folder / "function.rhai").is_file() and folder.name not in LEFT_OUT:
            event = (folder / "event.json").read_bytes()
            yield f"example-{folder.name}", folder, event, EVENTS_OF_EXAMPLES


def event_of(name):
    """Returns the event of a script."""
    events = {"documents": items, "bookings": bookings, "library": request}
    person = {"name": "Ada", "language": "de", "id": 7, "tags": ["a", "b"], "nested": {"price": 2.5}}
    return json.dumps(events[name]() if name in events else person).encode()


def items():
    """Returns a document of 10 kB."""
    return {"items": [
        {
            "id": n, "name": f"item {n}", "price": n * 1.25, "active": n % 5 != 0, "stock": n * 3 % 90,
            "tags": ["new", "old"][: n % 3], "sold": None if n % 4 else n,
            "text": "some \"quoted\" text, é, \n" * (n % 3),
        }
        for n in range(60)
    ]}


def bookings():
    """Returns a document of 300 kB."""
    return {"bookings": [
        {
            "code": f"bk-{n * 7919 % 99991:05}",
            "status": ["confirmed", "confirmed", "held", "confirmed"][n % 4],
            "arrives": f"2027-{n % 12 + 1:02}-{n % 28 + 1:02}T15:00:00+01:00",
            "level": ["gold", None][n % 2],
            "guests": [
                {"first": f"First{g}", "last": f"Last{n * 31 % 887}", "born": 1940 + n * g % 70}
                for g in range(1, 2 + n % 3)
            ],
            "stays": [
                {"hotel": f"hotel-{n * s % 17}", "comes": 3 * s, "leaves": 3 * s + n % 5 + 1,
                 "rate": 60 + n % 90 + 0.5, "extras": {"breakfast": n % 3 == 0, "parking": False}}
                for s in range(n % 4)
            ],
            "note": "arrives late,\nwants a quiet room – “near the lift”" if n % 6 == 0 else None,
        }
        for n in range(800)
    ]}


def request():
    """Returns a request as an HTTP API hands it over."""
    path = "/books/b-1/loans/r-17"
    return {
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "notify=yes&pages=500",
        "cookies": ["session=5f2b9a", "theme=dark"],
        "queryStringParameters": {"notify": "yes", "pages": "500"},
        "headers": {
            "accept": "application/json, text/plain, */*",
            "content-type": "application/json",
            "host": "api.example.com",
            "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "x-amzn-trace-id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700",
            "x-forwarded-for": "203.0.113.7",
        },
        "requestContext": {
            "accountId": "123456789012", "apiId": "api-id", "domainName": "api.example.com", "stage": "$default",
            "http": {"method": "PUT", "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7",
                     "userAgent": "Mozilla/5.0"},
            "requestId": "JKJaXmPLvHcESHA=", "routeKey": "$default", "timeEpoch": 1795446245000,
        },
        "body": json.dumps({"days": 21, "notes": ["by post", "", "call before"]}),
        "isBase64Encoded": False,
    }


def run(bootstrap, source, event, events, profile):
    """Starts `bootstrap` once, lets it handle `events` events and end."""
    api = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
    api.event, api.left, api.answered, api.failure = event, events, 0, None
    threading.Thread(target=api.serve_forever, args=(0.02,), daemon=True).start()
    with tempfile.TemporaryDirectory() as task_root:
        if source.is_dir():
            shutil.copytree(source, task_root, dirs_exist_ok=True)
        else:
            shutil.copy(source, f"{task_root}/function.rhai")
        environment = {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": "train",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_REGION": "eu-west-1",
            "LAMBDA_TASK_ROOT": task_root,
            "_HANDLER": "function.handler",
            "RHAI_LAMBDA_METRICS_NAMESPACE": "train",
            "LLVM_PROFILE_FILE": str(profile),
        }
        output = subprocess.run(bootstrap, env=environment, capture_output=True, timeout=300)
    api.shutdown()
    api.server_close()
    if api.failure or api.answered != events:
        log = (output.stdout + output.stderr).decode(errors="replace")[-2000:]
        sys.exit(f"error: `{source}` answered {api.answered} of {events} events: {api.failure}\n{log}")


def train(folder, bootstrap):
    """Runs every case with the command `bootstrap`, which may begin with an emulator."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, source, event, events in cases():
        for start in range(STARTS):
            run(bootstrap, source, event, events, folder / f"{name}-{start}.profraw")
        print(f"profile: {name}, {STARTS} starts, {STARTS * events} events", flush=True)


def prune(text):
    """Keeps of a profile, as text, the functions in which something ran `LEAST` times.

    What is done to the others costs more bytes than it gains time.
    """
    head, *functions = re.split(r"^(?=\S+\n# Func Hash:)", text, flags=re.MULTILINE)
    return head + "".join(function for function in functions if most(function) >= LEAST)


def most(function):
    """Returns the highest counter of a function."""
    return max(map(int, function.partition("# Counter Values:\n")[2].partition("#")[0].split()))


def merge(tool, folder, packed):
    """Merges the counters of all cases, with `llvm-profdata`, into one compressed file."""
    folder = pathlib.Path(folder)
    text, profile = folder / "all.txt", folder / "all.profdata"
    counters = sorted(map(str, folder.glob("*.profraw")))
    subprocess.run([tool, "merge", "--text", f"--output={text}", *counters], check=True)
    text.write_text(prune(text.read_text()))
    subprocess.run([tool, "merge", f"--output={profile}", text], check=True)
    content = lzma.compress(profile.read_bytes(), preset=9 | lzma.PRESET_EXTREME)
    pathlib.Path(packed).write_bytes(content)
    print(f"profile: {packed}, {len(content):,} bytes")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["train", folder, *bootstrap] if bootstrap:
            train(folder, bootstrap)
        case ["pack", tool, folder, packed]:
            merge(tool, folder, packed)
        case ["unpack", packed, profile]:
            pathlib.Path(profile).write_bytes(lzma.decompress(pathlib.Path(packed).read_bytes()))
        case _:
            sys.exit("usage: profile.py train FOLDER COMMAND… | pack LLVM-PROFDATA FOLDER FILE | unpack FILE PROFILE")
