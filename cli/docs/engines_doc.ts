import { declarationOf, ENGINES } from '../../shared/policy/engines.ts';
import { table } from './table.ts';

/** docs/reference/ENGINES.md: the list of engines. */
export function renderEnginesDoc(): string {
  const rows = ENGINES.map((engine) => {
    const { summary, library } = declarationOf(engine);
    return [`\`${engine}\``, summary, library === null ? '' : library.installation];
  });
  return `# Engines

Generated from \`shared/policy/engines.ts\` by \`npm run docs\`. Do not edit. \`train.engine\` and \`--engine\` of \`train\` and \`fit\`
choose what learns the trees; each exports the same ONNX.

${table(['engine', 'what', 'needs'], rows)}
`;
}
