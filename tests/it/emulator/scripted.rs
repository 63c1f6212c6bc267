//! A runtime that is a shell script: it sends what a test tells it to, right or wrong.

use rhai_lambda::emulator::Function;

use super::Source;

/// What the scripts are made of: one connection for each request.
const RUNTIME: &str = r#"
host=${AWS_LAMBDA_RUNTIME_API%:*}; port=${AWS_LAMBDA_RUNTIME_API#*:}
open() { exec 3<>/dev/tcp/$host/$port; }
# close: and the emulator's answer as a line of the log.
close() { IFS= read -r line <&3; echo "answered ${line%$'\r'}"; exec 3>&-; }
# told: what the emulator answers while the script still sends, as a line of the log.
told() { IFS= read -r line <&3; echo "told ${line%$'\r'}"; }
# next: sets id, attempt and event.
next() {
  open
  printf 'GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n' >&3
  while IFS= read -r line <&3; do
    line=${line%$'\r'}
    case "$line" in
      '') break;;
      lambda-runtime-aws-request-id:*) id=${line#*: };;
      lambda-runtime-invocation-id:*) attempt=${line#*: };;
    esac
  done
  event=$(cat <&3)
  exec 3>&-
}
# post PATH HEADERS: the head of an answer.
post() {
  open
  printf 'POST /2018-06-01/runtime/invocation/%s/%s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n' "$id" "$1" >&3
  printf 'Lambda-Runtime-Invocation-Id: %s\r\n%b\r\n' "$attempt" "$2" >&3
}
# answer BODY: the whole of a buffered response.
answer() { post response "Content-Length: ${#1}\r\n"; printf '%s' "$1" >&3; close; }
# fail TYPE BODY: an error.
fail() {
  post error "Lambda-Runtime-Function-Error-Type: $1\r\nContent-Length: ${#2}\r\n"
  printf '%s' "$2" >&3; close
}
# begin HEADERS: the head of a streamed response.
begin() {
  post response "Lambda-Runtime-Function-Response-Mode: streaming\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n$1"
}
chunk() { printf '%x\r\n%s\r\n' "${#1}" "$1" >&3; }
# end TRAILERS: of a streamed response.
end() { printf '0\r\n%b\r\n' "$1" >&3; close; }
# A file that the test makes.
wait_for() { while [ ! -e "$1" ]; do sleep 0.02; done; }
"#;

/// The function of `source`, in a runtime that is `script`.
pub fn function(source: &Source, script: &str) -> Function {
    let mut function = source.function("orders");
    function.runtime = vec!["bash".into(), "-c".into(), format!("{RUNTIME}\n{script}").into()];
    function
}

/// A runtime that runs `script` for one event after the other.
pub fn one_by_one(script: &str) -> String {
    format!("while true; do next; {script}\ndone")
}
