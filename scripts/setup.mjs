/*
 * All the set-up a fresh clone needs; plain Node so that it runs on whatever Node the machine has.
 *   node scripts/setup.mjs          installs the locked dependencies when they are absent or outdated
 *   node scripts/setup.mjs --build  also builds dist/ when a source is newer
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const stampFile = join(root, 'node_modules', '.stowage-lock');

install();
checkNode();
if (process.argv.includes('--build')) build();

function install() {
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted) return;
  step('Installing the locked dependencies (npm ci), once');
  npm('ci', '--no-fund', '--no-audit', '--loglevel=error');
  writeFileSync(stampFile, wanted);
}

function checkNode() {
  const pinned = join(root, 'node_modules', '.bin', 'node');
  const binary = existsSync(pinned) ? pinned : 'node';
  const { stdout } = spawnSync(binary, ['-v'], { encoding: 'utf8' });
  if (Number(/^v(\d+)/.exec(stdout ?? '')?.[1] ?? 0) >= 24) return;
  fail(
    `Stowage needs Node 24 and found ${stdout?.trim() || 'none'}. No pinned build exists for ${process.platform}-${process.arch}: install Node 24.`,
  );
}

function build() {
  const built = join(root, 'dist', 'src', 'main.js');
  const sources = [
    join(root, 'src'),
    join(root, 'ormconfig.ts'),
    join(root, 'tsconfig.build.json'),
    join(root, 'nest-cli.json'),
  ];
  if (existsSync(built) && Math.max(...sources.map(newest)) <= statSync(built).mtimeMs) return;
  step('Building');
  npm('run', '--silent', 'build');
}

function newest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
}

function npm(...args) {
  const { status } = spawnSync('npm', args, { cwd: root, stdio: ['ignore', process.stderr, process.stderr] });
  if (status !== 0) fail(`npm ${args.join(' ')} failed.`);
}

function step(text) {
  process.stderr.write(`stowage: ${text} ...\n`);
}

function fail(text) {
  process.stderr.write(`stowage: ${text}\n`);
  process.exit(1);
}
