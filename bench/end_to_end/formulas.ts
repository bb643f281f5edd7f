import { join } from 'node:path';
import { featureSchema } from '../../shared/bundle/feature_schema.ts';
import { warmupBars } from '../../shared/core/features/features.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { benchModels, writeFormulaBundle } from '../models.ts';
import { percentiles } from '../percentiles.ts';
import { openTemporaryFolder } from '../temporary_folder.ts';
import { openField, type Field, type Latencies, type Transport } from './field.ts';

const BLOCK_MINUTES = 25;
const WARM_UP_MINUTES = 300;

/** Microseconds from sending a minute's bars to having all its signals. */
export interface WithFormulas {
  readonly without_p50_us: number;
  readonly without_p99_us: number;
  readonly with_p50_us: number;
  readonly with_p99_us: number;
  /** With / without. */
  readonly ratio_p50: number;
}

export interface FormulasEndToEnd {
  readonly pairs: number;
  readonly formulas: number;
  readonly minutes: number;
  readonly transports: Readonly<Partial<Record<Transport, WithFormulas>>>;
}

/**
 * Two daemons with models of the same size take the same minutes by turns, in blocks; the bundle of one has formulas.
 * @param texts canonical formulas of pairs
 */
export async function benchFormulasEndToEnd(
  texts: readonly string[],
  pairs: number,
  minutes: number,
  print: (line: string) => void,
): Promise<FormulasEndToEnd> {
  const { random } = await benchModels(print);
  const folder = openTemporaryFolder('formula_models');
  const formulas = texts.map((text, i) => `x${i} = ${text}`).join('\n');
  const { windows } = loadSettings({ env: {} }).minutehand;
  const lookBack = warmupBars(featureSchema({ ...windows, formulas }).windows);
  const backfillMinutes = lookBack + 2 * warmupBars(windows);
  try {
    const withFormulas = writeFormulaBundle(random[0], join(folder.path, 'models'), formulas);
    const fields: Field[] = [];
    try {
      for (const bundle of [random[0], withFormulas])
        fields.push(await openField({ pairs, bundles: [bundle], withNull: false, backfillMinutes }));
      const plain = fields[0]!;
      const further = fields[1]!;
      await byTurns(plain, further, WARM_UP_MINUTES);
      return {
        pairs,
        formulas: texts.length,
        minutes,
        transports: summary(plain.transports, await byTurns(plain, further, minutes)),
      };
    } finally {
      for (const field of fields) await field.close();
    }
  } finally {
    folder.remove();
  }
}

interface Measured {
  readonly without: readonly Latencies[];
  readonly with: readonly Latencies[];
}

async function byTurns(plain: Field, further: Field, minutes: number): Promise<Measured> {
  const measured = { without: [] as Latencies[], with: [] as Latencies[] };
  const block = async (which: 'without' | 'with'): Promise<void> => {
    const { real } = which === 'without' ? plain : further;
    for (let i = 0; i < BLOCK_MINUTES; i++) measured[which].push(await real.minute());
  };
  for (let done = 0; done < minutes; done += BLOCK_MINUTES) {
    const isEven = (done / BLOCK_MINUTES) % 2 === 0;
    await block(isEven ? 'without' : 'with');
    await block(isEven ? 'with' : 'without');
  }
  return measured;
}

function summary(transports: readonly Transport[], measured: Measured): FormulasEndToEnd['transports'] {
  const of = (which: keyof Measured, transport: Transport) =>
    percentiles(measured[which].map((one) => one[transport]).filter((us) => !Number.isNaN(us)));
  return Object.fromEntries(
    transports.map((transport): [Transport, WithFormulas] => {
      const without = of('without', transport);
      const further = of('with', transport);
      return [
        transport,
        {
          without_p50_us: without.p50,
          without_p99_us: without.p99,
          with_p50_us: further.p50,
          with_p99_us: further.p99,
          ratio_p50: further.p50 / without.p50,
        },
      ];
    }),
  );
}
