import { num, percent } from '../format.ts';
import { t } from '../text/text.ts';
import type { Column } from './basics.tsx';

interface FrontRow {
  readonly sharpe: number;
  readonly drawdown: number;
  readonly trades: number;
}

/** What the rules of a front are compared by, before their conditions. */
export function frontColumns<Row extends FrontRow>(): Column<Row>[] {
  return [
    {
      key: 'sharpe',
      title: t('strategies.sharpe'),
      isNumber: true,
      value: ({ sharpe }) => sharpe,
      cell: ({ sharpe }) => num(sharpe),
    },
    {
      key: 'drawdown',
      title: t('strategies.drawdown'),
      isNumber: true,
      value: ({ drawdown }) => drawdown,
      cell: ({ drawdown }) => percent(drawdown, 1),
    },
    {
      key: 'trades',
      title: t('models.trades'),
      isNumber: true,
      value: ({ trades }) => trades,
      cell: ({ trades }) => num(trades, 0),
    },
  ];
}
