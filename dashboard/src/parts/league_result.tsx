import type { LeagueEntrant, LeagueResult } from '../api.ts';
import { num, percent } from '../format.ts';
import { codeText, t } from '../text/text.ts';
import { Badge, Table, type Column } from './basics.tsx';
import {
  costColumns,
  FailedEntrants,
  figureColumn,
  measureColumn,
  nameColumn,
  PlaceboEarners,
  plusMinus,
  SCENARIOS,
  Section,
  servingColumns,
  signedPlusMinus,
  TakenOver,
} from './league_figures.tsx';
import { TrainingWarnings } from './training_warnings.tsx';

const PARTS = ['folds', 'walk_forward', 'holdout'] as const;
const SPREAD = ['log_loss', 'brier', 'auc', 'ece', 'balanced_accuracy', 'macro_precision', 'macro_f1'] as const;
const GENERATED = ['answer_mean', 'log_loss', 'auc'] as const;

/** All that a league of AI1 has measured. */
export function LeagueResultView({ league }: { readonly league: LeagueResult }) {
  const {
    entrants,
    failed,
    taken_over,
    earners_on_placebo,
    warnings,
    market,
    best,
    simplest_within_error,
    holdout_looks,
    trials,
  } = league;
  const { folds } = entrants[0]!;
  return (
    <>
      {market === 'coins' && <p class="failure">{t('league.placebo')}</p>}
      <PlaceboEarners earners={earners_on_placebo} />
      <FailedEntrants failed={failed} />
      <TrainingWarnings warnings={warnings} />
      <p>{t('league.best', { best, simplest: simplest_within_error })}</p>
      <p class="note">
        {t('league.rows', { rows: num(folds.rows, 0), days: folds.days, folds: league.folds })}{' '}
        {market === 'recorded' && t('league.looks', { looks: holdout_looks, trials })}
      </p>
      <TakenOver names={taken_over} />
      <Standings league={league} />
      <h3>{t('league.costs')}</h3>
      <Costs entrants={entrants} />
      <p class="note">{t('league.costsNote')}</p>
      <Increments league={league} />
      <Section title={t('league.scenarios')}>
        <Scenarios entrants={entrants} />
      </Section>
      <Section title={t('league.generated')}>
        <p class="note">{t('league.generatedNote')}</p>
        <Generated entrants={entrants} />
      </Section>
      <Section title={t('league.calls')}>
        <p class="note">{t('league.callsNote')}</p>
        <Calls entrants={entrants} />
      </Section>
      <Section title={t('league.spread')}>
        <Spread entrants={entrants} />
      </Section>
      <Section title={t('league.shares')}>
        <Shares league={league} />
      </Section>
    </>
  );
}

/** The name of an entrant, and what it is in this league. */
function Name({ entrant, league }: { readonly entrant: LeagueEntrant; readonly league: LeagueResult }) {
  const { name, is_within_error } = entrant;
  return (
    <>
      <span class="mono">{name}</span> {name === league.best && <Badge tone="good">{t('league.badge.best')}</Badge>}{' '}
      {name === league.simplest_within_error && <Badge tone="info">{t('league.badge.simplest')}</Badge>}{' '}
      {is_within_error && name !== league.best && name !== league.simplest_within_error && (
        <Badge tone="quiet">{t('league.badge.within')}</Badge>
      )}
    </>
  );
}

