import { FIRST_MODELS } from '../trainer/control/schedule/run.ts';
import { once } from 'node:events';
import { cpSync, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { readActive } from '../shared/bundle/bundle.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import type { Signal } from '../shared/signal/signal.ts';
import { verifySignal } from '../shared/signal/verify.ts';
import {
  commandOf,
  createWorkplace,
  eventually,
  isRunning,
  processTree,
  type Running,
  type Workplace,
  writeConfig,
} from './cli_process.ts';
import { copyUnder, type SettingsOverrides } from './tiny_models.ts';
import { skipNote } from './skip_note.ts';

// Each wait has its own deadline and names its condition.
vi.setConfig({ testTimeout: 400_000 });

const { pairs: PAIRS, windows, decision, label, simulated } = loadSettings({ env: {} }).minutehand;
const SHORT = { rounds: 20, learning_rate: 0.1, leaves: 7, min_data_in_leaf: 100 };
/**
 * Pairs and look-backs as delivered, so that the first models pass the gates; only training and minutes are shortened.
 */
const FAST: SettingsOverrides = {
  // The monitor looks at minutes of the market, which passes quickly here.
  retrain: { monitor_minutes: 10_080 },
  minutehand: {
    pairs: PAIRS,
    windows,
    decision,
    label,
    train: { ai1: SHORT, ai2: SHORT, ai3: SHORT, folds: 2, max_rows: 200_000 },
    simulated: { ...simulated, bar_interval_ms: 100 },
    log: { level: 'info' },
  },
};
const MINUTE_MS = 60_000;

let place: Workplace;
/** Of tests that need no models. */
let small: Workplace;
beforeAll(() => {
  place = createWorkplace(FAST);
  small = createWorkplace({ minutehand: { log: { level: 'info' } } });
});
afterAll(async () => {
  await place.remove();
  await small.remove();
});

interface Places {
  readonly daemons: { shard: string; port: number }[];
  readonly trainer: { port: number };
}

async function startUp(where = place): Promise<{ up: Running; daemonPort: number; trainerPort: number }> {
  const up = where.start(['up', '--json'], { MINUTEHAND_MARKE: 'live' });
  let ended: unknown = null;
  void up.ended.then((code) => (ended = code));
  const text = await eventually(
    () => `the ready line of up (${String(ended)}): ${up.stderr()}`,
    () => {
      if (ended !== null) throw new Error(`up ended with ${String(ended)}: ${up.stderr()}`);
      return up.stdout();
    },
  );
  const { daemons, trainer } = JSON.parse(text) as Places;
  return { up, daemonPort: daemons[0]!.port, trainerPort: trainer.port };
}

const signalPath = (pair: string): string => join(place.home, 'signals', pair, 'signal.json');

function readSignal(pair: string): Signal | null {
  return existsSync(signalPath(pair)) ? verifySignal(readFileSync(signalPath(pair), 'utf8')) : null;
}

/** The newest signals, once every pair's signal matches. */
async function signalsWhere(what: string, fits: (signal: Signal) => boolean, minutes = 1): Promise<Signal[]> {
  const signals = await eventually(
    () => `${what}; there is ${PAIRS.map((pair) => JSON.stringify(readSignal(pair))).join('\n')}`,
    () => {
      const newest = PAIRS.map(readSignal);
      return newest.every((signal) => signal !== null && fits(signal)) && newest;
    },
    minutes,
  );
  return signals as Signal[];
}

async function getJson(port: number, path: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function allEnded(pids: readonly number[]): Promise<void> {
  await eventually(
    () =>
      `the end of ${pids
        .filter(isRunning)
        .map((pid) => `${pid} ${commandOf(pid)}`)
        .join(', ')}`,
    () => !pids.some(isRunning),
  );
}

const later = (signal: Signal, than: Signal): number =>
  (Date.parse(signal.timestamp) - Date.parse(than.timestamp)) / MINUTE_MS;

const isLinux = process.platform === 'linux';
describe.runIf(isLinux)(`minutehand up${skipNote(!isLinux, 'processes are found in /proc')}`, () => {
  let up: Running;
  let daemonPort: number;
  let trainerPort: number;
  /** Every signal received by WebSocket since the start. */
  const received: Signal[] = [];
  let lastOfFirstRun: Signal[];

  it('starts both processes and prints where to look', async () => {
    ({ up, daemonPort, trainerPort } = await startUp());
    expect(up.stderr()).toContain(
      'minutehand is up on a SIMULATED market: 10 pairs, one simulated minute every 0.1 s.',
    );
    expect(up.stderr()).toContain(`ws://127.0.0.1:${daemonPort}/signals?pairs=XAUUSD_XAGUSD`);
    expect(up.stderr()).toContain(`curl -X POST http://127.0.0.1:${trainerPort}/retrain`);
    const processes = processTree(up.pid);
    expect(processes.map(commandOf).join('\n')).toMatch(/ daemon --shard main\n[^]* trainer$/m);
    const niceOf = (name: string): number => getPriority(processes.find((pid) => commandOf(pid).includes(name)));
    expect(niceOf(' trainer')).toBe(Math.max(niceOf(' daemon '), 10));
    const socket = new WebSocket(`ws://127.0.0.1:${daemonPort}/signals`);
    socket.on('message', (data: Buffer) => received.push(verifySignal(data.toString('utf8'))));
    socket.on('error', () => undefined);
  });

  it('warns of a misspelled variable once', () => {
    expect(up.stderr().match(/MINUTEHAND_MARKE is not .*did you mean "MINUTEHAND_MARKET"/g)).toHaveLength(1);
  });

  it('doctor distinguishes its own ports from those of another program', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const portsOf = async (daemon: number): Promise<unknown> => {
      const env = { MINUTEHAND_DAEMON_PORT: String(daemon), MINUTEHAND_TRAINER_PORT: String(trainerPort) };
      const { stdout } = await place.run(['doctor', '--json'], { env });
      return (JSON.parse(stdout) as { findings: { what: string }[] }).findings.filter(({ what }) =>
        what.endsWith('port'),
      );
    };
    const own = { verdict: 'ok', detail: expect.stringContaining('used by this minutehand') as string };
    expect(await portsOf(daemonPort)).toMatchObject([own, own]);
    const another = { verdict: 'warning', detail: expect.stringContaining('another program') as string };
    expect(await portsOf((other.address() as AddressInfo).port)).toMatchObject([another, own]);
    other.close();
  });

  it('trains first models, then every signal is in mode OK, one per bar', async () => {
    // The first training has low priority, and a busy machine delays it.
    const first = await signalsWhere('signals in mode OK', ({ mode }) => mode === 'OK', 5);
    await signalsWhere('newer signals', (signal) => first.every((one) => signal.seq > one.seq));
    const { status, body } = await getJson(daemonPort, '/readyz');
    expect({ status, printed: body['status'] }).toEqual({ status: 200, printed: 'ok' });
    for (const { market } of first) expect(market).toBe('simulated');
    const { code, stdout } = await place.run([
      'signal',
      'verify',
      ...PAIRS.map(signalPath),
      join(place.home, 'signals', 'signals.json'),
      '--json',
    ]);
    expect({ code, stdout: JSON.parse(stdout) as unknown }).toMatchObject({ code: 0, stdout: { refused: [] } });
    const runs = (await getJson(trainerPort, '/runs')).body['runs'];
    expect(runs).toMatchObject([{ trigger: FIRST_MODELS, status: 'adopted', attempt: 1 }]);
  });

  it('refuses to be started twice in one home, and the first continues', async () => {
    const second = await place.run(['up', '--json']);
    expect(second.code).toBe(1);
    expect(JSON.parse(second.stdout)).toMatchObject({ error: { code: 'HOME_LOCKED' } });
    const before = readSignal(PAIRS[0]!)!;
    await signalsWhere('newer signals', ({ seq }) => seq > before.seq + 2);
  });

  it('swaps promoted models in between two bars: no minute and no seq is missed', async () => {
    const { version: active } = readActive(place.models)!;
    const version = copyUnder(place.models, active, `${active}_2`);
    const promoted = await place.run(['models', 'promote', version, '--json']);
    expect({ code: promoted.code, ...(JSON.parse(promoted.stdout) as object) }).toMatchObject({ code: 0, version });
    await signalsWhere(
      `signals of ${version}`,
      ({ model_version, mode }) => model_version === version && mode === 'OK',
    );

    // The file of a signal may be read before its frame.
    const receivedOf = (pair: string): Signal[] => received.filter(({ pair_id }) => pair_id === pair);
    await eventually(`frames of ${version}`, () =>
      PAIRS.every((pair) => receivedOf(pair).some(({ model_version }) => model_version === version)),
    );
    for (const pair of PAIRS) {
      const own = receivedOf(pair);
      expect(new Set(own.map(({ model_version }) => model_version)).size).toBeGreaterThan(1);
      for (let i = 1; i < own.length; i++) {
        expect(own[i]!.seq).toBe(own[i - 1]!.seq + 1);
        expect(later(own[i]!, own[i - 1]!)).toBe(1);
      }
    }
  });

  it('a bundle with one flipped byte is refused by promote, and by the daemon if activated by force', async () => {
    const { version: good } = readActive(place.models)!;
    const bad = '20990101_0000';
    cpSync(join(place.models, good), join(place.models, bad), { recursive: true });
    // A bundle of another version than its folder would be refused for that.
    const manifest = join(place.models, bad, 'manifest.json');
    writeFileSync(manifest, readFileSync(manifest, 'utf8').replaceAll(good, bad));
    const model = join(place.models, bad, 'ai2.onnx');
    const bytes = readFileSync(model);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(model, bytes);

    const promoted = await place.run(['models', 'promote', bad, '--json']);
    expect({ code: promoted.code, ...(JSON.parse(promoted.stdout) as object) }).toMatchObject({
      code: 1,
      error: { code: 'MODEL_HASH' },
    });
    expect(readActive(place.models)!.version).toBe(good);

    writeFileSync(join(place.models, 'active.json'), JSON.stringify({ version: bad, previous: good }));
    const { body } = await eventually('the refusal', async () => {
      const health = await getJson(daemonPort, '/healthz');
      return health.body['model_refused'] !== null && health;
    });
    expect(body).toMatchObject({ model_version: good, model_refused: { version: bad, code: 'MODEL_HASH' } });
    const before = readSignal(PAIRS[0]!)!;
    const after = await signalsWhere('newer signals', ({ seq }) => seq > before.seq + 2);
    for (const { mode, model_version } of after)
      expect({ mode, model_version }).toEqual({ mode: 'OK', model_version: good });

    const rolledBack = await place.run(['models', 'rollback', '--json']);
    expect({ code: rolledBack.code, ...(JSON.parse(rolledBack.stdout) as object) }).toMatchObject({
      code: 0,
      version: good,
    });
    await eventually(
      'the end of the refusal',
      async () => (await getJson(daemonPort, '/healthz')).body['model_refused'] === null,
    );
  });

  it('restarts a killed daemon, and its minutes continue', async () => {
    const daemon = processTree(up.pid).find((pid) => commandOf(pid).includes(' daemon '))!;
    const before = PAIRS.map((pair) => readSignal(pair)!);
    process.kill(daemon, 'SIGKILL');
    const after = await signalsWhere('signals of a new boot', ({ boot_id }) => boot_id > before[0]!.boot_id);
    expect(up.stderr()).toContain('daemon  │ ended with SIGKILL; it is started again');
    for (const [index, signal] of after.entries()) {
      expect(signal.mode).toBe('OK');
      // Counted back to its first signal, the new boot resumes where the killed one stopped, or repeats its last
      // minutes.
      expect(later(signal, before[index]!) - signal.seq).toBeLessThanOrEqual(3);
    }
  });

  it('ends on Ctrl-C with exit code 0 and leaves no process behind', async () => {
    const pids = processTree(up.pid);
    expect(pids.length).toBeGreaterThanOrEqual(3);
    up.killGroup('SIGINT');
    expect(await up.ended).toBe(0);
    await allEnded(pids);
    expect(up.stderr()).toContain('Ctrl-C: ending …');
    expect(up.stdout().trim().split('\n')).toHaveLength(1);
    lastOfFirstRun = PAIRS.map((pair) => readSignal(pair)!);
  });

  it('resumes at the next start, with an added instrument: the same models, the next minutes; SIGTERM ends it', async () => {
    const versions = readdirSync(place.models);
    writeConfig(place.config, {
      ...place.settings,
      minutehand: { ...place.settings.minutehand, instruments: ['XAUUSD@5m'] },
    });
    const next = await startUp();
    const signals = await signalsWhere(
      'signals of the second start',
      ({ boot_id }) => boot_id > lastOfFirstRun[0]!.boot_id,
    );
    for (const [index, signal] of signals.entries()) {
      expect(signal.mode).toBe('OK');
      expect(later(signal, lastOfFirstRun[index]!)).toBe(signal.seq);
    }
    expect((await getJson(next.trainerPort, '/runs')).body['runs']).toMatchObject([{ run_id: 1, status: 'adopted' }]);
    expect(readdirSync(place.models)).toEqual(versions);
    expect(next.up.stderr()).not.toContain('first models');
    const file = await eventually(
      'a signal of the instrument',
      () => existsSync(signalPath('XAUUSD@5m')) && signalPath('XAUUSD@5m'),
    );
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({
      schema: 'minutehand.instrument/1',
      pair: 'XAU/USD',
      action: 'HOLD',
      timestamp: expect.stringMatching(/:\d[05]:00Z$/),
      reason: expect.stringMatching(/^(NO_MODEL|WARMUP)$/),
    });
    const pids = processTree(next.up.pid);
    next.up.kill('SIGTERM');
    expect(await next.up.ended).toBe(0);
    await allEnded(pids);
  });

  it('restores lost models from the registry at its start, byte for byte, and trains none in their place', async () => {
    const { version } = readActive(place.models)!;
    const manifest = readFileSync(join(place.models, version, 'manifest.json'));
    rmSync(place.models, { recursive: true });
    const { up, trainerPort } = await startUp();
    await eventually('the active models', () => existsSync(join(place.models, 'active.json')));
    expect(readActive(place.models)!.version).toBe(version);
    expect(readFileSync(join(place.models, version, 'manifest.json'))).toEqual(manifest);
    const since = Date.now();
    const isOfNow = ({ generated_at_ms }: Signal): boolean => generated_at_ms > since;
    await signalsWhere('signals by the restored models', (signal) => isOfNow(signal) && signal.mode === 'OK');
    expect((await getJson(trainerPort, '/runs')).body['runs']).toMatchObject([{ run_id: 1, status: 'adopted' }]);
    expect(up.stderr()).toMatch(new RegExp(`Restored from the registry: .*${version}.*; active again: ${version}`));
    const verified = await place.run(['models', 'verify', version]);
    expect(verified.code, verified.stderr).toBe(0);
    const created = await place.run(['token', 'create', '--json']);
    const { token } = JSON.parse(created.stdout) as { token: string };
    const headers = { authorization: `Bearer ${token}` };
    const audit = await fetch(`http://127.0.0.1:${trainerPort}/api/audit?limit=5`, { headers });
    const { entries } = (await audit.json()) as { entries: unknown[] };
    expect(entries).toContainEqual(
      expect.objectContaining({
        actor: 'trainer',
        action: 'models recover',
        outcome: 'done',
        after: expect.objectContaining({ activated: [version] }) as unknown,
      }),
    );
    const pids = processTree(up.pid);
    up.kill('SIGTERM');
    expect(await up.ended).toBe(0);
    await allEnded(pids);
  });

  it('leaves no process behind when it is killed itself', async () => {
    const { up: killed } = await startUp(small);
    const pids = processTree(killed.pid);
    killed.kill('SIGKILL');
    expect(await killed.ended).toBe('SIGKILL');
    await allEnded(pids);
  });

  it.each([
    ['daemon', 'MINUTEHAND_DAEMON_PORT'],
    ['trainer', 'MINUTEHAND_TRAINER_PORT'],
  ])('names a port of the %s that is taken, and ends with exit code 1', async (name, variable) => {
    const holder = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => holder.once('listening', resolve));
    const { port } = holder.address() as AddressInfo;
    const failed = small.start(['up'], { [variable]: String(port) });
    const pids = new Set<number>();
    const looking = setInterval(() => processTree(failed.pid).forEach((pid) => pids.add(pid)), 50);
    expect(await failed.ended).toBe(1);
    clearInterval(looking);
    holder.close();
    expect(failed.stdout()).toContain(`${name.padEnd(8)}│ PORT_TAKEN: `);
    expect(failed.stderr()).toContain(`PROCESS_ENDED: `);
    expect(failed.stderr()).toContain(`127.0.0.1:${port}`);
    await allEnded([...pids]);
  });
});

