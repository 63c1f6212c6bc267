// The loop of a custom runtime over `fetch`, for Bun and Deno, of which AWS has no runtime.

import process from "node:process";

const { AWS_LAMBDA_RUNTIME_API, LAMBDA_TASK_ROOT, _HANDLER } = process.env;
const api = `http://${AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime`;

async function post(path, body) {
  const response = await fetch(`${api}/${path}`, { method: "POST", body: JSON.stringify(body) });
  // Only when its body was read can the connection be used again.
  await response.text();
}

function describe(error) {
  return {
    errorType: error?.name ?? "Error",
    errorMessage: error?.message ?? String(error),
    stackTrace: error?.stack?.split("\n").slice(1) ?? [],
  };
}

const [file, name] = _HANDLER.split(".");
const handler = await import(`${LAMBDA_TASK_ROOT}/${file}.mjs`).then(
  (module) => module[name],
  async (error) => {
    await post("init/error", describe(error));
    process.exit(1);
  },
);

while (true) {
  const next = await fetch(`${api}/invocation/next`);
  const id = next.headers.get("lambda-runtime-aws-request-id");
  const context = {
    awsRequestId: id,
    invokedFunctionArn: next.headers.get("lambda-runtime-invoked-function-arn"),
    getRemainingTimeInMillis: () =>
      Number(next.headers.get("lambda-runtime-deadline-ms")) - Date.now(),
  };
  try {
    const result = await handler(await next.json(), context);
    await post(`invocation/${id}/response`, result ?? null);
  } catch (error) {
    await post(`invocation/${id}/error`, describe(error));
  }
}
