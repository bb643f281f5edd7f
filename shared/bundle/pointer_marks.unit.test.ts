import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { activate } from '../../test/activate.ts';
import { MACHINE_FILES } from '../files.ts';
import { ACTIVE_POINTER } from './active_file.ts';
import { activePath, readActive, readActiveFile } from './bundle.ts';
import { hasOwnMarks, knowsLaterEnd, marksToKeep, PointerMarks, takeKeptMark, trainerMarks } from './pointer_marks.ts';

const OLD = '20260101_0000';
const NEW = '20260102_0000';
const THIRD = '20260103_0000';
const DAY_MS = 86_400_000;

let home: string;
let models: string;
let nowMs: number;
let daemon: PointerMarks;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'minutehand-marks-'));
  models = join(home, 'models');
  for (const version of [OLD, NEW, THIRD]) {
    mkdirSync(join(models, version), { recursive: true });
    writeFileSync(join(models, version, 'manifest.json'), '{}');
  }
  nowMs = Date.now();
  daemon = daemonMarks();
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true, force: true });
});

/** Of a daemon that has just started. */
const daemonMarks = (): PointerMarks => new PointerMarks(home, 'daemon_main', ACTIVE_POINTER, () => nowMs);

/** Signs by a new key, which is trusted, or by one that is not. */
function useKeys({ trustSigner = true } = {}): void {
  const signer = generateKeyPairSync('ed25519');
  const other = generateKeyPairSync('ed25519');
  const trusted = trustSigner ? signer : other;
  writeFileSync(join(home, 'key.pem'), signer.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  writeFileSync(join(home, 'trusted.pem'), trusted.publicKey.export({ type: 'spki', format: 'pem' }));
  vi.stubEnv('MINUTEHAND_SIGNING_KEY', join(home, 'key.pem'));
  vi.stubEnv('MINUTEHAND_TRUSTED_KEYS', join(home, 'trusted.pem'));
}

const promote = (version: string): void => void activate(models, version, MACHINE_FILES, trainerMarks({ home }));
const text = (): string => readFileSync(activePath(models), 'utf8');
const put = (pointer: string | object): void =>
  writeFileSync(activePath(models), typeof pointer === 'string' ? pointer : JSON.stringify(pointer));

/** The daemon reads active.json. @returns the version that it accepts, or the code of its refusal */
async function look(marks = daemon): Promise<string> {
  const pointer = readActiveFile(models)!;
  try {
    marks.check(pointer);
    await marks.raiseQuietly(pointer);
    return pointer.version;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe.each([{ signed: true }, { signed: false }])('active.json, signed: $signed', ({ signed }) => {
  beforeEach(() => {
    if (signed) useKeys();
  });

  it('is refused when an older one is restored, also by a daemon that has restarted', async () => {
    promote(OLD);
    const old = text();
    expect(await look()).toBe(OLD);
    promote(NEW);
    expect(await look()).toBe(NEW);
    put(old);
    expect(await look()).toBe('POINTER_ROLLBACK');
    expect(await look(daemonMarks())).toBe('POINTER_ROLLBACK');
    expect(() => readActive(models, MACHINE_FILES, trainerMarks({ home }))).toThrow(
      expect.objectContaining({ code: 'POINTER_ROLLBACK' }),
    );
  });

  it('goes back to an older bundle by a newer pointer', async () => {
    for (const version of [OLD, NEW, OLD]) {
      promote(version);
      expect(await look()).toBe(version);
    }
    expect(readActiveFile(models)).toMatchObject({ version: OLD, previous: NEW, serial: 3 });
  });

  it('is refused when it comes back after it has ended, and the next one is not', async () => {
    promote(OLD);
    promote(NEW);
    const last = text();
    expect(await look()).toBe(NEW);
    trainerMarks({ home }).end(readActiveFile(models));
    rmSync(activePath(models));
    daemon.forget();
    put(last);
    expect(await look()).toBe('POINTER_ROLLBACK');
    const restarted = daemonMarks();
    expect([await look(restarted), restarted.accepted()]).toEqual(['POINTER_ROLLBACK', []]);
    rmSync(activePath(models));
    promote(THIRD);
    expect(await look()).toBe(THIRD);
    expect(readActiveFile(models)!.serial).toBe(4);
    put(last);
    expect([
      await look(),
      daemonMarks()
        .accepted()
        .map(({ version }) => version),
    ]).toEqual(['POINTER_ROLLBACK', [THIRD, THIRD]]);
  });

  it('is refused after its end where its mark was never written', async () => {
    activate(models, OLD);
    const only = text();
    trainerMarks({ home }).end(readActiveFile(models));
    expect(await look(daemonMarks())).toBe('POINTER_ROLLBACK');
    put(only);
    expect(await look(daemonMarks())).toBe('POINTER_ROLLBACK');
  });

  it('is replaced by a newer one where an older one was restored', async () => {
    promote(OLD);
    const old = text();
    for (const version of [NEW, THIRD]) promote(version);
    put(old);
    promote(NEW);
    expect(readActiveFile(models)).toMatchObject({ version: NEW, previous: null, serial: 4 });
    expect(await look()).toBe(NEW);
  });

  it('is accepted after a kill between pointer and mark, and the next serial is still higher', async () => {
    promote(OLD);
    // Dies before the mark.
    activate(models, NEW);
    expect(readActiveFile(models)!.serial).toBe(2);
    expect(await look()).toBe(NEW);
    promote(THIRD);
    expect(readActiveFile(models)!.serial).toBe(3);
    // A kill during the write of the mark leaves an invalid file.
    writeFileSync(join(home, 'active_mark_daemon_main.json.99.tmp'), '{"ser');
    expect(await look(daemonMarks())).toBe(THIRD);
  });

  it('has one bundle per serial', async () => {
    promote(OLD);
    expect(await look()).toBe(OLD);
    put({ ...readActiveFile(models), version: NEW });
    expect(await look()).toBe(signed ? 'POINTER_SIGNATURE' : 'POINTER_ROLLBACK');
  });

  it('is refused while a mark is damaged, and accepted when it was removed', async () => {
    promote(OLD);
    expect(await look()).toBe(OLD);
    const path = join(home, 'active_mark_daemon_main.json');
    writeFileSync(path, '{');
    expect(await look(daemonMarks())).toBe('POINTER_MARK');
    rmSync(path);
    expect(await look(daemonMarks())).toBe(OLD);
  });

  it('expires where a limit is set, and is renewed by its next write', async () => {
    vi.stubEnv('MINUTEHAND_ACTIVE_EXPIRY_DAYS', '30');
    promote(OLD);
    expect(await look()).toBe(OLD);
    nowMs += 29 * DAY_MS;
    expect(await look()).toBe(OLD);
    nowMs += 2 * DAY_MS;
    expect(await look()).toBe('POINTER_EXPIRED');
    expect(await look(daemonMarks())).toBe('POINTER_EXPIRED');
    vi.useFakeTimers({ now: nowMs, toFake: ['Date'] });
    promote(OLD);
    vi.useRealTimers();
    expect(readActiveFile(models)).toMatchObject({ version: OLD, serial: 2 });
    expect(await look()).toBe(OLD);
  });

  it('never falls below the highest accepted serial, whatever is restored', async () => {
    const steps = fc.array(fc.tuple(fc.constantFrom('promote', 'put', 'restart'), fc.nat(2), fc.nat(9)), {
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(steps, async (given) => {
        for (const name of readdirSync(home)) if (name.startsWith('active_mark')) rmSync(join(home, name));
        rmSync(activePath(models), { force: true });
        let marks = daemonMarks();
        let highest = 0;
        const written: string[] = [];
        for (const [what, version, at] of given) {
          if (what === 'promote') {
            promote([OLD, NEW, THIRD][version]!);
            written.push(text());
          } else if (what === 'put' && written.length > 0) put(written[at % written.length]!);
          else if (what === 'restart') marks = daemonMarks();
          if (written.length === 0) continue;
          const { serial } = readActiveFile(models)!;
          const isAccepted = !(await look(marks)).startsWith('POINTER');
          expect(isAccepted).toBe(serial === written.length);
          if (isAccepted) highest = Math.max(highest, serial!);
          expect(marks.read()!.serial).toBe(written.length);
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe('a signed active.json', () => {
  it('is refused with another key, another content, or the signature of an older one', async () => {
    useKeys();
    promote(OLD);
    const old = readActiveFile(models)!;
    promote(NEW);
    const good = readActiveFile(models)!;
    expect(await look()).toBe(NEW);
    for (const forged of [
      { ...good, serial: 99 },
      { ...good, signature: old.signature },
      { ...old, serial: 3 },
      { ...old, version: THIRD, serial: 3 },
      { version: OLD, previous: null, serial: 99 },
      { version: OLD, previous: null },
    ]) {
      put(forged);
      expect(await look(), JSON.stringify(forged)).toBe('POINTER_SIGNATURE');
    }
    useKeys({ trustSigner: false });
    expect(() => promote(THIRD)).toThrow(expect.objectContaining({ code: 'KEY_UNUSABLE' }));
    vi.stubEnv('MINUTEHAND_TRUSTED_KEYS', '');
    activate(models, THIRD);
    vi.stubEnv('MINUTEHAND_TRUSTED_KEYS', join(home, 'trusted.pem'));
    expect(await look()).toBe('POINTER_SIGNATURE');
  });

  it('need not be signed before the first signed one was accepted', async () => {
    put({ version: OLD, previous: null });
    expect(await look()).toBe(OLD);
    promote(NEW);
    const unsigned = text();
    expect(await look()).toBe(NEW);
    useKeys();
    expect(await look()).toBe(NEW);
    promote(THIRD);
    expect(await look()).toBe(THIRD);
    for (const before of [unsigned, JSON.stringify({ version: OLD, previous: null })]) {
      put(before);
      expect(await look(daemonMarks())).toBe('POINTER_SIGNATURE');
    }
    vi.stubEnv('MINUTEHAND_SIGNING_KEY', '');
    expect(() => promote(OLD)).toThrow(expect.objectContaining({ code: 'KEY_UNUSABLE' }));
  });
});

describe('marks that another machine has left', () => {
  const other = (): string => mkdtempSync(join(home, 'other-'));
  const accepted = (folder: string): string[] =>
    new PointerMarks(folder, 'trainer', ACTIVE_POINTER).accepted().map(({ version }) => version);

  it('say in a new home what all processes of the lost one had accepted, and are not its own', async () => {
    promote(OLD);
    await look();
    promote(NEW);
    const [kept] = [...marksToKeep(home)];
    expect(kept![0]).toBe('active');
    const next = other();
    expect([takeKeptMark(next, ...kept!), takeKeptMark(next, ...kept!)]).toEqual(['taken', 'known']);
    expect(accepted(next)).toEqual([NEW]);
    expect([hasOwnMarks(next), hasOwnMarks(home)]).toEqual([false, true]);
    const old = { version: OLD, previous: null, serial: 1 };
    expect(() => new PointerMarks(next, 'daemon_main', ACTIVE_POINTER).check(old)).toThrow(
      expect.objectContaining({ code: 'POINTER_ROLLBACK' }),
    );
  });

  it('keep what a person has ended at its end', () => {
    promote(NEW);
    trainerMarks({ home }).end(readActiveFile(models));
    const next = other();
    takeKeptMark(next, ...[...marksToKeep(home)][0]!);
    expect(accepted(next)).toEqual([]);
  });

  it('bring an end by an operator to a home with trusted keys, which refuses what it ended and takes the next', () => {
    useKeys();
    promote(NEW);
    const ended = readActiveFile(models)!;
    trainerMarks({ home }).end(ended);
    trainerMarks({ home }).end(ended);
    const [name, text] = [...marksToKeep(home)][0]!;
    const next = other();
    expect(knowsLaterEnd(next, name, text)).toBe(true);
    expect(takeKeptMark(next, name, text)).toBe('taken');
    expect([accepted(next), knowsLaterEnd(next, name, text)]).toEqual([[], false]);
    const marks = new PointerMarks(next, 'daemon_main', ACTIVE_POINTER);
    expect(() => marks.check(ended)).toThrow(expect.objectContaining({ code: 'POINTER_ROLLBACK' }));
    // Handed on once more by the home that was restored.
    expect(takeKeptMark(other(), ...[...marksToKeep(next)][0]!)).toBe('taken');
    promote(THIRD);
    marks.check(readActiveFile(models)!);
    // An end far ahead would keep out every later pointer.
    const mark = JSON.parse(text) as { serial: number };
    const lie = JSON.stringify({ ...mark, serial: mark.serial + 5, ended: mark.serial + 5 });
    expect(takeKeptMark(other(), name, lie)).toBe('unproven');
  });

  it('are taken by a home with trusted keys where they are signed, and by a trusted key', () => {
    promote(OLD);
    const unsigned = [...marksToKeep(home)][0]!;
    useKeys();
    promote(NEW);
    const signed = [...marksToKeep(home)][0]!;
    const first = other();
    const second = other();
    const third = other();
    expect(takeKeptMark(first, ...unsigned)).toBe('unproven');
    expect(takeKeptMark(second, ...signed)).toBe('taken');
    expect([accepted(first), accepted(second)]).toEqual([[], [NEW]]);
    const forged = signed[1].replaceAll(NEW, THIRD);
    expect(forged).not.toBe(signed[1]);
    const mark = JSON.parse(signed[1]) as object;
    const { pointer: _, ...bare } = mark as { pointer: unknown };
    const lies = [
      forged,
      ...[
        { ...mark, serial: 1e9 },
        { ...bare, serial: 9 },
        { ...mark, ended: 9, serial: 9 },
      ],
    ];
    for (const lie of lies) {
      const text = typeof lie === 'string' ? lie : JSON.stringify(lie);
      expect(takeKeptMark(third, 'active', text), text).toBe('unproven');
    }
    expect([accepted(third), readdirSync(third)]).toEqual([[], []]);
  });

  it.each(['', 'null', '{"serial": 0}', '{"serial": 1, "version": "x"}'])(
    'are refused where they are damaged: %j',
    (kept) => {
      expect(() => takeKeptMark(home, 'active', kept)).toThrow(expect.objectContaining({ code: 'POINTER_MARK' }));
    },
  );

  it.each(['../active', 'a/b', ''])('are refused under the name %j', (name) => {
    promote(NEW);
    const kept = marksToKeep(home).get('active')!;
    expect(() => takeKeptMark(home, name, kept)).toThrow(expect.objectContaining({ code: 'POINTER_MARK' }));
  });
});
