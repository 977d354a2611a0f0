// The AWS SDK for JavaScript v3 through every service of the slice. GUREUM_ENDPOINT names the cloud.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import * as Logs from "@aws-sdk/client-cloudwatch-logs";
import * as Connect from "@aws-sdk/client-connect";
import * as DynamoDB from "@aws-sdk/client-dynamodb";
import * as Iam from "@aws-sdk/client-iam";
import * as Lambda from "@aws-sdk/client-lambda";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import {
  BatchWriteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  UpdateCommand,
  paginateQuery,
} from "@aws-sdk/lib-dynamodb";
import { zip } from "./zip.js";

const endpoint = process.env.GUREUM_ENDPOINT;
assert.ok(endpoint, "GUREUM_ENDPOINT is not set");
const account = "000000000000";
const region = "ap-northeast-2";
const settings = {
  endpoint,
  region,
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
  maxAttempts: 1,
};
const example = new URL("../../examples/flight-desk/", import.meta.url);
const unique = (prefix) => `${prefix}-${randomUUID().slice(0, 13)}`;

/** ARN of a role that Lambda may assume and that may look at tables. */
async function trustedRole() {
  const iam = new Iam.IAMClient(settings);
  const RoleName = unique("node-role");
  const document = (statement) => JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
  const trust = { Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: "lambda.amazonaws.com" } };
  const { Role } = await iam.send(
    new Iam.CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: document(trust) }),
  );
  const tables = document({ Effect: "Allow", Action: "dynamodb:ListTables", Resource: "*" });
  await iam.send(new Iam.PutRolePolicyCommand({ RoleName, PolicyName: "tables", PolicyDocument: tables }));
  return Role.Arn;
}

/** What `probe` resolves to as soon as that is true of something. */
async function eventually(probe) {
  for (let attempt = 0; attempt < 100; attempt++) {
    const found = await probe();
    if (found) return found;
    await sleep(100);
  }
  assert.fail("not within 10 s");
}

describe("STS", () => {
  test("tells who is asking", async () => {
    const identity = await new STSClient(settings).send(new GetCallerIdentityCommand({}));
    assert.equal(identity.Account, account);
  });

  test("refuses a wrong secret", async () => {
    const sts = new STSClient({ ...settings, credentials: { accessKeyId: "test", secretAccessKey: "wrong" } });
    await assert.rejects(sts.send(new GetCallerIdentityCommand({})), (error) => {
      assert.equal(error.name, "SignatureDoesNotMatch");
      assert.equal(error.$metadata.httpStatusCode, 403);
      return true;
    });
  });
});

describe("DynamoDB", () => {
  const client = new DynamoDB.DynamoDBClient(settings);
  const db = DynamoDBDocumentClient.from(client);
  const TableName = unique("bookings");

  before(async () => {
    await client.send(
      new DynamoDB.CreateTableCommand({
        TableName,
        KeySchema: [
          { AttributeName: "customer", KeyType: "HASH" },
          { AttributeName: "booking", KeyType: "RANGE" },
        ],
        AttributeDefinitions: [
          { AttributeName: "customer", AttributeType: "S" },
          { AttributeName: "booking", AttributeType: "N" },
        ],
        BillingMode: "PAY_PER_REQUEST",
      }),
    );
    await DynamoDB.waitUntilTableExists({ client, maxWaitTime: 20, minDelay: 1 }, { TableName });
  });
  after(async () => {
    await client.send(new DynamoDB.DeleteTableCommand({ TableName }));
    await DynamoDB.waitUntilTableNotExists({ client, maxWaitTime: 20, minDelay: 1 }, { TableName });
  });

  test("keeps documents", async () => {
    const Item = {
      customer: "김서연",
      booking: 410021,
      seats: new Set(["14A", "14B"]),
      bytes: new Uint8Array([0, 127, 255]),
      nested: { list: [1, "둘", null, true, { deep: "" }] },
    };
    await db.send(new PutCommand({ TableName, Item }));
    const Key = { customer: "김서연", booking: 410021 };
    assert.deepEqual((await db.send(new GetCommand({ TableName, Key }))).Item, Item);
    const updated = await db.send(
      new UpdateCommand({
        TableName,
        Key,
        UpdateExpression: "SET nested.#list[1] = :two REMOVE bytes",
        ExpressionAttributeNames: { "#list": "list" },
        ExpressionAttributeValues: { ":two": 2 },
        ReturnValues: "ALL_NEW",
      }),
    );
    assert.deepEqual(updated.Attributes.nested.list, [1, 2, null, true, { deep: "" }]);
    assert.equal(updated.Attributes.bytes, undefined);
  });

  test("queries in pages", async () => {
    const puts = Array.from({ length: 25 }, (_, booking) => ({
      PutRequest: { Item: { customer: "pages", booking } },
    }));
    await db.send(new BatchWriteCommand({ RequestItems: { [TableName]: puts } }));
    const bookings = [];
    const pages = paginateQuery(
      { client: db, pageSize: 10 },
      {
        TableName,
        KeyConditionExpression: "customer = :c AND booking >= :from",
        ExpressionAttributeValues: { ":c": "pages", ":from": 3 },
        ScanIndexForward: false,
      },
    );
    for await (const page of pages) bookings.push(...page.Items.map((item) => item.booking));
    assert.deepEqual(bookings, Array.from({ length: 22 }, (_, n) => 24 - n));
  });

  test("throws the modelled errors", async () => {
    const Item = { customer: "once", booking: 1 };
    const ConditionExpression = "attribute_not_exists(customer)";
    await db.send(new PutCommand({ TableName, Item, ConditionExpression }));
    await assert.rejects(
      db.send(new PutCommand({ TableName, Item, ConditionExpression })),
      (error) => error instanceof DynamoDB.ConditionalCheckFailedException,
    );
    await assert.rejects(
      db.send(new GetCommand({ TableName: "none", Key: { id: 1 } })),
      (error) => error instanceof DynamoDB.ResourceNotFoundException,
    );
    const unserved = new DynamoDB.DescribeKinesisStreamingDestinationCommand({ TableName });
    await assert.rejects(client.send(unserved), /DescribeKinesisStreamingDestination/);
  });
});

