import { t } from '../text/text.ts';
import type { Levels } from './levels.ts';
import type { Series } from './series.tsx';

/** Stop and take profit as dashed lines. @param levels one for each point of the chart */
export function levelSeries(levels: readonly Levels[], digits: number): Series[] {
  const level = (name: string, tone: Series['tone'], of: keyof Levels): Series => ({
    name,
    tone,
    digits,
    isDashed: true,
    values: levels.map((one) => one[of]),
  });
  return [level(t('subject.stop'), 'red', 'stop'), level(t('subject.takeProfit'), 'green', 'target')];
}
