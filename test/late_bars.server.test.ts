import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activate } from './activate.ts';
import type { HealthReport } from '../daemon/health/health.ts';
import { byMinute } from '../daemon/pipeline.fixture.ts';
import { readAddress } from '../shared/address.ts';
import { CHECK_EVERY_MS } from '../shared/dependencies/table.ts';
import { warmupBars } from '../shared/core/features/features.ts';
import { homePaths } from '../shared/home.ts';
import { createConsumer } from '../shared/signal/consumer.ts';
import { verifySignal } from '../shared/signal/verify.ts';
import { createWorkplace, eventually, type Finished, type Running, type Workplace } from './cli_process.ts';
import { tinyBars, tinyModels } from './tiny_models.ts';

const MINUTE_MS = 60_000;
/** Longest interval of a timer. */
const NEVER_MS = 2 ** 31 - 1;
/** Time limit of a start on a busy machine. */
const STARTS_MS = 180_000;
const HOURS_BEHIND = 5;
const LATE_MS = HOURS_BEHIND * 60 * MINUTE_MS + 1000;
/**
 * Every process of this workplace reads its wall clock from a file, so that the test can advance it. The processes do
 * not look again at what they depend on: they would find a clock that was set, and report it for ten minutes.
 */
const CLOCK = `
import { readFileSync } from 'node:fs';
Date.now = () => Number(readFileSync(process.env.TEST_CLOCK, 'utf8'));
const every = globalThis.setInterval;
globalThis.setInterval = (work, ms, ...rest) => every(work, ms === ${CHECK_EVERY_MS} ? ${NEVER_MS} : ms, ...rest);
`;

let workplace: Workplace;
let processes: Running;
let url: string;
let env: NodeJS.ProcessEnv;
let market: ReturnType<typeof byMinute>;
let next: number;

function setClock(ms: number): void {
  writeFileSync(`${env['TEST_CLOCK']}.tmp`, String(ms));
  renameSync(`${env['TEST_CLOCK']}.tmp`, env['TEST_CLOCK']!);
}

/** Close of the next minute to be sent. */
const closeMs = (index = next): number => market[index]!.time * 1000 + MINUTE_MS;

/** Sends the next minutes as one message. */
async function send(minutes = 1, query = ''): Promise<void> {
  const bars = market.slice(next, (next += minutes)).flatMap((minute) => minute.bars);
  const body = JSON.stringify(bars.map((bar) => ({ ...bar, time: bar.time * 1000 })));
  const response = await fetch(`${url}/bars${query}`, { method: 'POST', body });
  expect(await response.json()).toMatchObject({ rejected: [] });
}

/** What health reports of the bars. */
async function faults(): Promise<Pick<HealthReport, 'degradations' | 'late_bars' | 'expired_pairs'>> {
  const { degradations, late_bars, expired_pairs } = await health();
  return { degradations, late_bars, expired_pairs };
}

/** Problems that `status` reports. */
async function problems(): Promise<string[]> {
  const { stdout } = await workplace.run(['status', '--json'], { env });
  const { findings } = JSON.parse(stdout) as { findings: readonly { weight: string; text: string }[] };
  return findings.filter(({ weight }) => weight === 'problem').map(({ text }) => text);
}

/** The daemon checks its arrivals several times in this time. */
const letLook = (): Promise<void> => sleep(400);

/** Sends the next minutes, each `lateMs` after its close. */
async function sendLate(minutes: number, lateMs: number): Promise<void> {
  for (let i = 0; i < minutes; i++) {
    setClock(closeMs() + lateMs);
    await send();
  }
}

const health = async (): Promise<HealthReport> => (await (await fetch(`${url}/healthz`)).json()) as HealthReport;
const status = (): Promise<Finished> => workplace.run(['status'], { env });

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
}

const signalTexts = (): string[] =>
  workplace.settings.minutehand.pairs.map((pairId) =>
    readFileSync(join(workplace.home, 'signals', pairId, 'signal.json'), 'utf8'),
  );
const modes = (): string[] => signalTexts().map((text) => verifySignal(text.trimEnd()).mode);

/** Verdicts of a consumer on the signal files by this workplace's clock: `accept`, or the refusal. */
function verdicts(): string[] {
  const nowMs = Number(readFileSync(env['TEST_CLOCK']!, 'utf8'));
  return signalTexts().map((text) => {
    const verdict = createConsumer({ markets: ['live'], maxClockSkewMs: 2000 }).take(text, nowMs);
    return verdict.verdict === 'refuse' ? verdict.code : verdict.verdict;
  });
}

