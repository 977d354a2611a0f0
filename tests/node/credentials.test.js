// Where the SDK takes credentials from: roles, tokens of web identities, the chain of a Node program.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { CreateOpenIDConnectProviderCommand, CreateRoleCommand, IAMClient, PutRolePolicyCommand } from "@aws-sdk/client-iam";
import { EnableOutboundWebIdentityFederationCommand, GetOutboundWebIdentityFederationInfoCommand } from "@aws-sdk/client-iam";
import { GetCallerIdentityCommand, GetWebIdentityTokenCommand, STSClient } from "@aws-sdk/client-sts";
import { fromNodeProviderChain, fromTemporaryCredentials, fromWebToken } from "@aws-sdk/credential-providers";

const endpoint = process.env.GUREUM_ENDPOINT ?? "http://127.0.0.1:4566";
const region = "ap-northeast-2";
const own = { endpoint, region, credentials: { accessKeyId: "test", secretAccessKey: "test" } };
const here = { endpoint, region };
const iam = new IAMClient(own);
const unique = (name) => `${name}-${crypto.randomUUID().slice(0, 8)}`;

async function makeRole(principal, action, condition) {
  const RoleName = unique("node");
  const statement = { Effect: "Allow", Principal: principal, Action: action, ...(condition && { Condition: condition }) };
  const AssumeRolePolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
  const { Role } = await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument }));
  const allow = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "sts:AssumeRole", Resource: "*" }] };
  await iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: "p", PolicyDocument: JSON.stringify(allow) }));
  return Role.Arn;
}

const account = async () => (await new STSClient(own).send(new GetCallerIdentityCommand({}))).Account;
const who = async (credentials) => (await new STSClient({ ...here, credentials }).send(new GetCallerIdentityCommand({}))).Arn;
const session = (arn, name) => arn.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + `/${name}`;

/** A role that trusts this account's own issuer, and a token of it. */
async function webIdentity() {
  await iam.send(new EnableOutboundWebIdentityFederationCommand({})).catch((error) => assert.equal(error.name, "FeatureEnabledException"));
  const { IssuerIdentifier } = await iam.send(new GetOutboundWebIdentityFederationInfoCommand({}));
  const key = IssuerIdentifier.replace(/^https?:\/\//, "");
  const provider = { Url: IssuerIdentifier, ClientIDList: ["node"], ThumbprintList: ["0".repeat(40)] };
  await iam.send(new CreateOpenIDConnectProviderCommand(provider)).catch((error) => assert.equal(error.name, "EntityAlreadyExistsException"));
  const federated = { Federated: `arn:aws:iam::${await account()}:oidc-provider/${key}` };
  const condition = { StringEquals: { [`${key}:aud`]: "node" } };
  const roleArn = await makeRole(federated, "sts:AssumeRoleWithWebIdentity", condition);
  const ask = { Audience: ["node"], SigningAlgorithm: "ES384" };
  const { WebIdentityToken } = await new STSClient(own).send(new GetWebIdentityTokenCommand(ask));
  return { roleArn, token: WebIdentityToken };
}

test("fromTemporaryCredentials takes a role, and by it another", async () => {
  const first = await makeRole({ AWS: await account() }, "sts:AssumeRole");
  const second = await makeRole({ AWS: first }, "sts:AssumeRole");
  const one = fromTemporaryCredentials({ masterCredentials: own.credentials, params: { RoleArn: first, RoleSessionName: "kim" }, clientConfig: here });
  assert.equal(await who(one), session(first, "kim"));
  const two = fromTemporaryCredentials({ masterCredentials: one, params: { RoleArn: second, RoleSessionName: "lee" }, clientConfig: here });
  assert.equal(await who(two), session(second, "lee"));
  const refused = fromTemporaryCredentials({ masterCredentials: two, params: { RoleArn: second, RoleSessionName: "mo" }, clientConfig: here });
  await assert.rejects(who(refused), /is not authorized to perform: sts:AssumeRole/);
});

test("fromWebToken takes a role for a token", async () => {
  const { roleArn, token } = await webIdentity();
  const good = fromWebToken({ roleArn, roleSessionName: "kim", webIdentityToken: token, clientConfig: here });
  assert.equal(await who(good), session(roleArn, "kim"));
  const forged = token.slice(0, -8) + (token.endsWith("AAAAAAAA") ? "BBBBBBBB" : "AAAAAAAA");
  const bad = fromWebToken({ roleArn, roleSessionName: "kim", webIdentityToken: forged, clientConfig: here });
  await assert.rejects(who(bad), { name: "InvalidIdentityTokenException" });
});

test("fromNodeProviderChain finds a token's file and a profile's role", async () => {
  const { roleArn, token } = await webIdentity();
  const folder = await mkdtemp(join(tmpdir(), "gureum-"));
  const before = { ...process.env };
  try {
    for (const name of Object.keys(process.env).filter((name) => name.startsWith("AWS_"))) delete process.env[name];
    const path = join(folder, "token");
    await writeFile(path, token);
    const variables = { AWS_WEB_IDENTITY_TOKEN_FILE: path, AWS_ROLE_ARN: roleArn, AWS_ROLE_SESSION_NAME: "kim" };
    Object.assign(process.env, variables, { AWS_SHARED_CREDENTIALS_FILE: "/dev/null", AWS_CONFIG_FILE: "/dev/null" });
    assert.equal(await who(fromNodeProviderChain({ clientConfig: here })), session(roleArn, "kim"));
    for (const name of Object.keys(variables)) delete process.env[name];
    const role = await makeRole({ AWS: await account() }, "sts:AssumeRole");
    await writeFile(join(folder, "credentials"), "[base]\naws_access_key_id = test\naws_secret_access_key = test\n");
    await writeFile(join(folder, "config"), `[profile desk]\nrole_arn = ${role}\nsource_profile = base\nrole_session_name = lee\n`);
    process.env.AWS_SHARED_CREDENTIALS_FILE = join(folder, "credentials");
    process.env.AWS_CONFIG_FILE = join(folder, "config");
    assert.equal(await who(fromNodeProviderChain({ profile: "desk", clientConfig: here, ignoreCache: true })), session(role, "lee"));
  } finally {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
    Object.assign(process.env, before);
    await rm(folder, { recursive: true });
  }
});
