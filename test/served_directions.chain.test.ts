import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  linearGraph,
  networkGraph,
  sequenceGraph,
  writeGraphDirection,
} from '../shared/bundle/direction/direction_graph.fixture.ts';
import { liveInstrumentSchema } from '../shared/bundle/direction/active_direction.ts';
import { homePaths } from '../shared/home.ts';
import { openJournal } from '../shared/store/journal.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';
import { writeTinyDirection } from './tiny_direction.ts';

/** Direction models of every scoring engine in a real daemon: swapped, killed, shadowed, replayed, explained. */

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const INSTRUMENT = 'XAUUSD';
const COLUMNS = liveInstrumentSchema(60).definitions.length;
const ENGINES = { trees: 'wasm-simd', linear: 'own-graph', network: 'onnxruntime-node', sequence: 'onnxruntime-node' };
type Kind = keyof typeof ENGINES;

let place: Workplace;
let daemon: Running;
const versions = {} as Record<Kind, string>;

interface Body {
  readonly mode: string;
  readonly model_version: string;
  readonly ml_up_prob: number | null;
  readonly seq: number;
}

type Answer = Readonly<Record<string, unknown>>;

async function command(...args: readonly string[]): Promise<Answer> {
  const { code, stdout, stderr } = await place.call([...args, '--json']);
  return { code, stderr, ...(JSON.parse(stdout) as Answer) };
}

const promote = (kind: Kind): Promise<Answer> =>
  command('models', 'promote', versions[kind], '--despite-gates', '--reason', 'a test');

/** The next signal of this model that was scored. */
const answeredBy = (kind: Kind): Promise<Body> => {
  const path = join(place.home, 'signals', INSTRUMENT, 'signal.json');
  return eventually(
    () => `${kind} ${daemon.stderr()}`,
    () => {
      if (!existsSync(path)) return null;
      const signal = JSON.parse(readFileSync(path, 'utf8')) as Body;
      return signal.model_version === versions[kind] && signal.ml_up_prob !== null && signal.mode === 'OK'
        ? signal
        : null;
    },
  );
};

interface Told {
  readonly daemons: readonly {
    readonly health: {
      readonly direction: {
        readonly versions: object;
        readonly inference_engines: object;
        readonly inference_notes: Readonly<Record<string, string>>;
        readonly shadows?: object;
      };
    } | null;
  }[];
}

async function toldDirection() {
  const { daemons } = (await command('status')) as unknown as Told;
  return daemons[0]!.health!.direction;
}

function journaled() {
  const journal = openJournal(homePaths({ MINUTEHAND_HOME: place.home }).journal('simulated', 'main'), {
    readOnly: true,
  });
  try {
    return [...journal.signals()].filter(({ pairId }) => pairId === INSTRUMENT);
  } finally {
    journal.close();
  }
}

beforeAll(async () => {
  place = createWorkplace({ minutehand: { instruments: [INSTRUMENT], simulated: { bar_interval_ms: 100 } } });
  versions.trees = writeTinyDirection(place.models, INSTRUMENT, '1m', new Date('2026-01-01'));
  const graphs = { columns: COLUMNS, seed: 'served' };
  const written = (hour: number, graph: Uint8Array, bars = 1): Promise<string> =>
    writeGraphDirection(place.models, {
      of: versions.trees,
      created: new Date(Date.UTC(2026, 0, 1, hour)),
      graph,
      bars,
    });
  versions.linear = await written(1, linearGraph(graphs));
  versions.network = await written(2, networkGraph(graphs));
  versions.sequence = await written(3, sequenceGraph({ ...graphs, bars: 4 }), 4);
  expect(await promote('trees')).toMatchObject({ code: 0 });
  daemon = place.start(['daemon']);
  await answeredBy('trees');
});
afterAll(() => place?.remove());

describe('direction models of every engine', () => {
  it.each(['network', 'linear', 'sequence', 'trees'] as const)(
    'are swapped while a daemon answers, and told with what scores them: %s',
    async (kind) => {
      expect(await promote(kind)).toMatchObject({ code: 0 });
      await answeredBy(kind);
      const direction = await toldDirection();
      expect(direction).toMatchObject({
        versions: { '1m': versions[kind] },
        inference_engines: { '1m': ENGINES[kind] },
      });
      expect(direction.inference_notes['1m']).toMatch(/onnxruntime on|more than trees|sequence/);
      expect((await place.call(['doctor'])).stdout).toContain(`scored by ${ENGINES[kind]}`);
    },
  );

  it.each(['network', 'sequence'] as const)('answer again after a kill: %s', async (kind) => {
    expect(await promote(kind)).toMatchObject({ code: 0 });
    await answeredBy(kind);
    daemon.kill('SIGKILL');
    await daemon.ended;
    const before = journaled().length;
    daemon = place.start(['daemon']);
    await eventually(
      () => daemon.stderr(),
      () => (journaled().length > before + 5 ? true : null),
    );
    await answeredBy(kind);
  });

  it('score in shadow beside another', async () => {
    expect(await promote('trees')).toMatchObject({ code: 0 });
    await answeredBy('trees');
    expect(await command('models', 'shadow', versions.network)).toMatchObject({ code: 0 });
    await eventually(
      () => daemon.stderr(),
      async () => ((await toldDirection()).shadows === undefined ? null : true),
    );
    expect(await toldDirection()).toMatchObject({ shadows: { '1m': versions.network } });
  });

  it('are verified', async () => {
    for (const kind of Object.keys(ENGINES) as Kind[])
      expect(await command('models', 'verify', versions[kind])).toMatchObject({ code: 0 });
  });

  it('are replayed to the byte, and each explained with its answers', async () => {
    daemon.kill('SIGTERM');
    await daemon.ended;
    const path = homePaths({ MINUTEHAND_HOME: place.home }).journal('simulated', 'main');
    const whole = await command('replay', '--journal', path);
    expect(whole).toMatchObject({ code: 0, differences: [], unanswered: 0 });
    expect(whole['equal']).toBe(whole['signals']);
    for (const kind of Object.keys(ENGINES) as Kind[]) {
      const last = journaled().findLast(({ body }) => {
        const { model_version, ml_up_prob } = JSON.parse(`${body}}`) as Body;
        return model_version === versions[kind] && ml_up_prob !== null && !body.includes('"SHUTDOWN"');
      })!;
      const close = new Date((last.time + 60) * 1000).toISOString();
      expect(await command('explain', INSTRUMENT, close)).toMatchObject({
        code: 0,
        reproduced: { equal: true },
        direction: { up: { code: kind === 'trees' ? null : 'EXPLAIN_NO_COVER' } },
      });
    }
  });
});
