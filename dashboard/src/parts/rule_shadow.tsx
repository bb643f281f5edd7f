import { api, type RuleShadowComparison } from '../api.ts';
import { minuteOf, num, signed } from '../format.ts';
import { t } from '../text/text.ts';
import { Empty, Failure, Loading, Panel, Table, useLoaded } from './basics.tsx';

const DAYS = 30;
const SIDES = ['published', 'shadow'] as const;
type Side = (typeof SIDES)[number];

/** The rule in shadow of an instrument beside what was published, on the bars that both have answered. */
export function RuleShadow({ instrument }: { readonly instrument: string }) {
  const { data, error } = useLoaded(
    () => api.get('/api/strategies/shadow', { query: { instrument, days: DAYS } }),
    instrument,
  );
  return (
    <Panel title={t('strategies.inShadow', { instrument, days: DAYS })} wide>
      {error !== null && <Failure error={error} />}
      {error === null && data === null && <Loading />}
      {data !== null &&
        (data.bars === 0 ? <Empty text={t('strategies.noShadowBars')} /> : <Compared compared={data} />)}
    </Panel>
  );
}

function Compared({ compared }: { readonly compared: RuleShadowComparison }) {
  const { bars, equal, from, to, publishers } = compared;
  const named = publishers.map((version) => (version === '' ? t('strategies.nobody') : version)).join(', ');
  return (
    <>
      <p>
        {t('strategies.shadowBars', {
          bars: num(bars, 0),
          equal: num(equal, 0),
          from: minuteOf(from!),
          to: minuteOf(to!),
        })}
      </p>
      <p class="note">{t('strategies.publishers', { versions: named })}</p>
      <Table<Side>
        name="rule_shadow"
        label={t('strategies.shadowTable')}
        rows={SIDES}
        rowKey={(side) => side}
        empty="strategies.none"
        columns={[
          {
            key: 'side',
            title: t('strategies.answers'),
            value: (side) => side,
            cell: (side) => t(side === 'shadow' ? 'strategies.ofShadow' : 'strategies.ofPublished'),
          },
          {
            key: 'entries',
            title: t('strategies.entries'),
            isNumber: true,
            value: (side) => compared[side].entries,
            cell: (side) => num(compared[side].entries, 0),
          },
          {
            key: 'trades',
            title: t('strategies.closed'),
            isNumber: true,
            value: (side) => compared[side].trades,
            cell: (side) => num(compared[side].trades, 0),
          },
          {
            key: 'net_bps',
            title: t('strategies.net'),
            isNumber: true,
            value: (side) => compared[side].net_bps,
            cell: (side) => signed(compared[side].net_bps, 1),
          },
        ]}
      />
      <p class="note">{t('strategies.shadowProves')}</p>
    </>
  );
}
