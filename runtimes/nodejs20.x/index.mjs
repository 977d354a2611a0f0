// The Node.js side of the Lambda Runtime API: asks for the next event, calls the
// handler, sends back what it returns. Written for Gureum; shapes as on AWS.

import { existsSync, readFileSync } from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { installConsole, logError } from "./console.mjs";
import { describe, named } from "./errors.mjs";
import { prepareRandomness, renewRandomness } from "./randomness.mjs";
import { installStreaming, isStreaming, ResponseStream, runStreaming } from "./streaming.mjs";
import { installTrust } from "./trust.mjs";

const API = process.env.AWS_LAMBDA_RUNTIME_API;
const [HOST, PORT] = API.split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function call(method, route, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const options = {
      host: HOST, port: PORT, agent, method, path: `/2018-06-01/runtime/${route}`,
      headers: { "Content-Type": "application/json", ...headers },
    };
    if (body !== undefined) options.headers["Content-Length"] = Buffer.byteLength(body);
    const request = http.request(options, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("error", reject);
      response.on("end", () =>
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) }));
    });
    request.on("error", reject);
    request.end(body);
  });
}

function postError(route, error) {
  const shape = describe(error);
  return call("POST", route, JSON.stringify(shape), {
    "Lambda-Runtime-Function-Error-Type": shape.errorType,
  });
}

/** The nearest package.json decides whether a .js file is an ES module. */
function isModule(file) {
  if (file.endsWith(".mjs")) return true;
  if (!file.endsWith(".js")) return false;
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    const manifest = path.join(folder, "package.json");
    if (existsSync(manifest)) return JSON.parse(readFileSync(manifest, "utf8")).type === "module";
    if (folder === path.dirname(folder)) return false;
  }
}

async function importFile(file) {
  // Node.js itself strips the types (22.18 and newer), and finds out what kind of module it is.
  if (isModule(file) || /\.[mc]?ts$/.test(file)) return import(pathToFileURL(file).href);
  return createRequire(file)(file);
}

/** Loads `folder/file.export.inner` from the task's folder. */
async function loadHandler(root, text) {
  const base = path.basename(text);
  const parts = /^([^.]*)\.(.+)$/.exec(base);
  if (!parts || text.includes("..")) throw named("Runtime.MalformedHandlerName", "Bad handler");
  const stem = path.resolve(root, path.dirname(text), parts[1]);
  const typed = process.features.typescript ? [".ts", ".mts", ".cts"] : [];
  const file = ["", ".js", ".mjs", ".cjs", ...typed].map((ending) => stem + ending)
    .find((name) => existsSync(name) && !(name === stem && existsSync(path.join(name, "."))));
  const shown = path.join(path.dirname(text), parts[1]);
  if (!file) {
    throw named("Runtime.ImportModuleError",
      `Error: Cannot find module '${shown}'\nRequire stack:\n- /var/runtime/index.mjs`);
  }
  let module;
  try {
    module = await importFile(file);
  } catch (error) {
    if (error instanceof SyntaxError) throw named("Runtime.UserCodeSyntaxError", error, error);
    if (["MODULE_NOT_FOUND", "ERR_MODULE_NOT_FOUND"].includes(error?.code)) {
      throw named("Runtime.ImportModuleError", error, error);
    }
    throw error;
  }
  const find = (from) => parts[2].split(".").reduce((inner, key) => inner?.[key], from);
  const handler = find(module) ?? find(module?.default);
  if (handler === undefined) {
    throw named("Runtime.HandlerNotFound", `${text} is undefined or not exported`);
  }
  if (typeof handler !== "function") throw named("Runtime.HandlerNotFound", `${text} is not a function`);
  return handler;
}

function buildContext(headers, finish) {
  const env = process.env;
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  const parse = (name) => (headers[name] ? JSON.parse(headers[name]) : undefined);
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parse("lambda-runtime-client-context"),
    identity: parse("lambda-runtime-cognito-identity"),
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    getRemainingTimeInMillis: () => deadline - Date.now(),
    done: (error, result) => finish(error, result),
    fail: (error) => finish(error ?? "handled"),
    succeed: (result) => finish(null, result),
  };
}

