// The AWS SDK for JavaScript v3 reads streamed answers. GUREUM_ENDPOINT names the cloud.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import * as Iam from "@aws-sdk/client-iam";
import * as Lambda from "@aws-sdk/client-lambda";
import { zip } from "./zip.js";

const endpoint = process.env.GUREUM_ENDPOINT;
assert.ok(endpoint, "GUREUM_ENDPOINT is not set");
const settings = {
  endpoint,
  region: "ap-northeast-2",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
  maxAttempts: 1,
};
const lambda = new Lambda.LambdaClient(settings);
const FunctionName = `stream-${randomUUID().slice(0, 13)}`;
const SOURCE = `
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  for (const word of event.words) {
    stream.write(word);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  if (event.fails) throw new RangeError("no more");
  stream.end();
});`;

async function stream(event) {
  const command = new Lambda.InvokeWithResponseStreamCommand({
    FunctionName, Payload: JSON.stringify(event), LogType: "Tail",
  });
  const answer = await lambda.send(command);
  assert.equal(answer.StatusCode, 200);
  const pieces = [];
  let complete;
  for await (const { PayloadChunk, InvokeComplete } of answer.EventStream) {
    if (PayloadChunk) pieces.push(new TextDecoder().decode(PayloadChunk.Payload));
    else complete = InvokeComplete;
  }
  return { pieces, complete };
}

describe("streamed answers", () => {
  before(async () => {
    const iam = new Iam.IAMClient(settings);
    const trust = { Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: "lambda.amazonaws.com" } };
    const { Role } = await iam.send(new Iam.CreateRoleCommand({
      RoleName: FunctionName,
      AssumeRolePolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement: [trust] }),
    }));
    await lambda.send(new Lambda.CreateFunctionCommand({
      FunctionName, Runtime: "nodejs20.x", Handler: "index.handler", Role: Role.Arn,
      Code: { ZipFile: zip("index.js", SOURCE) },
    }));
    await Lambda.waitUntilFunctionActiveV2({ client: lambda, maxWaitTime: 30 }, { FunctionName });
  });
  after(() => lambda.send(new Lambda.DeleteFunctionCommand({ FunctionName })));

  test("come piece by piece", async () => {
    const { pieces, complete } = await stream({ words: ["가", "나", "다"] });
    assert.deepEqual(pieces, ["가", "나", "다"]);
    assert.equal(complete.ErrorCode, undefined);
    assert.match(Buffer.from(complete.LogResult, "base64").toString(), /REPORT RequestId: /);
  });

  test("end with what went wrong", async () => {
    const { pieces, complete } = await stream({ words: ["가"], fails: true });
    assert.deepEqual(pieces, ["가"]);
    assert.equal(complete.ErrorCode, "RangeError");
    assert.equal(JSON.parse(complete.ErrorDetails).errorMessage, "no more");
  });
});
