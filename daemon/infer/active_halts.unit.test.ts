import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino, type Logger } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { activate } from '../../test/activate.ts';
import {
  addHalts,
  addStops,
  ALL_PAIRS,
  haltsPath,
  liftStops,
  resume,
  type Halt,
  type Standing,
} from '../../shared/bundle/halts.ts';
import { MACHINE_FILES } from '../../shared/files.ts';
import type { Scheduler } from '../../shared/ports.ts';
import { followHalts } from './active_halts.ts';

const VERSION = '20261101_0300';
const OTHER = '20261101_0400';
const NOW = new Date('2026-11-20T08:00:00.000Z');

let models: string;
beforeEach(() => {
  models = mkdtempSync(join(tmpdir(), 'minutehand-halts-'));
  for (const version of [VERSION, OTHER]) {
    mkdirSync(join(models, version));
    writeFileSync(join(models, version, 'manifest.json'), '{}');
  }
  activate(models, VERSION);
});
afterEach(() => rmSync(models, { recursive: true, force: true }));

function haltOf(pair_id: string, version = VERSION): Halt {
  return { pair_id, reason: 'drawdown', seen: '0.21', limit: '0.15', version, since: '2026-11-20T07:30:00.000Z' };
}

const textOf = (who: string, version = VERSION): string =>
  `${who} under models ${version}, drawdown 0.21, limit 0.15, since 2026-11-20T07:30:00.000Z`;

/** Polls the file manually, and records its contents, log lines and applied halts. */
function follow(standing: Standing = { halts: [], resumed: [] }, mustBeSigned = false) {
  const printed: string[] = [];
  const logged: string[] = [];
  const applied: string[][] = [];
  let active: string | null = VERSION;
  let tick: (() => void) | null = null;
  const scheduler: Scheduler = {
    afterTurn: () => undefined,
    after: () => () => undefined,
    every(_ms, work) {
      tick = work;
      return () => (tick = null);
    },
  };
  const log: Logger = pino(
    { level: 'info' },
    {
      write(line: string) {
        const { level, msg, code } = JSON.parse(line) as { level: number; msg: string; code?: string };
        logged.push(`${level} ${msg}${code === undefined ? '' : ` ${code}`}`);
      },
    },
  );
  const halts = followHalts({
    mustBeSigned: () => mustBeSigned,
    modelsFolder: models,
    files: MACHINE_FILES,
    scheduler,
    pollMs: 500,
    standing,
    activeVersion: () => active,
    apply: ({ halts: own }) => void applied.push(own.map(({ pair_id, version }) => `${pair_id} ${version}`)),
    onUnread: ({ code }) => void printed.push(code),
    onReadAgain: () => undefined,
    log,
    print: (line) => void printed.push(line),
  });
  return {
    halts,
    printed,
    logged,
    applied,
    setActive: (version: string | null) => void (active = version),
    tick: () => tick?.(),
  };
}

