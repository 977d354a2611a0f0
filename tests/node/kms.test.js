// The AWS Encryption SDK for JavaScript seals with keys of ours and opens again.

import assert from "node:assert/strict";
import { test } from "node:test";

import { buildClient, CommitmentPolicy, getClient, KMS, KmsKeyringNode } from "@aws-crypto/client-node";

const endpoint = process.env.GUREUM_ENDPOINT ?? "http://127.0.0.1:4566";
const region = "ap-northeast-2";
const credentials = { accessKeyId: "test", secretAccessKey: "test" };
const clientProvider = getClient(KMS, { endpoint, region, credentials });
const { encrypt, decrypt } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);

const keyring = (generatorKeyId, keyIds = []) => new KmsKeyringNode({ clientProvider, generatorKeyId, keyIds });

test("the Encryption SDK's round trip, by either key", async () => {
  const kms = clientProvider(region);
  const make = async () => (await kms.createKey({})).KeyMetadata.Arn;
  const [first, second, other] = [await make(), await make(), await make()];
  const plain = Buffer.from("한글 ".repeat(5000));
  const { result } = await encrypt(keyring(first, [second]), plain, { encryptionContext: { for: "desk" } });
  for (const arn of [first, second]) {
    const opened = await decrypt(keyring(arn), result);
    assert.deepEqual(opened.plaintext, plain);
    assert.equal(opened.messageHeader.encryptionContext.for, "desk");
  }
  await assert.rejects(decrypt(keyring(other), result));
});
