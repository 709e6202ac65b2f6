import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import { startBound, type BoundProcess } from './bound-process.js';

export interface Azurite {
  /** `http://127.0.0.1:<port>/<account>`: everything before the container. */
  readonly endpoint: string;
  readonly accountName: string;
  readonly accountKey: string;
  /** Made at start, empty. */
  readonly container: string;
  stop(): Promise<void>;
}

const PROGRAM = fileURLToPath(new URL('../../node_modules/azurite/dist/src/blob/main.js', import.meta.url));
const CONTAINER = 'stowage-test';
const READY = /successfully listens on (http:\/\/127\.0\.0\.1:\d+)/;

/** Microsoft's own emulator of Azure Blob Storage, in memory, with a fresh account. */
export async function startAzurite(): Promise<Azurite> {
  if (!existsSync(PROGRAM)) throw new Error('Azurite is missing: run npm ci.');
  const accountName = `stowage${randomBytes(4).toString('hex')}`;
  const accountKey = randomBytes(64).toString('base64');
  const bound = startBound(
    process.execPath,
    [
      PROGRAM,
      '--blobHost',
      '127.0.0.1',
      '--blobPort',
      '0',
      '--inMemoryPersistence',
      '--disableTelemetry',
      '--skipApiVersionCheck',
    ],
    { environment: { AZURITE_ACCOUNTS: `${accountName}:${accountKey}` } },
  );
  try {
    const endpoint = `${await listeningAt(bound)}/${accountName}`;
    const credential = new StorageSharedKeyCredential(accountName, accountKey);
    await new BlobServiceClient(endpoint, credential).getContainerClient(CONTAINER).create();
    return { endpoint, accountName, accountKey, container: CONTAINER, stop: () => bound.stop() };
  } catch (error) {
    await bound.stop();
    throw error;
  }
}

function listeningAt(bound: BoundProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const origin = READY.exec(bound.output())?.[1];
      if (origin !== undefined) resolve(origin);
    };
    bound.child.stdout!.on('data', look);
    void bound.ended.then((how) => reject(new Error(`Azurite did not start (${how}): ${bound.output()}`)));
  });
}
