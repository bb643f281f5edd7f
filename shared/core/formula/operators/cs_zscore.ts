import { makeFinite, meanAcross, oracleOfSection, SECTION, type SectionOperator } from '../cross_section.ts';
import { finite } from '../finite.ts';
import { FLAT } from '../flat.ts';
import { average, variance } from '../window_statistics.ts';

const MEAN = new Float64Array(1);

export const CS_ZSCORE: SectionOperator = {
  ...SECTION,
  name: 'cs_zscore',
  meaning:
    '(x − mean) / standard deviation of x over the pairs of the group at the same time, the pair itself included; missing when the deviation is 0.',
  source: 'Kakushadze (2016), arXiv:1601.00991; n − 1 in the deviation',
  across: (sorted, count, values, at) => {
    meanAcross(sorted, count, MEAN, 0);
    const mean = MEAN[0]!;
    let moment = 0;
    for (let i = 0; i < count; i++) moment += (sorted[i]! - mean) * (sorted[i]! - mean);
    if (moment > FLAT * mean * mean * count) values[at] = (values[at]! - mean) / Math.sqrt(moment / (count - 1));
    else values[at] = NaN;
    makeFinite(values, at);
  },
  oracle: ([members]) =>
    oracleOfSection(members!, (known, own) => finite((own - average(known)) / Math.sqrt(variance(known)))),
};
