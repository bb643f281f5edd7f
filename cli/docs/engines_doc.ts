import { declarationOf, ENGINES, LEARNER_SUMMARIES } from '../../shared/policy/engines.ts';
import { table } from './table.ts';

/** docs/reference/ENGINES.md: the list of engines. */
export function renderEnginesDoc(): string {
  const rows = ENGINES.map((engine) => {
    const { summary, library } = declarationOf(engine);
    return [`\`${engine}\``, summary, library === null ? '' : library.installation];
  });
  rows.push(...Object.entries(LEARNER_SUMMARIES).map(([name, summary]) => [`\`${name}\``, summary, '']));
  return `# Engines

Generated from \`shared/policy/engines.ts\` by \`npm run docs\`. Do not edit. \`train.engine\` and \`--engine\` of \`train\` choose
what learns, \`--engine\` of \`fit\` one of those that learn trees; each exports ONNX. All of them learn one probability, and
the probabilities of several classes (a direction: up, down, range); a \`program\` says which of the two it learns.

${table(['engine', 'what', 'needs'], rows)}
`;
}
