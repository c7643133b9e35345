// Verifies a JWT from the portal's GET /token. Requires only Node 18 or later.
//
//   node verify.mjs PORTAL AUDIENCE [TOKEN]
//
// Without TOKEN, reads it from standard input. Prints the email address and exits with code 0, or prints the reason and exits with code 1.
// A long-running program should cache the keys for as long as the response's Cache-Control allows.

import { createPublicKey, verify } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { argv, exit, stdin, stdout, stderr } from 'node:process';

const skew = 30; // tolerated clock difference in seconds

// The key determines the algorithm. Otherwise an attacker could choose "none", or HS256 with the public key as the secret.
const algorithms = {
  'EdDSA': (jwk, data, signature) => jwk.kty === 'OKP' && jwk.crv === 'Ed25519' && verify(null, data, publicKey(jwk), signature),
  'RS256': (jwk, data, signature) => jwk.kty === 'RSA' && verify('sha256', data, publicKey(jwk), signature),
  'ES256': (jwk, data, signature) => jwk.kty === 'EC' && jwk.crv === 'P-256'
    && verify('sha256', data, { key: publicKey(jwk), dsaEncoding: 'ieee-p1363' }, signature),
};
const publicKey = jwk => createPublicKey({ key: jwk, format: 'jwk' });

async function emailOf(portal, audience, token) {
  const parts = token.split('.');
  if (parts.length !== 3 || !parts.every(part => /^[A-Za-z0-9_-]+$/.test(part))) throw new Error('it is not a JWT');
  const header = decode(parts[0]), claims = decode(parts[1]);
  for (const name of ['jku', 'jwk', 'x5u', 'x5c', 'crit']) {
    if (name in header) throw new Error(`its header has ${name}`);
  }

  const answer = await fetch(new URL('/api/v2/jwks.json', portal), { redirect: 'error', signal: AbortSignal.timeout(5000) });
  if (!answer.ok) throw new Error(`the portal answers ${answer.status}`);
  const jwk = (await answer.json()).keys.find(key => key.kid === header.kid);
  if (!jwk) throw new Error('the portal has no such key');
  if (!Object.hasOwn(algorithms, jwk.alg) || header.alg !== jwk.alg) throw new Error('its algorithm is not the key\'s');
  const signed = Buffer.from(`${parts[0]}.${parts[1]}`), signature = Buffer.from(parts[2], 'base64url');
  if (!algorithms[jwk.alg](jwk, signed, signature)) throw new Error('its signature is wrong');

  const now = Date.now() / 1000;
  if (claims.iss !== new URL(portal).origin) throw new Error('another portal made it');
  if (![claims.aud].flat().includes(audience)) throw new Error('it is for another audience');
  if (!Number.isFinite(claims.exp) || now >= claims.exp + skew) throw new Error('it has expired');
  if (!Number.isFinite(claims.nbf) || now < claims.nbf - skew) throw new Error('it is not good yet');
  // Tokens of service accounts have their own claims, but no subject.
  if (typeof claims.sub !== 'string' || !claims.sub || claims.email !== claims.sub) throw new Error('it names nobody who is signed in');
  return claims.email;
}

function decode(part) {
  const value = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new Error('it is not a JWT');
  return value;
}

const [portal, audience, token] = argv.slice(2);
try {
  if (!portal || !audience) throw new Error('usage: verify.mjs PORTAL AUDIENCE [TOKEN]');
  stdout.write(await emailOf(portal, audience, (token ?? await text(stdin)).trim()) + '\n');
} catch (error) {
  stderr.write(`The token is not accepted: ${error.message.replaceAll('\n', ' ')}\n`);
  exit(1);
}
