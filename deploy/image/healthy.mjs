/**
 * Exit code 0 unless a process of this container listens on the port of the first argument and does not answer /healthz.
 * Whoever only waits to take over is well: after a takeover the port is another container's, and its check alone fails.
 * With `--end` that process is killed at the fourth failure in a row, and its container ends: Docker and Podman restart what
 * ends, and only report what is unwell. Kubernetes restarts by itself.
 */
import { readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [port, end] = process.argv.slice(2);
const FAILURES = join(tmpdir(), `unwell-${port}`);
const MOST_FAILURES = 4;
const LISTENS = '0A';

/** @param {() => T} read @param {T} otherwise @returns {T} for files of processes that end meanwhile @template T */
function attempt(read, otherwise) {
  try {
    return read();
  } catch {
    return otherwise;
  }
}

/** Processes share their numbers and network with other containers of the machine, but not what is mounted. */
function ownProcesses() {
  const mounts = readlinkSync('/proc/self/ns/mnt');
  return readdirSync('/proc').filter(
    (name) =>
      /^\d+$/.test(name) &&
      Number(name) !== process.pid &&
      attempt(() => readlinkSync(`/proc/${name}/ns/mnt`), '') === mounts,
  );
}

/** @returns {Set<string>} links of the sockets that listen on the port, as /proc/<pid>/fd has them */
function listeners() {
  const hex = Number(port).toString(16).toUpperCase().padStart(4, '0');
  const rows = ['tcp', 'tcp6'].flatMap((name) =>
    attempt(() => readFileSync(`/proc/net/${name}`, 'utf8'), '').split('\n'),
  );
  const open = rows
    .map((row) => row.trim().split(/\s+/))
    .filter((row) => row[1]?.endsWith(`:${hex}`) && row[3] === LISTENS);
  return new Set(open.map((row) => `socket:[${row[9]}]`));
}

/** @param {string} pid @param {Set<string>} sockets */
const listens = (pid, sockets) =>
  attempt(() => readdirSync(`/proc/${pid}/fd`), []).some((fd) =>
    sockets.has(attempt(() => readlinkSync(`/proc/${pid}/fd/${fd}`), '')),
  );

const sockets = listeners();
const ours = ownProcesses().filter((pid) => listens(pid, sockets));
const isAnswered =
  ours.length === 0 ||
  (await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(4000) }).then(
    ({ ok }) => ok,
    () => false,
  ));
const silent = isAnswered ? [] : ours;
if (silent.length === 0) {
  rmSync(FAILURES, { force: true });
  process.exit(0);
}
const failures = Number(attempt(() => readFileSync(FAILURES, 'utf8'), '0')) + 1;
writeFileSync(FAILURES, String(failures));
if (end === '--end' && failures >= MOST_FAILURES) {
  rmSync(FAILURES, { force: true });
  for (const pid of silent) attempt(() => process.kill(Number(pid), 'SIGKILL'), false);
  // Linux keeps the first process of a machine from being killed from inside.
  if (silent.includes('1'))
    process.stdout.write('process 1 hangs and cannot be ended from inside: docker run --init\n');
}
process.exit(1);
