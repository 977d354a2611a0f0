// The AWS SDK for JavaScript v3 and S3: objects, streams of unknown length in parts (lib-storage), pages, conditions.

import assert from "node:assert/strict";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { before, test } from "node:test";
import * as S3 from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";

const endpoint = process.env.GUREUM_ENDPOINT;
assert.ok(endpoint, "GUREUM_ENDPOINT is not set");
const s3 = new S3.S3Client({
  endpoint,
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
  forcePathStyle: true,
  maxAttempts: 1,
});
const Bucket = `node-${randomUUID()}`;
const bytes = async (Key, more = {}) => {
  const got = await s3.send(new S3.GetObjectCommand({ Bucket, Key, ...more }));
  return Buffer.from(await got.Body.transformToByteArray());
};
const md5 = (data) => createHash("md5").update(data).digest();

before(() => s3.send(new S3.CreateBucketCommand({ Bucket })));

test("objects come back, with their sums checked on the way", async () => {
  const body = randomBytes(300_000);
  for (const ChecksumAlgorithm of ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]) {
    const Key = `sums/${ChecksumAlgorithm}`;
    const put = await s3.send(new S3.PutObjectCommand({ Bucket, Key, Body: body, ChecksumAlgorithm }));
    assert.equal(put.ETag, `"${md5(body).toString("hex")}"`);
    assert.deepEqual(await bytes(Key, { ChecksumMode: "ENABLED" }), body);
  }
  const wrong = new S3.PutObjectCommand({ Bucket, Key: "wrong", Body: body, ChecksumCRC32: "AAAAAA==" });
  await assert.rejects(s3.send(wrong), { name: "BadDigest" });
  await assert.rejects(s3.send(new S3.HeadObjectCommand({ Bucket, Key: "wrong" })), { name: "NotFound" });
  const again = new S3.PutObjectCommand({ Bucket, Key: "sums/CRC32", Body: body, IfNoneMatch: "*" });
  await assert.rejects(s3.send(again), { name: "PreconditionFailed" });
});

test("a stream that does not say how long it is goes up in parts", async () => {
  const whole = randomBytes(12 * 1024 * 1024 + 5);
  const pieces = function* () {
    for (let at = 0; at < whole.length; at += 100_000) yield whole.subarray(at, at + 100_000);
  };
  const seen = [];
  const upload = new Upload({
    client: s3,
    params: { Bucket, Key: "stream", Body: Readable.from(pieces()) },
    partSize: 5 * 1024 * 1024,
    queueSize: 3,
  });
  upload.on("httpUploadProgress", (progress) => seen.push(progress.loaded));
  const done = await upload.done();
  const parts = [0, 5, 10].map((mib) => md5(whole.subarray(mib << 20, Math.min((mib + 5) << 20, whole.length))));
  assert.equal(done.ETag, `"${md5(Buffer.concat(parts)).toString("hex")}-3"`);
  assert.equal(Math.max(...seen), whole.length);
  assert.deepEqual(await bytes("stream", { ChecksumMode: "ENABLED" }), whole);
  assert.deepEqual(await bytes("stream", { Range: "bytes=5242870-5242890" }), whole.subarray(5242870, 5242891));
});

test("an upload that is broken off leaves nothing", async () => {
  const endless = new Readable({
    read() {
      this.push(Buffer.alloc(1 << 20));
    },
  });
  const upload = new Upload({ client: s3, params: { Bucket, Key: "endless", Body: endless } });
  upload.on("httpUploadProgress", () => upload.abort());
  await assert.rejects(upload.done(), { name: "AbortError" });
  endless.destroy();
  await assert.rejects(s3.send(new S3.HeadObjectCommand({ Bucket, Key: "endless" })), { name: "NotFound" });
});

test("keys of any kind are listed page by page", async () => {
  const keys = ["list/+ &?", "list/..", "list/../a", "list//b", "list/한국어"];
  for (const Key of keys) await s3.send(new S3.PutObjectCommand({ Bucket, Key, Body: Key }));
  const listed = [];
  for await (const page of S3.paginateListObjectsV2({ client: s3, pageSize: 2 }, { Bucket, Prefix: "list/" }))
    listed.push(...page.Contents.map((found) => found.Key));
  assert.deepEqual(listed, keys);
  for (const Key of keys) assert.equal((await bytes(Key)).toString(), Key);
});
