import { TIMEFRAME_NAMES } from '../../../shared/pair.ts';
import { useState } from 'preact/hooks';
import { api, type UsualLeague } from '../api.ts';
import { session } from '../live.ts';
import { go, pathOf } from '../router.ts';
import { codeText, t } from '../text/text.ts';
import { ConfirmedButton, Failure, Panel, useLoaded } from './basics.tsx';

/** Options of a league that a person can change here; all others are the usual ones. */
interface Options {
  readonly entrants: readonly string[];
  readonly days: string;
  readonly seeds: string;
  readonly hasCoins: boolean;
  /** Of a league of ways to learn the direction. */
  readonly timeframe: string;
  readonly symbols: string;
}

/** As much of the documents of both kinds as is changed here. */
interface LeagueDocument {
  readonly timeframe?: string;
  readonly symbols?: readonly string[];
  readonly window: Readonly<Record<string, unknown>>;
  readonly parameters: Readonly<Record<string, unknown>> & { readonly entrants: readonly string[] };
}

const MAX_SEEDS = 20;
/** Seed of the coins of a placebo. */
const COINS = 1;

/** Queues a league of the bars of this installation, and opens its page. */
export function LeagueStart() {
  const { data, error } = useLoaded(() => api.get('/api/leagues'), '');
  const [kind, setKind] = useState<UsualLeague['kind']>('league');
  if (session.value?.role === 'viewer') return null;
  const usual = data?.leagues.find((own) => own.kind === kind);
  return (
    <Panel title={t('league.start')} wide>
      {error !== null && <Failure error={error} />}
      <details>
        <summary>{t('league.startNote')}</summary>
        <div class="form fields">
          <label>
            {t('runs.kind')}
            <select value={kind} onChange={({ currentTarget }) => setKind(currentTarget.value as UsualLeague['kind'])}>
              {(data?.leagues ?? []).map((own) => (
                <option key={own.kind} value={own.kind}>
                  {codeText('job', own.kind)}
                </option>
              ))}
            </select>
          </label>
        </div>
        {usual !== undefined && <Form key={kind} usual={usual} />}
      </details>
    </Panel>
  );
}

function Form({ usual }: { readonly usual: UsualLeague }) {
  const document = usual.job as unknown as LeagueDocument;
  const [options, setOptions] = useState<Options>({
    entrants: document.parameters.entrants,
    days: '',
    seeds: '1',
    hasCoins: false,
    timeframe: document.timeframe ?? '',
    symbols: (document.symbols ?? []).join(', '),
  });
  const change = (changed: Partial<Options>): void => setOptions({ ...options, ...changed });
  const toggle = (name: string, isIn: boolean): void =>
    change({ entrants: usual.entrants.filter((own) => (own === name ? isIn : options.entrants.includes(own))) });
  const start = async (): Promise<void> => {
    const { job_id } = await api.post('/api/jobs', { body: { job: documentOf(document, options) } });
    go(pathOf('jobs', String(job_id)));
  };
  return (
    <div class="form fields">
      <fieldset class="choices wide">
        <legend>{t('jobOption.entrants')}</legend>
        {usual.entrants.map((name) => (
          <label key={name} class="check">
            <input
              type="checkbox"
              checked={options.entrants.includes(name)}
              onChange={({ currentTarget }) => toggle(name, currentTarget.checked)}
            />
            <span class="mono">{name}</span>
          </label>
        ))}
      </fieldset>
      {document.timeframe !== undefined && (
        <label>
          {t('jobOption.timeframe')}
          <select
            value={options.timeframe}
            onChange={({ currentTarget }) => change({ timeframe: currentTarget.value })}
          >
            {TIMEFRAME_NAMES.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
      )}
      {document.symbols !== undefined && (
        <label>
          {t('jobOption.symbols')}
          <input value={options.symbols} onInput={({ currentTarget }) => change({ symbols: currentTarget.value })} />
        </label>
      )}
      <label>
        {t('league.days')}
        <input
          type="number"
          min="1"
          value={options.days}
          onInput={({ currentTarget }) => change({ days: currentTarget.value })}
        />
      </label>
      <label>
        {t('league.seedsAsked')}
        <input
          type="number"
          min="1"
          max={MAX_SEEDS}
          value={options.seeds}
          onInput={({ currentTarget }) => change({ seeds: currentTarget.value })}
        />
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={options.hasCoins}
          onChange={({ currentTarget }) => change({ hasCoins: currentTarget.checked })}
        />
        {t('league.coins')}
      </label>
      <ConfirmedButton
        label={t('league.begin')}
        question={t(options.hasCoins ? 'league.confirmCoins' : 'league.confirm', { count: options.entrants.length })}
        act={start}
      />
    </div>
  );
}

/** The server refuses what is no number, or too few entrants, by a code. */
function documentOf(document: LeagueDocument, options: Options): Record<string, unknown> {
  const { entrants, days, seeds, hasCoins, timeframe, symbols } = options;
  const names = symbols
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  return {
    ...document,
    ...(document.timeframe !== undefined && { timeframe }),
    ...(document.symbols !== undefined && { symbols: names }),
    window: { ...document.window, days: days.trim() === '' ? null : Number(days) },
    parameters: { ...document.parameters, entrants, seeds: Number(seeds), coins: hasCoins ? COINS : null },
  };
}
