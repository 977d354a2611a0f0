// Log lines as the Node.js runtime writes them: time, request id, level, message.

import { writeSync } from "node:fs";
import { format, types } from "node:util";

let currentId = () => undefined;

const FRAMES = Number(process.env._LAMBDA_TELEMETRY_LOG_FD) || undefined;
delete process.env._LAMBDA_TELEMETRY_LOG_FD;

/** One message: a frame where the platform takes frames, so that it may have several lines. */
function encode(text) {
  if (FRAMES === undefined) return Buffer.from(`${text.replace(/\r\n|\n/g, "\r")}\n`);
  const body = Buffer.from(text);
  const head = Buffer.alloc(16);
  head.writeUInt32BE(0xa55a0003, 0);
  head.writeUInt32BE(body.length, 4);
  head.writeBigUInt64BE(BigInt(Date.now()) * 1000n, 8);
  return Buffer.concat([head, body]);
}

const JSON_FORMAT = process.env.AWS_LAMBDA_LOG_FORMAT?.toUpperCase() === "JSON";
const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
const LEAST = JSON_FORMAT ? Math.max(0, LEVELS.indexOf(process.env.AWS_LAMBDA_LOG_LEVEL?.toUpperCase())) : 0;

/** One line of a log that is JSON. */
function structured(level, values) {
  const line = { timestamp: new Date().toISOString(), level, requestId: currentId() };
  line.message = values.length === 1 && !types.isNativeError(values[0]) ? values[0] : format(...values);
  const error = values.find((value) => types.isNativeError(value));
  if (error) {
    Object.assign(line, { errorType: error.name, errorMessage: error.message, stackTrace: error.stack?.split("\n") });
  }
  try {
    return JSON.stringify(line);
  } catch {
    return JSON.stringify({ ...line, message: format(...values) });
  }
}

function write(level, ...values) {
  if (LEVELS.indexOf(level) < LEAST) return;
  const text = JSON_FORMAT
    ? structured(level, values)
    : `${new Date().toISOString()}\t${currentId()}\t${level}\t${format(...values)}`;
  const bytes = encode(text);
  for (let sent = 0; sent < bytes.length;) {
    try {
      sent += writeSync(FRAMES ?? 1, bytes, sent);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

/** Makes `console` write such lines. */
export function installConsole(requestId) {
  currentId = requestId;
  const levels = { log: "INFO", info: "INFO", debug: "DEBUG", warn: "WARN", error: "ERROR", trace: "TRACE" };
  for (const [method, level] of Object.entries(levels)) {
    console[method] = (...values) => write(level, ...values);
  }
}

/** Logs an error that ends an invocation. */
export function logError(title, { errorType, errorMessage, trace }) {
  if (JSON_FORMAT) return write("ERROR", { errorType, errorMessage, stackTrace: trace });
  write("ERROR", `${title} \t${JSON.stringify({ errorType, errorMessage, stack: trace })}`);
}
