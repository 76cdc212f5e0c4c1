// Three providers of OpenID Connect for the tests: a bank, and what is shaped like Google and like Facebook. Each listens on a port of its own;
// their issuers are printed once, as JSON. Whoever signs in is named by the login form. A line on standard input gives a provider new keys.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { generateKeyPairSync } from "node:crypto";
import Provider from "oidc-provider";

const [callback, ourKeys] = process.argv.slice(2);

const PEOPLE = {
  ona: { personal_code: "PNOLT-40404040009", given_name: "Ona", family_name: "Pavyzdienė", birthdate: "1904-04-04" },
  stranger: { given_name: "Nobody", family_name: "Known" },
};

const client = (client_id, token_endpoint_auth_method, more = {}) => ({
  client_id,
  client_secret: "a secret/with: odd+characters%",
  redirect_uris: [callback],
  token_endpoint_auth_method,
  ...more,
});
const signedClient = (client_id, token_endpoint_auth_signing_alg) =>
  client(client_id, "private_key_jwt", { client_secret: undefined, token_endpoint_auth_signing_alg, jwks: { keys: JSON.parse(ourKeys) } });

const keys = {};
const key = (kid) => (keys[kid] ??= { ...generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" }), kid, use: "sig", alg: "RS256" });

const configuration = (shape, kid) => ({
  clients: [
    client("savitarna", shape === "bank" ? "client_secret_basic" : "client_secret_post"),
    client("another-client", "client_secret_basic"),
    ...(shape === "bank" ? ["ES256", "PS256"].map((alg) => signedClient(`savitarna-by-${alg}`, alg)) : []),
  ],
  claims: { openid: ["sub", "personal_code", "birthdate"], profile: ["given_name", "family_name"] },
  // A bank keeps the claims at its userinfo endpoint, as the specification would have it; the others put them into the token.
  conformIdTokenClaims: shape === "bank",
  findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, ...PEOPLE[sub] }) }),
  pkce: { required: () => true },
  scopes: ["openid"],
  jwks: { keys: [key(kid)] },
  cookies: { keys: ["tests"] },
  ttl: { AccessToken: 300, AuthorizationCode: 60, IdToken: 300, Interaction: 300, Session: 300, Grant: 300 },
});

console.warn = console.info = () => {}; // its reminders of what production needs
const providers = {};
for (const shape of ["bank", "google", "facebook"]) {
  const server = createServer((request, response) => providers[shape].handle(request, response));
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const open = (kid) => {
    const provider = new Provider(issuer, configuration(shape, kid));
    providers[shape] = { issuer, open, handle: provider.callback() };
  };
  open("first");
}
console.log(JSON.stringify(Object.fromEntries(Object.entries(providers).map(([shape, { issuer }]) => [shape, issuer]))));
createInterface({ input: process.stdin })
  .on("line", (shape) => {
    providers[shape].open("second");
    console.log("turned");
  })
  .on("close", () => process.exit(0));
