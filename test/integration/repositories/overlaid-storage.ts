import type { ObjectStorage } from '../../../src/storage-providers/storage-provider.js';

/** The storage with some members replaced. */
export function overlaid(storage: ObjectStorage, members: Partial<ObjectStorage>): ObjectStorage {
  return new Proxy(storage, {
    get: (target, name) => {
      if (Object.hasOwn(members, name)) return members[name as keyof ObjectStorage];
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
