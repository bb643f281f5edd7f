import type { Admitted } from '../../../shared/bundle/admission/admission.ts';
import { gatesText } from '../../../shared/bundle/recorded_gates.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { isRuleSlot } from '../../../shared/subject/slot.ts';

/**
 * A recovery without a person accepts failed gates only where a person's override is known.
 * @throws MinutehandError MODEL_GATES for failed gates that no person has overridden
 */
export function refuseOwnOverride(admitted: Admitted<'recovery'>): Admitted<'recovery'> {
  const { version, despite, slot } = admitted;
  if (despite === null || despite.by !== '') return admitted;
  throw new MinutehandError('MODEL_GATES', {
    seen: `${version}: ${gatesText(despite.gates)}; nothing in this home shows that a person overrode them`,
    next: isRuleSlot(slot)
      ? `\`minutehand models promote ${version} --despite-gates --reason …\` serves it again.`
      : '`minutehand models recover` makes it active again, as it was.',
  });
}