beforeAll(async () => {
  workplace = createWorkplace({ minutehand: { market: 'live', feed: { straggler_timeout_ms: 400 } } });
  const { settings, folder, home, models } = workplace;
  const clock = join(folder, 'clock.mjs');
  writeFileSync(clock, CLOCK);
  env = { NODE_OPTIONS: `--import ${pathToFileURL(clock).href}`, TEST_CLOCK: join(folder, 'now') };
  mkdirSync(home);
  const warmup = warmupBars(settings.minutehand.windows);
  market = byMinute(tinyBars(settings, warmup + 500));
  next = warmup;
  setClock(closeMs());
  activate(models, (await tinyModels(models, { settings, market: 'live' })).version);
  processes = workplace.start(['up'], env);
  const address = (kind: string) => readAddress(homePaths({ MINUTEHAND_HOME: home }).address(kind));
  const { port } = await eventually('the daemon', () => address('daemon_main'));
  await eventually('the trainer', () => address('trainer'));
  url = `http://127.0.0.1:${port}`;
  const history = market.slice(0, warmup).flatMap(({ bars }) => bars);
  const body = JSON.stringify(history.map((bar) => ({ ...bar, time: bar.time * 1000 })));
  await fetch(`${url}/bars?backfill=1`, { method: 'POST', body });
}, STARTS_MS);
afterAll(() => workplace.remove());

describe('a live daemon', { timeout: STARTS_MS }, () => {
  it('is healthy while bars arrive on time', async () => {
    await sendLate(4, 1000);
    await expect.poll(modes).toEqual(['OK', 'OK', 'OK']);
    await expect.poll(verdicts).toEqual(['accept', 'accept', 'accept']);
    expect(await problems()).toEqual([]);
  });

  it('is not reported as healthy while a feeder catches up, and its clock is not reported as the cause', async () => {
    setClock(closeMs(next + 60) + 1000);
    await send(20);
    for (let i = 0; i < 10; i++) await send();
    await letLook();
    const { code, stdout } = await status();
    expect(stdout).toContain('have expired, and no consumer acts on them');
    expect(stdout).not.toContain('BARS_LATE');
    expect(code).toBe(1);
    await send(31);
    await expect.poll(faults).toEqual({ degradations: [], late_bars: null, expired_pairs: [] });
  });

  it('treats history that arrives minute by minute as history', async () => {
    for (let i = 0; i < 4; i++) {
      setClock(closeMs() + LATE_MS);
      await send(1, '?backfill=1');
    }
    await letLook();
    expect(await faults()).toMatchObject({ degradations: [], late_bars: null });
    expect(processes.stdout()).not.toContain('BARS_LATE');
  });

  it('reports a feeder with a wrong clock everywhere: every signal is expired when published', async () => {
    await sendLate(3, LATE_MS);
    await expect.poll(faults).toMatchObject({
      degradations: ['late_bars'],
      late_bars: { code: 'BARS_LATE', time_zone: 'UTC-5', symbols: { length: 6 } },
      expired_pairs: { length: 3 },
    });
    await sendLate(1, LATE_MS);
    await expect.poll(modes).toEqual(['DEGRADED', 'DEGRADED', 'DEGRADED']);
    expect(verdicts()).toEqual(['STALE', 'STALE', 'STALE']);
    const words = 'bars arrive 5 h after their close: check the time zone, UTC-5 would fit';
    const seen = await status();
    expect(seen.stdout).toContain(words);
    expect(seen.stdout).not.toContain('All is well');
    expect(seen.code).toBe(1);
    const doctor = await workplace.run(['doctor'], { env });
    expect(doctor.stdout).toContain(words);
    expect(doctor.code).toBe(1);
    expect(await metric('minutehand_bars_late_seconds')).toBe(LATE_MS / 1000);
    expect(await metric('minutehand_pairs_expired')).toBe(3);
    expect(processes.stdout().split(words)).toHaveLength(2);
  });

  it('is healthy again as soon as bars arrive on time', async () => {
    next += HOURS_BEHIND * 60;
    await sendLate(1, 1000);
    await expect.poll(faults).toMatchObject({ degradations: [], late_bars: null });
    await sendLate(1, 1000);
    await expect.poll(modes).toEqual(['OK', 'OK', 'OK']);
    await expect.poll(verdicts).toEqual(['accept', 'accept', 'accept']);
    expect(await metric('minutehand_bars_late_seconds')).toBe(0);
    await expect.poll(problems).toEqual([]);
    expect(processes.stdout()).toContain('Bars arrive on time again.');
  });

  it('has everything in its journal, which reproduces the same signals', async () => {
    processes.kill('SIGTERM');
    expect(await processes.ended).toBe(0);
    const { code, stdout } = await workplace.run(['replay', '--journal', join(workplace.home, 'live_main.db')]);
    expect(stdout).toMatch(/^(\d+) signals \(.*\), \1 equal to the journal/);
    expect(code).toBe(0);
  });
});
