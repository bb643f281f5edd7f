import type { AccountPerformance } from '../api.ts';
import { num, signed } from '../format.ts';
import { language, t } from '../text/text.ts';
import { levelOf } from './heat.ts';

type Day = AccountPerformance['days'][number];

/** Shown months: a page of years would say nothing. */
const MONTHS = 12;
const DAY_MS = 86_400_000;

/** Trading days as months of weeks, colored by result. */
export function Calendar({ days, currency }: { readonly days: readonly Day[]; readonly currency: string }) {
  const months = [...Map.groupBy(days, ({ day }) => day.slice(0, 7))].slice(-MONTHS);
  const full = Math.max(1e-9, ...days.map(({ net }) => Math.abs(net)));
  return (
    <div class="calendar">
      {months.map(([month, own]) => (
        <Month key={month} month={month} days={own} full={full} currency={currency} />
      ))}
    </div>
  );
}

function Month(props: {
  readonly month: string;
  readonly days: readonly Day[];
  readonly full: number;
  readonly currency: string;
}) {
  const { month, days, full, currency } = props;
  const locale = language.value === 'ja' ? 'ja-JP' : 'en-US';
  const first = Date.parse(`${month}-01T00:00:00Z`);
  const title = new Date(first).toLocaleDateString(locale, { year: 'numeric', month: 'long', timeZone: 'UTC' });
  const weekday = (i: number): string =>
    new Date(Date.UTC(2024, 0, 1 + i)).toLocaleDateString(locale, { weekday: 'narrow', timeZone: 'UTC' });
  const byDay = new Map(days.map((day) => [day.day, day]));
  // Monday to Friday: a trading day ends on one of them.
  const monday = first - ((new Date(first).getUTCDay() + 6) % 7) * DAY_MS;
  const weeks = Array.from({ length: 6 }, (_, week) =>
    Array.from({ length: 5 }, (_day, i) => new Date(monday + (7 * week + i) * DAY_MS).toISOString().slice(0, 10)),
  ).filter((week) => week.some((day) => day.startsWith(month)));
  const sum = days.reduce((all, { net }) => all + net, 0);
  return (
    <table class="heat month">
      <caption>
        {title} <span class="note">{`${signed(sum)} ${currency}`}</span>
      </caption>
      <thead>
        <tr>
          {[0, 1, 2, 3, 4].map((i) => (
            <th key={i} scope="col">
              {weekday(i)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {weeks.map((week) => (
          <tr key={week[0]}>
            {week.map((day) => (
              <Cell
                key={day}
                day={day}
                own={day.startsWith(month) ? byDay.get(day) : undefined}
                full={full}
                isIn={day.startsWith(month)}
              />
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Cell(props: {
  readonly day: string;
  readonly own: Day | undefined;
  readonly full: number;
  readonly isIn: boolean;
}) {
  const { day, own, full, isIn } = props;
  if (!isIn) return <td />;
  const number = Number(day.slice(8));
  if (own === undefined || own.closed === 0)
    return (
      <td>
        <span class="day">{number}</span>
      </td>
    );
  const text = t('performance.dayText', { day, net: signed(own.net), closed: own.closed });
  return (
    <td class={levelOf(own.net, full)} title={text}>
      <span class="day">{number}</span>
      <span class="amount">{num(own.net, Math.abs(own.net) < 100 ? 1 : 0)}</span>
    </td>
  );
}
