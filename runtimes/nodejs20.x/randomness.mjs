// Random numbers after a restore: every copy of a snapshot must have its own.

import crypto from "node:crypto";
import path from "node:path";
import { fileURLToPath } from "node:url";

// Node.js keeps random bytes for 1024 numbers and 128 UUIDs in advance.
const NUMBERS_KEPT = 1024;
const UUIDS_KEPT = 128;

let reseed;

/** Before any code of the function: loads what reseeds OpenSSL, where this machine could build it. */
export function prepareRandomness() {
  const folder = path.dirname(fileURLToPath(import.meta.url));
  const addon = { exports: {} };
  try {
    process.dlopen(addon, path.join(folder, "reseed.node"));
    reseed = addon.exports.reseed;
  } catch {
    // The server knows, and keeps no memory of this runtime.
  }
}

/** After a restore: takes fresh randomness, and throws away what was kept. */
export function renewRandomness() {
  if (!reseed) return;
  if (reseed() !== true) throw new Error("OpenSSL could not be reseeded");
  for (let n = 0; n <= NUMBERS_KEPT; n += 1) crypto.randomInt(2);
  for (let n = 0; n <= UUIDS_KEPT; n += 1) crypto.randomUUID();
}

