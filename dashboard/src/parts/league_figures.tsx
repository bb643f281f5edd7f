import type { ComponentChildren } from 'preact';
import type { FailedEntrant, LeagueEntrant, LeagueResult } from '../api.ts';
import { num, signed } from '../format.ts';
import { codeText, t } from '../text/text.ts';
import type { Column } from './basics.tsx';

const BYTES_PER_KB = 1000;

/** Markets whose figures a league has, in order. */
export const SCENARIOS = ['bull', 'bear', 'range', 'high_volatility', 'low_volatility'] as const;

type Figure = LeagueEntrant['behind_best'];

/** A value with its standard error. */
export function plusMinus(figure: Figure, digits: number): string {
  return `${num(figure.value, digits)}${errorText(figure, digits)}`;
}

/** The same of a value whose sign matters. */
export function signedPlusMinus(figure: Figure, digits: number): string {
  return `${signed(figure.value, digits)}${errorText(figure, digits)}`;
}

function errorText({ standard_error: error }: Figure, digits: number): string {
  return error === null ? '' : ` ± ${num(error, digits)}`;
}

/** Log losses by seed: the least and the greatest. */
function rangeOfSeeds(values: readonly number[]): string {
  const least = num(Math.min(...values), 5);
  return values.length === 1 ? least : `${least} … ${num(Math.max(...values), 5)}`;
}

/** A column of numbers. @param value in CSV and JSON */
export function figureColumn<Row>(
  key: string,
  title: string,
  value: (row: Row) => number | null,
  cell: (row: Row) => ComponentChildren,
): Column<Row> {
  return { key, title, isNumber: true, value, cell };
}

/** The name of an entrant. */
export function nameColumn<Row>(nameOf: (row: Row) => string): Column<Row> {
  return {
    key: 'entrant',
    title: t('league.entrant'),
    value: nameOf,
    cell: (row) => <span class="mono">{nameOf(row)}</span>,
  };
}

/** What an entrant of any league has cost. */
type Cost = Pick<LeagueEntrant, 'log_loss_of_seeds' | 'seconds' | 'memory_mb'>;

/** Log loss by seed, time and memory. */
export function costColumns<Row extends Cost>(): Column<Row>[] {
  return [
    {
      key: 'log_loss_of_seeds',
      title: t('league.seeds'),
      isNumber: true,
      value: ({ log_loss_of_seeds }) => log_loss_of_seeds.join(' '),
      cell: ({ log_loss_of_seeds }) => rangeOfSeeds(log_loss_of_seeds),
    },
    figureColumn<Row>(
      'seconds',
      t('league.seconds'),
      ({ seconds }) => seconds,
      ({ seconds }) => num(seconds, 1),
    ),
    figureColumn<Row>(
      'memory_mb',
      t('league.memory'),
      ({ memory_mb }) => memory_mb,
      ({ memory_mb }) => num(memory_mb, 0),
    ),
  ];
}

/** Size, latency and engine of a model in the daemon. @param servingOf null: it is not known */
export function servingColumns<Row>(servingOf: (row: Row) => LeagueEntrant['serving'] | null): Column<Row>[] {
  return [
    figureColumn<Row>(
      'bytes',
      t('league.bytes'),
      (row) => servingOf(row)?.bytes ?? null,
      (row) => {
        const serving = servingOf(row);
        return serving === null ? '–' : num(serving.bytes / BYTES_PER_KB, 1);
      },
    ),
    figureColumn<Row>(
      'latency_us_p50',
      t('league.latency'),
      (row) => servingOf(row)?.latency_us.p50 ?? null,
      (row) => {
        const latency = servingOf(row)?.latency_us;
        return latency === undefined ? '–' : `${num(latency.p50, 0)}, p99 ${num(latency.p99, 0)}`;
      },
    ),
    {
      key: 'engine',
      title: t('league.engine'),
      value: (row) => servingOf(row)?.engine ?? null,
      cell: (row) => <span class="mono">{servingOf(row)?.engine ?? '–'}</span>,
    },
  ];
}

/** What a row of several measures states. */
export function measureColumn<Row extends { readonly measure: string }>(): Column<Row> {
  return {
    key: 'measure',
    title: t('league.measure'),
    value: ({ measure }) => measure,
    cell: ({ measure }) => codeText('measure', measure),
  };
}

/** Entrants that show an edge on a market of coins, where nobody can earn. */
export function PlaceboEarners({ earners }: { readonly earners: LeagueResult['earners_on_placebo'] }) {
  if (earners.length === 0) return null;
  const names = earners.map(({ entrant, subjects }) => `${entrant} (${subjects.join(', ')})`).join('; ');
  return (
    <p class="failure" role="alert">
      {t('league.distrust', { names })}
    </p>
  );
}

/** Entrants whose measures are those of an unfinished league. */
export function TakenOver({ names }: { readonly names: readonly string[] }) {
  return names.length === 0 ? null : <p class="note">{t('league.takenOver', { names: names.join(', ') })}</p>;
}

/** Entrants without a result, each with its error and what to do. */
export function FailedEntrants({ failed }: { readonly failed: readonly FailedEntrant[] }) {
  if (failed.length === 0) return null;
  return (
    <div class="failure" role="alert">
      <strong>{t('league.failed', { count: failed.length })}</strong>
      <ul>
        {failed.map(({ name, code, message, next }) => (
          <li key={name}>
            <span class="mono">{name}</span>: <strong>{code}</strong>{' '}
            <span lang="en">
              {message} <span class="next">→ {next}</span>
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** A part of a result that is opened when it is wanted. */
export function Section({ title, children }: { readonly title: string; readonly children: ComponentChildren }) {
  return (
    <details class="section">
      <summary>
        <h3>{title}</h3>
      </summary>
      {children}
    </details>
  );
}
