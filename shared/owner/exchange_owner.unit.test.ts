import type { MarketKind } from '../signal/signal.ts';
import { randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir, uptime } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadSettings } from '../policy/policy.ts';
import { exchangeOwner, OWNER_FILE } from './exchange_owner.ts';
import { keepLeaseId } from './lease_id.ts';
import { CLAIM_MS, ownerOf, processNamespace } from './owner.ts';

let folder: string;
let signals: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-owner-'));
  signals = join(folder, 'signals');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const { minutehand } = loadSettings({ env: {} });
const settingsOf = (market: MarketKind, leaseUrl: string | null = null) => ({
  minutehand: { ...minutehand, market, lease: { ...minutehand.lease, url: leaseUrl } },
});
const owner = (home: string, ...rest: Parameters<typeof settingsOf>) =>
  ownerOf(settingsOf(...rest), { home: join(folder, home) });

describe('the owner of what is published', () => {
  it('is a home and its market, or all daemons of one lease server, once that is known', () => {
    const a = owner('a', 'live');
    const server = randomUUID();
    const other = randomUUID();
    const learn = (home: string, url: string, id: string): void =>
      void expect(keepLeaseId(join(folder, home), url, id)).toBe(true);
    for (const home of ['a', 'b']) expect(owner(home, 'live', 'redis://h').id).toBeNull();
    learn('a', 'redis://h', server);
    learn('b', 'redis://h', server);
    expect(owner('a', 'live').id).toBe(a.id);
    expect(a.id).not.toMatch(/\s/);
    const others = [owner('b', 'live').id, owner('a', 'simulated').id, owner('a', 'live', 'redis://h').id];
    expect(new Set([a.id, ...others]).size).toBe(4);
    expect(owner('b', 'simulated', 'redis://h').id).not.toBe(owner('a', 'live', 'redis://h').id);
    expect(owner('b', 'live', 'redis://h').id).toBe(owner('a', 'live', 'redis://h').id);
    // Another address is unknown, until it turns out to be the same server.
    expect(owner('a', 'live', 'redis://other-name').id).toBeNull();
    learn('a', 'redis://other-name', server);
    expect(owner('a', 'live', 'redis://other-name').id).toBe(owner('b', 'live', 'redis://h').id);
    learn('a', 'redis://h', other);
    expect(owner('b', 'live', 'redis://h').id).not.toBe(owner('a', 'live', 'redis://h').id);
    // What a server that is none of ours says is no id.
    expect(keepLeaseId(join(folder, 'c'), 'redis://h', 'a b\n')).toBe(false);
    expect(owner('c', 'live', 'redis://h').id).toBeNull();
  });
});

