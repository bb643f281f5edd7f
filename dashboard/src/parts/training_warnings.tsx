import type { Manifest } from '../api.ts';
import { percent } from '../format.ts';
import { t } from '../text/text.ts';

type Warning = NonNullable<Manifest['warnings']>[number];

/** What a training or a league warns of: a market that is missing in its bars, a model that answers all bars alike. */
export function TrainingWarnings({ warnings = [] }: { readonly warnings?: readonly Warning[] | undefined }) {
  return (
    <>
      {warnings.map((warning) => (
        <p key={warning.code} class="failure">
          <span class="mono">{warning.code}</span> {textOf(warning)}
        </p>
      ))}
    </>
  );
}

function textOf(warning: Warning): string {
  if (warning.code === 'CONSTANT_ANSWERS') return t('trainingWarning.constantAnswers');
  const { code, share, limit } = warning;
  const text = code === 'NO_BULL_MARKET' ? 'trainingWarning.noBullMarket' : 'trainingWarning.noBearMarket';
  return t(text, { share: percent(share, 1), limit: percent(limit, 0) });
}
