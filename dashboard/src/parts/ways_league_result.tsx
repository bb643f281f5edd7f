import type { DirectionLeagueEntrant, DirectionLeagueResult } from '../api.ts';
import { num, signed } from '../format.ts';
import { codeText, t } from '../text/text.ts';
import { Badge, Table, type Column } from './basics.tsx';
import {
  costColumns,
  FailedEntrants,
  figureColumn,
  nameColumn,
  PlaceboEarners,
  plusMinus,
  TakenOver,
} from './league_figures.tsx';

/** Classes of the direction label, as its figures have them. */
const CLASSES = ['up', 'down', 'range'] as const;

/** All that a league of ways to learn the direction has measured. */
export function WaysLeagueResultView({ league }: { readonly league: DirectionLeagueResult }) {
  const { entrants, failed, taken_over = [], earners_on_placebo, market, better } = league;
  const { reference, look, symbols, timeframe } = league;
  return (
    <>
      {market === 'coins' && <p class="failure">{t('league.placeboDirection')}</p>}
      <PlaceboEarners earners={earners_on_placebo} />
      <FailedEntrants failed={failed} />
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
      <Standings league={league} />
      <h3>{t('league.priors')}</h3>
      <Priors league={league} />
      <h3>{t('league.costs')}</h3>
      <Costs entrants={entrants} />
    </>
  );
}

type Difference = DirectionLeagueResult['priors'][number]['difference'];

/** A mean with its 90 % interval. */
function interval({ mean, lower_5, upper_95 }: Difference): string {
  return `${signed(mean, 4)} (${signed(lower_5, 4)} … ${signed(upper_95, 4)})`;
}

function Standings({ league: { entrants, reference, better } }: { readonly league: DirectionLeagueResult }) {
  type Row = DirectionLeagueEntrant;
  const columns: Column<Row>[] = [
    {
      key: 'entrant',
      title: t('league.entrant'),
      value: ({ name }) => name,
      cell: ({ name }) => (
        <>
          <span class="mono">{name}</span>{' '}
          {name === reference && <Badge tone="info">{t('league.badge.reference')}</Badge>}{' '}
          {better.includes(name) && <Badge tone="good">{t('league.badge.better')}</Badge>}
        </>
      ),
    },
    figureColumn<Row>(
      'log_loss',
      t('runs.logLoss'),
      ({ metrics }) => metrics.log_loss,
      ({ metrics }) => num(metrics.log_loss, 4),
    ),
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
      ]}
    />
  );
}
