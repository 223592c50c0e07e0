// What belongs to no single session: terminal programs driven from outside, projects, worktrees, and what is experimental.
import assert from "node:assert/strict";
import { DIRECTORY, SERVER, check, fails, gather, ok, run, sdk, until } from "./checking.mjs";

const { createOpencodeClient } = await sdk("v2/index.js");
const client = createOpencodeClient({ baseUrl: SERVER, directory: DIRECTORY });

check("tui", async () => {
  const session = await ok(client.session.create({ title: "Driven" }));
  const events = gather((await client.event.subscribe()).stream);
  await events.of("server.connected");
  assert.equal(await ok(client.tui.appendPrompt({ text: "hello" })), true);
  assert.deepEqual((await events.of("tui.prompt.append")).properties, { text: "hello" });
  for (const open of ["openHelp", "openSessions", "openThemes", "openModels", "submitPrompt", "clearPrompt"]) {
    assert.equal(await ok(client.tui[open]()), true, open);
  }
  assert.equal(await ok(client.tui.executeCommand({ command: "session_new" })), true);
  assert.equal(await ok(client.tui.showToast({ message: "m", variant: "success" })), true);
  assert.equal((await events.of("tui.toast.show")).properties.duration, 5000);
  assert.equal(await ok(client.tui.selectSession({ sessionID: session.id })), true);
  assert.equal((await events.of("tui.session.select")).properties.sessionID, session.id);
  await fails(404, client.tui.selectSession({ sessionID: "ses_000000000000unknown" }));
  const body = { type: "tui.prompt.append", properties: { text: "published" } };
  assert.equal(await ok(client.tui.publish({ body })), true);
});

check("tui.control", async () => {
  let request;
  ok(client.tui.control.next()).then((found) => (request = found));
  await until(async () => (await ok(client.tui.openHelp())) && request);
  assert.equal(request.path, "/tui/open-help");
  assert.equal(await ok(client.tui.control.response({ body: { done: true } })), true);
});

await run();
