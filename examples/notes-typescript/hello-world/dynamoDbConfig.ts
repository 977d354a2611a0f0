//! One way to every operation of the document client. It is told a region and nothing else.

import { DocumentClient } from 'aws-sdk/clients/dynamodb';

const dbClient = new DocumentClient({ region: 'ap-northeast-2' });

export enum DynamoDbMethod {
    DELETE = 'DELETE',
    GET = 'GET',
    PUT = 'PUT',
    QUERY = 'QUERY',
    SCAN = 'SCAN',
}

export interface DynamoDbRequest {
    method: DynamoDbMethod;
    tableName: string;
    key?: { [key: string]: any };
    item?: { [key: string]: any };
    param?: any;
}

export const callDynamoDb = async (request: DynamoDbRequest): Promise<any> => {
    console.info(`Request DynamoDb : [${request.method}] ${JSON.stringify(request)}`);
    const TableName = request.tableName;
    const need = (name: 'key' | 'item') => {
        const found = request[name];
        if (!found) throw new Error(`Missing '${name}' parameter`);
        return found;
    };
    const call = () => {
        switch (request.method) {
            case DynamoDbMethod.DELETE:
                return dbClient.delete({ TableName, Key: need('key'), ...request.param });
            case DynamoDbMethod.GET:
                return dbClient.get({ TableName, Key: need('key'), ...request.param });
            case DynamoDbMethod.PUT:
                return dbClient.put({ TableName, Item: need('item'), ...request.param });
            case DynamoDbMethod.QUERY:
                return dbClient.query({ TableName, ...request.param });
            case DynamoDbMethod.SCAN:
                return dbClient.scan({ TableName, ...request.param });
        }
    };
    const response = await call().promise();
    console.info(`Response DynamoDb : [${request.method}] ${JSON.stringify(response)}`);
    return response;
};
