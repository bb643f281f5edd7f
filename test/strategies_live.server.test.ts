import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { homePaths } from '../shared/home.ts';
import { folderOfVersion } from '../shared/bundle/shelves/registry.ts';
import { openJournal, type AnsweredSignal } from '../shared/store/journal.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';
import { writeTinyDirection } from './tiny_direction.ts';
import { tinyBars, tinyModels } from './tiny_models.ts';
import { filesOf } from '../shared/bundle/slot_files.ts';

/** What every strategy has in the terminal beside a daemon, by one suite: recovery, stop, return, reasons, replay. */

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const INSTRUMENT = 'XAUUSD';

let place: Workplace;
let daemon: Running;
const versions: Record<string, string> = {};

const STRATEGIES = [
  { name: 'pairs', slot: 'pairs', subject: () => place.settings.minutehand.pairs[0]!, file: 'ai1.onnx', scores: 3 },
  { name: 'direction', slot: 'direction 1m', subject: () => INSTRUMENT, file: 'direction.onnx', scores: 3 },
] as const;

interface Body {
  readonly action: string;
  readonly reason: string;
  readonly mode: string;
  readonly model_version: string;
  readonly seq: number;
}

const signalOf = (subject: string): Body =>
  JSON.parse(readFileSync(join(place.home, 'signals', subject, 'signal.json'), 'utf8')) as Body;

/** The next signal of a subject that fits. */
async function answered(subject: string, fits: (signal: Body) => boolean): Promise<Body> {
  const { seq } = signalOf(subject);
  return eventually(
    () => `${JSON.stringify(signalOf(subject))} ${daemon.stderr()}`,
    () => {
      const signal = signalOf(subject);
      return signal.seq > seq + 1 && fits(signal) ? signal : null;
    },
  );
}

type Answer = Readonly<Record<string, unknown>>;

async function command(...args: readonly string[]): Promise<Answer> {
  const { code, stdout, stderr } = await place.call([...args, '--json']);
  return { code, stderr, ...(JSON.parse(stdout) as Answer) };
}

function journaled(): AnsweredSignal[] {
  const journal = openJournal(homePaths({ MINUTEHAND_HOME: place.home }).journal('simulated', 'main'), {
    readOnly: true,
  });
  try {
    return [...journal.signals()];
  } finally {
    journal.close();
  }
}

beforeAll(async () => {
  place = createWorkplace({
    minutehand: { instruments: [INSTRUMENT], simulated: { bar_interval_ms: 100 } },
  });
  versions['pairs'] = (await tinyModels(place.models, { settings: place.settings })).version;
  versions['direction'] = writeTinyDirection(place.models, INSTRUMENT, '1m', new Date('2026-01-01'));
  for (const version of Object.values(versions))
    expect(await command('models', 'promote', version, '--despite-gates', '--reason', 'tiny models')).toMatchObject({
      code: 0,
    });
  daemon = place.start(['daemon']);
  await eventually(
    () => daemon.stderr(),
    () => STRATEGIES.every(({ subject }) => isOk(subject())),
  );
});
afterAll(() => place?.remove());

function isOk(subject: string): boolean {
  try {
    return signalOf(subject).mode === 'OK';
  } catch {
    return false;
  }
}

