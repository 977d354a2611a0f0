// The DynamoDB DocumentClient of the AWS SDK for JavaScript v3: indexes, batches, transactions, PartiQL.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import * as DynamoDB from "@aws-sdk/client-dynamodb";
import * as Document from "@aws-sdk/lib-dynamodb";

const endpoint = process.env.GUREUM_ENDPOINT;
assert.ok(endpoint, "GUREUM_ENDPOINT is not set");

describe("DocumentClient", () => {
  const client = new DynamoDB.DynamoDBClient({
    endpoint,
    region: "ap-northeast-2",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  });
  const db = Document.DynamoDBDocumentClient.from(client, {
    marshallOptions: { removeUndefinedValues: true, convertEmptyValues: false },
    unmarshallOptions: { wrapNumbers: false },
  });
  const TableName = `orders-${randomUUID().slice(0, 13)}`;

  before(async () => {
    await client.send(
      new DynamoDB.CreateTableCommand({
        TableName,
        KeySchema: [
          { AttributeName: "pk", KeyType: "HASH" },
          { AttributeName: "sk", KeyType: "RANGE" },
        ],
        AttributeDefinitions: ["pk", "sk", "status"].map((AttributeName) => ({ AttributeName, AttributeType: "S" })),
        GlobalSecondaryIndexes: [
          {
            IndexName: "by-status",
            KeySchema: [
              { AttributeName: "status", KeyType: "HASH" },
              { AttributeName: "sk", KeyType: "RANGE" },
            ],
            Projection: { ProjectionType: "ALL" },
          },
        ],
        BillingMode: "PAY_PER_REQUEST",
      }),
    );
    await DynamoDB.waitUntilTableExists({ client, maxWaitTime: 10, minDelay: 1 }, { TableName });
    for (let from = 0; from < 100; from += 25) {
      const puts = Array.from({ length: 25 }, (_, i) => {
        const n = from + i;
        const status = n % 4 ? "open" : "paid";
        return { PutRequest: { Item: { pk: `c${n % 5}`, sk: String(n).padStart(3, "0"), n, status, gone: undefined } } };
      });
      const answer = await db.send(new Document.BatchWriteCommand({ RequestItems: { [TableName]: puts } }));
      assert.deepEqual(answer.UnprocessedItems, {});
    }
  });

  after(async () => {
    await client.send(new DynamoDB.DeleteTableCommand({ TableName }));
    await DynamoDB.waitUntilTableNotExists({ client, maxWaitTime: 10, minDelay: 1 }, { TableName });
  });

  test("keeps JavaScript values", async () => {
    const item = {
      pk: "types",
      sk: "1",
      text: "",
      number: -1.5e-3,
      big: 9007199254740993n,
      flag: false,
      nothing: null,
      list: [1, "둘", { three: [] }],
      map: { "": "empty name", deep: { set: new Set(["a", "b"]) } },
      numbers: new Set([1, 2]),
      bytes: new Uint8Array([0, 255]),
    };
    await db.send(new Document.PutCommand({ TableName, Item: item }));
    const wrapped = Document.DynamoDBDocumentClient.from(client, { unmarshallOptions: { wrapNumbers: BigIntOrNumber } });
    const found = await wrapped.send(
      new Document.GetCommand({ TableName, Key: { pk: "types", sk: "1" }, ConsistentRead: true }),
    );
    assert.deepEqual(found.Item, item);
  });

  test("reads an index in pages", async () => {
    const seen = [];
    const pages = Document.paginateQuery(
      { client: db, pageSize: 10 },
      {
        TableName,
        IndexName: "by-status",
        KeyConditionExpression: "#s = :s AND begins_with(sk, :zero)",
        FilterExpression: "n >= :min",
        ExpressionAttributeNames: { "#s": "status" },
        ExpressionAttributeValues: { ":s": "open", ":zero": "0", ":min": 10 },
        ScanIndexForward: false,
      },
    );
    for await (const page of pages) seen.push(...page.Items.map((item) => item.n));
    const expected = Array.from({ length: 100 }, (_, n) => n).filter((n) => n % 4 && n >= 10);
    assert.deepEqual(seen, expected.reverse());
  });

  test("scans in segments", async () => {
    const segments = [0, 1, 2].map(async (Segment) => {
      const items = [];
      const scan = { TableName, Segment, TotalSegments: 3, ProjectionExpression: "n", FilterExpression: "attribute_exists(n)" };
      for await (const page of Document.paginateScan({ client: db }, scan)) items.push(...page.Items);
      return items;
    });
    const found = (await Promise.all(segments)).flat().map((item) => item.n);
    assert.equal(new Set(found).size, 100);
  });

  test("writes all of a transaction or nothing", async () => {
    const Key = { pk: "c0", sk: "000" };
    const put = { Put: { TableName, Item: { pk: "new", sk: "1" } } };
    const update = (seen) => ({
      Update: {
        TableName,
        Key,
        UpdateExpression: "SET seen = if_not_exists(seen, :zero) + :one",
        ConditionExpression: "attribute_not_exists(seen) OR seen = :seen",
        ExpressionAttributeValues: { ":zero": 0, ":one": 1, ":seen": seen },
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      },
    });
    await db.send(new Document.TransactWriteCommand({ TransactItems: [update(0)] }));
    await assert.rejects(db.send(new Document.TransactWriteCommand({ TransactItems: [put, update(7)] })), (error) => {
      assert.equal(error.name, "TransactionCanceledException");
      assert.deepEqual(
        error.CancellationReasons.map((reason) => reason.Code),
        ["None", "ConditionalCheckFailed"],
      );
      return true;
    });
    const got = await db.send(
      new Document.TransactGetCommand({
        TransactItems: [{ Get: { TableName, Key } }, { Get: { TableName, Key: { pk: "new", sk: "1" } } }],
      }),
    );
    assert.equal(got.Responses[0].Item.seen, 1);
    assert.equal(got.Responses[1].Item, undefined);
  });

  test("gets batches", async () => {
    const Keys = Array.from({ length: 100 }, (_, n) => ({ pk: `c${n % 5}`, sk: String(n).padStart(3, "0") }));
    const got = await db.send(new Document.BatchGetCommand({ RequestItems: { [TableName]: { Keys } } }));
    assert.equal(got.Responses[TableName].length, 100);
    assert.deepEqual(got.UnprocessedKeys, {});
  });

  test("runs PartiQL", async () => {
    const found = await db.send(
      new Document.ExecuteStatementCommand({
        Statement: `SELECT n FROM "${TableName}" WHERE pk = ? AND sk < ?`,
        Parameters: ["c1", "010"],
      }),
    );
    assert.deepEqual(found.Items, [{ n: 1 }, { n: 6 }]);
    await db.send(
      new Document.ExecuteStatementCommand({
        Statement: `UPDATE "${TableName}" SET n = ? WHERE pk = 'c1' AND sk = '001'`,
        Parameters: [101],
      }),
    );
    const updated = await db.send(new Document.GetCommand({ TableName, Key: { pk: "c1", sk: "001" } }));
    assert.equal(updated.Item.n, 101);
  });
});

/** Numbers that JavaScript has no exact number for as BigInt. */
function BigIntOrNumber(text) {
  const number = Number(text);
  return Number.isInteger(number) && !Number.isSafeInteger(number) ? BigInt(text) : number;
}