function Standings({ league }: { readonly league: LeagueResult }) {
  type Row = LeagueEntrant;
  const columns: Column<Row>[] = [
    {
      key: 'entrant',
      title: t('league.entrant'),
      value: ({ name }) => name,
      cell: (entrant) => <Name entrant={entrant} league={league} />,
    },
    figureColumn<Row>(
      'log_loss',
      t('league.logLoss'),
      ({ folds }) => folds.log_loss.value,
      ({ folds }) => plusMinus(folds.log_loss, 5),
    ),
    figureColumn<Row>(
      'behind_best',
      t('league.behind'),
      ({ behind_best }) => behind_best.value,
      ({ behind_best }) => plusMinus(behind_best, 5),
    ),
    figureColumn<Row>(
      'auc_folds',
      t('league.aucFolds'),
      ({ folds }) => folds.auc.value,
      ({ folds }) => plusMinus(folds.auc, 4),
    ),
    figureColumn<Row>(
      'auc_holdout',
      t('league.aucHoldout'),
      ({ holdout }) => holdout.auc.value,
      ({ holdout }) => plusMinus(holdout.auc, 4),
    ),
    figureColumn<Row>(
      'skill',
      t('league.skill'),
      ({ skill }) => skill?.skill ?? null,
      ({ skill }) =>
        skill === null ? '–' : signedPlusMinus({ value: skill.skill, standard_error: skill.standard_error }, 4),
    ),
    figureColumn<Row>(
      'brier',
      t('league.brier'),
      ({ folds }) => folds.brier.value,
      ({ folds }) => plusMinus(folds.brier, 4),
    ),
    figureColumn<Row>(
      'ece',
      t('league.ece'),
      ({ folds }) => folds.ece.value,
      ({ folds }) => plusMinus(folds.ece, 4),
    ),
    figureColumn<Row>(
      'auc_walk_forward',
      t('league.aucBlocks'),
      ({ walk_forward }) => walk_forward.auc.value,
      ({ walk_forward }) => plusMinus(walk_forward.auc, 4),
    ),
  ];
  return (
    <Table
      name="league"
      label={t('league.standings')}
      rows={league.entrants}
      rowKey={({ name }) => name}
      empty="league.none"
      columns={columns}
    />
  );
}

function Costs({ entrants }: { readonly entrants: readonly LeagueEntrant[] }) {
  type Row = LeagueEntrant;
  const columns: Column<Row>[] = [
    nameColumn(({ name }) => name),
    figureColumn<Row>(
      'net_bps',
      t('league.net'),
      ({ net }) => net?.net_bps.value ?? null,
      ({ net }) => (net === null ? '–' : signedPlusMinus(net.net_bps, 2)),
    ),
    figureColumn<Row>(
      'trades',
      t('league.trades'),
      ({ net }) => net?.trades ?? null,
      ({ net }) => num(net?.trades, 0),
    ),
    {
      key: 'edges',
      title: t('league.edges'),
      value: ({ net }) => net?.edges.join(' ') ?? null,
      cell: ({ net }) => (net === null || net.edges.length === 0 ? t('models.no') : net.edges.join(', ')),
    },
    ...costColumns<Row>(),
    ...servingColumns<Row>(({ serving }) => serving),
  ];
  return (
    <Table
      name="league_costs"
      label={t('league.costs')}
      rows={entrants}
      rowKey={({ name }) => name}
      empty="league.none"
      columns={columns}
    />
  );
}

/** What features and an ensemble add; one step alone adds nothing. */
function Increments({ league: { increments } }: { readonly league: LeagueResult }) {
  type Row = LeagueResult['increments'][number];
  if (increments.length < 2) return null;
  return (
    <>
      <h3>{t('league.increments')}</h3>
      <Table
        name="league_increments"
        label={t('league.increments')}
        rows={increments}
        rowKey={({ step }) => step}
        empty="league.none"
        columns={[
          {
            key: 'step',
            title: t('league.step'),
            value: ({ step }) => step,
            cell: ({ step }) => codeText('leagueStep', step),
          },
          nameColumn<Row>(({ entrant }) => entrant),
          figureColumn<Row>(
            'log_loss',
            t('league.logLoss'),
            ({ log_loss }) => log_loss,
            ({ log_loss }) => num(log_loss, 5),
          ),
          figureColumn<Row>(
            'gain',
            t('league.gain'),
            ({ gain }) => gain?.value ?? null,
            ({ gain }) => (gain === null ? '' : signedPlusMinus(gain, 5)),
          ),
        ]}
      />
    </>
  );
}

