import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { CreateBucketCommand, PutBucketPolicyCommand, S3Client } from '@aws-sdk/client-s3';
import { requireProgram, startBound, type BoundProcess } from './bound-process.js';
import { freePort, untilReady } from './until-ready.js';

export interface RadosgwUser {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** A real S3 service that we did not write: Ceph's object gateway on a store in memory. */
export interface Radosgw {
  readonly endpoint: string;
  readonly region: string;
  /** Made at start, empty; it belongs to `full`, and `readOnly` may read it. */
  readonly bucket: string;
  readonly users: { readonly full: RadosgwUser; readonly readOnly: RadosgwUser };
  stop(): Promise<void>;
}

const run = promisify(execFile);
const BUCKET = 'stowage-test';
const MAX_COMMAND_ATTEMPTS = 20;
const RETRY_COMMAND_MS = 500;
const PACKAGES = 'radosgw ceph-mon ceph-osd';
const COMMAND_TIMEOUT_MS = 30_000;
const READY_TIMEOUT_MS = 60_000;
const MAX_STORE_STARTS = 5;

/** Starts a monitor, a memory store and the gateway (about 12 s), with two users and a bucket. */
export async function startRadosgw(): Promise<Radosgw> {
  for (const program of ['radosgw', 'radosgw-admin', 'ceph', 'ceph-mon', 'ceph-osd', 'monmaptool']) {
    requireProgram(program, PACKAGES);
  }
  const folder = await mkdtemp(join(tmpdir(), 'stowage-rgw-'));
  const cluster = new Cluster(folder);
  try {
    const endpoint = await cluster.start();
    const full = await cluster.addUser('full', []);
    const readOnly = await cluster.addUser('readonly', ['--op-mask', 'read']);
    await prepareBucket(endpoint, full);
    return {
      endpoint,
      region: 'default',
      bucket: BUCKET,
      users: { full, readOnly },
      stop: () => cluster.stop(),
    };
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

class Cluster {
  readonly #folder: string;
  readonly #configuration: string;
  readonly #daemons: BoundProcess[] = [];

  constructor(folder: string) {
    this.#folder = folder;
    this.#configuration = join(folder, 'ceph.conf');
  }

  async start(): Promise<string> {
    const [monitorPort, gatewayPort] = [await freePort(), await freePort()];
    const clusterId = randomUUID();
    for (const name of ['mon', 'osd', 'run', 'log']) await mkdir(join(this.#folder, name));
    await writeFile(this.#configuration, configuration(this.#folder, clusterId, monitorPort, gatewayPort));
    const map = join(this.#folder, 'monmap');
    await run('monmaptool', [
      '--create',
      '--fsid',
      clusterId,
      '--addv',
      'a',
      `[v1:127.0.0.1:${monitorPort}]`,
      map,
    ]);
    await this.#run('ceph-mon', '--mkfs', '-i', 'a', '--monmap', map);
    this.#daemon('ceph-mon', '-i', 'a', '-f');
    await this.#ready('The Ceph monitor', async () => {
      await this.#run('ceph', '-s', '--connect-timeout', '2');
      return true;
    });
    await this.#startStore();
    this.#daemon('radosgw', '-n', 'client.rgw', '-f');
    const endpoint = `http://127.0.0.1:${gatewayPort}`;
    await this.#ready('The gateway', async () => (await fetch(endpoint)).ok);
    return endpoint;
  }

  async addUser(name: string, limits: readonly string[]): Promise<RadosgwUser> {
    const user = {
      accessKeyId: randomBytes(10).toString('hex').toUpperCase(),
      secretAccessKey: randomBytes(30).toString('base64'),
    };
    const keys = ['--access-key', user.accessKeyId, '--secret', user.secretAccessKey];
    await this.#run(
      'radosgw-admin',
      '-n',
      'client.rgw',
      'user',
      'create',
      '--uid',
      name,
      '--display-name',
      name,
      ...keys,
      ...limits,
    );
    return user;
  }

  /** Nothing here is worth an orderly end: the store is in memory. */
  async stop(): Promise<void> {
    for (const { child } of this.#daemons) child.kill('SIGKILL');
    await Promise.all(this.#daemons.map(({ ended }) => ended));
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** `osd create` and not `osd new`: a store in memory has no identity of its own to register. */
  async #startStore(): Promise<void> {
    await this.#run('ceph', 'osd', 'create');
    await this.#run('ceph-osd', '-i', '0', '--mkfs');
    await this.#run('ceph', 'osd', 'crush', 'add', 'osd.0', '1.0', 'root=default');
    // Without authentication it may greet the monitor before it knows the cluster's id, and ends: then again.
    for (let attempt = 1; attempt <= MAX_STORE_STARTS; attempt += 1) {
      const store = this.#daemon('ceph-osd', '-i', '0', '-f');
      let ended = false;
      void store.ended.then(() => (ended = true));
      const isUp = async () => (await this.#run('ceph', 'osd', 'stat')).includes('1 up');
      await this.#ready('The Ceph store', async () => ended || (await isUp()));
      if (!ended) return;
    }
    throw new Error(`The Ceph store ended ${MAX_STORE_STARTS} times: ${this.#daemons.at(-1)?.output()}`);
  }

  async #run(program: string, ...args: string[]): Promise<string> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const { stdout } = await run(program, ['-c', this.#configuration, ...args], {
          timeout: COMMAND_TIMEOUT_MS,
        });
        return stdout;
      } catch (error) {
        if (attempt === MAX_COMMAND_ATTEMPTS || !wasNotSent(error)) throw error;
        await sleep(RETRY_COMMAND_MS);
      }
    }
  }

  #daemon(program: string, ...args: string[]): BoundProcess {
    const daemon = startBound(program, ['-c', this.#configuration, ...args], { cwd: this.#folder });
    this.#daemons.push(daemon);
    return daemon;
  }

  #ready(what: string, probe: () => Promise<boolean>): Promise<void> {
    const explain = () => this.#daemons.map((daemon) => daemon.output()).join('\n');
    return untilReady(what, probe, { timeoutMs: READY_TIMEOUT_MS, explain });
  }
}

/** Before its first word `ceph` asks which commands there are, which a monitor under load now and then refuses. */
function wasNotSent(error: unknown): boolean {
  return error instanceof Error && error.message.includes('problem getting command descriptions');
}

/** `monmap` must be named here: without authentication the store cannot learn the cluster's id otherwise. */
function configuration(folder: string, clusterId: string, monitorPort: number, gatewayPort: number): string {
  return `[global]
fsid = ${clusterId}
auth cluster required = none
auth service required = none
auth client required = none
monmap = ${folder}/monmap
mon host = v1:127.0.0.1:${monitorPort}
ms bind msgr2 = false
public addr = 127.0.0.1
cluster addr = 127.0.0.1
run dir = ${folder}/run
admin socket = ${folder}/run/$name.asok
log file = ${folder}/log/$name.log
osd pool default size = 1
osd pool default min size = 1
osd crush chooseleaf type = 0
osd pool default pg num = 1
osd pool default pgp num = 1
mon allow pool size one = true
mon max pg per osd = 1000
osd objectstore = memstore
memstore device bytes = 4294967296
rgw dns name = localhost
[mon.a]
mon data = ${folder}/mon
[osd.0]
osd data = ${folder}/osd
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:${gatewayPort}
`;
}

async function prepareBucket(endpoint: string, credentials: RadosgwUser): Promise<void> {
  const client = new S3Client({ endpoint, region: 'default', credentials, forcePathStyle: true });
  const statement = {
    Effect: 'Allow',
    Principal: { AWS: ['arn:aws:iam:::user/readonly'] },
    Action: ['s3:GetObject', 's3:ListBucket'],
    Resource: [`arn:aws:s3:::${BUCKET}`, `arn:aws:s3:::${BUCKET}/*`],
  };
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
  await client.send(new PutBucketPolicyCommand({ Bucket: BUCKET, Policy }));
  client.destroy();
}