describe("Lambda and Logs", () => {
  const lambda = new Lambda.LambdaClient(settings);
  const logs = new Logs.CloudWatchLogsClient(settings);
  const FunctionName = unique("node");
  const source = `
    import { DynamoDBClient, ListTablesCommand } from "@aws-sdk/client-dynamodb";
    export const handler = async (event) => {
      console.log("받은 것", event.word);
      if (event.fail) throw new TypeError("실패");
      const { TableNames } = await new DynamoDBClient({}).send(new ListTablesCommand({}));
      return { word: event.word, tables: Array.isArray(TableNames) };
    };`;

  before(async () => {
    const role = await trustedRole();
    await lambda.send(
      new Lambda.CreateFunctionCommand({
        FunctionName,
        Runtime: "nodejs20.x",
        Handler: "index.handler",
        Role: role,
        Timeout: 20,
        Code: { ZipFile: zip("index.mjs", source) },
      }),
    );
    await Lambda.waitUntilFunctionActiveV2({ client: lambda, maxWaitTime: 30, minDelay: 1 }, { FunctionName });
  });
  after(() => lambda.send(new Lambda.DeleteFunctionCommand({ FunctionName })));

  const invoke = (event) =>
    lambda.send(new Lambda.InvokeCommand({ FunctionName, LogType: "Tail", Payload: JSON.stringify(event) }));

  test("runs a function that uses the cloud", async () => {
    const answer = await invoke({ word: "구름" });
    assert.deepEqual(JSON.parse(Buffer.from(answer.Payload).toString()), { word: "구름", tables: true });
    assert.match(Buffer.from(answer.LogResult, "base64").toString(), /받은 것 구름[^]*REPORT RequestId/);
  });

  test("tells how a handler failed", async () => {
    const answer = await invoke({ word: "x", fail: true });
    assert.equal(answer.FunctionError, "Unhandled");
    const error = JSON.parse(Buffer.from(answer.Payload).toString());
    assert.equal(error.errorType, "TypeError");
    assert.equal(error.errorMessage, "실패");
    assert.ok(Array.isArray(error.trace));
  });

  test("keeps the logs of the function", async () => {
    await invoke({ word: "기록" });
    const logGroupName = `/aws/lambda/${FunctionName}`;
    const found = await eventually(async () => {
      const { logGroups } = await logs.send(
        new Logs.DescribeLogGroupsCommand({ logGroupNamePrefix: logGroupName }),
      );
      if (!logGroups.length) return false;
      const { events } = await logs.send(
        new Logs.FilterLogEventsCommand({ logGroupName, filterPattern: '"받은 것 기록"' }),
      );
      return events.length && events;
    });
    assert.match(found[0].message, /받은 것 기록/);
  });
});

describe("Connect", () => {
  const connect = new Connect.ConnectClient(settings);

  test("takes an instance, a flow, a number and a function", async () => {
    const { Id, Arn } = await connect.send(
      new Connect.CreateInstanceCommand({
        IdentityManagementType: "CONNECT_MANAGED",
        InstanceAlias: unique("desk"),
        InboundCallsEnabled: true,
        OutboundCallsEnabled: false,
      }),
    );
    await eventually(async () => {
      const { Instance } = await connect.send(new Connect.DescribeInstanceCommand({ InstanceId: Id }));
      return Instance.InstanceStatus === "ACTIVE";
    });
    const { ContactFlowId } = await connect.send(
      new Connect.CreateContactFlowCommand({
        InstanceId: Id,
        Name: "flight-desk",
        Type: "CONTACT_FLOW",
        Content: await readFile(new URL("flow.json", example), "utf8"),
      }),
    );
    const { AvailableNumbersList } = await connect.send(
      new Connect.SearchAvailablePhoneNumbersCommand({
        TargetArn: Arn,
        PhoneNumberCountryCode: "KR",
        PhoneNumberType: "DID",
      }),
    );
    const { PhoneNumberId } = await connect.send(
      new Connect.ClaimPhoneNumberCommand({ TargetArn: Arn, PhoneNumber: AvailableNumbersList[0].PhoneNumber }),
    );
    await connect.send(
      new Connect.AssociatePhoneNumberContactFlowCommand({ PhoneNumberId, InstanceId: Id, ContactFlowId }),
    );
    const FunctionArn = `arn:aws:lambda:${region}:${account}:function:flight-desk`;
    await connect.send(new Connect.AssociateLambdaFunctionCommand({ InstanceId: Id, FunctionArn }));
    const { LambdaFunctions } = await connect.send(new Connect.ListLambdaFunctionsCommand({ InstanceId: Id }));
    assert.deepEqual(LambdaFunctions, [FunctionArn]);
    await connect.send(new Connect.DeleteInstanceCommand({ InstanceId: Id }));
  });

  test("throws the modelled errors", async () => {
    const InstanceId = randomUUID();
    await assert.rejects(
      connect.send(new Connect.DescribeInstanceCommand({ InstanceId })),
      (error) => error instanceof Connect.ResourceNotFoundException,
    );
  });
});
