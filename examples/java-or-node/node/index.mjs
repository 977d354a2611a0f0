// Keeps and finds notes in DynamoDB: {"method": "POST", "id": "1", "text": "…"} or {"method": "GET", "id": "1"}.

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";

const table = DynamoDBDocumentClient.from(new DynamoDBClient({}));
const TableName = process.env.TABLE_NAME;

export const handler = async ({ method, id, text }) => {
  if (method === "POST") {
    const Item = { id, text, createdAt: new Date().toISOString() };
    await table.send(new PutCommand({ TableName, Item }));
    return Item;
  }
  const { Item } = await table.send(new GetCommand({ TableName, Key: { id } }));
  return Item ?? null;
};
