// Verifies JWTs as an app would that knows nothing of the portal but the address of its keys: one line of JSON a token on standard input,
// one line of JSON out. Arguments: the address of the keys, issuer, audience, and the time that it is (seconds since 1970).
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { createInterface } from 'node:readline';

const [keys, issuer, audience, now] = process.argv.slice(2);
const jwks = createRemoteJWKSet(new URL(keys));

for await (const line of createInterface({ input: process.stdin })) {
    try {
        const { payload, protectedHeader } = await jwtVerify(JSON.parse(line), jwks, { issuer, audience, currentDate: new Date(now * 1000) });
        console.log(JSON.stringify({ alg: protectedHeader.alg, payload }));
    } catch (error) {
        console.log(JSON.stringify({ error: error.code ?? String(error) }));
    }
}
