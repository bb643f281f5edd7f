import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { activate } from './activate.ts';
import { parseFill, type Fill } from '../shared/fill/fill.ts';
import type { Signal } from '../shared/signal/signal.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';
import { tinyModels } from './tiny_models.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** The parts that are looked at. */
interface Answered {
  readonly stops: readonly object[];
  readonly error: { readonly code: string };
  readonly entries: readonly { readonly action: string; readonly outcome: string; readonly after: unknown }[];
}

describe('a person who stops entries, closes all and resumes', () => {
  let place: Workplace;
  let up: Running;
  let trainer: number;
  const tokens: Record<string, string> = {};
  const pairs = (): readonly string[] => place.settings.minutehand.pairs;
  const signalOf = (pair: string): Signal =>
    JSON.parse(readFileSync(join(place.home, 'signals', pair, 'signal.json'), 'utf8')) as Signal;
  const fills = (): Fill[] => {
    const path = join(place.home, 'ea', 'simulated_paper', 'result.json');
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1).map(parseFill) : [];
  };
  const openLegs = (): number =>
    fills().reduce((sum, { kind }) => sum + (kind === 'open' ? 1 : kind === 'close' ? -1 : 0), 0);

  async function start(): Promise<void> {
    up = place.start(['up', '--json']);
    const text = await eventually(up.stderr, () => up.stdout());
    trainer = (JSON.parse(text) as { trainer: { port: number } }).trainer.port;
  }

  async function ask(
    method: string,
    path: string,
    role: string,
    body?: object,
  ): Promise<{ status: number; json: Answered }> {
    const headers = { authorization: `Bearer ${tokens[role]!}`, 'content-type': 'application/json' };
    const text = body === undefined ? null : JSON.stringify(body);
    const response = await fetch(`http://127.0.0.1:${trainer}${path}`, { method, headers, body: text });
    return { status: response.status, json: (await response.json()) as Answered };
  }

  beforeAll(async () => {
    place = createWorkplace({ minutehand: { simulated: { bar_interval_ms: 60 } } });
    const { version } = await tinyModels(place.models, { settings: place.settings });
    activate(place.models, version);
    for (const role of ['viewer', 'operator', 'approver']) {
      const made = await place.call(['token', 'create', '--role', role, '--name', role, '--json']);
      tokens[role] = (JSON.parse(made.stdout) as { token: string }).token;
    }
    await start();
  });
  afterAll(() => place?.remove());

  it('is refused as a viewer, without a reason, and for an unknown subject', async () => {
    const order = { kind: 'entries', reason: 'a drill' };
    expect((await ask('POST', '/api/stops', 'viewer', order)).status).toBe(403);
    expect((await ask('POST', '/api/stops', 'operator', { ...order, reason: ' ' })).json.error.code).toBe(
      'REQUEST_INVALID',
    );
    expect(
      (await ask('POST', '/api/stops', 'operator', { ...order, subjects: ['XXXYYY_ZZZZZZ'] })).json.error.code,
    ).toBe('PAIR_UNKNOWN');
    expect((await place.call(['halt', '--json'])).code).toBe(2);
    expect((await ask('GET', '/api/stops', 'viewer')).json).toEqual({ stops: [] });
  });

  it('has positions closed within a bar, by the signal and by the paper account, and nothing entered', async () => {
    await eventually(up.stderr, () => openLegs() > 0);
    const { json } = await ask('POST', '/api/stops', 'operator', { kind: 'close', reason: 'FOMC' });
    expect(json).toMatchObject({ stops: [{ pair_id: '*', kind: 'close', reason: 'FOMC', by: 'operator' }] });
    await eventually(
      () =>
        pairs()
          .map((pair) => JSON.stringify(signalOf(pair)))
          .join('\n'),
      () => pairs().every((pair) => ['STOPPED', 'LEG_MISSING'].includes(signalOf(pair).reason)) && openLegs() === 0,
    );
    const opened = fills().filter(({ kind }) => kind === 'open').length;
    const { seq } = signalOf(pairs()[0]!);
    await eventually(up.stderr, () => signalOf(pairs()[0]!).seq > seq + 40);
    expect(fills().filter(({ kind }) => kind === 'open').length).toBe(opened);
    expect(signalOf(pairs()[0]!)).toMatchObject({ action: 'HOLD', target: 0 });
    const { json: status } = await ask('GET', '/api/status', 'viewer');
    expect(status.stops).toMatchObject([{ pair_id: '*', kind: 'close' }]);
    const { stdout } = await place.call(['status']);
    expect(stdout).toContain('all subjects: closed and stopped by operator');
  });

  it('stays stopped over a kill and a restart, and one of all is lifted for all only', async () => {
    const { boot_id } = signalOf(pairs()[0]!);
    up.killGroup('SIGKILL');
    await up.ended;
    await start();
    await eventually(up.stderr, () => {
      const now = signalOf(pairs()[0]!);
      return now.boot_id !== boot_id && now.seq > 20 && now.reason === 'STOPPED';
    });
    const refused = await place.call(['resume', pairs()[0]!, '--json']);
    expect([refused.code, refused.stdout]).toEqual([1, expect.stringContaining('STOP_OF_ALL')]);
    const resumed = await place.call(['resume', 'all', '--json']);
    expect(JSON.parse(resumed.stdout)).toMatchObject({ stops: [] });
    const again = await place.call(['resume', 'all']);
    expect([again.code, again.stderr]).toEqual([
      1,
      expect.stringContaining('No stop of all subjects is in force: nothing was lifted'),
    ]);
    await eventually(up.stderr, () => openLegs() > 0);
  });

  it('stops the entries of one subject, whose open position goes on to its own exit', async () => {
    const [stopped, other] = pairs() as [string, string];
    const halted = await place.call(['halt', stopped, '--reason', 'a broken leg', '--json']);
    expect(JSON.parse(halted.stdout)).toMatchObject({
      stops: [{ pair_id: stopped, kind: 'entries', reason: 'a broken leg' }],
    });
    await eventually(up.stderr, () => signalOf(stopped).reason === 'STOPPED');
    const before = fills().length;
    await eventually(up.stderr, () =>
      fills()
        .slice(before)
        .some(({ kind, pair_id }) => kind === 'open' && pair_id === other),
    );
    const own = fills().filter(({ pair_id }) => pair_id === stopped);
    expect(own.slice(-1)[0]?.kind ?? 'close').not.toBe('open');
    await ask('POST', '/api/stops/resume', 'operator', {});
  });

  it('stands in the audit, and is repeated by a replay to the byte', async () => {
    const { json } = await ask('GET', '/api/audit?limit=50', 'approver');
    const ofStops = json.entries.filter(({ action }) => /stops|halt|resume/.test(action)).reverse();
    expect(ofStops.map(({ action, outcome }) => `${action} ${outcome.split(' ')[0]}`)).toEqual(
      expect.arrayContaining(['POST /api/stops done', 'resume done', 'halt done', 'POST /api/stops/resume done']),
    );
    expect(ofStops.find(({ action, outcome }) => action === 'POST /api/stops' && outcome === 'done')).toMatchObject({
      target: '*',
      after: [{ reason: 'FOMC' }],
    });
    up.kill('SIGTERM');
    expect(await up.ended).toBe(0);
    const replay = await place.call(['replay', '--journal', join(place.home, 'simulated_main.db'), '--json']);
    expect({ code: replay.code, stderr: replay.stderr.slice(-2000) }).toMatchObject({ code: 0 });
    expect(JSON.parse(replay.stdout)).toMatchObject({ differences: [] });
  });
});