/** Log loss of the folds in each market; its number of rows is the same for all. */
function Scenarios({ entrants }: { readonly entrants: readonly LeagueEntrant[] }) {
  const first = entrants[0]!;
  const known = SCENARIOS.filter((name) => first.scenarios[name] !== undefined);
  return (
    <Table
      name="league_scenarios"
      label={t('league.scenarios')}
      rows={known.length === 0 ? [] : entrants}
      rowKey={({ name }) => name}
      empty="league.none"
      columns={[
        nameColumn<LeagueEntrant>(({ name }) => name),
        ...known.map((scenario) =>
          figureColumn<LeagueEntrant>(
            scenario,
            t('league.scenario', {
              name: codeText('scenario', scenario),
              rows: num(first.scenarios[scenario]!.rows, 0),
            }),
            ({ scenarios }) => scenarios[scenario]?.log_loss.value ?? null,
            ({ scenarios }) => {
              const own = scenarios[scenario];
              return own === undefined ? '–' : plusMinus(own.log_loss, 4);
            },
          ),
        ),
      ]}
    />
  );
}

interface GeneratedRow {
  readonly name: string;
  readonly measure: (typeof GENERATED)[number];
  readonly generated: LeagueEntrant['generated'];
}

/** What each answers in markets made of the pairs' own moves; their rows and labels are the same for all. */
function Generated({ entrants }: { readonly entrants: readonly LeagueEntrant[] }) {
  const { generated: first } = entrants[0]!;
  const known = SCENARIOS.filter((name) => first[name] !== undefined);
  const rows = GENERATED.flatMap((measure) =>
    entrants.map(({ name, generated }): GeneratedRow => ({ name, measure, generated })),
  );
  return (
    <Table
      name="league_generated"
      label={t('league.generated')}
      rows={known.length === 0 ? [] : rows}
      rowKey={({ name, measure }) => `${name} ${measure}`}
      empty="league.noGenerated"
      columns={[
        nameColumn<GeneratedRow>(({ name }) => name),
        measureColumn<GeneratedRow>(),
        ...known.map((scenario) => {
          const { rows: count, label_mean } = first[scenario]!;
          return figureColumn<GeneratedRow>(
            scenario,
            t('league.generatedMarket', {
              name: codeText('scenario', scenario),
              rows: num(count, 0),
              positive: percent(label_mean, 1),
            }),
            ({ generated, measure }) => generated[scenario]?.[measure] ?? null,
            ({ generated, measure }) => num(generated[scenario]?.[measure], 4),
          );
        }),
      ]}
    />
  );
}

/** The part of the rows that figures are of. */
function partColumn<Row extends { readonly part: (typeof PARTS)[number] }>(): Column<Row> {
  return {
    key: 'part',
    title: t('league.part'),
    value: ({ part }) => part,
    cell: ({ part }) => codeText('leaguePart', part),
  };
}

interface CallRow {
  readonly name: string;
  readonly part: (typeof PARTS)[number];
  readonly calls: LeagueEntrant['folds']['calls'];
}

function Calls({ entrants }: { readonly entrants: readonly LeagueEntrant[] }) {
  const rows = entrants.flatMap((own) =>
    PARTS.map((part): CallRow => ({ name: own.name, part, calls: own[part].calls })),
  );
  const count = (key: keyof CallRow['calls']['confusion'], title: string): Column<CallRow> =>
    figureColumn<CallRow>(
      key,
      title,
      ({ calls }) => calls.confusion[key],
      ({ calls }) => num(calls.confusion[key], 0),
    );
  const share = (
    key: 'balanced_accuracy' | 'macro_precision' | 'macro_f1' | 'precision' | 'recall' | 'matthews',
  ): Column<CallRow> =>
    figureColumn<CallRow>(
      key,
      codeText('measure', key),
      ({ calls }) => calls[key],
      ({ calls }) => num(calls[key], 4),
    );
  return (
    <Table
      name="league_calls"
      label={t('league.calls')}
      rows={rows}
      rowKey={({ name, part }) => `${name} ${part}`}
      empty="league.none"
      columns={[
        nameColumn<CallRow>(({ name }) => name),
        partColumn<CallRow>(),
        count('true_positive', t('league.truePositive')),
        count('false_positive', t('league.falsePositive')),
        count('false_negative', t('league.falseNegative')),
        count('true_negative', t('league.trueNegative')),
        share('balanced_accuracy'),
        share('macro_precision'),
        share('macro_f1'),
        share('precision'),
        share('recall'),
        share('matthews'),
      ]}
    />
  );
}

