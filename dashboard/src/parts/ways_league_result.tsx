import type { DirectionLeagueEntrant, DirectionLeagueResult } from '../api.ts';
import { num, signed } from '../format.ts';
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
  TakenOver,
} from './league_figures.tsx';
import { TrainingWarnings } from './training_warnings.tsx';

/** Classes of the direction label, as its figures have them. */
const CLASSES = ['up', 'down', 'range'] as const;

/** All that a league of ways to learn the direction has measured. */
export function WaysLeagueResultView({ league }: { readonly league: DirectionLeagueResult }) {
  const { failed, taken_over = [], earners_on_placebo, warnings, market, better } = league;
  const { reference, look, symbols, timeframe, best, simplest_within_error: simplest } = league;
  const entrants = [...league.entrants].sort((a, b) => a.metrics.log_loss - b.metrics.log_loss);
  return (
    <>
      {market === 'coins' && <p class="failure">{t('league.placeboDirection')}</p>}
      <PlaceboEarners earners={earners_on_placebo} />
      <FailedEntrants failed={failed} />
      <TrainingWarnings warnings={warnings} />
      {best !== undefined && simplest !== undefined && <p>{t('league.best', { best, simplest })}</p>}
      <NearPriors league={league} />
      <p>
        {better.length === 0
          ? t('league.noneBetter', { reference })
          : t('league.better', { reference, names: better.join(', ') })}
      </p>
      <p class="note">
        {t('league.evaluated', {
          timeframe,
          symbols: symbols.join(', '),
          rows: num(entrants[0]!.metrics.rows, 0),
        })}{' '}
        {look !== null && t('league.look', { look })}
      </p>
      <TakenOver names={taken_over} />
      <Standings league={league} entrants={entrants} />
      <h3>{t('league.priors')}</h3>
      <Priors league={league} />
      <h3>{t('league.costs')}</h3>
      <Costs entrants={entrants} />
      <p class="note">{t('league.servingNote')}</p>
      <Section title={t('league.scenariosBlocks')}>
        <Scenarios entrants={entrants} />
      </Section>
      <Section title={t('league.generated')}>
        <p class="note">{t('league.generatedDirectionNote')}</p>
        <Generated entrants={entrants} />
      </Section>
    </>
  );
}

type Difference = DirectionLeagueResult['priors'][number]['difference'];

/** A mean with its 90 % interval. */
function interval({ mean, lower_5, upper_95 }: Difference): string {
  return `${signed(mean, 4)} (${signed(lower_5, 4)} … ${signed(upper_95, 4)})`;
}

/** Says so where base rates are as good as the best entrant. */
function NearPriors({ league: { priors } }: { readonly league: DirectionLeagueResult }) {
  const near = priors.filter(({ is_within_error }) => is_within_error === true);
  if (near.length === 0) return null;
  return <p>{t('league.nearPriors', { names: near.map(({ name }) => codeText('leaguePrior', name)).join(', ') })}</p>;
}

/** The name of an entrant, and what it is in this league. */
function Name({
  name,
  isNear,
  league,
}: {
  readonly name: string;
  readonly isNear: boolean;
  readonly league: DirectionLeagueResult;
}) {
  const { reference, better, best, simplest_within_error } = league;
  return (
    <>
      <span class="mono">{name}</span> {name === reference && <Badge tone="info">{t('league.badge.reference')}</Badge>}{' '}
      {name === best && <Badge tone="good">{t('league.badge.best')}</Badge>}{' '}
      {name === simplest_within_error && <Badge tone="info">{t('league.badge.simplest')}</Badge>}{' '}
      {isNear && name !== best && name !== simplest_within_error && (
        <Badge tone="quiet">{t('league.badge.within')}</Badge>
      )}{' '}
      {better.includes(name) && <Badge tone="good">{t('league.badge.better')}</Badge>}
    </>
  );
}

interface StandingsProps {
  readonly league: DirectionLeagueResult;
  readonly entrants: readonly DirectionLeagueEntrant[];
}

