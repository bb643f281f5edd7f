import { meanAcross, oracleOfSection, SECTION, type SectionOperator } from '../cross_section.ts';
import { finite } from '../finite.ts';
import { FLAT } from '../flat.ts';
import { average, variance } from '../window_statistics.ts';

export const CS_ZSCORE: SectionOperator = {
  ...SECTION,
  name: 'cs_zscore',
  meaning:
    '(x − mean) / standard deviation of x over the pairs of the group at the same time, the pair itself included; missing when the deviation is 0.',
  source: 'Kakushadze (2016), arXiv:1601.00991; n − 1 in the deviation',
  across: (sorted, count, own) => {
    const mean = meanAcross(sorted, count);
    let moment = 0;
    for (let i = 0; i < count; i++) moment += (sorted[i]! - mean) * (sorted[i]! - mean);
    return moment > FLAT * mean * mean * count ? finite((own - mean) / Math.sqrt(moment / (count - 1))) : NaN;
  },
  oracle: ([members]) =>
    oracleOfSection(members!, (known, own) => finite((own - average(known)) / Math.sqrt(variance(known)))),
};
