/** Characters of a formula. */
export const MAX_LENGTH = 2048;
/** Brackets and signs inside each other. */
export const MAX_DEPTH = 32;
/** Numbers, sources and operators of a formula. */
export const MAX_NODES = 256;
/** Bars of a window whose cost per bar is constant. */
export const MAX_WINDOW = 65_536;
/** Bars of a window that is kept sorted: a bar costs a search and a move of half of it. */
export const MAX_SORTED_WINDOW = 4096;
/** Bars that a formula looks back over: the sum of its windows along its deepest path. */
export const MAX_LOOK_BACK = 65_536;
/** Doubles that the windows of a formula keep per subject: 2 MiB. */
export const MAX_DOUBLES = 262_144;
/** Formulas of a subject. */
export const MAX_FORMULAS = 500;
/** Doubles that the windows of all formulas of a subject keep: 16 MiB. */
export const MAX_SUBJECT_DOUBLES = 2_097_152;
