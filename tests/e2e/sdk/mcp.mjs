// MCP servers by both generations of the client, in a directory of their own.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { DIRECTORY, SERVER, check, fails, ok, run, sdk } from "./checking.mjs";

const directory = `${DIRECTORY}/servers`;
mkdirSync(directory, { recursive: true });
const first = (await sdk("index.js")).createOpencodeClient({ baseUrl: SERVER, directory });
const client = (await sdk("v2/index.js")).createOpencodeClient({ baseUrl: SERVER, directory });
const config = { type: "local", command: ["/usr/bin/env", "python3", "-S", "-E", process.env.MCP_SERVER] };
const connected = { status: "connected" };

check("mcp.add, status, connect and disconnect", async () => {
  assert.deepEqual(await ok(first.mcp.status()), {});
  assert.deepEqual(await ok(first.mcp.add({ body: { name: "zoo", config } })), { zoo: connected });
  assert.equal(await ok(first.mcp.disconnect({ path: { name: "zoo" } })), true);
  assert.deepEqual(await ok(client.mcp.status()), { zoo: { status: "disabled" } });
  assert.equal(await ok(client.mcp.connect({ name: "zoo" })), true);
  assert.deepEqual(await ok(client.mcp.status()), { zoo: connected });
  assert.equal((await fails(404, client.mcp.connect({ name: "nobody" })))._tag, "McpServerNotFoundError");
  await fails(400, client.mcp.add({ name: "odd", config: { type: "odd" } }));
});

check("what a server has", async () => {
  assert.ok((await ok(client.tool.ids())).includes("zoo_add"));
  const commands = await ok(client.command.list());
  assert.equal(commands.find((each) => each.name === "zoo:greet").template, "Greet $1 $2");
  const resources = await ok(client.experimental.resource.list());
  assert.equal(resources["zoo:mem://one"].client, "zoo");
});

check("mcp.auth", async () => {
  assert.match((await fails(400, client.mcp.auth.start({ name: "zoo" }))).error, /does not support OAuth/);
  await fails(400, client.mcp.auth.authenticate({ name: "zoo" }));
  await fails(400, client.mcp.auth.callback({ name: "zoo", code: "x" }));
  assert.deepEqual(await ok(client.mcp.auth.remove({ name: "zoo" })), { success: true });
});

await run();
