// Trust in the authority of the cloud that stands in for AWS's hosts, beside those that Node.js
// brings. NODE_EXTRA_CA_CERTS says the same, but then Node.js 20 reads all of them at its start,
// which takes 20 ms of the processor that few functions need.

import { readFileSync } from "node:fs";
import tls from "node:tls";

const AUTHORITY = "/etc/gureum/ca.pem";

/** Adds the authority to each context that trusts what Node.js trusts by itself. */
export function installTrust() {
  // Who names authorities of his own has said all.
  if (process.env.NODE_EXTRA_CA_CERTS !== undefined) return;
  const make = tls.createSecureContext;
  let authority;
  tls.createSecureContext = function createSecureContext(options, ...rest) {
    const secure = make.call(this, options, ...rest);
    if (authority === undefined) {
      try {
        authority = readFileSync(AUTHORITY);
      } catch {
        // This sandbox has no stand-in.
        authority = null;
      }
    }
    if (authority && !options?.ca) secure.context.addCACert(authority);
    return secure;
  };
}
