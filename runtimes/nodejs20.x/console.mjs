// Log lines as the Node.js runtime writes them: time, request id, level, message.

import { writeSync } from "node:fs";
import { format } from "node:util";

let currentId = () => undefined;

function write(level, text) {
  const line = `${new Date().toISOString()}\t${currentId()}\t${level}\t${text}`;
  // One event is one line: line ends inside travel as carriage returns, as AWS's clients send them.
  const bytes = Buffer.from(`${line.replace(/\r\n|\n/g, "\r")}\n`);
  for (let sent = 0; sent < bytes.length;) {
    try {
      sent += writeSync(1, bytes, sent);
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
