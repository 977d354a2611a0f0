//! Says hello to whoever calls the API.

interface Request {
    httpMethod: string;
    path: string;
    queryStringParameters: Record<string, string> | null;
}

interface Answer {
    statusCode: number;
    body: string;
}

export const lambdaHandler = async (event: Request): Promise<Answer> => {
    console.log(`${event.httpMethod} ${event.path}`);
    const name = event.queryStringParameters?.name ?? 'world';
    return { statusCode: 200, body: JSON.stringify({ message: `hello ${name}` }) };
};