function Standings({ league, entrants }: StandingsProps) {
  type Row = DirectionLeagueEntrant;
  const { reference } = league;
  const columns: Column<Row>[] = [
    {
      key: 'entrant',
      title: t('league.entrant'),
      value: ({ name }) => name,
      cell: ({ name, is_within_error }) => <Name name={name} isNear={is_within_error === true} league={league} />,
    },
    figureColumn<Row>(
      'log_loss',
      t('runs.logLoss'),
      ({ metrics }) => metrics.log_loss,
      ({ metrics }) => num(metrics.log_loss, 4),
    ),
    behindColumn<Row>(),
    figureColumn<Row>(
      'against_reference',
      t('league.against', { reference }),
      ({ against_reference }) => against_reference?.mean ?? null,
      ({ against_reference }) => (against_reference === null ? '' : interval(against_reference)),
    ),
    figureColumn<Row>(
      'brier',
      t('league.brierClasses'),
      ({ metrics }) => metrics.brier,
      ({ metrics }) => num(metrics.brier, 4),
    ),
    ...CLASSES.map((name, k) =>
      figureColumn<Row>(
        `auc_${name}`,
        t('league.aucOf', { name: codeText('leagueClass', name) }),
        ({ metrics }) => metrics.auc[k] ?? null,
        ({ metrics }) => plusMinus({ value: metrics.auc[k] ?? null, standard_error: metrics.auc_errors[k] ?? null }, 3),
      ),
    ),
    figureColumn<Row>(
      'up_or_down_auc',
      t('league.upOrDown'),
      ({ metrics }) => metrics.up_or_down_auc,
      ({ metrics }) => plusMinus({ value: metrics.up_or_down_auc, standard_error: metrics.up_or_down_error }, 3),
    ),
    figureColumn<Row>(
      'class_wise_ece',
      t('league.ece'),
      ({ metrics }) => metrics.class_wise_ece,
      ({ metrics }) => num(metrics.class_wise_ece, 4),
    ),
    figureColumn<Row>(
      'macro_f1',
      codeText('measure', 'macro_f1'),
      ({ metrics }) => metrics.f1,
      ({ metrics }) => num(metrics.f1, 3),
    ),
  ];
  return (
    <Table
      name="direction_league"
      label={t('league.standings')}
      rows={entrants}
      rowKey={({ name }) => name}
      empty="league.none"
      columns={columns}
    />
  );
}

function Priors({ league: { priors, reference } }: { readonly league: DirectionLeagueResult }) {
  type Row = DirectionLeagueResult['priors'][number];
  return (
    <Table
      name="direction_league_priors"
      label={t('league.priors')}
      rows={priors}
      rowKey={({ name }) => name}
      empty="league.none"
      columns={[
        {
          key: 'name',
          title: t('league.entrant'),
          value: ({ name }) => name,
          cell: ({ name }) => codeText('leaguePrior', name),
        },
        figureColumn<Row>(
          'log_loss',
          t('runs.logLoss'),
          ({ log_loss }) => log_loss,
          ({ log_loss }) => num(log_loss, 4),
        ),
        behindColumn<Row>(),
        figureColumn<Row>(
          'difference',
          t('league.beyondPrior', { reference }),
          ({ difference }) => difference.mean,
          ({ difference }) => interval(difference),
        ),
      ]}
    />
  );
}

function Costs({ entrants }: { readonly entrants: readonly DirectionLeagueEntrant[] }) {
  type Row = DirectionLeagueEntrant;
  return (
    <Table
      name="direction_league_costs"
      label={t('league.costs')}
      rows={entrants}
      rowKey={({ name }) => name}
      empty="league.none"
      columns={[
        nameColumn<Row>(({ name }) => name),
        figureColumn<Row>(
          'net_bps',
          t('league.netInterval'),
          ({ net }) => net.net_bps,
          ({ net }) =>
            `${signed(net.net_bps, 1)} (${signed(net.lower_5_net_bps, 1)} … ${signed(net.upper_95_net_bps, 1)})`,
        ),
        figureColumn<Row>(
          'trades',
          t('league.trades'),
          ({ net }) => net.trades,
          ({ net }) => num(net.trades, 0),
        ),
        figureColumn<Row>(
          'p_value',
          'p',
          ({ net }) => net.p_value,
          ({ net }) => num(net.p_value, 3),
        ),
        {
          key: 'no_edge',
          title: t('league.edges'),
          value: ({ net }) => !net.no_edge,
          cell: ({ net }) => t(net.no_edge ? 'models.no' : 'models.yes'),
        },
        ...costColumns<Row>(),
        ...servingColumns<Row>(({ serving }) => serving ?? null),
      ]}
    />
  );
}

/** Log loss behind the best entrant; earlier results have none. */
function behindColumn<Row extends Pick<DirectionLeagueEntrant, 'behind_best'>>(): Column<Row> {
  return figureColumn<Row>(
    'behind_best',
    t('league.behind'),
    ({ behind_best }) => behind_best?.value ?? null,
    ({ behind_best }) => (behind_best === undefined ? '–' : plusMinus(behind_best, 5)),
  );
}

