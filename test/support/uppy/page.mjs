/* A web page that uploads with Uppy; it runs in a browser, and a spec drives it. */
import Uppy from '@uppy/core';
import { uploadToStowage } from '../../../docs/examples/uppy.mjs';

/** A file as a user would pick it: the same one again has the same name, type, size and date. */
async function pick({ name, from }) {
  const content = await (await fetch(from)).arrayBuffer();
  return new File([content], name, { type: 'application/octet-stream', lastModified: 1 });
}

async function begin(task) {
  const { name, from, partBytes, ...options } = task;
  const uppy = new Uppy();
  uploadToStowage(uppy, { ...options, getChunkSize: () => partBytes });
  const data = await pick({ name, from });
  const fileId = uppy.addFile({ name, type: data.type, data });
  return { uppy, fileId, done: uppy.upload() };
}

/** How it ended: the id of the file that it became, or the message that Uppy shows. */
function outcomeOf({ successful, failed }) {
  return { fileId: successful[0]?.response.body.file.id, error: failed[0]?.error };
}

let running;

globalThis.page = {
  send: async (task) => {
    running = await begin(task);
    return outcomeOf(await running.done);
  },
  /** Does not wait for its end. */
  begin: async (task) => {
    running = await begin(task);
  },
  ended: async () => outcomeOf(await running.done),
  /** As the user's button: once more what has failed. */
  retry: async () => outcomeOf(await running.uppy.retryAll()),
  /** As the user's button: takes the file away. */
  cancel: () => running.uppy.removeFile(running.fileId),
  /** Whether the browser lets this page ask. */
  mayAsk: (url, key) =>
    fetch(url, { headers: { authorization: `Bearer ${key}` } }).then(
      () => true,
      () => false,
    ),
};
