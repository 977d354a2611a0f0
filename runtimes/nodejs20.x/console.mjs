// Log lines as the Node.js runtime writes them: time, request id, level, message.

import { writeSync } from "node:fs";
import { format } from "node:util";

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

function write(level, text) {
  const bytes = encode(`${new Date().toISOString()}\t${currentId()}\t${level}\t${text}`);
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
    console[method] = (...values) => write(level, format(...values));
  }
}

/** Logs an error that ends an invocation. */
export function logError(title, { errorType, errorMessage, trace }) {
  write("ERROR", `${title} \t${JSON.stringify({ errorType, errorMessage, stack: trace })}`);
}