const NEVER = Symbol("the handler did not finish");

/** Runs the handler once; resolves with its result, rejects with its error. */
function runHandler(handler, event, headers) {
  return new Promise((resolve, reject) => {
    let settled = false;
    const settle = (error, result) => {
      settled = true;
      process.removeAllListeners("beforeExit");
      if (error) reject(error);
      else resolve(result);
    };
    let isAsync = false;
    // A callback's result waits until nothing is left to do, unless the handler says otherwise.
    const finish = (error, result) => {
      if (settled) return;
      if (error || isAsync || !context.callbackWaitsForEmptyEventLoop) return settle(error, result);
      process.removeAllListeners("beforeExit");
      process.once("beforeExit", () => settle(null, result));
    };
    const context = buildContext(headers, finish);
    process.once("beforeExit", () => settle(null, isAsync ? NEVER : undefined));
    const returned = handler(event, context, finish);
    isAsync = typeof returned?.then === "function";
    if (isAsync) returned.then((result) => settle(null, result), (error) => settle(error ?? "undefined"));
  });
}

let requestId;

async function serveOne(handler) {
  const next = await call("GET", "invocation/next");
  requestId = next.headers["lambda-runtime-aws-request-id"];
  process.env._X_AMZN_TRACE_ID = next.headers["lambda-runtime-trace-id"] ?? "";
  const route = `invocation/${requestId}`;
  if (isStreaming(handler)) return serveStream(handler, next, route);
  let body;
  try {
    const result = await runHandler(handler, JSON.parse(next.body.toString("utf8")), next.headers);
    if (result === NEVER) {
      throw named("Runtime.NodeJsExit", "The event loop is empty, but the handler's promise never settled");
    }
    body = JSON.stringify(result === undefined ? null : result) ?? "null";
  } catch (error) {
    logError("Invoke Error", describe(error));
    await postError(`${route}/error`, error);
    return;
  }
  const answer = await call("POST", `${route}/response`, body);
  if (answer.status === 413) logError("Invoke Error", describe(new Error(answer.body.toString())));
}

/** The same for a handler that answers piece by piece. */
async function serveStream(handler, next, route) {
  const stream = new ResponseStream({ host: HOST, port: PORT, path: `/2018-06-01/runtime/${route}/response` });
  try {
    const event = JSON.parse(next.body.toString("utf8"));
    await runStreaming(handler, event, stream, buildContext(next.headers, () => {}));
  } catch (error) {
    logError("Invoke Error", describe(error));
    if (stream.began) await stream.fail(describe(error));
    else await postError(`${route}/error`, error);
  }
}

/** Reports an error that nobody caught, then ends: the sandbox is not used again. */
function onFatal(code, wrap) {
  return (raised) => {
    const error = wrap(raised);
    logError(wrap === same ? "Uncaught Exception" : "Unhandled Promise Rejection", describe(error));
    const route = requestId ? `invocation/${requestId}/error` : "init/error";
    // The usual connection may be waiting; a failure to report is seen as the exit it is.
    agent.maxSockets = Infinity;
    postError(route, error).catch(() => {}).finally(() => process.exit(code));
  };
}
const same = (error) => error;
const rejection = (reason) =>
  named("Runtime.UnhandledPromiseRejection", String(reason), reason instanceof Error ? reason : undefined);

if (process.env.AWS_LAMBDA_INITIALIZATION_TYPE === "snap-start") prepareRandomness();
installConsole(() => requestId);
installTrust();
installStreaming();
process.on("uncaughtException", onFatal(129, same));
process.on("unhandledRejection", onFatal(128, rejection));

let handler;
try {
  handler = await loadHandler(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER);
} catch (error) {
  logError("Uncaught Exception", describe(error));
  await postError("init/error", error).catch(() => {});
  process.exit(1);
}
if (process.env.AWS_LAMBDA_INITIALIZATION_TYPE === "snap-start") {
  // Answered when the environment is restored, perhaps in many places at once.
  await call("GET", "restore/next");
  renewRandomness();
}
for (;;) await serveOne(handler);