interface MeasureRow {
  readonly entrant: DirectionLeagueEntrant;
  readonly measure: 'log_loss' | 'up_or_down_auc';
}

/** Log loss and direction on the evaluated rows of each market; its number of rows is the same for all. */
function Scenarios({ entrants }: { readonly entrants: readonly DirectionLeagueEntrant[] }) {
  const { scenarios: first = {} } = entrants[0]!;
  const known = SCENARIOS.filter((name) => first[name] !== undefined);
  const rows = (['log_loss', 'up_or_down_auc'] as const).flatMap((measure) =>
    entrants.map((entrant): MeasureRow => ({ entrant, measure })),
  );
  return (
    <Table
      name="direction_league_scenarios"
      label={t('league.scenariosBlocks')}
      rows={known.length === 0 ? [] : rows}
      rowKey={({ entrant, measure }) => `${entrant.name} ${measure}`}
      empty="league.none"
      columns={[
        nameColumn<MeasureRow>(({ entrant }) => entrant.name),
        measureColumn<MeasureRow>(),
        ...known.map((scenario) =>
          figureColumn<MeasureRow>(
            scenario,
            t('league.scenario', { name: codeText('scenario', scenario), rows: num(first[scenario]!.rows, 0) }),
            ({ entrant, measure }) => {
              const own = entrant.scenarios?.[scenario];
              return (measure === 'log_loss' ? own?.log_loss.value : own?.up_or_down_auc) ?? null;
            },
            ({ entrant, measure }) => {
              const own = entrant.scenarios?.[scenario];
              if (own === undefined) return '–';
              return measure === 'log_loss' ? plusMinus(own.log_loss, 4) : num(own.up_or_down_auc, 3);
            },
          ),
        ),
      ]}
    />
  );
}

const MEANS = ['mean_up', 'mean_down', 'mean_range'] as const;
const GENERATED = [...MEANS, 'log_loss', 'up_or_down_auc'] as const;
type GeneratedMeasure = (typeof GENERATED)[number];
type GeneratedFigures = NonNullable<NonNullable<DirectionLeagueEntrant['generated']>[(typeof SCENARIOS)[number]]>;

/** A measure of an entrant in each market, or of the labels. */
interface GeneratedRow {
  readonly name: string;
  readonly measure: GeneratedMeasure;
  readonly valueIn: (scenario: (typeof SCENARIOS)[number]) => number | null;
}

/** What each answers in markets made of the instruments' own moves; their rows and labels are the same for all. */
function Generated({ entrants }: { readonly entrants: readonly DirectionLeagueEntrant[] }) {
  const { generated: first = {} } = entrants[0]!;
  const known = SCENARIOS.filter((name) => first[name] !== undefined);
  const labels = MEANS.map((measure, k): GeneratedRow => ({
    name: t('league.labels'),
    measure,
    valueIn: (scenario) => first[scenario]?.base_rate[k] ?? null,
  }));
  const answers = GENERATED.flatMap((measure) =>
    entrants.map(({ name, generated = {} }): GeneratedRow => ({
      name,
      measure,
      valueIn: (scenario) => generatedValue(generated[scenario], measure),
    })),
  );
  return (
    <Table
      name="direction_league_generated"
      label={t('league.generated')}
      rows={known.length === 0 ? [] : [...labels, ...answers]}
      rowKey={({ name, measure }) => `${name} ${measure}`}
      empty="league.none"
      columns={[
        nameColumn<GeneratedRow>(({ name }) => name),
        measureColumn<GeneratedRow>(),
        ...known.map((scenario) =>
          figureColumn<GeneratedRow>(
            scenario,
            t('league.scenario', { name: codeText('scenario', scenario), rows: num(first[scenario]!.rows, 0) }),
            ({ valueIn }) => valueIn(scenario),
            ({ valueIn, measure }) => num(valueIn(scenario), measure === 'log_loss' ? 4 : 3),
          ),
        ),
      ]}
    />
  );
}

function generatedValue(own: GeneratedFigures | undefined, measure: GeneratedMeasure): number | null {
  if (own === undefined) return null;
  if (measure === 'log_loss' || measure === 'up_or_down_auc') return own[measure];
  return own.mean_probability[MEANS.indexOf(measure)] ?? null;
}
