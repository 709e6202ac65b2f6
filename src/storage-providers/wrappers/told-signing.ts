import type { ObjectStorage, SignedUrls, SignPartOptions } from '../storage-provider.js';
import { aroundCalls } from './around-calls.js';

/** A URL that was given out; nobody here sees whether it is used. */
export interface SignedUrlEntry {
  readonly method: 'GET' | 'PUT';
  /** Of the object or part, as far as it is known. */
  readonly sizeBytes?: number;
}

/** The same storage; `tell` hears of every URL that it has signed. */
export function toldSigning(storage: ObjectStorage, tell: (entry: SignedUrlEntry) => void): ObjectStorage {
  const { signedUrls } = storage;
  if (signedUrls === undefined) return storage;
  return { ...aroundCalls(storage, (_call, run) => run()), signedUrls: told(signedUrls, tell) };
}

function told(signedUrls: SignedUrls, tell: (entry: SignedUrlEntry) => void): SignedUrls {
  const signPart = signedUrls.signPart?.bind(signedUrls);
  return {
    signGet: async (key, options) => {
      const signed = await signedUrls.signGet(key, options);
      tell({ method: 'GET', sizeBytes: options.objectBytes });
      return signed;
    },
    signPut: async (key, options) => {
      const signed = await signedUrls.signPut(key, options);
      tell({ method: 'PUT', sizeBytes: options.sizeBytes });
      return signed;
    },
    ...(signPart && {
      signPart: async (key: string, uploadId: string, options: SignPartOptions) => {
        const signed = await signPart(key, uploadId, options);
        tell({ method: 'PUT', sizeBytes: options.sizeBytes });
        return signed;
      },
    }),
  };
}
