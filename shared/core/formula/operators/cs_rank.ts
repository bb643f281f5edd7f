import { oracleOfSection, SECTION, type SectionOperator } from '../cross_section.ts';

export const CS_RANK: SectionOperator = {
  ...SECTION,
  name: 'cs_rank',
  meaning:
    'Share of the other pairs of the group whose x is below that of the pair at the same time; equal ones count half.',
  source: 'Kakushadze (2016), arXiv:1601.00991; ties as in rank',
  across: (sorted, count, values, at) => {
    const own = values[at]!;
    let below = 0;
    while (sorted[below]! < own) below++;
    let notAbove = below;
    while (notAbove < count && sorted[notAbove] === own) notAbove++;
    values[at] = (below + (notAbove - below - 1) / 2) / (count - 1);
  },
  oracle: ([members]) =>
    oracleOfSection(members!, (known, own) => {
      const below = known.filter((value) => value < own).length;
      const equal = known.filter((value) => value === own).length - 1;
      return (below + equal / 2) / (known.length - 1);
    }),
};