describe('the active halts', () => {
  it('are reported when they appear and disappear, applied, and listed for the active version', () => {
    const { halts, printed, logged, applied, setActive } = follow();
    halts.check();
    expect([printed, applied]).toEqual([[], [[]]]);
    addHalts(models, [haltOf('XAUUSD_XAGUSD'), haltOf(ALL_PAIRS, OTHER)]);
    halts.check();
    halts.check();
    expect(printed.splice(0)).toEqual([
      `Halted: ${textOf('XAUUSD_XAGUSD')}.`,
      `Halted: ${textOf('all pairs', OTHER)}.`,
    ]);
    expect(applied.splice(0)).toEqual([[], [`XAUUSD_XAGUSD ${VERSION}`, `* ${OTHER}`]]);
    expect(halts.halts()).toEqual([haltOf('XAUUSD_XAGUSD')]);
    setActive(OTHER);
    expect(halts.halts()).toEqual([haltOf(ALL_PAIRS, OTHER)]);
    setActive(null);
    expect(halts.halts()).toEqual([]);
    expect(logged.splice(0)).toEqual(['30 halts', '30 halts']);
    resume(models, 'XAUUSD_XAGUSD', NOW);
    halts.check();
    expect(printed).toEqual([`No longer halted: ${textOf('XAUUSD_XAGUSD')}.`]);
    expect(applied).toEqual([[`* ${OTHER}`]]);
    expect(halts.refused()).toBeNull();
  });

  it('are polled by the timer until they are stopped', () => {
    const { halts, printed, tick } = follow();
    addHalts(models, [haltOf('XAUUSD_XAGUSD')]);
    tick();
    expect(printed).toHaveLength(1);
    halts.stop();
    addHalts(models, [haltOf('EURUSD_GBPUSD')]);
    tick();
    expect(printed).toHaveLength(1);
  });

  it('keep a halt that the file has lost, warn of it once, and refuse while its version is active', () => {
    const { halts, printed, logged, applied, setActive } = follow();
    addHalts(models, [haltOf('XAUUSD_XAGUSD')]);
    halts.check();
    printed.splice(0);
    logged.splice(0);
    writeFileSync(haltsPath(models), JSON.stringify({ halts: [], resumed: [] }));
    halts.check();
    expect(applied.at(-1)).toEqual([`XAUUSD_XAGUSD ${VERSION}`]);
    expect(printed.splice(0)).toEqual([
      expect.stringMatching(/^HALTS_LOST: .*XAUUSD_XAGUSD.* `minutehand models resume/s),
    ]);
    expect(logged).toEqual(['30 halts', '50 halts refused HALTS_LOST']);
    expect(halts.refused()).toMatchObject({ code: 'HALTS_LOST' });
    setActive(OTHER);
    expect(halts.refused()).toBeNull();
    setActive(VERSION);
    // The same loss is not warned of again when something else changes.
    addHalts(models, [haltOf('EURUSD_GBPUSD')]);
    halts.check();
    expect(printed.splice(0)).toEqual([`Halted: ${textOf('EURUSD_GBPUSD')}.`]);
    // Only a person lifts it, and only then does the refusal end.
    resume(models, 'XAUUSD_XAGUSD', NOW);
    halts.check();
    expect([halts.refused(), applied.at(-1)]).toEqual([null, [`EURUSD_GBPUSD ${VERSION}`]]);
  });

  it('warn again when one more halt is lost', () => {
    const { halts, printed } = follow();
    addHalts(models, [haltOf('XAUUSD_XAGUSD'), haltOf('EURUSD_GBPUSD')]);
    halts.check();
    const lose = (left: readonly Halt[]): string[] => {
      printed.splice(0);
      writeFileSync(haltsPath(models), JSON.stringify({ halts: left, resumed: [] }));
      halts.check();
      return printed.filter((line) => line.startsWith('HALTS_LOST'));
    };
    expect(lose([haltOf('EURUSD_GBPUSD')])).toHaveLength(1);
    const [second] = lose([]);
    expect(second).toContain('EURUSD_GBPUSD');
  });

  it('begin with the halts at the end of the journal', () => {
    const { halts, printed, applied } = follow({
      halts: [{ pair_id: 'XAUUSD_XAGUSD', version: VERSION }],
      resumed: [],
    });
    halts.check();
    expect(applied).toEqual([[`XAUUSD_XAGUSD ${VERSION}`]]);
    expect(printed).toEqual([expect.stringMatching(/^HALTS_LOST/)]);
    expect(halts.refused()).toMatchObject({ code: 'HALTS_LOST' });
  });

  it('stay active while the file is damaged, the damage is reported first, and following resumes when it is whole again', () => {
    const { halts, printed, logged, applied } = follow();
    addHalts(models, [haltOf('XAUUSD_XAGUSD')]);
    halts.check();
    printed.splice(0);
    logged.splice(0);
    writeFileSync(haltsPath(models), '{');
    halts.check();
    halts.check();
    expect(printed.splice(0)).toEqual([expect.stringMatching(/^HALTS_FORMAT: /)]);
    expect(logged).toEqual(['50 halts refused HALTS_FORMAT']);
    expect(halts.refused()).toMatchObject({ code: 'HALTS_FORMAT' });
    expect([halts.halts(), applied.length]).toEqual([[haltOf('XAUUSD_XAGUSD')], 1]);
    writeFileSync(haltsPath(models), JSON.stringify({ halts: [haltOf('XAUUSD_XAGUSD')], resumed: [] }));
    halts.check();
    expect([halts.refused(), printed]).toEqual([null, []]);
  });
});

describe('where bundles are signed', () => {
  const GOLD = 'XAUUSD_XAGUSD';
  const EURO = 'EURUSD_GBPUSD';
  beforeEach(() => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    writeFileSync(join(models, 'own.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
    writeFileSync(join(models, 'trusted.pem'), publicKey.export({ type: 'spki', format: 'pem' }));
    const stranger = generateKeyPairSync('ed25519').privateKey;
    writeFileSync(join(models, 'stranger.pem'), stranger.export({ type: 'pkcs8', format: 'pem' }));
    vi.stubEnv('MINUTEHAND_TRUSTED_KEYS', join(models, 'trusted.pem'));
  });
  afterEach(() => vi.unstubAllEnvs());

  it('a trusted key alone lifts halts; halts and stops need none', () => {
    const { halts, poll, applied } = watched();
    addHalts(models, [haltOf(GOLD), haltOf(EURO)]);
    poll();
    expect(applied().sort()).toEqual([EURO, GOLD]);
    resume(models, GOLD, NOW);
    poll();
    expect([applied().sort(), halts.refused()?.code]).toEqual([[EURO, GOLD], 'HALTS_SIGNATURE']);
    vi.stubEnv('MINUTEHAND_SIGNING_KEY', join(models, 'stranger.pem'));
    resume(models, ALL_PAIRS, NOW);
    poll();
    expect([applied().sort(), halts.refused()?.code]).toEqual([[EURO, GOLD], 'HALTS_SIGNATURE']);
    vi.stubEnv('MINUTEHAND_SIGNING_KEY', join(models, 'own.pem'));
    resume(models, GOLD, NOW);
    const signed = readFileSync(haltsPath(models), 'utf8');
    // The signature of one pair is none of another.
    writeFileSync(haltsPath(models), signed.replaceAll(`"${GOLD}"`, `"${EURO}"`));
    poll();
    expect(applied().sort()).toEqual([EURO, GOLD]);
    writeFileSync(haltsPath(models), signed);
    poll();
    expect(applied()).toEqual([EURO]);
  });

  it('what an unsigned note would lift is neither said to be lifted nor unreadable', () => {
    const followed = follow({ halts: [], resumed: [] }, true);
    addStops(models, [ALL_PAIRS], { kind: 'entries', reason: 'news', by: 'ann' }, NOW);
    addHalts(models, [haltOf(GOLD)]);
    followed.halts.check();
    followed.printed.length = 0;
    const note = { pair_id: '*', version: '*', at: '2027-01-01T00:00:00.000Z' };
    writeFileSync(haltsPath(models), JSON.stringify({ halts: [], stops: [], resumed: [note] }));
    followed.halts.check();
    expect(followed.printed.filter((line) => /^(Resumed|No longer halted)/.test(line))).toEqual([]);
    const signature = followed.printed.find((line) => line.startsWith('HALTS_SIGNATURE'));
    expect(signature).toContain('Seen: stops of all subjects, 2027-01-01T00:00:00.000Z.');
    vi.stubEnv('MINUTEHAND_SIGNING_KEY', join(models, 'own.pem'));
    liftStops(models, [ALL_PAIRS], new Date('2027-01-02T00:00:00.000Z'));
    followed.halts.check();
    expect(followed.halts.stops()).toEqual([]);
  });

  it('an older file, though signed, lifts nothing that was halted since', () => {
    vi.stubEnv('MINUTEHAND_SIGNING_KEY', join(models, 'own.pem'));
    const { poll, applied } = watched();
    addHalts(models, [haltOf(GOLD)]);
    poll();
    resume(models, GOLD, NOW);
    poll();
    const older = readFileSync(haltsPath(models), 'utf8');
    // Also where the clock stands still or was set back.
    for (const at of [NOW, new Date(NOW.getTime() - 60_000)]) {
      addHalts(models, [haltOf(GOLD)]);
      poll();
      expect(applied()).toEqual([GOLD]);
      resume(models, GOLD, at);
      poll();
      expect(applied()).toEqual([]);
    }
    addHalts(models, [haltOf(GOLD)]);
    poll();
    writeFileSync(haltsPath(models), '{"halts":[],"resumed":[]}');
    poll();
    writeFileSync(haltsPath(models), older);
    poll();
    expect(applied()).toEqual([GOLD]);
  });

  /** Pairs that are halted after the last poll. */
  function watched() {
    const followed = follow({ halts: [], resumed: [] }, true);
    return {
      halts: followed.halts,
      poll: () => followed.halts.check(),
      applied: () => [...new Set((followed.applied.at(-1) ?? []).map((word) => word.split(' ')[0]!))],
    };
  }
});
