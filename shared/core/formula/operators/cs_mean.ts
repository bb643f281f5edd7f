import { makeFinite, meanAcross, oracleOfSection, SECTION, type SectionOperator } from '../cross_section.ts';
import { finite } from '../finite.ts';
import { average } from '../window_statistics.ts';

export const CS_MEAN: SectionOperator = {
  ...SECTION,
  name: 'cs_mean',
  meaning: 'Mean of x over the pairs of the group at the same time, the pair itself included.',
  source: 'Kakushadze (2016), arXiv:1601.00991',
  across: (sorted, count, values, at) => {
    meanAcross(sorted, count, values, at);
    makeFinite(values, at);
  },
  oracle: ([members]) => oracleOfSection(members!, (known) => finite(average(known))),
};