interface SpreadRow {
  readonly name: string;
  readonly part: 'folds' | 'walk_forward';
  readonly measure: (typeof SPREAD)[number];
  readonly spread: NonNullable<LeagueEntrant['spread']['folds'][(typeof SPREAD)[number]]>;
}

function Spread({ entrants }: { readonly entrants: readonly LeagueEntrant[] }) {
  const rows = entrants.flatMap(({ name, spread }) =>
    (['folds', 'walk_forward'] as const).flatMap((part) =>
      SPREAD.flatMap((measure): SpreadRow[] => {
        const own = spread[part][measure];
        return own === undefined ? [] : [{ name, part, measure, spread: own }];
      }),
    ),
  );
  const figure = (key: 'mean' | 'min' | 'max' | 'cv', title: string): Column<SpreadRow> =>
    figureColumn<SpreadRow>(
      key,
      title,
      ({ spread }) => spread[key],
      ({ spread }) => num(spread[key], 4),
    );
  return (
    <Table
      name="league_spread"
      label={t('league.spread')}
      rows={rows}
      rowKey={({ name, part, measure }) => `${name} ${part} ${measure}`}
      empty="league.none"
      columns={[
        nameColumn<SpreadRow>(({ name }) => name),
        partColumn<SpreadRow>(),
        measureColumn<SpreadRow>(),
        figure('mean', t('league.mean')),
        figureColumn<SpreadRow>(
          'var',
          t('league.variance'),
          ({ spread }) => spread.var,
          ({ spread }) => spread.var?.toExponential(2) ?? '–',
        ),
        figure('min', t('league.least')),
        figure('max', t('league.largest')),
        figure('cv', t('league.cv')),
      ]}
    />
  );
}

/** The classes of what all learn from and are measured on. */
function Shares({ league: { class_shares: shares } }: { readonly league: LeagueResult }) {
  type Row = LeagueResult['class_shares']['folds'][number];
  const rows = [...shares.folds, ...shares.walk_forward, ...shares.holdout];
  const share = (value: number | null): string => (value === null ? '–' : percent(value, 1));
  return (
    <Table
      name="league_shares"
      label={t('league.shares')}
      rows={rows}
      rowKey={({ split }) => split}
      empty="league.none"
      columns={[
        { key: 'split', title: t('league.split'), value: ({ split }) => split, cell: ({ split }) => splitText(split) },
        figureColumn<Row>(
          'train_rows',
          t('league.learned'),
          ({ train_rows }) => train_rows,
          ({ train_rows }) => num(train_rows, 0),
        ),
        figureColumn<Row>(
          'train_share',
          t('league.positive'),
          ({ train_share }) => train_share,
          ({ train_share }) => share(train_share),
        ),
        figureColumn<Row>(
          'test_rows',
          t('league.tested'),
          ({ test_rows }) => test_rows,
          ({ test_rows }) => num(test_rows, 0),
        ),
        figureColumn<Row>(
          'test_share',
          t('league.positiveTested'),
          ({ test_share }) => test_share,
          ({ test_share }) => share(test_share),
        ),
      ]}
    />
  );
}

/** `kfold 1`, `walk_forward 2`, `holdout`. */
function splitText(split: string): string {
  const [what = '', number = ''] = split.split(' ');
  return `${codeText('leaguePart', what)} ${number}`.trim();
}
