import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ModelSet } from '../../shared/bundle/model_set.ts';
import { tinyBars, tinySettings } from '../../test/tiny_models.ts';
import { NO_JOURNAL } from '../journal/journal.ts';
import { batchOf, timingOf } from '../metrics/metrics.fixture.ts';
import { byMinute, openBench } from '../pipeline.fixture.ts';
import type { PipelineOptions } from '../options/pipeline_options.ts';
import type { Publisher } from '../publish/publish.ts';
import type { TransportName } from '../publish/transports.ts';
import { openDaemonLogs, type DaemonLogs, type DaemonLogsOptions } from './log.ts';
import { skipNote } from '../../test/skip_note.ts';
import { barInput } from '../queue/input.ts';

let home: string;
let folder: string;
let logs: DaemonLogs[];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'minutehand-logs-'));
  folder = join(home, 'log');
  logs = [];
});
afterEach(async () => {
  for (const each of logs) await each.close();
  rmSync(home, { recursive: true, force: true });
});

function open(changes: Partial<DaemonLogsOptions> = {}): DaemonLogs {
  const opened = openDaemonLogs({ folder, level: 'info', shard: 'main', budgetMs: 200, ...changes });
  logs.push(opened);
  return opened;
}

/** The lines of a log, once everything is in it. */
function linesOf(name: string): Record<string, unknown>[] {
  for (const each of logs) each.flush();
  const path = join(folder, `${name}.log`);
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n');
  expect(lines.pop()).toBe('');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

const BOOT = '20251014T120000000Z';
const SET = {
  version: '20251014_0300',
  engines: { ai1: 'wasm-simd', ai2: 'wasm-simd', ai3: 'onnxruntime-node' },
} as const satisfies Partial<ModelSet> as unknown as ModelSet;

describe('signal_dispatch.log', () => {
  it('has one line for a batch: bar, ids with seq, answers, and the time of each transport', () => {
    const daemon = open();
    daemon.batch(batchOf(3, {}, 17), timingOf({}), SET, BOOT);
    const [line, ...others] = linesOf('signal_dispatch');
    expect(others).toEqual([]);
    expect(line).toMatchObject({
      level: 30,
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
      shard: 'main',
      boot_id: BOOT,
      bar: '2025-10-14T12:35:00Z',
      signals: 3,
      answers: { 'OK HOLD NO_EDGE': 3 },
      bar_to_websocket_us: 120,
      bar_to_redis_us: 140,
      bar_to_file_us: 750,
      publish_us: 50,
      file_us: 600,
      journal_us: 70,
      ids: [0, 1, 2].map((index) => `A${index}_B${index}:17:${String(index).padStart(32, '0')}`).join(' '),
    });
  });

  it('has every signal other than HOLD in full', () => {
    const daemon = open();
    const [held] = batchOf(1);
    const [, entered] = batchOf(2, { action: 'ENTER', reason: 'ENTRY', target: -1, entry: 'SELL_A, BUY_B' });
    daemon.batch([held!, entered!, held!], timingOf({}), SET, BOOT);
    const [line] = linesOf('signal_dispatch');
    expect(line).toMatchObject({ answers: { 'OK HOLD NO_EDGE': 2, 'OK ENTER ENTRY': 1 }, acted: [entered!.body] });
  });

  it('names each bar of a batch in which a feed catches up', () => {
    const daemon = open();
    const first = batchOf(1);
    const second = batchOf(2, { timestamp: '2025-10-14T12:36:00Z' }).slice(1);
    daemon.batch([...first, ...second, ...first], timingOf({}), SET, BOOT);
    expect(linesOf('signal_dispatch')[0]).toMatchObject({ bar: '2025-10-14T12:35:00Z 2025-10-14T12:36:00Z' });
  });

  it('has null for a transport that is off', () => {
    open().batch(batchOf(1), timingOf({ bar_to_us: { websocket: 99.96, redis: null, file: null } }), SET, BOOT);
    expect(linesOf('signal_dispatch')[0]).toMatchObject({
      bar_to_websocket_us: 100,
      bar_to_redis_us: null,
      bar_to_file_us: null,
    });
  });
});

describe('inference.log', () => {
  it('has one line for what was scored: models, engines, times, range of the scores and ids', () => {
    const daemon = open();
    const scored = batchOf(3);
    scored[1]!.body.return_prob = 0.9;
    scored[2]!.body.risk_score = 0.1;
    const [resting] = batchOf(1, { return_prob: null, risk_score: null, position_scale: null });
    daemon.batch([resting!, ...scored.slice(1)], timingOf({}), SET, BOOT);
    expect(linesOf('inference')).toEqual([
      {
        level: 30,
        time: expect.any(String) as string,
        shard: 'main',
        boot_id: BOOT,
        bar: '2025-10-14T12:35:00Z',
        pairs: 2,
        model_version: '20251014_0300',
        engines: SET.engines,
        features_us: 20,
        infer_us: 30,
        decide_us: 40,
        shadow_us: 0.1,
        return_prob_min: 0.4 + 2 / 1e5,
        return_prob_max: 0.9,
        risk_score_min: 0.1,
        risk_score_max: 0.2,
        position_scale_min: 0.9,
        position_scale_max: 0.9,
        ids: [1, 2].map((index) => String(index).padStart(32, '0')).join(' '),
      },
    ]);
  });

  it('has no line when nothing was scored', () => {
    open().batch(batchOf(2, { return_prob: null, reason: 'WARMUP' }), timingOf({}), null, BOOT);
    expect(linesOf('signal_dispatch')).toHaveLength(1);
    expect(linesOf('inference')).toEqual([]);
  });
});

describe('the events', () => {
  it('have one line with the time per station for a bar over its budget', () => {
    const daemon = open({ budgetMs: 5 });
    const late = timingOf({ bar_to_us: { websocket: 100, redis: null, file: 5001 } });
    daemon.batch(batchOf(2), timingOf({}), SET, BOOT);
    daemon.batch(batchOf(2), late, SET, BOOT);
    expect(linesOf('daemon_main')).toEqual([
      {
        level: 40,
        time: expect.any(String) as string,
        process: 'daemon_main',
        bar: '2025-10-14T12:35:00Z',
        budget_ms: 5,
        ...late,
        msg: 'bar over budget',
      },
    ]);
  });

  it('of each shard have their own file; their batches share one that names the shard', () => {
    const one = open({ shard: 'one' });
    const other = open({ shard: 'other' });
    one.events.info('one begins');
    other.events.info('other begins');
    one.batch(batchOf(1), timingOf({}), SET, BOOT);
    other.batch(batchOf(1), timingOf({}), SET, BOOT);
    expect(linesOf('daemon_one')).toMatchObject([{ msg: 'one begins' }]);
    expect(linesOf('daemon_other')).toMatchObject([{ msg: 'other begins' }]);
    expect(linesOf('signal_dispatch').map(({ shard }) => shard)).toEqual(['one', 'other']);
  });
});

describe('the level', () => {
  it('silent writes nothing and makes no file', async () => {
    const daemon = open({ level: 'silent', budgetMs: 0 });
    daemon.batch(batchOf(2), timingOf({}), SET, BOOT);
    daemon.events.fatal('not logged');
    await daemon.close();
    expect(existsSync(folder)).toBe(false);
    expect(daemon.lost()).toBe(0);
  });

  it('warn spends no time on lines it does not write', () => {
    const untouchable = new Proxy(batchOf(1)[0]!, {
      get() {
        throw new Error('looked at');
      },
    });
    open({ level: 'warn' }).batch([untouchable], timingOf({}), SET, BOOT);
    expect(linesOf('daemon_main')).toEqual([]);
    expect(() => open({ level: 'info' }).batch([untouchable], timingOf({}), SET, BOOT)).toThrow('looked at');
  });

  it('warn writes only late batches', () => {
    const daemon = open({ level: 'warn', budgetMs: 0 });
    daemon.events.info('not logged');
    daemon.batch(batchOf(2), timingOf({}), SET, BOOT);
    expect(linesOf('daemon_main')).toMatchObject([{ msg: 'bar over budget' }]);
    expect(readdirSync(folder)).toEqual(['daemon_main.log']);
  });
});

const isFullDevice = existsSync('/dev/full');
describe.runIf(isFullDevice)(`a full disk${skipNote(!isFullDevice, 'there is no /dev/full')}`, () => {
  it('neither throws nor delays a batch, and its lines are counted as lost in the end', async () => {
    const daemon = open();
    daemon.events.info('begins');
    daemon.flush();
    for (const name of ['inference', 'signal_dispatch']) symlinkSync('/dev/full', join(folder, `${name}.log`));
    const batch = batchOf(1000);
    for (let bar = 0; bar < 100; bar++) {
      daemon.batch(batch, timingOf({}), SET, BOOT);
      if (bar % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    daemon.flush();
    // The queue is bounded: a part is lost already.
    expect(daemon.lost()).toBeGreaterThan(0);
    daemon.events.info('continues');
    expect(linesOf('daemon_main').map(({ msg }) => msg)).toEqual(['begins', 'continues']);
    await daemon.close();
    expect(daemon.lost()).toBe(200);
  });

  it('that is not a folder does not either', async () => {
    writeFileSync(folder, 'a file');
    const daemon = open();
    daemon.batch(batchOf(1), timingOf({}), SET, BOOT);
    daemon.events.info('continues');
    await daemon.close();
    expect(daemon.lost()).toBe(3);
  });
});

describe('the order of the logs in the hot path', () => {
  const settings = tinySettings();
  const market = byMinute(tinyBars(settings, 5));

  it('is after sockets, files and journal, at every bar', async () => {
    const daemon = open();
    const order: string[] = [];
    const publisher = (name: TransportName): Publisher<TransportName> => ({
      name,
      failures: 0,
      publish: () => void order.push(name),
      close: () => Promise.resolve(),
    });
    const changes: Partial<PipelineOptions> = {
      sockets: [publisher('websocket'), publisher('redis')],
      files: [publisher('file')],
      journal: {
        ...NO_JOURNAL,
        signal: () => void order.push('row'),
        flush: () => order.push('journal'),
        stored: () => Promise.resolve(order.push('journal') > 0),
      },
      observer: {
        onSignals(batch, timing) {
          order.push('log');
          daemon.batch(batch, timing, bench.pipeline.status.models, BOOT);
        },
        onSwap: () => undefined,
        onModelFailure: () => undefined,
        onShadowFailure: () => undefined,
        onChallengerFailure: () => undefined,
        onScreened: () => undefined,
      },
    };
    const bench = openBench(settings, changes);
    const pairs = settings.minutehand.pairs.length;
    for (const [index, { bars }] of market.entries()) {
      for (const bar of bars) bench.pipeline.inputs.take(barInput(bar, false));
      await bench.pipeline.settled();
      // `settled` stores the journal once more.
      const rows = Array<string>(pairs).fill('row');
      expect(order.splice(0)).toEqual(['websocket', 'redis', 'file', ...rows, 'journal', 'log', 'journal']);
      const [line] = linesOf('signal_dispatch').slice(-1);
      expect(line).toMatchObject({ signals: pairs, answers: { 'WARMUP HOLD WARMUP': pairs } });
      expect((line!['ids'] as string).split(' ').map((id) => Number(id.split(':')[1]))).toEqual(
        Array<number>(pairs).fill(index + 1),
      );
    }
  });
});