describe('minutehand daemon', () => {
  it('runs alone: prints its address as one JSON document, SIGTERM ends it with exit code 0', async () => {
    const alone = createWorkplace();
    const daemon = alone.start(['daemon', '--json']);
    const { port, boot_id } = JSON.parse(await eventually(daemon.stderr, daemon.stdout)) as {
      port: number;
      boot_id: string;
    };
    expect((await getJson(port, '/healthz')).body).toMatchObject({ boot_id, shard: 'main', status: 'waiting' });
    expect((await getJson(port, '/readyz')).status).toBe(503);
    daemon.kill('SIGTERM');
    expect(await daemon.ended).toBe(0);
    const unknown = await alone.run(['daemon', '--shard', 'mian', '--json']);
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toContain('did you mean "main"?');
    await alone.remove();
  });
});

describe('an invalid configuration', () => {
  it('prevents the start of up: file, line and key are named', async () => {
    const broken = createWorkplace(FAST);
    const path = join(broken.config, 'minutehand.yaml');
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace('pairs:', 'pairs: [\n'));
    const syntax = await broken.run(['up']);
    expect({ code: syntax.code, stdout: syntax.stdout }).toEqual({ code: 1, stdout: '' });
    expect(syntax.stderr).toMatch(/^CONFIG_SYNTAX: [^]*minutehand\.yaml:\d+:\d+: /);

    writeFileSync(path, text.replace('z_entry:', 'z_entri:'));
    const misspelled = await broken.run(['up', '--json']);
    expect(misspelled.code).toBe(1);
    const { error } = JSON.parse(misspelled.stdout) as { error: { code: string; message: string } };
    expect(error.code).toBe('CONFIG_UNKNOWN_KEY');
    expect(error.message).toMatch(/minutehand\.yaml:\d+:\d+: decision\.z_entri .*did you mean "decision\.z_entry"\?/);
    expect(existsSync(broken.home)).toBe(false);
    await broken.remove();
  });
});
