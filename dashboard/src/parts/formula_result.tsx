import { signal } from '@preact/signals';
import { useMemo, useState } from 'preact/hooks';
import type { FormulaTrial } from '../api.ts';
import { rangeDigits } from '../charts/price_digits.ts';
import { SeriesChart, type Series } from '../charts/series.tsx';
import type { Range } from '../charts/window.ts';
import { Histogram } from '../charts/histogram.tsx';
import { compact, minuteOf, num } from '../format.ts';
import { language, t } from '../text/text.ts';
import { Empty, Panel } from './basics.tsx';
import { Fact } from './fact.tsx';

interface Props {
  readonly tried: NonNullable<FormulaTrial['tried']>;
  readonly checked: NonNullable<FormulaTrial['checked']>;
  readonly isInstrument: boolean;
}

const NS_PER_US = 1000;
/** A bar is shown at its close, as on all pages. */
const SECONDS_PER_BAR = 60;

/** Values of a formula over time, their distribution, what they tell of the label, and what they cost. */
export function FormulaResult({ tried, checked, isInstrument }: Props) {
  const { distribution } = tried;
  return (
    <>
      <Panel
        title={t('formulas.values')}
        wide
        aside={
          <span class="note">
            {tried.from === null
              ? t('formulas.noBars')
              : t('formulas.period', {
                  bars: num(distribution.bars, 0),
                  missing: num(distribution.bars - distribution.values, 0),
                  from: minuteOf(tried.from),
                  to: minuteOf(tried.to),
                })}
          </span>
        }
      >
        {distribution.values === 0 ? <Empty text={t('formulas.noValues')} /> : <Values tried={tried} />}
      </Panel>
      <Panel title={t('formulas.distribution')}>
        {tried.histogram === null ? <Empty text={t('formulas.noValues')} /> : <Distribution tried={tried} />}
      </Panel>
      <Panel title={t('formulas.worth')}>
        <Label tried={tried} />
        <h3>{t('formulas.cost')}</h3>
        <dl class="facts">
          <Fact name={t('formulas.perBar')}>{`${num(NS_PER_US * tried.microseconds_per_bar, 0)} ns`}</Fact>
          <Fact name={t('formulas.computations')}>{num(tried.computations, 0)}</Fact>
          <Fact name={t('formulas.lookBack')}>{num(checked.look_back_bars, 0)}</Fact>
          <Fact name={t('formulas.memory')}>{num(checked.window_numbers, 0)}</Fact>
        </dl>
        {checked.is_column && (
          <>
            <h3>{t('formulas.use')}</h3>
            <pre class="mono formula-line">{entryOf(checked.formula, isInstrument)}</pre>
            <p class="note">{t('formulas.useNote')}</p>
          </>
        )}
      </Panel>
    </>
  );
}

/** The line of `features.yaml`. */
function entryOf(formula: string, isInstrument: boolean): string {
  const text = JSON.stringify(formula);
  return isInstrument ? `my_feature: {formula: ${text}, for: instruments}` : `my_feature: ${text}`;
}

/** The range from the least to the greatest value of each column of bars. */
function Values({ tried: { chart } }: Pick<Props, 'tried'>) {
  const range = useMemo(() => signal<Range | null>(null), [chart]);
  const [cursor, setCursor] = useState<number | null>(null);
  const times = useMemo(() => chart.time.map((time) => time + SECONDS_PER_BAR), [chart]);
  const digits = useMemo(() => rangeDigits([...chart.greatest, ...chart.least]), [chart]);
  const series = useMemo(
    (): Series[] => [
      { name: t('formulas.greatest'), tone: 'accent', values: chart.greatest, digits },
      { name: t('formulas.least'), tone: 'accent', isDashed: true, values: chart.least, digits },
    ],
    [chart, digits, language.value],
  );
  return (
    <SeriesChart
      label={t('formulas.values')}
      height={220}
      times={times}
      timesAre="chart.closed"
      range={range}
      cursor={cursor}
      onHover={setCursor}
      onPick={setCursor}
      series={series}
      area={[0, 1]}
    />
  );
}

function Distribution({ tried: { histogram, distribution } }: Pick<Props, 'tried'>) {
  const { low, high, counts } = histogram!;
  const { quantiles, mean, std } = distribution;
  return (
    <>
      <Histogram label={t('formulas.distribution')} low={compact(low)} high={compact(high)} counts={counts} />
      <dl class="facts">
        <Fact name={t('formulas.mean')}>{compact(mean)}</Fact>
        <Fact name={t('formulas.std')}>{compact(std)}</Fact>
        <Fact name={t('formulas.median')}>{compact(quantiles![4])}</Fact>
        <Fact name={t('formulas.extremes')}>{`${compact(quantiles![0])} … ${compact(quantiles![8])}`}</Fact>
      </dl>
    </>
  );
}

function Label({ tried: { label } }: Pick<Props, 'tried'>) {
  if (label === null) return <Empty text={t('formulas.noLabel')} />;
  return (
    <>
      <dl class="facts">
        <Fact name="AUC">{`${num(label.auc, 3)} ± ${num(label.standard_error, 3)}`}</Fact>
        <Fact name={t('formulas.correlation')}>{num(label.correlation, 3)}</Fact>
        <Fact name={t('formulas.rows')}>{num(label.rows, 0)}</Fact>
      </dl>
      <p class="note formula-note">{t('formulas.labelNote', { before: minuteOf(label.before) })}</p>
    </>
  );
}
