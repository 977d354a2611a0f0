// The SDK chooses JSON of the three protocols, and gzip for large requests.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import {
  CloudWatchClient,
  GetMetricDataCommand,
  paginateListMetrics,
  PutMetricAlarmCommand,
  PutMetricDataCommand,
} from "@aws-sdk/client-cloudwatch";

const endpoint = process.env.GUREUM_ENDPOINT ?? "http://127.0.0.1:4566";
const credentials = { accessKeyId: "test", secretAccessKey: "test" };
const client = new CloudWatchClient({ endpoint, region: "ap-northeast-2", credentials, maxAttempts: 1 });

/** What the client sends: content types and encodings. */
const seen = [];
client.middlewareStack.add(
  (next) => (args) => {
    const { headers } = args.request;
    seen.push([headers["content-type"], headers["content-encoding"]]);
    return next(args);
  },
  { step: "finalizeRequest", priority: "low", name: "overheard" },
);

test("metrics come back, also many at once", async () => {
  const [Namespace, Timestamp] = [`Desk-${randomUUID()}`, new Date(Date.now() - 120_000)];
  const MetricData = Array.from({ length: 700 }, (_, n) => ({
    MetricName: "Calls",
    Dimensions: [{ Name: "Line", Value: `${n}` }],
    Values: [n, 0.5],
    Counts: [1, 2],
    Timestamp,
  }));
  await client.send(new PutMetricDataCommand({ Namespace, MetricData }));
  assert.deepEqual(seen, [["application/x-amz-json-1.0", "gzip"]]);
  let listed = 0;
  for await (const page of paginateListMetrics({ client }, { Namespace })) {
    listed += page.Metrics.length;
  }
  assert.equal(listed, 700);
  const Metric = { Namespace, MetricName: "Calls", Dimensions: MetricData[7].Dimensions };
  const found = await client.send(
    new GetMetricDataCommand({
      StartTime: new Date(Date.now() - 600_000),
      EndTime: new Date(Date.now() + 60_000),
      MetricDataQueries: [{ Id: "calls", MetricStat: { Metric, Period: 60, Stat: "Sum" } }],
    }),
  );
  const [{ Values, Timestamps, StatusCode }] = found.MetricDataResults;
  assert.deepEqual([Values, StatusCode], [[8], "Complete"]);
  assert.equal(Timestamps[0].getTime(), Math.floor(Timestamp.getTime() / 60_000) * 60_000);
});

test("errors have the names of old", async () => {
  const refused = (command, name, Code) =>
    assert.rejects(client.send(command), (error) => {
      assert.deepEqual([error.name, error.$metadata.httpStatusCode], [name, 400]);
      assert.equal(error.Error?.Code ?? error.Code, Code);
      return true;
    });
  const MetricData = [{ MetricName: "Calls", Value: 1 }];
  await refused(
    new PutMetricDataCommand({ Namespace: "AWS/Desk", MetricData }),
    "InvalidParameterValueException",
    "InvalidParameterValue",
  );
  const alarm = { AlarmName: "some", MetricName: "Calls", Namespace: "Desk", Statistic: "Sum", Period: 61 };
  const settings = { EvaluationPeriods: 1, Threshold: 1, ComparisonOperator: "GreaterThanThreshold" };
  await refused(new PutMetricAlarmCommand({ ...alarm, ...settings }), "ValidationException", "ValidationError");
});
