import { readFileSync } from 'node:fs';

/** Names of users and groups of this machine, both ways. */
export interface OwnerNames {
  userName(uid: number): string | undefined;
  groupName(gid: number): string | undefined;
  uidOf(userName: string): number | undefined;
  gidOf(groupName: string): number | undefined;
}

/**
 * From `/etc/passwd` and `/etc/group`, read once: make a new one for each run. Users who are only known to a directory
 * service have no name. A file that cannot be read gives no names.
 */
export function readOwnerNames(passwdFile = '/etc/passwd', groupFile = '/etc/group'): OwnerNames {
  const users = parse(passwdFile);
  const groups = parse(groupFile);
  return {
    userName: (uid) => users.names.get(uid),
    groupName: (gid) => groups.names.get(gid),
    uidOf: (name) => users.ids.get(name),
    gidOf: (name) => groups.ids.get(name),
  };
}

/** Lines `name:password:id:...`; the first of several lines wins, as in the C library. */
function parse(file: string): { names: Map<number, string>; ids: Map<string, number> } {
  const names = new Map<number, string>();
  const ids = new Map<string, number>();
  for (const line of read(file).split('\n')) {
    const [name, , id] = line.split(':');
    if (!name || name.startsWith('#') || id === undefined || !/^\d{1,10}$/.test(id)) continue;
    if (!names.has(Number(id))) names.set(Number(id), name);
    if (!ids.has(name)) ids.set(name, Number(id));
  }
  return { names, ids };
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