describe.each(STRATEGIES)('$name beside a daemon', ({ name, slot, subject, file }) => {
  const version = (): string => versions[name]!;
  const others = (): readonly string[] => STRATEGIES.map((own) => own.subject()).filter((own) => own !== subject());

  it('are stopped by `halt` alone, and go on by `resume`', async () => {
    const halted = await command('halt', subject(), '--reason', 'a drill');
    expect(halted).toMatchObject({ code: 0, stops: [{ pair_id: subject(), kind: 'entries', reason: 'a drill' }] });
    await answered(subject(), ({ reason }) => reason === 'STOPPED');
    for (const other of others()) expect(await answered(other, () => true)).not.toMatchObject({ reason: 'STOPPED' });
    const resumed = await command('resume', subject());
    expect(resumed).toMatchObject({ code: 0, stops: [] });
    await answered(subject(), ({ reason }) => reason !== 'STOPPED');
    expect(await command('resume', subject())).toMatchObject({ code: 1 });
  });

  it('are closed by `close-all`, and told by `status`', async () => {
    expect(await command('close-all', subject(), '--reason', 'news')).toMatchObject({ code: 0 });
    await answered(subject(), ({ reason }) => reason === 'STOPPED' || reason === 'CLOSE_ALL');
    expect((await place.call(['status'])).stdout).toContain('news');
    expect(await command('resume')).toMatchObject({ code: 0, stops: [] });
  });

  it('come back by `models recover`: a bundle that is damaged or gone, and the pointer', async () => {
    const folder = folderOfVersion(place.models, version());
    const before = readFileSync(join(folder, file));
    const damage = [
      () => writeFileSync(join(folder, file), 'damaged'),
      () => rmSync(folder, { recursive: true }),
      () => {
        rmSync(folder, { recursive: true });
        rmSync(filesOf(place.models, slot).active.path);
      },
      () => writeFileSync(filesOf(place.models, slot).active.path, '{"version":'),
    ];
    for (const [index, harm] of damage.entries()) {
      harm();
      expect(await command('check', 'models')).toMatchObject({ code: 1, ok: false });
      const recovered = await command('models', 'recover', ...(index === 0 ? [version()] : []));
      expect(recovered, JSON.stringify(recovered)).toMatchObject({ code: 0 });
      expect(readFileSync(join(folder, file))).toEqual(before);
      expect(await command('check', 'models')).toMatchObject({ code: 0, ok: true });
    }
    expect(await answered(subject(), ({ mode }) => mode === 'OK')).toMatchObject({ model_version: version() });
  });
});

describe('what was journaled', () => {
  beforeAll(async () => {
    daemon.kill('SIGTERM');
    await daemon.ended;
  });

  it.each(STRATEGIES)('of $name is explained by each reason that it has', async ({ subject }) => {
    const byReason = new Map(
      journaled()
        .filter(({ pairId, body }) => pairId === subject() && !body.includes('"SHUTDOWN"'))
        .map((signal) => [(JSON.parse(`${signal.body}}`) as Body).reason, signal]),
    );
    expect([...byReason.keys()]).toContain('STOPPED');
    for (const [reason, { time }] of byReason) {
      const close = new Date((time + 60) * 1000).toISOString();
      const explained = await command('explain', subject(), close);
      expect(explained, `${reason} ${JSON.stringify(explained)}`).toMatchObject({
        code: 0,
        subject: subject(),
        signal: { reason },
        reproduced: { equal: true },
      });
    }
    expect(await command('explain', subject(), '2020-01-01 00:01')).toMatchObject({ code: 1 });
    // Without a time: the last signal.
    expect(await command('explain', subject())).toMatchObject({
      code: 0,
      signal: { timestamp: expect.any(String) as string },
    });
  });

  it('is replayed to the byte, all of it and a part', async () => {
    const path = homePaths({ MINUTEHAND_HOME: place.home }).journal('simulated', 'main');
    const whole = await command('replay', '--journal', path);
    expect(whole).toMatchObject({ code: 0, differences: [], unanswered: 0 });
    const { signals, equal } = whole;
    expect(equal).toBe(signals);
    const times = journaled().map(({ time }) => time);
    const at = (share: number): string =>
      new Date(times[Math.floor(share * (times.length - 1))]! * 1000).toISOString().slice(0, 16);
    const part = await command('replay', '--journal', path, '--from', at(0.3), '--to', at(0.6));
    expect(part).toMatchObject({ code: 0, differences: [], unanswered: 0 });
    expect(part['signals']).toBe(part['equal']);
    expect(part['signals']).toBeGreaterThan(0);
    expect(part['signals']).toBeLessThan(signals as number);
  });

  it.each(STRATEGIES)('is not needed to replay bars: $name, twice the same', async ({ subject, name }) => {
    const folder = await place.writeBars('bars', tinyBars(place.settings, 3000));
    const replayed = async () => command('replay', '--data', folder, '--pairs', subject());
    const first = await replayed();
    expect(first, JSON.stringify(first)).toMatchObject({ code: 0, pairs: [subject()], missing_pairs: [] });
    const versionOf = name === 'pairs' ? first['model_version'] : first['direction_versions'];
    expect(JSON.stringify(versionOf)).toContain(versions[name]);
    expect(await replayed()).toMatchObject({ sha256: first['sha256'] });
  });
});