describe('the owner of an exchange folder', () => {
  const path = (): string => join(signals, OWNER_FILE);
  /** As of another host, so that its process cannot be seen. */
  const elsewhere = (id: string): void =>
    writeFileSync(path(), JSON.stringify({ id, where: 'home B', host: 'other', namespace: '', pid: 1 }));

  it('keeps others out until it releases it', () => {
    const first = exchangeOwner(signals, owner('a', 'live'));
    const second = exchangeOwner(signals, owner('b', 'live'));
    const simulated = exchangeOwner(signals, owner('a', 'simulated'));
    first.claim();
    first.claim();
    const seen = `${signals} is written by live market, home ${join(folder, 'a')} on host ${hostname()}`;
    for (const other of [second, simulated])
      expect(() => other.claim()).toThrow(expect.objectContaining({ code: 'EXCHANGE_TAKEN', seen }));
    // A shard of the same home.
    exchangeOwner(signals, owner('a', 'live')).claim();
    second.release();
    expect(() => second.claim()).toThrow(expect.objectContaining({ code: 'EXCHANGE_TAKEN' }));
    first.release();
    expect(existsSync(path())).toBe(false);
    second.claim();
    expect(() => first.claim()).toThrow(expect.objectContaining({ code: 'EXCHANGE_TAKEN' }));
    // It has another owner now.
    first.release();
    expect(existsSync(path())).toBe(true);
  });

  it('is claimed through no link that another user has put there', () => {
    mkdirSync(signals, { recursive: true });
    const targets = ['owner.json', '.owner.lock', '.owner.turn', `.owner.json.${process.pid}.tmp`].map((name) => {
      const target = join(folder, `victim ${name}`);
      symlinkSync(target, join(signals, name));
      return target;
    });
    exchangeOwner(signals, owner('a', 'live')).claim();
    expect(targets.filter((path) => existsSync(path))).toEqual([]);
    expect(readFileSync(path(), 'utf8')).toContain(owner('a', 'live').id!);
  });

  it('waits a few milliseconds for the turn of another process, and takes it from one that has ended', () => {
    const turn = join(signals, '.owner.turn');
    mkdirSync(turn, { recursive: true });
    const first = exchangeOwner(signals, owner('a', 'live'));
    first.claim();
    expect([existsSync(path()), existsSync(turn)]).toEqual([true, true]);
    const before = new Date(Date.now() - 10_000);
    utimesSync(turn, before, before);
    first.claim();
    expect(existsSync(turn)).toBe(false);
  });

  it('stays with a process whose id becomes known after its claim', () => {
    const own = exchangeOwner(signals, owner('a', 'live', 'redis://h'));
    own.claim();
    keepLeaseId(join(folder, 'a'), 'redis://h', randomUUID());
    own.claim();
    expect(() => exchangeOwner(signals, owner('b', 'live', 'redis://h')).claim()).toThrow(
      expect.objectContaining({ code: 'EXCHANGE_TAKEN' }),
    );
  });

  it('is free when its claim has not been renewed, by the time of the file server', () => {
    const own = exchangeOwner(signals, owner('a', 'live'));
    own.claim();
    elsewhere('live:other');
    expect(() => own.claim()).toThrow(expect.objectContaining({ code: 'EXCHANGE_TAKEN' }));
    const nowMs = Date.now();
    const set = (ageMs: number): void => utimesSync(path(), new Date(nowMs - ageMs), new Date(nowMs - ageMs));
    set(CLAIM_MS - 5000);
    expect(() => own.claim()).toThrow(expect.objectContaining({ code: 'EXCHANGE_TAKEN' }));
    set(CLAIM_MS + 5000);
    own.claim();
    expect(readFileSync(path(), 'utf8')).toContain(owner('a', 'live').id!);
  });

  it('is free when the process of this machine that claimed it has ended', () => {
    const own = exchangeOwner(signals, owner('a', 'live'));
    own.claim();
    const claim = { id: 'live:other', where: '', host: hostname(), namespace: processNamespace() };
    writeFileSync(path(), JSON.stringify({ ...claim, pid: process.ppid }));
    expect(() => own.claim()).toThrow(expect.objectContaining({ code: 'EXCHANGE_TAKEN' }));
    // No process has this number.
    writeFileSync(path(), JSON.stringify({ ...claim, pid: 2 ** 30 }));
    if (claim.namespace === '') return;
    own.claim();
  });

  it('may be written for less time than its claim lasts, and not at all once another has it', () => {
    const own = exchangeOwner(signals, owner('a', 'live'));
    expect([own.claimedUntilMs(), own.isOwn()]).toEqual([0, false]);
    const beforeMs = uptime() * 1000;
    own.claim();
    const leftMs = own.claimedUntilMs() - beforeMs;
    expect(leftMs).toBeGreaterThan(CLAIM_MS - 5000);
    expect(own.claimedUntilMs() - uptime() * 1000).toBeLessThan(CLAIM_MS - 500);
    expect(own.isOwn()).toBe(true);
    expect(exchangeOwner(signals, owner('a', 'live')).isOwn()).toBe(true);
    elsewhere('live:other');
    expect(own.isOwn()).toBe(false);
    expect(() => own.claim()).toThrow(expect.objectContaining({ code: 'EXCHANGE_TAKEN' }));
    expect(own.claimedUntilMs()).toBe(0);
  });

  it('is claimed over a file that cannot be read, and never through a link', () => {
    const own = exchangeOwner(signals, owner('a', 'live'));
    own.claim();
    writeFileSync(path(), '{');
    own.claim();
    const victim = join(folder, 'victim');
    writeFileSync(victim, 'untouched');
    symlinkSync(victim, join(signals, `.${OWNER_FILE}.${process.pid}.tmp`));
    own.claim();
    expect(readFileSync(victim, 'utf8')).toBe('untouched');
  });
});
