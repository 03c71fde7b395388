// A program on the official SDK: reads calls as lines of JSON, makes them one after the other, and writes
// for each what the SDK gave it. One process makes all calls of the tests, since its start takes a while.

import { createInterface } from "node:readline";
import OpenAI, { toFile } from "openai";

const calls = {
  "evals.create": ({ evals }, { body }) => evals.create(body),
  "evals.retrieve": ({ evals }, { of }) => evals.retrieve(of.evals),
  "evals.update": ({ evals }, { of, body }) => evals.update(of.evals, body),
  "evals.list": ({ evals }, { query }) => evals.list(query),
  "evals.delete": ({ evals }, { of }) => evals.delete(of.evals),
  "runs.create": ({ evals }, { of, body }) => evals.runs.create(of.evals, body),
  "runs.retrieve": ({ evals }, { of }) => evals.runs.retrieve(of.runs, { eval_id: of.evals }),
  "runs.list": ({ evals }, { of, query }) => evals.runs.list(of.evals, query),
  "runs.cancel": ({ evals }, { of }) => evals.runs.cancel(of.runs, { eval_id: of.evals }),
  "runs.delete": ({ evals }, { of }) => evals.runs.delete(of.runs, { eval_id: of.evals }),
  "output_items.list": ({ evals }, { of, query }) =>
    evals.runs.outputItems.list(of.runs, { eval_id: of.evals, ...query }),
  "output_items.retrieve": ({ evals }, { of }) =>
    evals.runs.outputItems.retrieve(of.output_items, { eval_id: of.evals, run_id: of.runs }),
  "files.create": async ({ files }, { form }) => {
    const file = await toFile(Buffer.from(form.file.content), form.file.filename);
    return files.create({ ...form, file }).withResponse();
  },
  "files.list": ({ files }, { query }) => files.list(query),
  "chat.completions.create": ({ chat }, { body }) => chat.completions.create(body),
  "chat.completions.list": ({ chat }, { query }) => chat.completions.list(query),
};

async function made(call) {
  const client = new OpenAI({
    baseURL: call.base_url,
    apiKey: "My API Key",
    maxRetries: 0, // no fault of the server is repaired unseen
    defaultHeaders: call.headers,
  });
  const asked = calls[call.op](client, call);
  if (call.every_page) {
    const found = [];
    for await (const each of asked) found.push(each);
    return { status: 200, read: found };
  }
  const { data, response } = await (asked.withResponse ? asked.withResponse() : asked);
  const read = data.data === undefined ? data : { ...data.body, data: data.data };
  return { status: response.status, path: new URL(response.url).pathname, read };
}

function refused(error) {
  if (!(error instanceof OpenAI.APIError)) return { broken: `${error.stack}` };
  const { status, code, param, type, message, requestID } = error;
  const read = { error: { class: error.constructor.name, code, param, type, message, requestID } };
  return { status, read };
}

for await (const line of createInterface({ input: process.stdin })) {
  const outcome = await made(JSON.parse(line)).catch(refused);
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
}
