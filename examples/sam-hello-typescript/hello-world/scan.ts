//! Looks a caller of Amazon Connect up by the telephone number, with the document client.

import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, ScanCommand } from '@aws-sdk/lib-dynamodb';

interface ConnectRequest {
    Details: { Parameters: Record<string, string> };
}

const client = DynamoDBDocumentClient.from(new DynamoDBClient({}));

export const dynamoDbScanSampleHandler = async (request: ConnectRequest) => {
    const found = await client.send(
        new ScanCommand({
            TableName: process.env.TABLE_NAME,
            FilterExpression: 'phoneNumber = :phoneNumber',
            ExpressionAttributeValues: { ':phoneNumber': request.Details.Parameters.customerNumber },
        }),
    );
    return { isReserved: (found.Count ?? 0) > 0, ...found.Items?.[0] };
};
