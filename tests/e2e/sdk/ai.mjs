// The AI SDK, whose provider for this API is another kind of client: it streams, and it asks for objects.
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { DIRECTORY, SERVER, check, run, script } from "./checking.mjs";

const load = (file) => import(pathToFileURL(`${process.env.MODULES}/${file}`));
const { Output, generateText, jsonSchema, streamText } = await load("ai/dist/index.mjs");
const { createOpencode } = await load("ai-sdk-provider-opencode-sdk/dist/index.js");

const provider = createOpencode({ baseUrl: SERVER, autoStartServer: false, defaultSettings: { directory: DIRECTORY } });
const model = provider("fake/fake-1");
const prompt = async (name, steps) => (await script(name, steps))[0].text;

check("generateText", async () => {
  const { text, usage } = await generateText({ model, prompt: await prompt("ai_text", [{ text: "A whole answer" }]) });
  assert.equal(text, "A whole answer");
  assert.equal(usage.outputTokens, 20);
});

check("streamText", async () => {
  const steps = [{ text: "An answer in pieces", chunks: 5, delay: 0.02 }];
  const result = streamText({ model, prompt: await prompt("ai_stream", steps) });
  const pieces = [];
  for await (const piece of result.textStream) pieces.push(piece);
  assert.equal(pieces.join(""), "An answer in pieces");
  assert.ok(pieces.length > 1, `${pieces.length} piece`);
});

check("an object", async () => {
  const schema = jsonSchema({ type: "object", properties: { answer: { type: "number" } }, required: ["answer"] });
  const steps = [{ tools: [{ name: "StructuredOutput", args: { answer: 42 } }] }];
  const result = await generateText({ model, prompt: await prompt("ai_object", steps), output: Output.object({ schema }) });
  assert.deepEqual(result.output, { answer: 42 });
});

check("a tool's call", async () => {
  const call = { name: "bash", args: { command: "echo seen by the stream", description: "echo" } };
  const result = streamText({ model, prompt: await prompt("ai_tool", [{ tools: [call] }, { text: "done" }]) });
  const parts = [];
  for await (const part of result.fullStream) parts.push(part);
  assert.ok(parts.some((part) => part.type === "tool-call" && part.toolName === "bash"), JSON.stringify(parts));
  const outcome = parts.find((part) => part.type === "tool-result");
  assert.match(JSON.stringify(outcome), /seen by the stream/);
});

check("an abort", async () => {
  const stop = new AbortController();
  const result = streamText({
    model, prompt: await prompt("ai_abort", [{ text: "begun", hang: true }]), abortSignal: stop.signal, onError() {},
  });
  for await (const part of result.fullStream) if (part.type === "text-delta") stop.abort();
  const deadline = Date.now() + 10_000;
  const busy = async () => Object.keys(await (await fetch(`${SERVER}/session/status`)).json()).length;
  while ((await busy()) && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(await busy(), 0);
});

await run();
