//! Looks for the booking of whoever calls.

import { DynamoDbMethod, callDynamoDb } from './dynamoDbConfig';

interface AmazonConnectRequest {
    Name: string;
    Details: {
        ContactData: { CustomerEndpoint: { Address: string; Type: string } };
        Parameters: Record<string, string>;
    };
}

interface Proxied {
    body: string;
}

const scan = async (request: AmazonConnectRequest) => {
    const response = await callDynamoDb({
        method: DynamoDbMethod.SCAN,
        tableName: 'sample_table',
        param: {
            FilterExpression: 'phoneNumber = :phoneNumber',
            ExpressionAttributeValues: { ':phoneNumber': request.Details.Parameters.customerNumber },
        },
    });
    return response.Count > 0 ? response.Items[0] : null;
};

/** For a contact flow, and behind an API with the same event as its body. */
export const dynamoDbScanSampleHandler = async (request: AmazonConnectRequest | Proxied) => {
    if ('body' in request) {
        return { statusCode: 200, body: JSON.stringify(await scan(JSON.parse(request.body))) };
    }
    return scan(request);
};
