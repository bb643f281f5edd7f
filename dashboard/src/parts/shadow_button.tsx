import type { Timeframe } from '../../../shared/pair.ts';
import { api } from '../api.ts';
import { t } from '../text/text.ts';
import { ConfirmedButton } from './basics.tsx';

interface ShadowButtonProps {
  readonly version: string;
  /** Of a direction model; null: models of pairs. */
  readonly timeframe: string | null;
  readonly isShadow: boolean;
  readonly change: (act: () => Promise<unknown>) => Promise<void>;
}

/** Makes a bundle the shadow of its slot, or ends it. */
export function ShadowButton({ version, timeframe, isShadow, change }: ShadowButtonProps) {
  const body = { model_name: isShadow ? null : version, timeframe: timeframe as Timeframe };
  return (
    <ConfirmedButton
      label={t(isShadow ? 'models.shadow.end' : 'models.shadow')}
      question={t(isShadow ? 'models.shadow.confirmEnd' : 'models.shadow.confirm', { version })}
      act={() => change(() => api.put('/api/ml/shadow', { body }))}
    />
  );
}
