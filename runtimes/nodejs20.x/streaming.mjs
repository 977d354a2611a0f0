// Answers that are sent piece by piece: `awslambda.streamifyResponse`, as on AWS.

import http from "node:http";
import { Writable } from "node:stream";

const STREAMING = Symbol.for("aws.lambda.runtime.handler.streaming");
const PRELUDE = "application/vnd.awslambda.http-integration-response";

/** Whether a handler was given to `streamifyResponse`. */
export const isStreaming = (handler) => handler[STREAMING] === "response";

/** The stream a handler writes to. The request begins with the first byte. */
export class ResponseStream extends Writable {
  #open;
  #request;
  #answered;
  #contentType = "application/octet-stream";

  constructor({ host, port, path }) {
    super({ highWaterMark: 64 * 1024 });
    this.#open = () => {
      const request = http.request({
        host, port, path, method: "POST", agent: false,
        headers: {
          "Content-Type": this.#contentType,
          "Lambda-Runtime-Function-Response-Mode": "streaming",
          "Transfer-Encoding": "chunked",
          Trailer: "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
        },
      });
      this.#answered = new Promise((resolve) => {
        request.on("response", (response) => response.resume().on("end", resolve));
        request.on("error", resolve);
      });
      return request;
    };
  }

  /** Whether bytes have left: from then on an error can only be told at the end. */
  get began() {
    return this.#request !== undefined;
  }

  setContentType(type) {
    if (this.began) throw new Error("The content type is sent before the first byte");
    this.#contentType = type;
  }

  _write(chunk, encoding, done) {
    if (!this.began) {
      this.#request = this.#open();
      const prelude = this._onBeforeFirstWrite;
      if (prelude) prelude((bytes) => this.#request.write(bytes));
    }
    if (this.#request.write(chunk, encoding)) done();
    else this.#request.once("drain", done);
  }

  _final(done) {
    if (!this.began) {
      this.#request = this.#open();
      const prelude = this._onBeforeFirstWrite;
      if (prelude) prelude((bytes) => this.#request.write(bytes));
    }
    this.#request.end();
    this.#answered.then(() => done());
  }

  /** Ends what has begun, with an error in the trailers. */
  async fail({ errorType, errorMessage, trace }) {
    const body = JSON.stringify({ errorType, errorMessage, trace });
    this.#request.addTrailers({
      "Lambda-Runtime-Function-Error-Type": errorType,
      "Lambda-Runtime-Function-Error-Body": Buffer.from(body).toString("base64"),
    });
    this.#request.end();
    await this.#answered;
  }
}

/** Runs a streaming handler; resolves when its answer has been sent. */
export function runStreaming(handler, event, stream, context) {
  return new Promise((resolve, reject) => {
    // Nothing left to do, and nobody ended the stream: it ends here.
    const atRest = () => stream.end();
    const settle = (how, value) => {
      process.removeListener("beforeExit", atRest);
      how(value);
    };
    process.on("beforeExit", atRest);
    stream.once("finish", () => settle(resolve));
    stream.once("error", (error) => settle(reject, error));
    const returned = handler(event, stream, context);
    if (typeof returned?.then !== "function") {
      settle(reject, new Error("Streaming does not support non-async handlers."));
      return;
    }
    returned.then(undefined, (error) => settle(reject, error ?? "undefined"));
  });
}

/** Puts `awslambda` where handlers look for it. */
export function installStreaming() {
  globalThis.awslambda = {
    ...globalThis.awslambda,
    streamifyResponse(handler, options) {
      handler[STREAMING] = "response";
      if (options?.highWaterMark) {
        handler[Symbol.for("aws.lambda.runtime.handler.streaming.highWaterMark")] = Number(options.highWaterMark);
      }
      return handler;
    },
    HttpResponseStream: {
      /** Status and headers go first, as JSON and eight zero bytes. */
      from(stream, metadata) {
        stream.setContentType(PRELUDE);
        const prelude = JSON.stringify(metadata);
        stream._onBeforeFirstWrite = (write) => {
          write(prelude);
          write(new Uint8Array(8));
        };
        return stream;
      },
    },
  };
}
