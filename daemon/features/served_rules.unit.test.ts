import { describe, expect, it } from 'vitest';
import type { OpenTime } from '../../shared/bar.ts';
import { fileRule, type FileRule } from '../../shared/bundle/rule/rule_bundle.ts';
import type { RuleManifest } from '../../shared/bundle/rule/rule_manifest.ts';
import { InstrumentFeatures } from '../../shared/core/features/instrument/instrument_features.ts';
import { INSTRUMENT_WINDOWS } from '../../shared/core/features/instrument/definitions.ts';
import { SERIES } from '../../shared/core/series/series_names.ts';
import { parseInstrument } from '../../shared/pair.ts';
import { instrumentStrategy } from '../../shared/policy/strategy_file.ts';
import type { FormulaStore } from '../../shared/store/warm_bars.ts';
import { InstrumentRules } from './served_rules.ts';

const INSTRUMENT = parseInstrument('BTCUSDT');

function ruleOf(version: string): FileRule {
  const strategy = instrumentStrategy(
    {
      name: 'two',
      description: '',
      subject: 'instrument',
      entry_long: 'close > delay(close, 2)',
      max_age: 3,
    },
    'two.yaml',
  );
  return fileRule({ version, instrument: INSTRUMENT.id } as RuleManifest, '', strategy);
}

describe('the rules that are served', () => {
  it('are warm one after the other, where the next is warmed before the last takes effect', async () => {
    const rules = new InstrumentRules([INSTRUMENT]);
    const first = ruleOf('first');
    const second = ruleOf('second');
    const features = new InstrumentFeatures(INSTRUMENT_WINDOWS, 60);
    const empty: FormulaStore = {
      commonMinuteBefore: () => null,
      inputsFrom: () => [].values(),
      seriesBetween: () => [].values(),
    };
    let minute = 0;
    const bar = (): void => {
      const time = (60 * minute++) as OpenTime;
      const taken = { time, open: 1, high: 1, low: 1, close: minute, volume: 1, takerBuyVolume: NaN };
      rules.take(0, { bar: taken, features: features.values, series: new Float64Array(SERIES.length) });
    };
    const turns = (stored: () => void) => ({
      stored: () => Promise.resolve().then(stored),
      pause: () => Promise.resolve(),
    });
    await rules.warm(
      first,
      empty,
      () => null,
      turns(() => undefined),
    );
    for (let i = 0; i < 3; i++) bar();
    // The first rule becomes active while the second one waits for the bars to be stored.
    const takesEffect = (): void => rules.swap({ kind: 'rule', instrument: INSTRUMENT.id, rule: first });
    await rules.warm(second, empty, () => null, turns(takesEffect));
    const { isWarm, fault, rule } = rules.activeOf(0)!;
    expect([isWarm, fault, rule]).toEqual([true, null, first]);
  });
});
