import { spawnSync } from 'node:child_process';
import { skipNote } from '../../test/skip_note.ts';
import { openCuttablePath, type CuttablePath } from './cut.fixture.ts';

const WAYS = ['lease', 'redis', 'consumers'] as const;
/** Between a machine and the lease server, Redis, or its consumers. */
export type Way = (typeof WAYS)[number];

/** The ways of one machine, each of which can be cut. */
export interface MachineNetwork {
  /** Where the machine finds a server. */
  readonly address: Readonly<Record<'lease' | 'redis', string>>;
  /** Where its consumers find the machine. */
  readonly host: string;
  /** Command that runs a program on the machine; empty = none is needed. */
  readonly through: readonly string[];
  /** @param how silent: nothing arrives and nothing is reported; down: its own interfaces are without a link */
  cut(ways: readonly Way[], how: 'silent' | 'down'): void;
  /** Undoes all cuts. */
  mend(): void;
  close(): Promise<void>;
}

/** Ports on 127.0.0.1. */
export type ServerPorts = Readonly<Record<'lease' | 'redis', number>>;

/** Proxies on 127.0.0.1; the way to consumers is never cut. */
export async function openProxies(ports: ServerPorts): Promise<MachineNetwork> {
  const ways = { lease: await openCuttablePath(ports.lease), redis: await openCuttablePath(ports.redis) };
  const all: readonly CuttablePath[] = Object.values(ways);
  return {
    address: { lease: `127.0.0.1:${ways.lease.port}`, redis: `127.0.0.1:${ways.redis.port}` },
    host: '127.0.0.1',
    through: [],
    cut(cut) {
      for (const way of cut) if (way !== 'consumers') ways[way].cut();
    },
    mend: () => all.forEach((way) => way.mend()),
    async close() {
      for (const way of all) await way.close();
    },
  };
}

/** Nobody's Ethernet address: frames to it are dropped without a word. */
const NOWHERE = '02:00:00:00:00:99';
let opened = 0;

function ip(args: readonly string[], input = ''): string {
  const { status, stderr, stdout, error } = spawnSync('ip', args, { input, encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip ${args.join(' ')} ${input}: ${error?.message ?? stderr}`);
  return stdout;
}

/** Why there can be no network namespaces here; null = there can. */
export function namespacesMissing(): string | null {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  if (spawnSync('ip', ['-V']).error) return 'ip is not installed (Debian: apt-get install iproute2)';
  const name = `minutehand_try_${process.pid}`;
  try {
    ip(['netns', 'add', name]);
    ip(['-n', name, 'link', 'add', 'one', 'type', 'veth', 'peer', 'name', 'other']);
    return null;
  } catch (error) {
    return `no network namespaces: ${(error as Error).message.trim()}`;
  } finally {
    spawnSync('ip', ['netns', 'del', name]);
  }
}

const MISSING = namespacesMissing();
export const HAS_NAMESPACES = MISSING === null;
/** For the end of a title. */
export const NAMESPACES_NOTE = skipNote(!HAS_NAMESPACES, MISSING ?? '');

/** A network of `198.18.0.0/15` (RFC 2544: for tests) that no interface of this machine has. */
function freeNetwork(): string {
  const used = ip(['-o', '-4', 'addr']);
  for (;;) {
    const network = `198.${18 + Math.floor(2 * Math.random())}.${Math.floor(256 * Math.random())}`;
    if (!used.includes(` ${network}.`)) return network;
  }
}

/**
 * A network namespace with three interfaces: one to the lease server, one to Redis, one to consumers. What is sent into
 * a silent cut gets no answer, not even a reset: as behind a switch that has lost its power.
 * @throws Error where there can be none
 */
export async function openNamespace(ports: ServerPorts): Promise<MachineNetwork> {
  const number = opened++;
  const name = `minutehand_${process.pid}_${number}`;
  const network = freeNetwork();
  const links = WAYS.map((way, i) => ({
    way,
    outside: `mh${process.pid.toString(36)}x${number}${way[0]}`,
    near: `${network}.${4 * i + 1}`,
    far: `${network}.${4 * i + 2}`,
  }));
  const linkOf = (way: Way): (typeof links)[number] => links.find((link) => link.way === way)!;
  const remove = (): void => void spawnSync('ip', ['netns', 'del', name]);
  ip(['netns', 'add', name]);
  process.once('exit', remove);
  const inside = (lines: readonly string[]): string => ip(['-n', name, '-batch', '-'], `${lines.join('\n')}\n`);
  const outside = (lines: readonly string[]): string => ip(['-batch', '-'], `${lines.join('\n')}\n`);
  outside(
    links.flatMap(({ way, outside: device, near }) => [
      `link add ${device} type veth peer name ${way} netns ${name}`,
      `addr add ${near}/30 dev ${device}`,
      `link set ${device} up`,
    ]),
  );
  inside([
    'link set lo up',
    ...links.flatMap(({ way, far }) => [`addr add ${far}/30 dev ${way}`, `link set ${way} up`]),
  ]);
  const lease = await openCuttablePath(ports.lease, linkOf('lease').near);
  const redis = await openCuttablePath(ports.redis, linkOf('redis').near);
  let isCut: 'silent' | 'down' | null = null;
  let cutLinks: typeof links = [];
  return {
    address: { lease: `${linkOf('lease').near}:${lease.port}`, redis: `${linkOf('redis').near}:${redis.port}` },
    host: linkOf('consumers').far,
    through: ['ip', 'netns', 'exec', name],
    cut(ways, how) {
      isCut = how;
      cutLinks = ways.map(linkOf);
      if (how === 'down') return void inside(cutLinks.map(({ way }) => `link set ${way} down`));
      const to = (address: string, device: string): string =>
        `neigh replace ${address} lladdr ${NOWHERE} dev ${device} nud permanent`;
      inside(cutLinks.map(({ way, near }) => to(near, way)));
      outside(cutLinks.map(({ outside: device, far }) => to(far, device)));
    },
    mend() {
      if (isCut === 'down') inside(cutLinks.map(({ way }) => `link set ${way} up`));
      if (isCut === 'silent') {
        inside(cutLinks.map(({ way, near }) => `neigh del ${near} dev ${way}`));
        outside(cutLinks.map(({ outside: device, far }) => `neigh del ${far} dev ${device}`));
      }
      isCut = null;
    },
    async close() {
      for (const way of [lease, redis]) await way.close();
      remove();
      process.off('exit', remove);
    },
  };
}
