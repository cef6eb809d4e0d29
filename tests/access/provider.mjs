// A certified OpenID provider on 127.0.0.1 for the tests. Reads its settings as one JSON line from standard input, answers
// "ready" on standard output, and ends with its standard input.
import { createInterface } from "node:readline";
import { Provider } from "oidc-provider";

const lines = createInterface({ input: process.stdin });
lines.on("close", () => process.exit(0));
lines.once("line", (line) => {
  const { port, client, jwks } = JSON.parse(line);
  const provider = new Provider(`http://127.0.0.1:${port}`, {
    clients: [client],
    jwks,
    cookies: { keys: ["only in tests"] },
    pkce: { required: () => true },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    // Who signs in here agreed to it long ago: an agency's provider asks nobody.
    async loadExistingGrant(ctx) {
      const grant = new ctx.oidc.provider.Grant({
        clientId: ctx.oidc.client.clientId,
        accountId: ctx.oidc.session.accountId,
      });
      grant.addOIDCScope("openid");
      await grant.save();
      return grant;
    },
  });
  provider.listen(port, "127.0.0.1", () => console.log("ready"));
});
